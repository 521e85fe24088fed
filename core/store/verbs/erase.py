"""The verbs that erase a thread, reset it, which keeps the log, or redact it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.session import Entry, Status
from core.store.keys import TOMBSTONE_SECONDS
from core.store.values import TurnState
from core.store.verbs.rows import Tombstone, living

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.session import Record
    from core.store.header import Header
    from core.store.verbs.rows import Now, Rows


def erase(rows: Rows, now: Now, at: float, *, keep_log: bool) -> None:
    """Erase or reset the thread; see `Store.erase`."""
    trace = rows.trace()
    drawn = None if trace is None else trace.line
    if keep_log and drawn is not None and at <= drawn:
        return  # a repeat of this reset, or an older one: it would remove what was said since
    line = at if drawn is None else max(at, drawn)
    rows.put_trace(Tombstone(line=line, expires=now.time + TOMBSTONE_SECONDS))
    header = living(rows, now)
    if header is None:
        return
    if not keep_log:
        rows.remove(keep_header=header.turn is not None)
        if header.turn is None:
            return
        header.people, header.buried, header.pins = [], [], ()
        header.turns, header.usage = 0, type(header.usage)()
        header.settings = type(header.settings)()
    later = _said_later(rows, header, at) if keep_log else []
    cut = later[0].position if later else header.next
    header.head = header.covers = header.reset_position = header.seen_from = cut
    header.waiting = sum(entry.status is Status.ADDRESSED for entry in later)
    header.overheard = sum(entry.status is Status.OVERHEARD for entry in later)
    header.refused = 0
    header.pins = tuple(pin for pin in header.pins if pin.pinned_at > at)
    header.summary = ""
    header.stale = header.withheld = header.explained = header.renewed = False
    header.revision = now.fresh
    if header.turn is not None and not any(entry.id == header.turn.id for entry in later):
        header.turn.state = TurnState.VOID
    if header.turn is None and not header.waiting:
        header.due_at = None
    rows.put_header(header)


def _said_later(rows: Rows, header: Header, at: float) -> list[Entry]:
    """Return the waiting entries from the first one that was sent after `at` and still counts."""
    entries = [r for r in rows.records(header.head, header.next) if isinstance(r, Entry)]
    later = [n for n, e in enumerate(entries) if e.sent_at > at and e.status is not Status.DELETED]
    return entries[later[0] :] if later else []


def redact(
    rows: Rows, now: Now, records: Sequence[Record], *, revision: str, person: str = ""
) -> bool:
    """Write over records what is left of them without a person; see `Store.redact`."""
    header = living(rows, now)
    if header is None or header.revision != revision or _delivers(header, records):
        return False
    for record in records:
        kept = rows.records(record.position, record.position + 1)
        if isinstance(record, Entry):
            if any(isinstance(each, Entry) and each.id == record.id for each in kept):
                rows.put_entry(record)
        elif any(not isinstance(each, Entry) for each in kept):
            rows.put_answer(record)
    if person:
        rows.remove_who(person)
        header.people = [each for each in header.people if each != person]
    if header.covers > header.reset_position:
        header.summary, header.stale, header.withheld = "", True, True
    header.revision = now.fresh
    rows.put_header(header)
    return True


def _delivers(header: Header, records: Sequence[Record]) -> bool:
    """Return whether one of the records is the open turn's answer, which is cut into posts."""
    turn = header.turn
    if turn is None or turn.state is not TurnState.COMMITTED:
        return False
    return any(not isinstance(each, Entry) and each.position == turn.last for each in records)
