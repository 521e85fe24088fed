"""Reading exported JSON back into a store, while nobody writes in the conversations it has.

The file is read twice: first all of it is checked, so a wrong file changes nothing; then it is
written, page by page. A conversation exists once its last page is written, so an import may be
interrupted anywhere and started again: what is there already stays as it is.
"""

from __future__ import annotations

import gzip
import zipfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import TextIOWrapper
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, TextIO, TypeAlias, cast

from core.commands.export.json_form import FORMAT, fields_of, head_fields
from core.commands.export.json_read import Head, check_version, head_of, record_of
from core.commands.export.request import ALL_TIMES
from core.commands.export.stream import JsonStream
from core.domain.errors import ChatbotError
from core.domain.pins import PINS
from core.domain.session import Answer, Status
from core.store.header import Header
from core.store.keys import TOMBSTONE_SECONDS, unique
from core.store.migration.migrate import PORTION
from core.store.values import Dump
from core.store.verbs import Tombstone
from core.store.verbs.inbox import PEOPLE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from core.domain.clock import Clock
    from core.domain.message import Kind, ThreadKey
    from core.domain.session import Record
    from core.store.port import Store

    Json: TypeAlias = dict[str, Any]

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
"""How files of these formats begin (RFC 1952, 2.3.1; PKWARE's APPNOTE.TXT, 4.3.7)."""


_REACH = 1000
"""How many positions a worker sees of it until the next message says how many it needs."""


class ImportRefusedError(ChatbotError):
    """A file can't be imported; the text says why."""


@dataclass(slots=True)
class Imported:
    """What an import did."""

    conversations: int = 0
    records: int = 0
    there: int = 0
    """Conversations that were there already, the same as in the file."""
    others: list[ThreadKey] = field(default_factory=list)
    """Conversations that are there and differ from the file: they stay as they are."""


@dataclass(slots=True)
class Tally:
    """What the records of a conversation say, all together."""

    count: int = 0
    last: tuple[int, bool] = (-1, False)
    """The position of the last record, and whether that is an answer."""
    answered: int = 0
    """The position behind the last one that is answered."""
    waiting: list[tuple[int, Status]] = field(default_factory=list)
    """Messages behind that position."""
    said_at: float | None = None
    """When the last message was sent, by the platform's clock."""
    first_at: float = 0.0
    last_at: float = 0.0
    people: dict[str, None] = field(default_factory=dict)
    """Those who said something; version 1 did not list who takes part."""

    def add(self, record: Record) -> None:
        """Count a record; raise ValueError if it is out of order."""
        place = (record.position, isinstance(record, Answer))
        if place <= self.last:
            raise ValueError("its records are not in order")
        self.last = place
        self.first_at = self.first_at if self.count else record.sent_at
        self.last_at = max(self.last_at, record.sent_at)
        self.count += 1
        if isinstance(record, Answer):
            self.answered = record.position + 1
            self.waiting.clear()
            return
        self.said_at = max(self.said_at or record.sent_at, record.sent_at)
        if not record.author.is_app:
            self.people[record.author.id] = None
        if record.status is not Status.DELETED:
            self.waiting.append((record.position, record.status))


@dataclass(frozen=True, slots=True)
class _Survey:
    """A conversation in the file, as the first reading finds it."""

    head: Head
    tally: Tally


async def import_file(
    store: Store,
    path: Path,
    clock: Clock,
    *,
    ttl: Callable[[Kind], float],
    tell: Callable[[int, int], None],
) -> Imported:
    """Write the conversations of an export into a store.

    Args:
        store: The store; no bot answers in these conversations meanwhile.
        path: The export: JSON, also compressed by gzip, or the ZIP that has it.
        clock: Says when the conversations would end.
        ttl: Returns after how many seconds of silence a conversation of a kind ends.
        tell: Is called with how many conversations are done, and of how many.

    Raises:
        ImportRefusedError: The file is no such export, or not whole; nothing was written.
        OSError: The file can't be read.
        StoreError: The store can't be written; an import that is started again goes on.
    """
    with _refusing(path):
        surveys = _surveyed(path)
    done = Imported()
    with opened(path) as text:
        walk = _walk(JsonStream(text))
        for number, survey in enumerate(surveys):
            records = _next_records(walk)
            dump = dump_of(survey.head, survey.tally, clock.now(), ttl(survey.head.kind))
            await _import(store, survey, records, dump, done)
            for _ in records:  # those of one that is there already
                pass
            tell(number + 1, len(surveys))
    return done


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """Open the text of an export, packed or not."""
    with ExitStack() as stack:
        raw: IO[bytes] = stack.enter_context(path.open("rb"))
        start = raw.read(4)
        raw.seek(0)
        if start[:2] == _GZIP:
            raw = cast("IO[bytes]", stack.enter_context(gzip.GzipFile(fileobj=raw)))
        elif start == _ZIP:
            packed = stack.enter_context(zipfile.ZipFile(raw))
            names = [name for name in packed.namelist() if name.endswith(".json")]
            if len(names) != 1:
                raise ValueError("the ZIP does not have one JSON document in it")
            raw = stack.enter_context(packed.open(names[0]))
        yield stack.enter_context(TextIOWrapper(raw, encoding="utf-8-sig"))


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, EOFError, zipfile.BadZipFile, gzip.BadGzipFile) as error:
        why = "it is not in UTF-8" if isinstance(error, UnicodeError) else str(error)
        raise ImportRefusedError(f"{path.name} can't be imported: {why}. Nothing is changed") from (
            error
        )


