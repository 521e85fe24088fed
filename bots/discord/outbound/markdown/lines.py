"""Writes what lines begin with as Discord knows it: headings, rules, lists, quotes, notes. Pure."""

from __future__ import annotations

# not `re`: before Python 3.11.5, its possessive groups match wrongly
import regex  # type: ignore[import-untyped] # ships no types

LINE = (
    r"(?P<line>^(?=[ \t]*+[>\#\-*_+=\[\d])"
    r"(?P<lead>[ \t]*+)(?P<quote>(?:>[ \t]?)++)?+(?P<pad>[ \t]*+)(?:"
    r"(?P<level>\#{1,6})[ \t]++(?P<title>[^\s\#][^\n]*+)"
    r"|(?P<rule>(?P<stroke>[-*_])(?:[ \t]*+(?P=stroke)){2,}+)[ \t]*+$"
    r"|(?P<under>=++)[ \t]*+$"
    r"|(?P<item>[-*+]|\d{1,9}[.)])[ \t]++\#{1,6}[ \t]++(?P<listed>[^\s\#][^\n]*+)"
    r"|(?(quote)\[!(?P<alert>[A-Za-z]{3,12}+)\][ \t]*+$|(?!))"
    r"|(?P<task>[-*+]|\d{1,9}[.)])[ \t]++\[(?P<done>[ x])\](?=[ \t])"
    r"|(?P<plus>\+(?=[ \t])|\d{1,9}\)(?=[ \t]))"
    r"|\[\^(?P<note>[^\]\s@<`]{1,40}+)\]:[ \t]*+"
    r"|\[(?P<label>[^\]\[\n^]{1,80}+)\]:[ \t]*+\S++(?:[ \t]++[\"'(][^\n]*+)?+$\n?+"
    r"|(?(quote)|(?!))))"
)
"""The start of a line that Discord may read otherwise; quotes may stand before it."""
RULE = "\u2500" * 10
"""A line that stands for a rule."""
_BOLD = regex.compile(r"(?P<code>\\.|(?P<run>`++)[\s\S]*?[^`](?P=run)(?!`))|\*\*")
_CLOSING = regex.compile(r"[ \t]++#++[ \t]*+$")
_TITLED = regex.compile(r"(?!\d{1,9}[.)][ \t])[^\s>#|*+=-][^\n]*+")
_DIGITS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_MARGIN = 3
"""Columns that a line may be indented without being code."""
_LARGEST = 3
"""The lowest level of a heading that Discord shows."""
_TITLE = 100
"""Characters of a heading that a line below marks."""
_BLANK = 20
"""Spaces of a line that counts as blank, at most."""


def lead_of(token: regex.Match[str]) -> str | None:
    """Return what stands before a line's words; None if nothing may change in it.

    Discord wants a space behind the `>` of each line of a quote. With `>>>`, it quotes the rest of
    the message. A line that is indented far is code, or belongs to a list.
    """
    quote = token["quote"]
    if not quote:
        lead: str = f"{token['lead']}{token['pad']}"
        listed = token["task"] or token["plus"] or token["item"]
        is_code = len(lead.expandtabs(4)) > _MARGIN and not listed
        return None if is_code else lead
    if quote.startswith(">>>"):
        return None
    return f"{'> ' * quote.count('>')}{token['pad']}"


def is_known(level: str, title: str) -> bool:
    """Return whether Discord shows a heading of this level, with this title, as it is."""
    return len(level) <= _LARGEST and not _CLOSING.search(title)


def heading(lead: str, level: str, title: str) -> str:
    """Return a heading; one whose level Discord doesn't show is a bold line."""
    lead, title = lead if ">" in lead else "", _CLOSING.sub("", title)
    if len(level) <= _LARGEST:
        return f"{lead}{level} {title}"
    return f"{lead}**{unbold(title)}**"


def listed_heading(token: regex.Match[str], lead: str, title: str) -> str:
    """Return a heading in a list, where Discord knows none, as bold words."""
    title = _CLOSING.sub("", title)
    return f"{lead}{_bullet(token['item'])} **{unbold(title)}**"


def unbold(words: str) -> str:
    """Return words that become bold as a whole, without marks of their own; code stays."""
    if "**" not in words:
        return words
    return str(_BOLD.sub(lambda found: found["code"] or "", words))


def title_above(text: str, token: regex.Match[str]) -> int:
    """Return where the line starts that a line of `=` or `-` makes a heading; -1 if there is none.

    CommonMark allows a whole paragraph, where models mean one short line.
    """
    stroke, start = token["rule"] or token["under"], token.start()
    if token["quote"] or " " in stroke or stroke[0] not in "=-" or not start:
        return -1
    above = text.rfind("\n", max(start - _TITLE - 2, 0), start - 1) + 1
    if not above and start > _TITLE:
        return -1
    blank = text[max(above - _BLANK, 0) : above].rstrip(" \t")
    alone = not above or not blank.strip() or blank.endswith("\n\n")
    return above if alone and _TITLED.fullmatch(text, above, start - 1) else -1


def marked(token: regex.Match[str], lead: str) -> str:
    """Return the mark of an item, a task or a footnote; a quote's kind, or only what precedes it.

    Models mark what kind of note a quote is, as GitHub shows it: `> [!WARNING]`.
    """
    if token["alert"]:
        return f"{lead}**{token['alert'].capitalize()}**"
    if token["task"]:
        box = "\u2610" if token["done"] == " " else "\u2611"
        return f"{lead}{_bullet(token['task'])} {box}"
    if token["plus"]:
        return f"{lead}{_bullet(token['plus'])}"
    if token["note"]:
        return f"{'> ' if token['quote'] else ''}-# {raised(token['note'])} "
    return lead


def raised(number: str) -> str:
    """Return the mark of a footnote."""
    is_number = number.isdecimal() and number.isascii()
    return number.translate(_DIGITS) if is_number else f"[{number}]"


def _bullet(mark: str) -> str:
    """Return the mark of a list's item as Discord knows it."""
    return "-" if mark == "+" else mark.replace(")", ".")
