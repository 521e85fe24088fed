"""Writes the HTML that models use in Markdown as Discord's Markdown. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

# not `re`: before Python 3.11.5, its possessive groups match wrongly
import regex  # type: ignore[import-untyped] # ships no types

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_PAIRS = {
    **dict.fromkeys(("b", "strong"), ("**", "**")),
    **dict.fromkeys(("i", "em", "var", "cite", "dfn"), ("*", "*")),
    **dict.fromkeys(("u", "ins"), ("__", "__")),
    **dict.fromkeys(("s", "del", "strike"), ("~~", "~~")),
    **dict.fromkeys(("mark", "summary", "h4", "h5", "h6"), ("**", "**")),
    **{f"h{level}": ("#" * level + " ", "\n") for level in (1, 2, 3)},
    **dict.fromkeys(("p", "div", "details", "center", "ul", "ol"), ("", "\n")),
    **dict.fromkeys(("table", "tr", "dl"), ("", "\n")),
    **dict.fromkeys(("li", "dt", "dd"), ("- ", "")),
    **dict.fromkeys(
        ("span", "font", "small", "big", "abbr", "section", "tbody", "thead"), ("", "")
    ),
    **dict.fromkeys(("td", "th"), ("", " ")),
    **dict.fromkeys(("blockquote",), ("> ", "\n")),
    **dict.fromkeys(("q",), ("\u201c", "\u201d")),
}
"""What stands for a tag and for the tag that closes it."""
_ALONE = {"br": "\n", "hr": "\n" + "\u2500" * 10 + "\n", "wbr": ""}
CODE = {"code", "kbd", "samp", "tt"}
"""Tags of code."""
_HIGH = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
_LOW = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
TAG = (
    r"<(?:(?P<whole>code|kbd|samp|tt|sup|sub)>(?P<inner>[^<>\n]{1,200}+)</(?P=whole)>"
    r"|a[ \t][^<>\n]{0,200}?href[ \t]*=[ \t]*[\"']?(?P<href>[^\"'\s<>]++)[^<>\n]{0,200}>"
    r"(?P<inside>[^<>\n]{0,200}+)</a>"
    r"|img[ \t](?P<image>[^<>\n]{1,500}+)>"
    r"|(?P<slash>/?)(?P<tag>[a-z][a-z0-9]{0,9}+)(?:[ \t][^<>\n]{0,200}+)?+/?>"
    r"|!--(?P<comment>(?:[^<>-]|-(?!->)){0,500}+)-->)"
)
"""An HTML element or tag; the pattern ignores case."""
_OPENS = regex.compile(r"<([a-z][a-z0-9]{0,9})[ \t>]", regex.IGNORECASE)
_CLOSES = regex.compile(r"</([a-z][a-z0-9]{0,9})>", regex.IGNORECASE)
_ATTRIBUTE = regex.compile(r"\b(src|alt)[ \t]*=[ \t]*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")


def paired_in(text: str) -> AbstractSet[str]:
    """Return the names of the tags that a text both opens and closes."""
    if "</" not in text:
        return frozenset()
    opened = {name.lower() for name in _OPENS.findall(text)}
    return opened.intersection(name.lower() for name in _CLOSES.findall(text))


def moved(name: str, inner: str) -> str:
    """Return words that stand higher (`sup`) or lower (`sub`)."""
    shown = inner.translate(_HIGH if name == "sup" else _LOW)
    if any(char.isascii() and not char.isspace() for char in shown):
        return f"{'^' if name == 'sup' else '_'}({inner})"
    return shown


def tag(name: str, *, closes: bool, paired: AbstractSet[str]) -> str | None:
    """Return what stands for a tag; None if it is not HTML but text in angle brackets."""
    if name in _ALONE:
        return _ALONE[name]
    if name not in _PAIRS or name not in paired:
        return None
    return _PAIRS[name][closes]


def image(attributes: str) -> tuple[str, str]:
    """Return the words for an image, and its address."""
    found = {each[1]: each[2] or each[3] or each[4] for each in _ATTRIBUTE.finditer(attributes)}
    return found.get("alt") or "image", found.get("src") or ""
