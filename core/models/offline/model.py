"""A model that needs no key and no network. It is no language model, and says so.

It answers by searching what the request shows for what was said, and quotes it. It makes a summary
from the most important sentences. If it finds nothing, it says so.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Final

import bm25s
from typing_extensions import override

from core.models.offline.extract import extract, lines_of
from core.models.offline.language import content_words, is_implied, is_question, is_vague, units_of
from core.models.port import Completion, Model, Purpose, StopReason

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from core.models.port import ModelRequest, Shown, ShownMessage

NOTED: Final = "Noted."
HELLO: Final = "Hello! I'm not a language model: I keep what you tell me, and find it again."
NOT_FOUND: Final = "I can't find that in what I was shown."
CLOSEST: Final = "The closest is this."
SOMEONE: Final = "Someone"
UNSEEN: Final = "I can't look into {name}: I can only read text."

_BYTES_PER_TOKEN = 2.6
_SEGMENT_SHARE = 0.5
"""The share of a summary's room that one segment of it takes."""
_QUOTES = 3
_QUESTIONS = 10
"""The most questions that are answered in one message."""
_VAGUE_WEIGHT = 0.5
_ENOUGH = 0.5
"""The share of a question's words that an answer must have."""
_CHUNK = re.compile(r"\S+\s*|\s+")
_GREETING = re.compile(r"\W*(?:hi|hello|hey|good (?:morning|afternoon|evening))\b", re.IGNORECASE)
_MINE = re.compile(r"\b(?:i|me|my|mine|we|our|us)\b", re.IGNORECASE)
_ASKING = re.compile(r"\b(?:(?:did|have|had) i|(?:tell|remind|remember)\s+me)\b", re.IGNORECASE)
"""Mentions of oneself that do not make the question one about oneself."""


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement that may answer a question."""

    text: str
    source: str
    """Who said it; empty if only one person talks."""
    person: str
    """Tells people of one name apart; empty if only one person talks, or that is unknown."""
    words: frozenset[str]
    turn: int
    """The index of the new message that it comes from; -1 if it is older."""
    summarised: bool = False
    corrects: bool = False
    """A person said that it is right, whatever else was said."""


class OfflineModel(Model):
    """Finds what was said, and quotes it."""

    name = "offline"
    has_tools = False

    @override
    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | Completion, None]:
        """Yield the answer word by word, then the end. Never fails."""
        # In a thread, since a long context takes a while, and other turns must go on.
        text = await asyncio.to_thread(answer, request)
        room = int(request.max_tokens * _BYTES_PER_TOKEN)
        kept = text.encode(errors="replace")[:room].decode(errors="ignore")
        for chunk in _CHUNK.findall(kept):
            yield chunk
            await asyncio.sleep(0)
        yield Completion(stop=StopReason.END if kept == text else StopReason.LENGTH)

    @override
    async def count(self, request: ModelRequest) -> int | None:
        """Return None: it has no limit that a request could come near."""
        return None

    @override
    async def close(self) -> None:
        pass


def answer(request: ModelRequest) -> str:
    """Return the answer to a request."""
    shown = request.shown()
    if request.purpose is Purpose.SUMMARY:
        room = int(request.max_tokens * _BYTES_PER_TOKEN * _SEGMENT_SHARE)
        return extract(shown.new, max_bytes=room)
    search = _Search(_statements(shown))
    answers: list[str] = []
    for turn, said in enumerate(shown.new):
        answers += _answers_to(said, turn, search, shown) if not said.overheard else ()
    answers += [UNSEEN.format(name=part.name) for part in request.messages[-1].media]
    return "\n".join(dict.fromkeys(answers)) or NOTED


def _answers_to(said: ShownMessage, turn: int, search: _Search, shown: Shown) -> list[str]:
    """Return an answer to each question of a message, or an acknowledgement."""
    text = said.text
    if not text.strip():  # what it forwards is all that it says
        text = "\n".join(quote.text for quote in said.quotes)
    questions = [unit for unit in units_of(text) if is_question(unit)]
    if not questions:
        greeted = _GREETING.match(text) and len(content_words(text)) <= 1
        return [HELLO if greeted else NOTED]
    return [
        _reply(search.best(question, said, turn), said, shown)
        for question in questions[:_QUESTIONS]
    ]


def _reply(found: _Found, asked: ShownMessage, shown: Shown) -> str:
    if found.exact:
        return _quote(found.statements, asked)
    if not found.statements:
        return _not_found(shown)
    return f"{_not_found(shown)} {CLOSEST} {_quote(found.statements, asked)}"


def _not_found(shown: Shown) -> str:
    if not shown.left_out:
        return NOT_FOUND
    if shown.left_out == 1:
        return f"{NOT_FOUND} One earlier message is not shown to me."
    return f"{NOT_FOUND} {shown.left_out} earlier messages are not shown to me."


def _quote(statements: Sequence[_Statement], asked: ShownMessage) -> str:
    parts: list[str] = []
    speaker = ""
    for statement in statements:
        own = _is_by(statement, asked)
        by = "You" if own else statement.source or SOMEONE
        by = "My summary says" if statement.summarised else f"{by} said"
        parts.append(f'{"also" if by == speaker else by}: "{statement.text}"')
        speaker = by
    return " ".join(parts)


def _statements(shown: Shown) -> tuple[_Statement, ...]:
    """Return what people said, oldest first, except questions; the bot's answers are left out."""
    summary = (
        _Statement(line, _speaker_of(line), "", frozenset(content_words(line)), -1, summarised=True)
        for line in lines_of(shown.summary)
        if not is_question(line)
    )
    earlier = _said((*shown.recalled, *shown.earlier, *shown.pins), new=False)
    corrections = (replace(each, corrects=True) for each in _said(shown.corrections, new=False))
    return (*summary, *earlier, *corrections, *_said(shown.new, new=True))


