"""The migration part of the Store port, in statements that all SQL databases understand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from core.domain.admission import Admission
from core.store import codec
from core.store.keys import digest
from core.store.sql.query import Query
from core.store.values import ChannelSettings, Cursor, Dump, SeenEvent, StoredTombstone
from core.store.verbs import Tombstone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from core.domain.message import ThreadKey
    from core.store.sql.query import Queries, Value
    from core.store.values import SideRecord

PORTION = 500
"""Rows that one statement reads or writes at most."""
_Table: TypeAlias = tuple[str, str, "Callable[..., SideRecord]"]

# For each table: the column that orders rows, what to select, and how to build the value.
_READ: tuple[_Table, ...] = (
    (
        "hash",
        # A row without a verdict is a call of our own, stored for its retries.
        "hash, verdict, expires FROM seen WHERE expires > :now AND verdict <> '' AND",
        lambda name, verdict, expires: SeenEvent(
            hash=name, verdict=Admission(verdict), expires=expires
        ),
    ),
    (
        "hash",
        "hash, line, expires FROM trace WHERE expires > :now AND",
        lambda name, line, expires: StoredTombstone(
            hash=name, trace=Tombstone(line=line, expires=expires)
        ),
    ),
    (
        "name",
        "name, settings FROM place WHERE",
        lambda name, settings: ChannelSettings(name=name, settings=codec.load_settings(settings)),
    ),
    (
        "name",
        "name, position FROM cursor WHERE",
        lambda name, position: Cursor(name=name, position=position),
    ),
)
# For each kind: its table, its columns, and what to do if the row exists.
_WRITE: dict[type[SideRecord], tuple[str, tuple[str, ...], str]] = {
    SeenEvent: (
        "seen",
        ("hash", "verdict", "expires"),
        "(hash) DO UPDATE SET verdict = excluded.verdict, expires = excluded.expires",
    ),
    StoredTombstone: (
        "trace",
        ("hash", "line", "expires"),
        "(hash) DO UPDATE SET line = excluded.line, expires = excluded.expires",
    ),
    ChannelSettings: (
        "place",
        ("name", "settings"),
        "(name) DO UPDATE SET settings = excluded.settings",
    ),
    Cursor: (
        "cursor",
        ("name", "position"),
        (
            "(name) DO UPDATE SET position = excluded.position"
            " WHERE cursor.position < excluded.position"
        ),
    ),
}


def dump(thread: ThreadKey) -> Queries[Dump | None]:
    """Return a thread that lives, without its records."""
    key: dict[str, Value] = {"key": str(thread)}
    found = yield Query("SELECT header, :now FROM thread WHERE key = :key AND expires > :now", key)
    if not found:
        return None
    ((header, now),) = found
    people = yield Query("SELECT person FROM who WHERE thread = :key ORDER BY person", key)
    traces = yield Query(
        "SELECT line, expires FROM trace WHERE hash = :hash AND expires > :now",
        {"hash": digest(thread)},
    )
    return Dump(
        header=codec.load_header(header),
        people=tuple(person for (person,) in people),
        trace=Tombstone(line=traces[0][0], expires=traces[0][1]) if traces else None,
        time=now,
    )


def side_records(table: int, after: str) -> Queries[tuple[tuple[SideRecord, ...], str]]:
    """Return the next rows of a table behind this name, and the name of the last one."""
    name, what, make = _READ[table]
    rows = yield Query(
        f"SELECT {what} {name} > :after ORDER BY {name} LIMIT :limit",
        {"after": after, "limit": PORTION},
    )
    return tuple(make(*row) for row in rows), rows[-1][0] if rows else ""


TABLES = range(len(_READ))


def keep(several: Sequence[SideRecord]) -> Queries[None]:
    """Write what another store has yielded, one kind at a time."""
    for kind, (table, columns, conflict) in _WRITE.items():
        # One statement can't change a row twice.
        rows = {row[0]: row for row in _rows(record for record in several if type(record) is kind)}
        kept = list(rows.values())
        for start in range(0, len(kept), PORTION):
            yield _insert(table, columns, kept[start : start + PORTION], conflict)


def _rows(several: Iterable[SideRecord]) -> Iterable[tuple[Value, ...]]:
    for record in several:
        match record:
            case SeenEvent():
                yield record.hash, record.verdict.value, record.expires
            case StoredTombstone():
                yield record.hash, record.trace.line, record.trace.expires
            case ChannelSettings():
                yield record.name, codec.dump(record.settings)
            case Cursor():
                yield record.name, record.position


def _insert(
    table: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]], conflict: str
) -> Query:
    values = ", ".join(
        f"({', '.join(f':{column}{number}' for column in columns)})" for number in range(len(rows))
    )
    named = {
        f"{column}{number}": value
        for number, row in enumerate(rows)
        for column, value in zip(columns, row, strict=True)
    }
    into = f"INSERT INTO {table} ({', '.join(columns)})"
    return Query(f"{into} VALUES {values} ON CONFLICT {conflict}", named)
