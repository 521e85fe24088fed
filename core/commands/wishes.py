"""Hearing a standing wish in what a person says, such as "always answer in French". Pure.

A wish is offered to be pinned and never pinned by itself, so a wish that is not recognized costs
nothing, while an offer in ordinary talk is a nuisance. So a sentence counts only if it tells the
bot, by an order or a polite question, how to answer from now on, or what to keep in mind. How
people say that in each language is in `wishes.txt`.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final, NamedTuple

from core.domain.pins import wish_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.domain.pins import Pin

_READ: Final = 2_000
"""Characters of a message in which a wish is looked for."""
_SENTENCE: Final = 240
"""Characters of the longest sentence that counts: people say such wishes in a few words."""
_QUESTION = "?\N{FULLWIDTH QUESTION MARK}\N{ARABIC QUESTION MARK}"
_STOPS = (
    "\N{IDEOGRAPHIC FULL STOP}\N{FULLWIDTH EXCLAMATION MARK}\N{FULLWIDTH SEMICOLON}"
    "\N{HORIZONTAL ELLIPSIS}\N{ARABIC SEMICOLON}\N{DEVANAGARI DANDA}"
)
_END = re.compile(rf"[.!;\n{_STOPS}{_QUESTION}]+")
_AROUND = " \t\r\"'()[]*_>-,\N{EN DASH}\N{EM DASH}\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb"
_ASKED = re.compile(
    r"(?:can|could|would|will|kannst|könntest|würdest|peux|pourrais|puedes|podrías)"
    r"(?: you| du| tu)? (?:please )?(?=always |immer |toujours |siempre )"
)
"""A polite question that is an order all the same."""


class _Patterns(NamedTuple):
    spaced: re.Pattern[str]
    anywhere: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    text = resources.files("core.commands").joinpath("wishes.txt").read_text("utf-8")
    parts: dict[str, list[str]] = {"": []}
    name = ""
    for line in text.splitlines():
        if line.startswith("="):
            name = line[1:]
            parts[name] = []
        elif line and not line.startswith("#"):
            parts[name].append(f"(?:{line})")
    polite = rf"(?:(?:{'|'.join(parts['polite'])})[,:]?\s+){{0,3}}"
    return _Patterns(
        spaced=re.compile(f"{polite}(?:{'|'.join(parts['spaced'])})"),
        anywhere=re.compile("|".join(parts["anywhere"])),
    )


def has_wish(text: str) -> bool:
    """Return whether a message holds a standing wish, as far as its words show."""
    return any(map(_is_wish, _sentences(text[:_READ])))


def wish_named(text: str) -> str:
    """Return a name for the wish in a message, the same if only its form differs; or nothing."""
    return " ".join([_plain(each) for each in _sentences(text[:_READ]) if _is_wish(each)])


def is_pinned(text: str, pins: tuple[Pin, ...]) -> bool:
    """Return whether the words of a message are pinned already, or a part of it is."""
    said = _plain(text)
    return any(said in _plain(pin.text) or _plain(pin.text) in said for pin in pins)


def _sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text that are short enough, each question with its mark."""
    start = 0
    for end in _END.finditer(text):
        yield from _trimmed(text[start : end.start()], asks=any(s in end[0] for s in _QUESTION))
        start = end.end()
    yield from _trimmed(text[start:], asks=False)


def _trimmed(sentence: str, *, asks: bool) -> Iterator[str]:
    said = sentence.strip(_AROUND)
    if 0 < len(said) <= _SENTENCE:
        yield f"{said}?" if asks else said


def _is_wish(sentence: str) -> bool:
    said = sentence.replace("\u2019", "'").lower()
    if said.endswith("?"):
        said, asked = _ASKED.subn("", said[:-1], count=1)
        if not asked:
            return False
    if wish_in(said):
        return True
    spaced, anywhere = _patterns()
    return spaced.match(said) is not None or (
        not said.isascii() and anywhere.search(said) is not None
    )


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
