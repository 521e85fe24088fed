"""How the offline model reads text: statements, questions, and what they are about. Pure.

The rules are for English. In other languages the words still have to match, but they are not
reduced to their stems, and only the question mark marks a question.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types
import snowballstemmer

if TYPE_CHECKING:
    from collections.abc import Iterator

UNIT_LIMIT = 300
"""The most characters of a unit: a longer sentence is split, so that it fills no summary."""

_STOP_WORDS = """
a about actually again all also am an and any are as at be because been being but by can could d did
do does doing done for from get give go got had has have having he her hers him his how i if in into
is it its just know let list ll m may me mention might mine my no not now of off oh ok okay on or
our ours out please re really recall remember remind repeat s said say says she should so some t
tell than thank thanks that the their them then there these they thing this those to too told up us
ve very was we well were what when where which while who whom whose why will with would yes you your
yours
"""
_STOP = frozenset(_STOP_WORDS.split())
_SAME = {
    "name": "call",
    "colour": "color",
    "favourit": "favorit",
    "job": "work",
    "birthday": "born",
}
"""Stems that mean the same."""
_IMPLIED = frozenset({"color", "old", "age", "kind", "sort", "type", "number"})
"""Stems that an answer rarely repeats: "red" needs no word for color."""
_VAGUE = _IMPLIED | {"call", "favorit", "work", "live"}
"""Stems that say what is asked about a thing, not which thing."""

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_NO_SPACES = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")
_CONNECTS = re.compile(
    "什么|名字|哪里|哪儿|哪个|哪天|为什么|怎么|多少|什麼|哪裡|怎麼|[我你您他她它们的了是在吗呢谁几把和跟也都嗎誰幾私僕]"
    "|でしたか|ですか|ましたか|ますか|でした|です|ました|ます|でしょう|どこ|だれ|いつ|なに|なん|どの|どんな|何|誰"
    "|[はがをにでとものかねよへや]"
)
"""Words and particles of Chinese and Japanese without meaning of their own."""
_LONGEST = 60
"""The most characters of a word; a longer one is cut to its beginning."""
_MARKS = regex.compile(r"(\p{M}{30})\p{M}++")
"""More combining marks on one letter than any text has (UAX 15, "Stream-Safe Text Format").

Sorting them takes time that grows with the square of their number.
"""
_ABBREVIATED = (
    r"(?<!\b(?:Dr|Mr|Ms|St|vs|No)\.)(?<!\b(?:Mrs|etc|[aeip]\.[egm])\.)(?<!\bProf\.)(?<!\b[A-Z]\.)"
)
_CLOSED = r"[\"')\u2019\u201d]"
_BREAK = re.compile(
    rf"{_ABBREVIATED}(?<=[.!?\u2026\u037e\u061f]){_CLOSED}*\s+|(?<=[\u3002\uff01\uff1f])\s*|\n+"
)
_BULLET = re.compile(r"^\s*(?:[-*•>#]+|\d+[.)])\s+")
_BACKWARD = re.compile(
    r"(?:he|she|it|they|his|her|hers|its|their|theirs|this|these|those)(?:'s)?\b", re.IGNORECASE
)
_AUXILIARY = (
    r"(?:is|are|am|was|were|do|does|did|can|could|will|would|should|have|has|had|might|may)"
)
_SUBJECT = r"(?:i|you|we|he|she|it|they|my|our|your|his|her|their|the|there|any\w*|some\w*)"
_QUESTION = re.compile(
    rf"""(?:(?:and|but|so|ok|okay|please|hey)[,\s]+)*
    (?: (?:what|who|whose|whom|which|where|when|why|how)
          (?: (?:'s|s|'re)\b
            | (?:\s+(?!{_SUBJECT}\b)\w+){{0,2}}\s+{_AUXILIARY}\b )
      | {_AUXILIARY}(?:n't)?\s+{_SUBJECT}\b
      | (?:can|could)\s+you\b
      | tell\s+me\b | remind\s+me\s+(?!to\b) | name\s+my\b | list\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_QUESTION_MARKS = ("?", "\uff1f", "\u061f", "\u037e")
_AROUND = "\"'\u2018\u2019\u201c\u201d\u00ab\u00bb()[] \t"
_APOSTROPHE = "\u2019"


def units_of(text: str) -> tuple[str, ...]:
    """Return a text as units that can be understood on their own, in order.

    A unit is a sentence, together with the next ones if they begin with "he" or "it", since those
    mean nothing without it.
    """
    units: list[str] = []
    for sentence in _sentences(text):
        fits = bool(units) and len(units[-1]) + len(sentence) < UNIT_LIMIT
        if (
            fits
            and _BACKWARD.match(sentence)
            and not (is_question(sentence) or is_question(units[-1]))
        ):
            units[-1] = f"{units[-1]} {sentence}"
        else:
            units.append(sentence)
    return tuple(units)


def is_question(sentence: str) -> bool:
    """Return whether a sentence asks for something that may have been said."""
    plain = sentence.strip(_AROUND).replace(_APOSTROPHE, "'")
    return plain.endswith(_QUESTION_MARKS) or _QUESTION.match(plain) is not None


def content_words(text: str) -> tuple[str, ...]:
    """Return the stems of the words that carry meaning, in order."""
    safe = _MARKS.sub(r"\1", text)
    folded = unicodedata.normalize("NFKC", safe).casefold().replace(_APOSTROPHE, "'")
    found: list[str] = []
    for word in _WORD.findall(folded):
        if not word.isascii() and _NO_SPACES.search(word):
            found += _pairs(word)
        elif stem := _stem(word.removesuffix("'s")[:_LONGEST]):
            found.append(stem)
    return tuple(found)


def _pairs(text: str) -> list[str]:
    """Return pairs of characters, which stand for the words of a text without spaces.

    What connects words, or only asks, is left out; a character that is left alone is a word.
    """
    runs = filter(None, _CONNECTS.split(text))
    return [
        pair
        for run in runs
        for pair in ([run] if len(run) == 1 else [run[at : at + 2] for at in range(len(run) - 1)])
    ]


def is_vague(stem: str) -> bool:
    """Return whether a stem says what is asked about a thing, not which thing is meant."""
    return stem in _VAGUE


def is_implied(stem: str) -> bool:
    """Return whether a statement can be an answer without this stem."""
    return stem in _IMPLIED


@lru_cache(maxsize=20_000)
def _stem(word: str) -> str:
    """Return a word's stem; empty for a word without meaning of its own."""
    if word in _STOP or word.partition("'")[0] in {"i", "you", "we", "they", "he", "she", "it"}:
        return ""
    # A stemmer has mutable state, so each thread needs its own.
    stem = str(snowballstemmer.stemmer("english").stemWord(word))
    return _SAME.get(stem, stem)


def _sentences(text: str) -> Iterator[str]:
    for part in _BREAK.split(text):
        sentence = " ".join(_BULLET.sub("", part).split())
        start = 0
        while len(sentence) - start > UNIT_LIMIT:
            cut = sentence.rfind(" ", start + UNIT_LIMIT // 2, start + UNIT_LIMIT)
            cut = cut if cut > 0 else start + UNIT_LIMIT
            yield sentence[start:cut].strip()
            start = cut + (sentence[cut] == " ")  # there is one between two words
        if any(character.isalnum() for character in sentence[start:]):
            yield sentence[start:]
