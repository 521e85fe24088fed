"""The terms by which a text is found again. Pure.

A term is a hash of a word's stem, so an index of terms holds nothing that anybody said. Words in
Latin script are reduced to the stem of their language. Chinese, Japanese and Korean have pairs of
characters for words, and scripts without spaces runs of three. All other languages, and those that
build long words, have each word's runs of four letters as well: compounds and forms that no stemmer
knows share those. An emoji is a word; see `core.memory.recall.forms` for numbers and identifiers.

The hash is Python's own, whose key differs from process to process (`PYTHONHASHSEED`), and no index
outlives its process.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import cache, lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

# not `re`: it knows no scripts
import regex  # type: ignore[import-untyped] # ships no types

from core.memory.recall.forms import (
    folded,
    humps,
    korean_root,
    numbers_in,
    plain_number,
    spelled_out,
    without_prefixes,
)
from core.memory.recall.languages import (
    FOLLOW_UP,
    FUNCTION_WORDS,
    IRREGULAR,
    MONTHS,
    SCRIPTS,
    SMALL_TALK,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import datetime

PASSAGE: Final = 400
"""The most characters of a passage; a longer text is cut, if possible between sentences."""
ENGLISH: Final = "english"
_GRAM = 4
_SPACELESS_GRAM = 3
_SHARED_GRAM = 5
"""Words of fewer letters are found by themselves alone."""
_LONGEST = 40
"""Letters of a word that count: more are a key, a hash, or an address."""
_WORD = regex.compile(
    r"(?P<cjk>[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\u3005\u30fc]+)"
    r"|(?P<date>\d{4}-\d\d?-\d\d?(?!\d))"
    r"|(?P<number>\d+)(?P<unit>[\u5e74\u6708\u65e5\ub144\uc6d4\uc77c])?"
    r"|(?P<latin>\p{Latin}[\p{Latin}\p{M}]*(?:['\u2019]\p{Latin}+)?)"
    r"|(?P<spaceless>(?:(?=[\p{L}\p{M}])[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}])+)"
    r"|(?P<other>\p{L}[\p{L}\p{M}]*)"
    r"|(?P<sign>\p{Extended_Pictographic}|\p{Regional_Indicator}{2})"
)
_ASCII_WORD = re.compile(r"\d{4}-\d\d?-\d\d?(?!\d)|\d+|[A-Za-z]+(?:'[A-Za-z]+)?", re.ASCII)
"""The same in a text that is nothing but ASCII, as most are, in a fraction of the time."""
_MARKS = regex.compile(r"(\p{M}{8})\p{M}++")
"""More combining marks on a letter than any word has: sorting them takes the square of the time."""
_ASCII_LETTERS = re.compile(r"[a-z][a-z']*")
_LATIN_LETTERS = regex.compile(r"\p{Latin}[\p{Latin}\p{M}']*+")
_TELLING: Final = 2000
"""How many characters of a text are read to detect its language."""
_SENTENCE_ENDS = regex.compile(r"(?<=[.!?\u2026])\s+|(?<=[\u3002\uff01\uff1f])\s*|\n+")
_ASKS = regex.compile(r"[?\uff1f\u061f]\W*(?:\s|$)|[\u5417\u5462\u304b]$|อะไร|ไหม|ไหน|ใคร|ไหร่|ทำไม")
_UNITS = {"\u6708": "m", "\uc6d4": "m"}
"""The signs for months, Chinese and Korean; years and days are numbers like any other."""
_CACHED: Final = 1 << 15
_SPOKEN: Final = {
    word: tuple(language for language, others in FUNCTION_WORDS.items() if word in others)
    for words in FUNCTION_WORDS.values()
    for word in words
}
"""The languages that have a function word."""


class Terms(NamedTuple):
    """The terms of one text."""

    words: tuple[int, ...]
    """Each occurrence of a word."""
    grams: tuple[int, ...] = ()
    """Runs of letters, which weigh less."""
    language: str = ""
    """The language, if the text has enough words to tell it."""


class Wanted(NamedTuple):
    """What a query looks for."""

    words: frozenset[int]
    grams: frozenset[int] = frozenset()
    asks: bool = False
    """It is a question."""

    def with_more(self, other: Wanted) -> Wanted:
        """Return a query that looks for the words of both."""
        return self._replace(words=self.words | other.words, grams=self.grams | other.grams)


def terms_of(text: str, language: str = ENGLISH) -> Terms:
    """Return the terms of a text; `language` is what it is in if it doesn't tell by itself."""
    told = language_of(text, (language,))
    words: list[int] = []
    grams: list[int] = []
    plain = normal(text)
    for each, more in _terms(plain, told or language):
        words += each
        grams += more
    words += map(hash, numbers_in(plain))
    return Terms(tuple(words), tuple(grams), told)


