"""Escaping what models write, so that Slack shows it and acts on none of it. Pure.

A markdown block obeys Slack's own `<…>` signs: a raw `<!here>` there notifies everyone, and
`<https://evil|https://bank>` hides where it leads. Escaped, they are shown as they were written,
and Slack does not decode an escape twice. In a link's address, Slack does not decode `&amp;` (all
of it measured in a workspace: github.com/PostHog/posthog, pull request 95054). So `&` is escaped
only if Slack would read it as the start of an escape.

Text without brackets notifies no one as long as messages are sent with `parse` none and
`link_names` false, which `format` ensures. An invisible word joiner in `@here` and the like is a
second safeguard. It works in code, too, and wherever a text is split.
"""

from __future__ import annotations

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types

from core.domain.text import visible

_JOINER = "\N{WORD JOINER}"
_HIDDEN = "[\\u200b-\\u200f\\u2060-\\u2064\\ufe00-\\ufe0f\\ufeff]*+"

_REFERENCE = regex.compile(r"&(?=#?\w{1,31};)", regex.ASCII)
"""An `&` that Slack would read as an escape; a named reference has at most 31 letters."""
_MARKS = r"^(?!>(?![ \t>]))[ \t]*+(?:>[ \t]?)++"
"""The marks of a quote, which are kept; the `>` in `>5` is a plain sign."""
_QUOTE = regex.compile(_MARKS, regex.MULTILINE)
_GREATER = regex.compile(rf"{_MARKS}(*SKIP)(*FAIL)|>", regex.MULTILINE)
_BROADCAST = regex.compile(
    rf"(?<=[@\uff20\ufe6b])(?={_HIDDEN}(?:here|channel|everyone|group)\b)", regex.IGNORECASE
)
_LOOKALIKE = regex.compile(rf"(?<=[\uff1c\ufe64\u2039\u3008])(?={_HIDDEN}[!@#\uff01\uff20\uff03])")
_TARGET = regex.compile(
    r"(?<=\]\(\s*|\]:\s*)(?=[!@#](?:[A-Z][A-Z0-9]{2,}|here|channel|everyone|subteam|date))"
)  # Slack may turn a link to `@U1` into a mention
_UNSETTLED = regex.compile(
    rf"(?:&#?\w{{0,31}}|[@\uff20\ufe6b]{_HIDDEN}\w{{0,8}}|\](?:\(|:)?\s*[!@#]?\w{{0,8}}"
    rf"|[\uff1c\ufe64\u2039\u3008]{_HIDDEN}|^[ \t>]*|[\ud800-\udfff])\Z",
    regex.MULTILINE,
)


def inert(text: str) -> str:
    """Return Markdown for a markdown block, or a stream, in which nothing notifies anyone."""
    text = visible(text)
    if "&" in text:
        text = _REFERENCE.sub("&amp;", text)
    text = text.replace("<", "&lt;")
    if ">" in text:
        text = _GREATER.sub("&gt;", text)
    return joined(text)


def length(text: str) -> int:
    """Return the length of a text's inert form, without building it."""
    shown = joined(visible(text))
    longer = 3 * shown.count("<")
    if ">" in shown:
        marks = sum(quote.count(">") for quote in _QUOTE.findall(shown))
        longer += 3 * (shown.count(">") - marks)
    if "&" in shown:
        longer += 4 * len(_REFERENCE.findall(shown))
    return len(shown) + longer


def escaped(text: str) -> str:
    """Return a text for Slack's own markup (`mrkdwn`), which shows it unchanged."""
    shown = visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return joined(shown)


def settled(text: str) -> str:
    """Return a text that still grows without its end, if more text could change what that means.

    Of two such texts, the inert form of the second starts with the inert form of the first.
    """
    found = _UNSETTLED.search(text, max(0, len(text) - 80))
    return text[: found.start()] if found else text


def restored(text: str) -> str:
    """Return the text that `inert` was given, without invisible characters."""
    plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return plain.replace(_JOINER, "")


def joined(text: str) -> str:
    """Return a text in which no word notifies everyone."""
    for pattern in (_BROADCAST, _LOOKALIKE, _TARGET):
        text = pattern.sub(_JOINER, text)
    return text
