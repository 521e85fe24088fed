"""What recall costs: a query, an added turn, memory, and the time that it adds to a turn.

    python -m tests.benchmarks.recall_speed [--turns 1000,10000]

prints JSON. A turn is a message of 20 words and an answer of 40, of which two in five are function
words; the others are of a made vocabulary of 20,000, as rare as words are (by Zipf's law). A query
has 8 of those. `query` is from the text to the ranked passages, `added` from a turn's records to
the index that has it; both are times of this thread's CPU, in milliseconds. `bytes_per_turn` is
measured (tracemalloc), `reckoned_per_turn` is what the cache counts. The peers search the same
turns for the same words: `rank_bm25` and `bm25s` as their documentation shows; neither can add a
turn, so `rebuilt` says how many milliseconds building takes. `files` are the same queries of ten
text files of 128 KB in a thread of 100 turns, what reading one for the index takes, and the bytes
of all. `turn` is the time of a whole turn in
the in-process store with and without recall, by turns, from the message to its answer; the model
answers at once.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import string
import time
import tracemalloc
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Any

import bm25s
from rank_bm25 import BM25Okapi

from core.domain.admission import FollowUp
from core.domain.limits import TEXT_FILE_BYTES
from core.domain.message import Attachment, Kind
from core.domain.session import Answer, AnswerKind, Entry, Turn
from core.intake.intake import Intake, IntakePolicy
from core.memory.memory import Memory
from core.memory.recall.choose import Within, find
from core.memory.recall.files import FileIndex, HiddenFiles, unit_of
from core.memory.recall.index import Index, units_of
from core.memory.recall.living import living_of
from core.memory.recall.words import wanted_in
from core.memory.tokens import counter_for
from core.models.scripted import ScriptedModel
from tests.builders import message
from tests.world import THREAD, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.memory.recall.choose import Hit
    from core.worker.worker import Worker

SIZES = (1000, 10_000)
QUERIES = 200
HITS = 125
"""What a turn asks for that may show 1,000 tokens."""
TURNS = 60
FILES = 10
FILE_WORDS = 24_000
"""Words of a file, of which the first 128 KB count."""
VOCABULARY = 20_000
FUNCTION_WORDS = ("the", "and", "of", "to", "with", "that", "it", "for", "was", "on", "this", "is")
_MILLI = 1000


def main() -> None:
    """Print the figures for each size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", default=",".join(map(str, SIZES)))
    sizes = [int(size) for size in parser.parse_args().turns.split(",")]
    found: dict[str, Any] = {str(size): measure(size) for size in sizes}
    found["files"] = of_files()
    found["turn"] = asyncio.run(whole_turns())
    print(json.dumps(found, indent=1))  # noqa: T201 - for programs


