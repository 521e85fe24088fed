"""Writing a thread that comes from another store, portion by portion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.message import Kind
from core.domain.session import Entry
from core.store.header import Header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.session import Record
    from core.store.values import Dump
    from core.store.verbs.rows import Now, Rows


def load(
    rows: Rows,
    now: Now,
    records: Sequence[Record],
    people: Sequence[str],
    *,
    first: bool,
    dump: Dump | None,
) -> None:
    """Write a portion of a thread, with some of its people; see `Store.load`."""
    if first:
        rows.remove(keep_header=False)
    for record in records:
        if isinstance(record, Entry):
            rows.put_entry(record)
        else:
            rows.put_answer(record)
    for person in people:
        rows.put_who(person)
    if dump is None:
        rows.put_header(_over(now))
        return
    if dump.trace is not None:
        rows.put_trace(dump.trace)
    rows.put_header(dump.header)


def _over(now: Now) -> Header:
    """Return the header of an expired session, which no verb sees and a sweep removes."""
    return Header(
        kind=Kind.THREAD, ttl=0, reach=0, revision=now.fresh, started_at=now.time, last_at=now.time
    )
