"""The names and the form of items in a DynamoDB table. Pure.

A thread's items share its partition. All but its header and summary carry the *generation* of the
session in their names. What an erase or an expiry leaves behind belongs to a past generation that
no verb reads, so it may be removed in as many steps as it takes.
"""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from core.domain.admission import Admission
from core.domain.message import ThreadKey
from core.store import codec
from core.store.keys import digest
from core.store.verbs import Tombstone
from core.store.verbs.buffered_rows import Snapshot

if TYPE_CHECKING:
    from core.domain.session import Record
    from core.store.dynamodb.claiming import LeaseObserver
    from core.store.header import Header
    from core.store.verbs.buffered_rows import Slot

Key: TypeAlias = tuple[str, str]
"""The partition key and the sort key of an item."""
Item: TypeAlias = dict[str, dict[str, Any]]

HEADER, SUMMARY = "h", "s"
LEFT = "left#"
"""The prefix of items that name a past generation to be removed."""
THREADS, BURIED, PERSON = "t", "b", "p#"
"""The keys of lists; a person's id follows the last one."""
SWEPT = "x"
_MARKS = 8
_LONG = 300_000
"""Bytes beyond which a text is compressed. An item holds 400 KB, while an answer of 128,000 tokens,
the longest of any model, may take half a megabyte, and half of that when compressed.
"""


def of(key: Key, **fields: str | bytes | float | None) -> Item:
    """Return an item without the fields that are None."""
    named = {"pk": key[0], "sk": key[1], **fields}
    return {name: _value(field) for name, field in named.items() if field is not None}


def key_of(item: Item) -> Key:
    """Return an item's key."""
    return item["pk"]["S"], item["sk"]["S"]


def text(item: Item, name: str) -> str:
    """Return a text field; empty if it is missing."""
    return str(item[name]["S"]) if name in item else ""


def packed(body: str) -> dict[str, str | bytes]:
    """Return the field that holds a text of any length."""
    data = body.encode()
    return {"packed": zlib.compress(data)} if len(data) > _LONG else {"body": body}


def unpacked(item: Item) -> str:
    """Return the text in the field that `packed` returned."""
    if "packed" in item:
        return zlib.decompress(item["packed"]["B"]).decode()
    return text(item, "body")


def number(item: Item, name: str) -> float | None:
    """Return a number field; None if it is missing."""
    return float(item[name]["N"]) if name in item else None


def partition(thread: ThreadKey) -> str:
    """Return the partition of a thread's items."""
    return f"t#{thread}"


def thread_of(partition: str) -> ThreadKey:
    """Return the thread whose items are in a partition."""
    return ThreadKey.parse(partition.removeprefix("t#"))


def seen_key(thread: ThreadKey, identity: str) -> Key:
    """Return the key of the admission of an event."""
    return f"s#{digest(thread, identity)}", "-"


def trace_key(thread: ThreadKey) -> Key:
    """Return the key of a thread's tombstone."""
    return f"r#{digest(thread)}", "-"


def record_name(gen: str, slot: Slot) -> str:
    """Return the sort key of a record; the keys sort by position."""
    return f"{gen}#e#{slot[0]:019d}#{slot[1]}"


def id_name(gen: str, message: str) -> str:
    """Return the sort key of the item that holds a message's position."""
    return f"{gen}#i#{message}"


def ttl(until: float) -> dict[str, float]:
    """Return the fields that make DynamoDB remove an item some time after `until`."""
    return {"ending": until, "expires": math.ceil(until)}