# --- reading --------------------------------------------------------------------------------------


def _surveyed(path: Path) -> list[_Survey]:
    """Read and check all of a file; return its conversations without their records."""
    found: list[_Survey] = []
    threads: set[ThreadKey] = set()
    tally = Tally()
    with opened(path) as text:
        stream = JsonStream(text)
        for is_record, fields in _walk(stream):
            if is_record:
                tally.add(record_of(fields))
                continue
            head = head_of(fields)
            if head.thread in threads:
                raise ValueError(f"{head.thread} is in it twice")
            if len(head.pins) > PINS:
                raise ValueError(f"{head.thread} has more pins than a conversation can have")
            threads.add(head.thread)
            found.append(_Survey(head, tally))
            tally = Tally()
        stream.end()
    return found


def _walk(stream: JsonStream) -> Iterator[tuple[bool, Json]]:
    """Yield the records of each conversation, and behind them what else the export has of it."""
    fields: Json = {}
    is_one, is_list = False, False
    for name in stream.fields():
        if name == "conversations":
            is_list = True
            for _ in stream.items():
                yield from _conversation(stream, {})
        elif name == "records":
            is_one = True
            yield from _records(stream)
        else:
            fields[name] = stream.value()
            if name == "version":
                check_version({"format": FORMAT, **fields})
    check_version(fields)
    if is_one == is_list:
        raise ValueError("it is no export of this bot")
    if is_one:
        yield False, fields


def _conversation(stream: JsonStream, fields: Json) -> Iterator[tuple[bool, Json]]:
    for name in stream.fields():
        if name == "records":
            yield from _records(stream)
        else:
            fields[name] = stream.value()
    yield False, fields


def _records(stream: JsonStream) -> Iterator[tuple[bool, Json]]:
    for _ in stream.items():
        record = stream.value()
        if type(record) is not dict:
            raise ValueError("a record in it is no object")
        yield True, record


def _next_records(walk: Iterator[tuple[bool, Json]]) -> Iterator[Record]:
    """Yield the records of the next conversation."""
    for is_record, fields in walk:
        if not is_record:
            return
        yield record_of(fields)


# --- writing --------------------------------------------------------------------------------------


async def _import(
    store: Store, survey: _Survey, records: Iterator[Record], dump: Dump, done: Imported
) -> None:
    thread = survey.head.thread
    if (there := await store.dump(thread)) is not None:
        if await _is_same(store, there, dump, thread, records):
            done.there += 1
        else:
            done.others.append(thread)
        return
    first, left = True, survey.tally.count
    while first or left:
        page = [*islice(records, PORTION)]
        left -= len(page)
        if not first and await store.dump(thread) is not None:
            done.others.append(thread)  # people have begun one there meanwhile
            return
        await store.load(thread, page, first=first, dump=None if left else dump)
        first = False
    done.conversations += 1
    done.records += survey.tally.count


async def _is_same(
    store: Store, there: Dump, dump: Dump, thread: ThreadKey, records: Iterator[Record]
) -> bool:
    """Return whether a conversation in the store is the one in the file."""
    heads = [head_fields(thread, "", each, ALL_TIMES) for each in (there, dump)]
    if heads[0] != heads[1]:
        return False
    async for record in store.records(thread):
        other = next(records, None)
        if other is None or fields_of(record) != fields_of(other):
            return False
    return next(records, None) is None


def dump_of(head: Head, tally: Tally, now: float, ttl: float) -> Dump:
    """Return a conversation at rest: what waits in it is answered with the next message.

    Args:
        head: What is known of it beside its records.
        tally: All of its records, counted.
        now: The store's time.
        ttl: After how many seconds it ends if nobody writes.
    """
    people = sorted(head.people or tally.people)
    following = max(tally.last[0] + 1, head.reset_place, head.covers)
    waiting = [status for place, status in tally.waiting if place >= head.reset_place]
    header = Header(
        kind=head.kind,
        ttl=ttl,
        reach=_REACH,
        revision=unique(),
        started_at=head.started_at or tally.first_at,
        last_at=head.last_at or tally.last_at,
        expires_at=now + ttl,
        next=following,
        head=max(tally.answered, head.reset_place, head.covers),
        reset_position=head.reset_place,
        waiting=waiting.count(Status.ADDRESSED),
        overheard=waiting.count(Status.OVERHEARD),
        people=people[:PEOPLE_LIMIT],
        settings=head.settings,
        pins=head.pins,
        covers=head.covers,
        summary=head.summary,
        stale=head.stale,
        withheld=head.withheld,
        seen_from=head.seen_from,
        explained=head.explained,
        turns=head.turns,
        taking_part=head.takes_part,
        usage=head.usage,
    )
    # What the platform delivers again of these messages is there already.
    trace = Tombstone(line=tally.said_at, expires=now + TOMBSTONE_SECONDS)
    return Dump(header=header, people=tuple(people), trace=trace, time=now)
