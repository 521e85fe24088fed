"""Says where a link leads, if its words are the address of something else. Pure.

`[https://bank.example](https://evil.example)` shows one address and opens another. No platform
warns of it in a bot's messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types

if TYPE_CHECKING:
    from collections.abc import Callable

LINK = (
    r"\[(?P<words>(?:[^\[\]\n\\]|\\.|!?\[[^\[\]\n]*+\](?:\([^()\s]*+\))?+)*+)\]"
    r"\([ \t]*+(?P<address><[^<>\n]*+>|(?:[^()\s\\]|\\.|\([^()\s]*+\))*+)"
    r"(?:[ \t]++(?P<title>\"[^\"\n]*+\"|'[^'\n]*+'))?+[ \t]*+\)"
)
"""A link of CommonMark, on one line. It is matched in time in proportion to the text."""
_INNERMOST = regex.compile(
    r"\[(?P<words>[^\[\]\n]{1,300}+)\]"
    r"\([ \t]*+(?P<address><[^<>\n]*+>|(?:[^()\s\\]|\\.|\([^()\s]*+\))*+)[^()\n]*+\)"
)
"""A link without brackets in its words: the same in a text that still grows."""
_SIGNS = regex.compile(r"[*_~`|\\\u200b-\u200f\u2060-\u2064\ufeff]++")
_ADDRESS = regex.compile(
    r"(?P<scheme>(?:[a-z][a-z0-9+.-]*+:)?//|mailto:)?(?:[^/@?#]*@)?"
    r"(?P<host>(?:[\w-]++\.)++(?P<top>[^\W\d_]{2,}+|xn--[\w-]++)|\d{1,3}(?:\.\d{1,3}){3})"
    r"(?::\d+)?(?P<path>[/?#].*)?",
    regex.IGNORECASE | regex.DOTALL,
)
_FILES = regex.compile(
    "ai|app|bat|bin|cc?|cfg|cpp|css?|csv|dll|docx?|env|exe|gif|go|gz|h|html|ini|ipynb|java|jpg|jsx?"
    "|json|kt|lock|log|lua|md|mjs|mp[34]|net|pdf|php|pl|png|pptx?|ps|py|rb|rst?|sh|so|sql|svg|swift"
    "|tar|tf|toml|tsx?|txt|vue|xlsx?|xml|ya?ml|zip",
    regex.IGNORECASE,
)
"""Ends of the names of files and programs (`main.py`, `ASP.NET`), which are no addresses alone."""


def leads_elsewhere(words: str, address: str) -> bool:
    """Return whether the words of a link have an address on another host than it leads to."""
    if "." not in words:
        return False
    hosts = {_host(word, strict=True) for word in words.split()} - {""}
    return bool(hosts) and hosts != {_host(address, strict=False)}


def told(text: str, keeps: Callable[[list[int]], list[bool]]) -> str:
    """Return Markdown in which each such link is followed by where it leads.

    `keeps` tells of positions in the text, in order, which are in code: there, nothing is added.
    """
    if "](" not in text:
        return text
    found = [link for link in _INNERMOST.finditer(text) if _tells(link)]
    made: list[str] = []
    at = 0
    for link, kept in zip(found, keeps([link.start() + 1 for link in found]), strict=True):
        if not kept:
            made += (text[at : link.end()], where(_bare(link["address"])))
            at = link.end()
    return "".join((*made, text[at:]))


def untold(text: str) -> str:
    """Return the text that `told` was given."""
    if "](" not in text:
        return text
    made: list[str] = []
    at = 0
    for link in _INNERMOST.finditer(text):
        added = where(_bare(link["address"]))
        if _tells(link) and text.startswith(added, link.end()):
            made.append(text[at : link.end()])
            at = link.end() + len(added)
    return "".join((*made, text[at:]))


def _tells(link: regex.Match[str]) -> bool:
    return leads_elsewhere(link["words"], _bare(link["address"]))


def _bare(address: str) -> str:
    return address.strip("<>").removeprefix("mailto:")


def address_like(words: str) -> bool:
    """Return whether the words of a link are nothing but an address."""
    return "." in words and bool(_host(words, strict=True))


def where(address: str) -> str:
    """Return the words that follow a link and say where it leads."""
    return f" (leads to {address})"


def _host(text: str, *, strict: bool) -> str:
    """Return the host that a text is the address of; empty if it is none.

    With `strict`, a text that may as well be the name of a file is none.
    """
    found = _ADDRESS.fullmatch(_SIGNS.sub("", text).strip(" <>()[]{}.,:;!?\"'\u201c\u201d"))
    if found is None:
        return ""
    named = found["scheme"] or found["path"] or "@" in text or text.lower().startswith("www.")
    if strict and not named and _FILES.fullmatch(found["top"] or ""):
        return ""
    host: str = found["host"].lower()
    return host.removeprefix("www.")