def wanted_in(
    texts: Iterable[str], languages: Collection[str], *, small_talk: bool = False
) -> Wanted:
    """Return what to look for, of texts that ask, in conversations in these languages.

    Words of small talk count with `small_talk` only.
    """
    words: set[int] = set()
    grams: set[int] = set()
    asks = False
    for text in texts:
        asks = asks or bool(_ASKS.search(text))
        told, plain = language_of(text, languages), normal(text)
        idle = frozenset[str]() if small_talk else _idle_in(told or ENGLISH)
        for number, language in enumerate(dict.fromkeys((told or ENGLISH, *languages))):
            for each, more in {*_terms(plain, language, idle, latin=number > 0)}:
                words.update(each)
                grams.update(more)
        words.update(map(hash, numbers_in(plain)))
    return Wanted(frozenset(words), frozenset(grams), asks)


@cache
def _idle_in(language: str) -> frozenset[str]:
    """Return the words that ask for nothing."""
    return (SMALL_TALK | FUNCTION_WORDS[language]) - MONTHS.keys()


class Word(NamedTuple):
    """A word of a text, with all terms by which it may be the same as another one."""

    text: str
    terms: frozenset[int]
    at: int
    """Where it begins, in the text as `normal` returns it."""


def each_word(text: str, told: str, languages: Collection[str]) -> Iterator[Word]:
    """Yield each word that carries meaning, of a `normal` text.

    The text is in the language `told`, and what it is compared with may be in any of `languages`.
    In a script without spaces, each pair or run of letters that has a term of its own is a word.
    """
    others = [each for each in languages if each != told]
    known: dict[tuple[str | None, str], list[frozenset[int]]] = {}
    for found in _WORD.finditer(text):
        key = (found.lastgroup, found[0])
        if key not in known:
            known[key] = _meanings(found, told, others)
        for terms in known[key]:
            yield Word(key[1], terms, found.start())


def _meanings(found: regex.Match[str], told: str, others: Sequence[str]) -> list[frozenset[int]]:
    """Return the terms of a word, or of each of its letters that count alone."""
    words, grams = _terms_of(found, told)
    if found[0].casefold() in SMALL_TALK or not (words or grams):
        return []
    if found.lastgroup in {"cjk", "date", "spaceless"} or not words:
        return [frozenset((term,)) for term in words or grams]
    if others and found.lastgroup == "latin":
        forms = [_latin(found[0][:_LONGEST], each)[0] for each in others]
        return [frozenset(chain(words, *forms))]
    return [frozenset(words)]


def meaning_of(text: str, languages: Collection[str], told: str | None = None) -> set[int]:
    """Return all terms of the words that `each_word` yields of a text.

    `told` is what `language_of` says of it, if that is known already.
    """
    told = (language_of(text) if told is None else told) or ENGLISH
    if not text.isascii():
        words = each_word(normal(text), told, languages)
        return {term for word in words for term in word.terms}
    others = tuple([each for each in languages if each != told])
    found = {word[:_LONGEST] for word in _ASCII_WORD.findall(text)}
    return {term for word in found for term in _meaning(word, told, others)}