def is_over(item: Item, now: float) -> bool:
    """Return whether an item has expired, even if it is still there."""
    return (number(item, "ending") or 0) <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A record that was written or removed recently, and by which write."""

    slot: Slot
    stamp: str
    """Empty: the record was removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A stored header, with what only this kind of store needs."""

    header: Header
    """The times of its lease are by the clock of its writer; see `LeaseObserver`."""
    gen: str
    stamp: str
    """The write that it comes from; never repeats."""
    beat: str = ""
    summary: str = ""
    """The stamp of the summary; empty if there is none."""
    ends: float = 0
    """When a sweep checks whether the session has expired: at its end, or earlier."""
    marks: tuple[Mark, ...] = ()
    """The last few records that were written. By them a read recognizes that it saw only parts of a
    transaction: writes are atomic, but reads of several items are not."""

    def marked(self, marks: list[Mark]) -> tuple[Mark, ...]:
        """Return the last few marks, including these."""
        slots = {mark.slot for mark in marks}
        return (*(mark for mark in self.marks if mark.slot not in slots), *marks)[-_MARKS:]


@dataclass(slots=True, kw_only=True)
class VersionedSnapshot:
    """What was read of a thread, and which write each item comes from."""

    thread: ThreadKey
    head: Head | None = None
    """The stored header; the snapshot's has the lease's end by this process's clock."""
    snapshot: Snapshot = field(default_factory=Snapshot)
    stamps: dict[Key, str] = field(default_factory=dict)
    """The write that each item comes from; empty: the item does not exist."""
    rounds: int = 1
    """The number of sequential reads; between them, something may have changed."""

    @property
    def partition(self) -> str:
        """Return the partition of the thread's items."""
        return partition(self.thread)

    @property
    def gen(self) -> str:
        """Return the generation of the thread's session; empty if there is none."""
        return self.head.gen if self.head else ""

    def present(self, now: float, beats: LeaseObserver) -> None:
        """Set the lease's end by this process's own clocks, from what it has seen of the beat."""
        if self.head is None:
            self.snapshot.header = None
            return
        header = self.head.header.copy()
        if header.token:
            left = beats.left(str(self.thread), self.head.beat)
            header.lease_until = header.due_at = now + max(left, 0)
        self.snapshot.header = header


def dump_head(thread: ThreadKey, head: Head) -> Item:
    """Return the item that holds a header; another item holds the summary."""
    header = head.header
    return of(
        (partition(thread), HEADER),
        body=codec.dump(replace(header, summary="")),
        gen=head.gen,
        stamp=head.stamp,
        beat=head.beat or None,
        summary=head.summary or None,
        marks=json.dumps([(*mark.slot, mark.stamp) for mark in head.marks]),
        queue=None if header.due_at is None else thread.platform,
        due=header.due_at,
        listing=THREADS,
        label=str(thread),
        sweeping=SWEPT,
        ends=head.ends,
    )


def load_head(item: Item) -> Head:
    """Return the header in an item of `dump_head`, without the summary's text."""
    marks = json.loads(text(item, "marks"))
    return Head(
        header=codec.load_header(text(item, "body")),
        gen=text(item, "gen"),
        stamp=text(item, "stamp"),
        beat=text(item, "beat"),
        summary=text(item, "summary"),
        ends=number(item, "ends") or 0,
        marks=tuple(Mark(slot=(place, half), stamp=stamp) for place, half, stamp in marks),
    )


def load_record(item: Item) -> tuple[Slot, Record]:
    """Return a record and its slot."""
    _, _, place, half = text(item, "sk").split("#")
    body = unpacked(item)
    record = codec.load_answer(body) if half == "1" else codec.load_entry(body)
    return (int(place), int(half)), record


def load_seen(item: Item | None, now: float) -> Admission | None:
    """Return the admission of an event."""
    return None if item is None or is_over(item, now) else Admission(text(item, "verdict"))


def load_trace(item: Item | None, now: float) -> Tombstone | None:
    """Return a thread's tombstone."""
    if item is None or is_over(item, now):
        return None
    return Tombstone(line=number(item, "line"), expires=number(item, "ending") or 0)


def _value(field: str | bytes | float | None) -> dict[str, Any]:
    if isinstance(field, bytes):
        return {"B": field}
    return {"S": field} if isinstance(field, str) else {"N": repr(field)}