class Writer:
    """Writes text of a made language."""

    def __init__(self) -> None:
        self.chance = random.Random(7)
        letters = string.ascii_lowercase
        self.words = [
            "".join(self.chance.choices(letters, k=self.chance.randint(3, 9)))
            for _ in range(VOCABULARY)
        ]
        self.weights = [1 / (rank + 5) for rank in range(VOCABULARY)]

    def text(self, words: int) -> str:
        own = self.chance.choices(self.words, self.weights, k=words - words * 2 // 5)
        text = own + self.chance.choices(FUNCTION_WORDS, k=words * 2 // 5)
        self.chance.shuffle(text)
        return " ".join(text)

    def question(self) -> str:
        """Return words that are not the most frequent ones, which no question is about."""
        asked = self.chance.choices(self.words[100:], self.weights[100:], k=8)
        return f"What was the {' '.join(asked)}?"

    def turns(self, count: int, after: int = 0) -> Iterator[Turn]:
        for place in range(after, after + count):
            said = message(place, self.text(20))
            at = 1.7e9 + place * 600
            entry = Entry(
                position=place, id=said.id, author=said.author, text=said.text, sent_at=at
            )
            answer = Answer(
                position=place,
                turn=said.id,
                token="t",
                kind=AnswerKind.ANSWER,
                text=self.text(40),
                sent_at=at + 5,
            )
            yield Turn((entry,), answer)


def measure(size: int) -> dict[str, Any]:
    """Return what queries and turns cost in a thread of so many turns."""
    writer = Writer()
    turns = list(writer.turns(size))
    units_of(turns, UTC)  # fills the caches of words, which all threads share
    gc.collect()
    tracemalloc.start()
    index = Index(UTC)
    index.add(units_of(turns, UTC))
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    added = [timed(partial(_add, index, turn)) for turn in writer.turns(QUERIES, after=size)]
    living_of(index)
    questions = [writer.question() for _ in range(QUERIES)]
    within = Within(stop=size - 20)
    queried = [timed(partial(_find, index, text, within)) for text in questions]
    return {
        "query": percentiles(queried),
        "added": percentiles(added),
        "bytes_per_turn": round(held / size),
        "reckoned_per_turn": round(index.size / (size + QUERIES)),
        "peers": peers(turns, questions),
    }


def of_files() -> dict[str, Any]:
    """Return what queries cost in a thread with files as long as a prompt shows them."""
    writer = Writer()
    talk = Index(UTC)
    talk.add(units_of(writer.turns(100), UTC))
    kept, read = FileIndex(Index(UTC)), []
    for number in range(FILES):
        file = Attachment(id=f"f{number}", name="a.txt", media_type="text/plain", size=1)
        said = message(number)
        entry = Entry(
            position=number,
            id=said.id,
            author=said.author,
            text=said.text,
            sent_at=1.7e9,
            attachments=(file,),
        )
        text = writer.text(FILE_WORDS)[:TEXT_FILE_BYTES]
        kept.note([(number, file.id)])
        began = time.thread_time()
        kept.add((number, file.id), unit_of(entry, file, text, number=number, talk=talk))
        read.append(time.thread_time() - began)

    def query(text: str) -> list[Hit]:
        wanted = wanted_in([text], HiddenFiles(kept).spoken_with(talk))
        return HiddenFiles(kept).find(wanted, talk, Within(), limit=HITS)

    questions = [writer.question() for _ in range(QUERIES)]
    return {
        "query": percentiles([timed(partial(query, text)) for text in questions]),
        "read": percentiles(read),
        "passages": len(kept.index.owners),
        "reckoned": kept.size,
    }


def _add(index: Index, turn: Turn) -> None:
    index.add(units_of([turn], UTC))


def _find(index: Index, text: str, within: Within) -> list[Hit]:
    return find(index, wanted_in([text], index.spoken), within, limit=HITS)


def peers(turns: list[Turn], questions: list[str]) -> dict[str, Any]:
    """Return what the same searches cost others."""
    texts = [text for turn in turns for text in (turn.entries[0].text, turn.answer.text)]
    words = [text.lower().split() for text in texts]
    built = time.thread_time()
    okapi = BM25Okapi(words)
    okapi_built = time.thread_time() - built
    built = time.thread_time()
    ranker = bm25s.BM25()
    ranker.index(bm25s.tokenize(texts, show_progress=False), show_progress=False)
    ranker_built = time.thread_time() - built

    def by_bm25s(text: str) -> object:
        tokens = bm25s.tokenize([text], show_progress=False)
        return ranker.retrieve(tokens, k=100, show_progress=False)

    def by_okapi(text: str) -> object:
        return okapi.get_top_n(text.lower().split(), texts, n=100)

    asked = questions[:30]
    return {
        "rank_bm25": {
            "query": percentiles([timed(partial(by_okapi, t)) for t in asked]),
            "rebuilt": round(okapi_built * _MILLI),
        },
        "bm25s": {
            "query": percentiles([timed(partial(by_bm25s, t)) for t in asked]),
            "rebuilt": round(ranker_built * _MILLI),
        },
    }


def timed(call: Callable[[], object]) -> float:
    """Return how many seconds of this thread's CPU a call takes."""
    start = time.thread_time()
    call()
    return time.thread_time() - start


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Return the median and the 99th percentile in milliseconds."""
    ordered = sorted(seconds)
    last = len(ordered) - 1
    return {
        "p50_ms": round(ordered[last // 2] * _MILLI, 3),
        "p99_ms": round(ordered[round(last * 0.99)] * _MILLI, 3),
    }


async def whole_turns() -> dict[str, Any]:
    """Return what a turn takes with and without recall, one after the other."""
    writer = Writer()
    with_recall, without = await _told(writer, 1000), await _told(writer, 0)
    times: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(TURNS):
        question = writer.question()
        for name, (world, worker) in {"with": with_recall, "without": without}.items():
            times[name].append(await _turn(world, worker, question))
    for _, worker in (with_recall, without):
        await worker.drain()
    found = {name: percentiles(taken) for name, taken in times.items()}
    added = found["with"]["p50_ms"] - found["without"]["p50_ms"]
    return {**found, "added_p50_ms": round(added, 3)}


async def _told(writer: Writer, tokens: int) -> tuple[World, Worker]:
    """Return a world in which a thread has had a thousand turns."""
    world = World(ScriptedModel(reply=lambda _: "Noted."))
    world.recall_tokens = tokens
    counter = counter_for("x", rank_file=None)
    world.memory = Memory(budget=100_000, counter=counter, by_kind=dict.fromkeys(Kind, "window"))
    worker = world.worker()
    await worker.__aenter__()
    for _ in range(1000):
        await _turn(world, worker, writer.text(20))
    await worker._runner._pipeline.recall.indexes.settled()
    return world, worker


def _intake(world: World, worker: Worker) -> Intake:
    """Return the way in, which loads as many messages as the window needs."""
    strategy = world.memory.strategy(Kind.THREAD)
    policy = IntakePolicy(
        ttl=dict.fromkeys(Kind, 1e6),
        reach=dict.fromkeys(Kind, strategy.lookback),
        follow_up=FollowUp.ALWAYS,
    )
    return Intake(world.store, worker, policy)


_said = 0


async def _turn(world: World, worker: Worker, text: str) -> float:
    """Say something; return how many seconds the answer takes."""
    global _said  # noqa: PLW0603 - each message has a number of its own
    _said += 1
    said = message(_said, text, thread=THREAD)
    start = time.perf_counter()
    await _intake(world, worker).take(said)
    while world.local.headers[str(THREAD)].due_at is not None:
        await asyncio.sleep(0)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
