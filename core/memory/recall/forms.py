"""Other forms of a word or a number by which people look for it. Pure.

People leave out accents and strokes or write an umlaut as two letters, name a part of an identifier
by its words, group the digits of a price or a phone number in another way, or type other digits.

Sources: pelias/schema, issue 74 (umlauts as two letters); cajasmota/grafel, issue 2624, and
vshulcz/deja-vu, issue 260 (parts of identifiers); vshulcz/deja-vu, issue 2897 (Thai);
NousResearch/hermes-agent, issue 73868 (Korean particles); linuxscout/pyarabic, issue 59 (digits).
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

# not `re`: it knows no scripts
import regex  # type: ignore[import-untyped] # ships no types

if TYPE_CHECKING:
    from collections.abc import Iterator

_STROKES: Final = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ı": "i", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "ð": "d"}  # noqa: RUF001 - Turkish
    | {"þ": "th", "ŋ": "n"}
)
"""Letters that no normal form of Unicode takes apart; in lower case."""
_TWO_LETTERS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_SPELLED_OUT = regex.compile("[äöüøå]")
_HUMPS = regex.compile(r"\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+")
_LEAST_HUMP = 3
"""A shorter part, as in "iPhone" and "PDFs", says nothing by itself."""
_HEBREW = regex.compile(r"\p{Hebrew}")
_HEBREW_PREFIXES: Final = "והבכלמש"
"""And, the, in, as, to, from and that: they are written as a part of the next word."""
_LEAST_ROOT = 3
_KOREAN = re.compile(
    "([가-힣])(?=.)(?:에서|에게|한테|부터|까지|으로|처럼|보다|하고|이나|에|로|와|과|의)?(?:은|는|이|가|을|를|도|만)?"
)
"""A word of one syllable with particles, such as "in", "to" and those of subjects and objects."""
_GROUPED = re.compile(r"\d+(?:[ ,.'\u2019_()/\u00a0\u202f\u066c\-]{1,3}\d+){0,7}")
_DIGITS = re.compile(r"\d+")
_THOUSANDS = 3
"""The digits of a group, in an amount."""
_TELLING_DIGITS = 7
"""The last digits of a phone number, by which it is found with any prefix, or without one."""
_LONGEST_NUMBER = 40


def folded(word: str) -> str:
    """Return a word in lower case without accents, which people in a hurry leave out."""
    if word.isascii():
        return word
    plain = unicodedata.normalize("NFKD", word.translate(_STROKES))
    return "".join(sign for sign in plain if not unicodedata.combining(sign))


def spelled_out(word: str) -> str:
    """Return a word in lower case with its umlauts as two letters; empty if it has none."""
    if word.isascii() or not _SPELLED_OUT.search(word):
        return ""
    return folded(word.translate(_TWO_LETTERS))


def humps(word: str) -> list[str]:
    """Return the words of an identifier such as "getUserName"; empty for any other word."""
    if word.islower() or word.isupper() or word.istitle():  # nearly always
        return []
    parts: list[str] = _HUMPS.findall(word)
    return [part for part in parts if len(part) >= _LEAST_HUMP] if len(parts) > 1 else []


def plain_number(digits: str) -> str:
    """Return decimal digits of any script as those of ASCII, without zeros in front."""
    if not digits.isascii():
        digits = "".join([str(unicodedata.decimal(sign)) for sign in digits])
    return digits.lstrip("0") or "0"


def numbers_in(text: str) -> Iterator[str]:
    """Yield the numbers of a text by which it is found however their digits are grouped.

    That is a price or an amount without its separators, and "#" with the last digits of what may be
    a phone number.
    """
    for found in _GROUPED.finditer(text):
        groups = _DIGITS.findall(found[0])
        digits = plain_number("".join(groups))
        if len(groups) > 1:
            yield from _amounts(groups)
        if _TELLING_DIGITS <= len(digits) <= _LONGEST_NUMBER:
            yield f"#{digits[-_TELLING_DIGITS:]}"


def _amounts(groups: list[str]) -> Iterator[str]:
    """Yield each amount in thousands, such as "1200" of the groups "1" and "200"."""
    amount = ""
    for group in groups:
        if amount and len(group) == _THOUSANDS:
            amount += group
            continue
        if len(amount) > _THOUSANDS:
            yield plain_number(amount)
        amount = group if len(group) <= _THOUSANDS else ""
    if len(amount) > _THOUSANDS:
        yield plain_number(amount)


def without_prefixes(word: str) -> list[str]:
    """Return a Hebrew word without the words that are written as its first letters."""
    if not _HEBREW.match(word):
        return []
    found = []
    while word[0] in _HEBREW_PREFIXES and len(word) > _LEAST_ROOT:
        word = word[1:]
        found.append(word)
    return found


def korean_root(run: str) -> str:
    """Return the syllable that a Korean word consists of, without particles; empty if of more."""
    found = _KOREAN.fullmatch(run)
    return found[1] if found else ""
