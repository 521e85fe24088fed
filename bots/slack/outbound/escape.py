"""Escaping what models write, so that Slack shows it and acts on none of it. Pure.

A markdown block obeys Slack's own `<…>` signs: a raw `<!here>` there notifies everyone, and
`<https://evil|https://bank>` hides where it leads. Escaped, they are shown as they were written,
and Slack does not decode an escape twice. In a link's address, Slack does not decode `&amp;` (all
of it measured in a workspace: github.com/PostHog/posthog, pull request 95054). So `&` is escaped
only if Slack would read it as the start of an escape.

Text without brackets notifies no one as long as messages are sent with `parse` none and
`link_names` false, which `format` ensures. An invisible word joiner in `@here` and the like is a
second safeguard. It stands in words only: people copy code, web addresses and mail addresses.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types

from core.delivery.splitting.blocks import layout_of
from core.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from core.delivery.splitting.blocks import Layout

ACTIVE = re.compile(
    "[<>&@\\]\uff20\ufe6b\uff1c\ufe64\u2039\u3008"
    "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]"
)
"""A sign that may need an escape or a joiner, or that is left out.

A text without any, as nearly all answers are, is its own inert and escaped form; to look for such a
sign is 20 times as quick as to make either.
"""
_JOINER = "\N{WORD JOINER}"
_HIDDEN = "[\\u200b-\\u200f\\u2060-\\u2064\\ufe00-\\ufe0f\\ufeff]*+"

_REFERENCE = regex.compile(r"&(?=#?\w{1,31};)", regex.ASCII)
"""An `&` that Slack would read as an escape; a named reference has at most 31 letters."""
_MARKS = r"^(?!>(?![ \t>]))[ \t]*+(?:>[ \t]?)++"
"""The marks of a quote, which are kept; the `>` in `>5` is a plain sign."""
_QUOTE = regex.compile(_MARKS, regex.MULTILINE)
_GREATER = regex.compile(rf"{_MARKS}(*SKIP)(*FAIL)|>", regex.MULTILINE)
_CALL = regex.compile(
    rf"(?<=[@\uff20\ufe6b])(?={_HIDDEN}(?i:here|channel|everyone|group)(?![0-9A-Za-z_]))"
    rf"|(?<=[\uff1c\ufe64\u2039\u3008])(?={_HIDDEN}[!@#\uff01\uff20\uff03])"
    r"|(?<=\]\(\s*|\]:\s*)(?=[!@#](?:[A-Z][A-Z0-9]{2,}|here|channel|everyone|subteam|date))"
)
"""Where a joiner belongs; Slack may turn a link to `@U1` into a mention.

Only ASCII letters count as a longer word's: which others do depends on the version of Unicode.
"""
_MAIL = regex.compile(r"[\w-]{0,40}+\.\w")
_BRACKET = r"(?:amp;)?+(?:[lg]t|\#\w{1,8});"
"""What follows the `&` of an escape that ends an address, as written or escaped once more."""
_KEPT = regex.compile(rf"(?P<run>`++)|(?P<url>https?://(?:[^\s<>|`&]|&(?!{_BRACKET}))++)")
_COLOR = regex.compile(r"\x1b\[[\d;]*+m")
"""A sequence of a terminal for colours, which Slack does not show."""
_NO_CODE = str.maketrans("`~", "|-")
"""Signs of the same length in place of those around code; an address ends at `|`, too."""
_CODE = 300
"""Characters of code within a line at most; in a stream, as much is held back."""
_UNSETTLED = regex.compile(
    rf"(?:&#?\w{{0,31}}|(?<=\w)@[\w-]{{0,48}}\.?|[@\uff20\ufe6b]{_HIDDEN}\w{{0,8}}"
    rf"|\](?:\(|:)?\s*[!@#]?\w{{0,8}}"
    rf"|[\uff1c\ufe64\u2039\u3008]{_HIDDEN}|^[ \t>]*)\Z",
    regex.MULTILINE,
)
_PARTIAL = regex.compile(r"(?:\x1b[\d;\[]*|[\ud800-\udfff])\Z")
"""The start of what people don't see, or of one character."""


def inert(text: str) -> str:
    """Return Markdown for a markdown block, or a stream, in which nothing notifies anyone."""
    text = _seen(text)
    if "&" in text:
        text = _REFERENCE.sub("&amp;", text)
    text = text.replace("<", "&lt;")
    if ">" in text:
        text = _GREATER.sub("&gt;", text)
    return joined(text)


def length(text: str) -> int:
    """Return the length of a text's inert form, without building it."""
    shown = joined(_seen(text))
    longer = 3 * shown.count("<")
    if ">" in shown:
        marks = sum(quote.count(">") for quote in _QUOTE.findall(shown))
        longer += 3 * (shown.count(">") - marks)
    if "&" in shown:
        longer += 4 * len(_REFERENCE.findall(shown))
    return len(shown) + longer