def _said(messages: Sequence[ShownMessage], *, new: bool) -> Iterator[_Statement]:
    for turn, said in enumerate(messages):
        for text, source, person in _texts(said):
            for unit in units_of(text):
                if not is_question(unit):
                    words = frozenset(content_words(unit))
                    yield _Statement(unit, source, person, words, turn if new else -1)


def _texts(said: ShownMessage) -> Iterator[tuple[str, str, str]]:
    """Yield what a message says and shows: the texts, who said each, and their tag."""
    yield said.text, said.speaker, said.person
    for name in said.files:
        yield f"[file: {name}]", said.speaker, said.person
    for quote in said.quotes:
        yield quote.text, quote.speaker or SOMEONE, SOMEONE


def _speaker_of(line: str) -> str:
    """Return the speaker whom a line of a summary names; empty if it names none."""
    return line.partition(": ")[0] if ": " in line else ""


@dataclass(frozen=True, slots=True)
class _Found:
    """The statements that answer a question best, in the order in which they were said."""

    statements: tuple[_Statement, ...] = ()
    exact: bool = False
    """They contain all that was asked for; otherwise they are only the closest match."""


class _Search:
    """Ranks statements by how well they answer a question."""

    def __init__(self, statements: tuple[_Statement, ...]) -> None:
        self._statements = tuple(item for item in statements if item.words)
        self._ranker = bm25s.BM25(auto_compile=False) if self._statements else None
        if self._ranker is not None:
            corpus = [content_words(item.text) for item in self._statements]
            self._ranker.index(corpus, show_progress=False)

    def best(self, question: str, asked: ShownMessage, turn: int) -> _Found:
        """Return the best answers to a question in the new message with the index `turn`."""
        wanted = frozenset(content_words(question))
        if self._ranker is None or not wanted:
            return _Found()
        scores = self._ranker.get_scores(sorted(wanted))
        mine = _MINE.search(_ASKING.sub("", question)) is not None
        ranked = sorted(
            (
                (*_coverage(item, wanted, asked, mine=mine), float(score), place)
                for place, (item, score) in enumerate(zip(self._statements, scores, strict=True))
                if item.turn <= turn and _bears_on(item, wanted)
            ),
            reverse=True,
        )
        # All statements as good as the best, without repetitions; of those, the newest counts.
        equal = {
            self._statements[r[-1]].words: r for r in reversed(ranked) if r[:2] == ranked[0][:2]
        }
        places = sorted(rank[-1] for rank in sorted(equal.values(), reverse=True)[:_QUOTES])
        chosen = tuple(self._statements[place] for place in places)
        chosen = tuple(each for each in chosen if each.corrects) or chosen
        return _Found(chosen, exact=bool(chosen) and _answers(chosen[0], wanted, asked, mine=mine))


def _coverage(
    item: _Statement, wanted: frozenset[str], asked: ShownMessage, *, mine: bool
) -> tuple[float, bool]:
    """Return how much of a question a statement shares, and whether both are about the asker."""
    shared = sum(_VAGUE_WEIGHT if is_vague(word) else 1.0 for word in wanted & item.words)
    return shared, _is_own(item, asked) == mine


def _answers(item: _Statement, wanted: frozenset[str], asked: ShownMessage, *, mine: bool) -> bool:
    """Return whether a statement contains all words that are asked for."""
    of_asker = not mine or item.summarised or _is_own(item, asked)
    return of_asker and all(word in item.words or is_implied(word) for word in wanted)


def _is_own(item: _Statement, asked: ShownMessage) -> bool:
    by_asker = not item.source or _is_by(item, asked)
    return by_asker and _MINE.search(item.text) is not None


def _is_by(item: _Statement, asked: ShownMessage) -> bool:
    """Return whether the person who asks made a statement; in a summary, only names say so."""
    if item.summarised or not (item.person and asked.person):
        return item.source == asked.speaker
    return item.person == asked.person


def _bears_on(item: _Statement, wanted: frozenset[str]) -> bool:
    """Return whether a statement shares enough of what is asked, and about which thing."""
    things = {word for word in wanted if not is_vague(word)} or wanted
    return len(things & item.words) >= max(1, ceil(len(things) * _ENOUGH))