@lru_cache(maxsize=_CACHED)
def _meaning(word: str, told: str, others: tuple[str, ...]) -> tuple[int, ...]:
    """Return all terms of a word of `_ASCII_WORD`; none if it carries no meaning."""
    words, grams = _terms_of_ascii(word, told)
    if word.casefold() in SMALL_TALK or not (words or grams):
        return ()
    if others and words and not word[0].isdigit():
        return (*words, *chain(*[_latin(word[:_LONGEST], each)[0] for each in others]))
    return words or grams


def normal(text: str) -> str:
    """Return a text in the form in which its words are looked for."""
    return text if text.isascii() else unicodedata.normalize("NFKC", _MARKS.sub(r"\1", text))


def is_follow_up(text: str) -> bool:
    """Return whether a text asks, or points to something, so that it may be about what was said."""
    return bool(_ASKS.search(text)) or any(
        found[0].casefold() in FOLLOW_UP for found in _WORD.finditer(text)
    )


def date_terms(when: datetime) -> tuple[int, ...]:
    """Return the terms by which a message of this day is found: year, month and day."""
    return hash(str(when.year)), hash(f"m{when.month}"), hash(str(when.day))


@lru_cache(maxsize=1024)  # the same few people write all messages of a thread
def name_terms(name: str) -> tuple[int, ...]:
    """Return the terms of a person's name."""
    return tuple(dict.fromkeys(terms_of(name).words))