def escaped(text: str, *, has_code: bool = True) -> str:
    """Return a text for Slack's own markup (`mrkdwn`), which shows it unchanged.

    Without `has_code`, backticks in it are plain signs.
    """
    shown = _seen(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return joined(shown, has_code=has_code)


def _seen(text: str) -> str:
    return visible(_COLOR.sub("", text) if "\x1b" in text else text)


def settled(text: str) -> str:
    """Return a text that still grows without its end, if more text could change what that means.

    Of two such texts, the inert form of the second starts with the inert form of the first.
    """
    partial = _PARTIAL.search(text, max(0, len(text) - 80))
    text = _seen(text[: partial.start()] if partial else text)
    found = _UNSETTLED.search(text, max(0, len(text) - 80))
    text = text[: found.start()] if found else text
    tail = text[-_CODE:].rpartition("\n")[2]
    if "`" not in tail:
        return text
    line = text.rfind("\n") + 1
    text = text.rstrip("`")
    return text[: _kept(text, line)[1]]


def restored(text: str) -> str:
    """Return the text that `inert` was given, without invisible characters."""
    plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return plain.replace(_JOINER, "")


def joined(text: str, *, has_code: bool = True) -> str:
    """Return a text in which no word notifies everyone; `has_code` as in `escaped`."""
    calls = [call.start() for call in _CALL.finditer(text)]
    if not calls:
        return text
    made: list[str] = []
    at = 0
    read = text if has_code else text.translate(_NO_CODE)
    for call in _in_words(read, calls):
        made += (text[at:call], _JOINER)
        at = call
    return "".join((*made, text[at:]))


def is_code(text: str, positions: Sequence[int]) -> list[bool]:
    """Return for each of these positions, in order, whether it is in code or in an address.

    Backticks on the lines before may pair with those of a line. So code within a line counts if it
    is code both by the line and by its paragraph.
    """
    layout = _layout(text) if "```" in text or "~~~" in text else None
    line, block = _Kept(), _Kept()
    found: list[bool] = []
    for at in positions:
        fence = layout.code_at(at) if layout else None
        if fence is not None and at >= fence.body:
            found.append(True)
            continue
        if at >= line.end:
            start = text.rfind("\n", 0, at) + 1
            line = _Kept(_kept(text, start)[0], text.find("\n", at) + 1 or len(text) + 1)
        if at >= block.end:
            block = _Kept(*_in_paragraph(text, at, layout))
        found.append(line.has(at) and block.has(at))
    return found


@lru_cache(maxsize=1)
def _layout(text: str) -> Layout:
    """Return a text's layout; the cache serves its links and then its calls."""
    return layout_of(text)


@dataclass(slots=True)
class _Kept:
    """The code and the addresses of a part of a text, for positions that are asked in order."""

    spans: Sequence[tuple[int, int]] = ()
    end: int = 0
    _index: int = 0

    def has(self, position: int) -> bool:
        while self._index < len(self.spans) and self.spans[self._index][1] <= position:
            self._index += 1
        return self._index < len(self.spans) and self.spans[self._index][0] < position


def _in_paragraph(
    text: str, position: int, layout: Layout | None
) -> tuple[list[tuple[int, int]], int]:
    """Return the code and the addresses of a paragraph, and where it ends, at the latest."""
    start, stop = 0, text.find("\n\n", position)
    stop = len(text) if stop < 0 else stop
    if layout is not None:
        before = layout.fence_before(position)
        index = bisect_right(layout.fences, position, key=lambda fence: fence.start)
        if before is not None:
            start = before.end if before.end <= position else before.start
        stop = min(stop, layout.fences[index].start if index < len(layout.fences) else stop)
    start = max(text.rfind("\n\n", start, position) + 1, start)
    return _kept(text, start, stop, longest=len(text))[0], max(stop, position + 1)


def _in_words(text: str, calls: Sequence[int]) -> Iterator[int]:
    for call, kept in zip(calls, is_code(text, calls), strict=True):
        before = text[max(call - 2, 0) : call]
        is_mail = before[-1:] == "@" and before[:1].isalnum() and _MAIL.match(text, call)
        if not (kept or is_mail):
            yield call


def _kept(
    text: str, start: int, stop: int = -1, longest: int = _CODE
) -> tuple[list[tuple[int, int]], int | None]:
    """Return the code and the addresses of a line, and where code begins that is not closed yet.

    Another end than the line's may be given. Code of more than `longest` signs is read as words.
    """
    stop = text.find("\n", start) if stop < 0 else stop
    stop = len(text) if stop < 0 else stop
    found = list(_KEPT.finditer(text, start, stop))
    runs: dict[int, list[int]] = {}
    for token in found:
        runs.setdefault(len(token["run"] or ""), []).append(token.start())
    kept: list[tuple[int, int]] = []
    end, open_at = start, None
    for token in found:
        if token.start() < end or text[max(token.start() - 1, 0)] == "\\":
            continue
        close = token.end() if token["url"] else _close(token, runs[len(token["run"])])
        if token["url"] or 0 < close <= token.end() + longest:
            end = close
            kept.append((token.start(), end))
        elif not close and stop == len(text) <= token.end() + _CODE and open_at is None:
            open_at = token.start()
    return kept, open_at


def _close(run: regex.Match[str], same: Sequence[int]) -> int:
    """Return the end of the code that a run of backticks opens; 0 if nothing closes it."""
    index = bisect_right(same, run.start())
    return same[index] + len(run[0]) if index < len(same) else 0
