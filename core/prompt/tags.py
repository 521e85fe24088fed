"""The tags of a prompt, and how text of others is kept from opening one. Pure.

Only this program writes a tag that begins with `chat_`. In everything else, the first character of
whatever reads like such a tag is escaped, and nothing is changed beside it. A tag reads like ours
with invisible characters between its letters, with letters of other scripts that look the same, or
with another bracket, too: a model may take it for ours.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types

from core.domain.text import shortened, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

SUMMARY = "chat_summary"
TRANSCRIPT = "chat_transcript"
MESSAGE = "chat_message"
ANSWER = "chat_answer"
NOTICE = "chat_notice"
SCENE = "chat_scene"
FILE = "chat_file"
QUOTE = "chat_quote"
PLACE = "chat_place"
PERSON = "chat_person"
CUT = "chat_cut"
TIME = "chat_time"
RECALLED = "chat_recalled"
PINS = "chat_pins"
PIN = "chat_pin"
CORRECTIONS = "chat_corrections"

NAME_LIMIT = 80
"""The most characters of a name that are shown."""
_BRACKETS = "<\uff1c\ufe64\u2039\u2329\u27e8\u3008\u276c\u276e\u02c2\u1438\u29fc\u27ea\u300a\u226e"
"""What looks like the bracket that opens a tag."""
_SLASHES = r"/\\\uff0f\u2044\u2215\u29f8\u27cb\ufe68"
_UNSEEN = r"\s\p{C}\p{Z}\p{M}\u115f\u1160\u3164\uffa0\u2800\ufffd"
"""What can't be seen, or stands above or below a letter."""
_LIKE_OURS = regex.compile(
    rf"[{_BRACKETS}]([{_UNSEEN}{_SLASHES}]*+(\w)[{_UNSEEN}]*+(\w)[{_UNSEEN}]*+(\w)[{_UNSEEN}]*+(\w)"
    rf"(?:[\u0320\u0331\u0332\u0333]|[{_UNSEEN}]*+[\p{{Pc}}\u02cd\u2581]))"
)
_FLAGS = "|".join(
    "".join(chr(0xE0000 + ord(sign)) for sign in flag) for flag in ("gbeng", "gbsct", "gbwls")
)
_HIDDEN = regex.compile(
    rf"\U0001f3f4(?:{_FLAGS})\U000e007f(*SKIP)(*FAIL)|[\U000e0000-\U000e007f]++"
)
"""Tag characters, but for the flags that are made of them (Unicode's emoji-sequences.txt).

Sources: NVIDIA/SkillSpector, issue 169 and pull request 167; aaif-goose/goose, pull request 3920.
"""
_NAME = "chat"
_LETTERS = {
    "c": "\u0441\u03f2\u1d04\u2ca5\ua4da\u13df\u217d\u00a2\u10c1",
    "h": "\u04bb\u0570\u029c\u043d\u03b7\u13c2\u157c\ua4e7\u210f\u0127\u2c68\u04a3",
    "a": "\u0430\u0251\u03b1\u1d00\u13aa\ua4ee\u237a\u0259",
    "t": "\u0442\u03c4\u1d1b\u13a2\ua4d4\u04ad\u22a4\u0167\u01ad\u0236",
}
"""Letters that look like those of our tags, in lower case (Unicode's confusables.txt)."""
_ALIKE = {other: letter for letter, others in _LETTERS.items() for other in others}


def quoted(text: str) -> str:
    """Return the text with the first character of whatever reads like one of our tags escaped.

    Text in Unicode's tag characters, which a model can read and people can't see, is taken out, and
    a tag says so.
    """
    if "<" not in text and text.isascii():  # nearly always
        return text
    plain: str = _HIDDEN.sub(_named, _LIKE_OURS.sub(_escaped, text))
    return plain


def one_line(text: str, limit: int = NAME_LIMIT) -> str:
    """Return a name on one line, quoted, and cut to about `limit` characters."""
    return quoted(flat(text, limit))


def flat(text: str, limit: int = NAME_LIMIT) -> str:
    """Return a name on one line, without control characters, and cut to `limit` characters."""
    if text.isascii() and text.isprintable():  # nearly always
        return " ".join(text.split())[:limit]
    seen: str = _HIDDEN.sub("", " ".join(visible(" ".join(text.split())).split()))
    return seen[:limit]


def file_name(name: str) -> str:
    """Return a file's name on one line, without control characters; a long one has its ending."""
    return shortened(flat(name, len(name)), NAME_LIMIT)


def enclosed(tag: str, text: str, marks: str = "") -> str:
    """Return a text, which is quoted already, between a tag and its end."""
    return f"<{tag}{marks}>\n{text}\n</{tag}>"


def alone(tag: str, marks: str = "") -> str:
    """Return a tag that encloses nothing."""
    return f"<{tag}{marks}/>"


def marks(named: Mapping[str, str], limit: int = NAME_LIMIT) -> str:
    """Return the attributes of a tag, from any text; without those that are empty."""
    return "".join([_mark(name, text, limit) for name, text in named.items() if text])


@lru_cache(maxsize=4096)  # the same names stand in every request of a thread
def _mark(name: str, text: str, limit: int) -> str:
    shown = flat(text, limit)
    return f' {name}="{_attribute(shown)}"' if shown else ""


def _attribute(text: str) -> str:
    return quoted(escape(text, quote=False).replace('"', "&quot;"))


def _named(found: regex.Match[str]) -> str:
    return alone(CUT, marks({"note": f"{len(found[0]):,} characters that people can't see"}))


def _escaped(found: regex.Match[str]) -> str:
    letters = found.groups()[1:]
    same = all(map(_is_alike, letters, _NAME))
    return f"&lt;{found[1]}" if same else found[0]


def _is_alike(char: str, letter: str) -> bool:
    if char.isascii():
        return char.lower() == letter
    base = unicodedata.normalize("NFKD", char)[0].casefold()[:1]
    return _ALIKE.get(base, base) == letter