def passages_of(text: str) -> list[tuple[int, int]]:
    """Return where the passages of a text begin and end: all of it, in order, without gaps."""
    if len(text) <= PASSAGE:
        return [(0, len(text))]
    ends = [found.end() for found in _SENTENCE_ENDS.finditer(text)]
    cuts: list[tuple[int, int]] = []
    start = last = 0
    for end in [*ends, len(text)]:
        if end - start > PASSAGE and last > start:
            cuts.append((start, last))
            start = last
        while end - start > PASSAGE:  # a sentence, or a line, without an end
            space = text.rfind(" ", start + PASSAGE // 2, start + PASSAGE) + 1
            cut = space or start + PASSAGE
            cuts.append((start, cut))
            start = cut
        last = end
    return [*cuts, (start, len(text))] if start < len(text) else cuts


def language_of(text: str, usual: Collection[str] = ()) -> str:
    """Return the language of a text in Latin script by its function words; empty if unclear.

    One word more than a language of `usual` has is no sign of another one: in "Bo went to Rome",
    both "bo" and "to" are Polish.
    """
    start = text[:_TELLING].lower()
    if start.isascii():  # nearly always, and quicker
        words = _ASCII_LETTERS.findall(start)
    else:
        words = _LATIN_LETTERS.findall(start.replace("\u2019", "'"))
    spoken = [_SPOKEN[word] for word in words if word in _SPOKEN]
    found = Counter(chain.from_iterable(spoken))
    if not found:
        return ""
    (language, best), *others = found.most_common()
    if others and others[0][1] == best:
        return ENGLISH if found[ENGLISH] == best else ""
    near = max(usual, key=found.__getitem__, default=language)
    return near if found[near] and found[near] == best - 1 else language


def _terms(
    text: str, language: str, idle: frozenset[str] = frozenset(), *, latin: bool = False
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Yield the words and grams of each word of a `normal` text that is not an `idle` one.

    With `latin`, words in other scripts may be left out, which are the same in every language.
    """
    if text.isascii():
        for word in _ASCII_WORD.findall(text):
            if not idle or word.casefold() not in idle:
                yield _terms_of_ascii(word, language)
        return
    known: dict[tuple[str | None, str], tuple[tuple[int, ...], tuple[int, ...]]] = {}
    for found in _WORD.finditer(text):
        key = (found.lastgroup, found[0])
        if (latin and key[0] != "latin") or (idle and key[1].casefold() in idle):
            continue
        if key not in known:
            known[key] = _terms_of(found, language)
        yield known[key]


def _terms_of(found: regex.Match[str], language: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the words and grams of a word."""
    kind, word = found.lastgroup, found[0]
    if kind == "latin":
        return _latin(word[:_LONGEST], language)
    if kind == "cjk":
        return _pairs(word)
    if kind == "other":
        return _other(word) if len(word) <= _LONGEST else ((), _grams(word.casefold()))
    if kind == "spaceless":
        return _runs(word, _SPACELESS_GRAM), _runs(word, _SPACELESS_GRAM - 1)
    return _date(word) if kind == "date" else _sign(found, word)


def _sign(found: regex.Match[str], word: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the terms of a number or an emoji."""
    if found["sign"]:
        return (hash(word),), ()
    number = plain_number(found["number"][:_LONGEST])
    return (hash(_UNITS.get(found["unit"], "") + number),), ()


def _terms_of_ascii(word: str, language: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the words and grams of a word of `_ASCII_WORD`."""
    if not word[0].isdigit():
        return _latin(word[:_LONGEST], language)
    if "-" in word:
        return _date(word)
    return (hash(word[:_LONGEST].lstrip("0") or "0"),), ()


def _date(word: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    year, month, day = word.split("-")
    return (hash(str(int(year))), hash(f"m{int(month)}"), hash(str(int(day)))), ()


@lru_cache(maxsize=_CACHED)
def _latin(word: str, language: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    lower = word.casefold().replace("\u2019", "'")
    if lower in MONTHS and (lower != "may" or word[0].isupper()):
        return (hash(f"m{MONTHS[lower]}"),), ()
    if lower in FUNCTION_WORDS[language]:
        return (), ()
    head, _, tail = lower.partition("'")
    if tail:  # "Ann's", "can't"; but "l'hôtel"
        lower = tail if len(head) <= 2 < len(tail) else head  # noqa: PLR2004 - an article
    parts = tuple(chain(*[_latin(part, language)[0] for part in humps(word)]))
    forms = [folded(lower), *filter(None, [spelled_out(lower)])]
    if language == ENGLISH:
        stems = [_stemmed(IRREGULAR.get(form, form), ENGLISH) for form in forms]
        return (*map(hash, stems), *parts), ()
    stems = [folded(_stemmed(lower, language)), *(_stemmed(form, language) for form in forms[1:])]
    return (*map(hash, stems), *parts), _grams(forms[0])


@lru_cache(maxsize=_CACHED)
def _other(word: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the terms of a word in a script that is neither Latin nor Chinese nor the like."""
    lower = word.casefold()
    if lower in MONTHS:
        return (hash(f"m{MONTHS[lower]}"),), ()
    script = next((each for each in SCRIPTS if regex.match(rf"\p{{{each}}}", lower)), "")
    if not script and len(lower) > 2 * _SHARED_GRAM:
        return (), _grams(lower)
    stem = _stemmed(lower, SCRIPTS[script]) if script else lower
    return (hash(stem), *map(hash, without_prefixes(lower))), _grams(lower)


def _runs(word: str, length: int) -> tuple[int, ...]:
    """Return the runs of so many letters; they are never the same as a word."""
    return tuple(hash(f"#{word[at : at + length]}") for at in range(len(word) - length + 1))


def _pairs(run: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return pairs of characters, and single ones that have a meaning of their own."""
    if len(run) == 1:
        return (hash(_UNITS.get(run, "") + run),), (hash(f"#{run}"),)
    pairs = tuple(hash(run[at : at + 2]) for at in range(len(run) - 1))
    if root := korean_root(run):
        pairs = (*pairs, hash(root))
    return pairs, tuple(hash(f"#{sign}") for sign in run if sign >= "\u3400" and sign < "\uac00")


def _grams(word: str) -> tuple[int, ...]:
    if len(word) < _SHARED_GRAM:
        return ()
    return _runs(word, _GRAM)


def prepare() -> None:
    """Import what stems words, which takes up to a third of a second: not beside a turn."""
    import snowballstemmer  # noqa: F401, PLC0415


def _stemmed(word: str, language: str) -> str:
    import snowballstemmer  # noqa: PLC0415 - see `prepare`

    # A stemmer holds the word that it works on, and threads build indexes: each word has its own.
    stem: str = snowballstemmer.stemmer(language).stemWord(word)
    return stem
