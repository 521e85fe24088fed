"""All changes of a verb as one transaction, conditional on what it has read. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from core.domain.session import Entry
from core.store import codec
from core.store.dynamodb import items
from core.store.dynamodb.items import Head, Mark, VersionedSnapshot
from core.store.keys import SEEN_SECONDS
from core.store.verbs.buffered_rows import Snapshot

if TYPE_CHECKING:
    from collections.abc import Collection

    from core.domain.session import Record
    from core.store.dynamodb.items import Item, Key
    from core.store.header import Header
    from core.store.verbs.buffered_rows import Changes, Slot

Step = dict[str, Any]


@dataclass(slots=True)
class Writing:
    """A transaction that is being assembled."""

    look: VersionedSnapshot
    now: float
    stamp: str
    """Names the write; every item carries it, and it identifies a retry."""
    steps: list[Step] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    head: Head | None = None
    """The thread's new header."""

    def put(self, key: Key, **fields: str | bytes | float | None) -> None:
        """Write an item, on the condition that it has not changed since it was read, if it was."""
        item = items.of(key, stamp=self.stamp, **fields)
        self.steps.append({"Put": {"Item": item, **self._as_read(key)}})

    def remove(self, key: Key) -> None:
        """Remove an item, on the condition that it has not changed since it was read, if it was."""
        named = {"pk": {"S": key[0]}, "sk": {"S": key[1]}}
        self.steps.append({"Delete": {"Key": named, **self._as_read(key)}})

    def _as_read(self, key: Key) -> dict[str, Any]:
        read = self.look.stamps.get(key)
        return {} if read is None else condition(read)


def condition(stamp: str) -> dict[str, Any]:
    """Return the condition that an item still comes from this write; empty: does not exist."""
    if not stamp:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "stamp = :stamp",
        "ExpressionAttributeValues": {":stamp": {"S": stamp}},
    }


def writing(look: VersionedSnapshot, changes: Changes, now: float, stamp: str) -> Writing:
    """Return the transaction that makes these changes if the thread has not changed."""
    made = Writing(look, now, stamp)
    gen = stamp[:12] if changes.emptied or look.head is None else look.gen
    moved = {each.id for each in changes.records.values() if isinstance(each, Entry)}
    for slot, record in changes.records.items():
        _record(made, gen, slot, record, moved)
    for identity, verdict in changes.seen.items():
        fields = items.ttl(now + SEEN_SECONDS)
        made.put(items.seen_key(look.thread, identity), verdict=verdict.value, **fields)
    if changes.trace is not None:
        fields = items.ttl(changes.trace.expires)
        made.put(items.trace_key(look.thread), line=changes.trace.line, **fields)
    before = None if changes.emptied else look.snapshot.header
    known = before.people if before else []
    for person in sorted(changes.people.difference(known)):
        listed = {"listing": items.PERSON + person, "label": str(look.thread)}
        made.put((look.partition, f"{gen}#{items.PERSON}{person}"), **listed)
    for person in sorted(changes.left):
        made.remove((look.partition, f"{gen}#{items.PERSON}{person}"))
    if changes.emptied and look.head is not None:
        made.put((look.partition, items.LEFT + look.gen), sweeping=items.SWEPT, ends=0)
    header = changes.headers[-1] if changes.headers else None
    _summary(made, header, gen, check=not changes.headers)
    if header is not None:
        _buried(made, header, before, gen)
    return made


def after(made: Writing, changes: Changes) -> VersionedSnapshot:
    """Return the snapshot of the thread after the transaction."""
    old = made.look.snapshot
    snapshot = Snapshot(spans=list(old.spans), records=dict(old.records), places=dict(old.places))
    stamps = {key: stamp for key, stamp in made.look.stamps.items() if key[0].startswith("t#")}
    for slot, record in changes.records.items():
        key = (made.look.partition, items.record_name(made.look.gen, slot))
        gone = snapshot.records.pop(slot, None)
        stamps.pop(key, None)
        if isinstance(gone, Entry):
            snapshot.places[gone.id] = None
        if record is not None:
            snapshot.records[slot] = record
            stamps[key] = made.stamp
        if isinstance(record, Entry):
            snapshot.places[record.id] = record.position
    return VersionedSnapshot(
        thread=made.look.thread, head=made.head, snapshot=snapshot, stamps=stamps
    )


def _record(
    made: Writing, gen: str, slot: Slot, record: Record | None, moved: Collection[str]
) -> None:
    """Write or remove a record, and its id, unless that is `moved` to another record."""
    key = (made.look.partition, items.record_name(gen, slot))
    known = made.look.snapshot.records.get(slot)
    if record is None:
        made.remove(key)
        if isinstance(known, Entry) and known.id not in moved:
            made.remove((key[0], items.id_name(gen, known.id)))
    else:
        made.put(key, **items.packed(codec.dump(record)))
        if isinstance(record, Entry) and (known is None or gen != made.look.gen):
            made.put((key[0], items.id_name(gen, record.id)), place=record.position)
    made.marks.append(Mark(slot=slot, stamp="" if record is None else made.stamp))


def _summary(made: Writing, header: Header | None, gen: str, *, check: bool) -> None:
    """Write the header, or check that it has not changed; and write a changed summary."""
    head = made.look.head
    key = (made.look.partition, items.HEADER)
    as_read = condition(head.stamp if head else "")
    if check:
        named = {"pk": {"S": key[0]}, "sk": {"S": key[1]}}
        made.steps.append({"ConditionCheck": {"Key": named, **as_read}})
        made.head = head
        return
    summary = head.summary if head and header and gen == head.gen else ""
    old = head.header.summary if summary and head else ""
    text = header.summary if header else ""
    if text and text != old:
        made.put((key[0], items.SUMMARY), **items.packed(text))
        summary = made.stamp
    elif not text and head is not None and head.summary:
        made.remove((key[0], items.SUMMARY))
        summary = ""
    if header is None:
        named = {"pk": {"S": key[0]}, "sk": {"S": key[1]}}
        if head is not None:
            made.steps.append({"Delete": {"Key": named, **as_read}})
        else:
            made.steps.append({"ConditionCheck": {"Key": named, **as_read}})
        return
    made.head = _head(made, header, gen, summary)
    item: Item = items.dump_head(made.look.thread, made.head)
    made.steps.append({"Put": {"Item": item, **as_read}})


def _head(made: Writing, header: Header, gen: str, summary: str) -> Head:
    old, shown = made.look.head, made.look.snapshot.header
    beat = made.stamp if header.token else ""
    header = header.copy()
    # Not extended: the times of the lease stay as its holder wrote them. `is` tells the same object
    # from an equal time, since other processes must see an extension.
    if old and shown and header.token == shown.token and header.lease_until is shown.lease_until:
        beat = old.beat
        header.due_at = old.header.due_at if header.due_at == shown.due_at else header.due_at
        header.lease_until = old.header.lease_until
    fresh = old if old and old.gen == gen else None
    # Unchanged while it is early enough, so that few writes change the index.
    ends = fresh.ends if fresh and made.now < fresh.ends <= header.expires_at else header.expires_at
    head = Head(header=header, gen=gen, stamp=made.stamp, beat=beat, summary=summary, ends=ends)
    return replace(head, marks=(fresh or head).marked(made.marks))


def _buried(made: Writing, header: Header, before: Header | None, gen: str) -> None:
    key = (made.look.partition, f"{gen}#{items.BURIED}")
    if header.buried and not (before and before.buried):
        made.put(key, listing=items.BURIED, label=str(made.look.thread))
    elif before and before.buried and not header.buried:
        made.remove(key)
