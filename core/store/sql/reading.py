"""Reads across threads, and of one thread without its verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.message import ThreadKey
from core.domain.settings import NOTHING, Layers
from core.store import codec
from core.store.keys import channel_prefix, scopes
from core.store.sql.query import Query
from core.store.values import Buried, ThreadPage

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from core.domain.session import Record
    from core.store.header import Header
    from core.store.sql.query import Queries, Value

_AT_ONCE = 100
"""Threads that one statement names at most."""
_ROUNDED = 16
"""A statement names a multiple of so many positions."""
_BEYOND = "\x7f"
"""Sorts behind the text of every thread key."""


def living(thread: ThreadKey) -> Queries[Header | None]:
    """Return the header of a thread whose session has not expired; change nothing."""
    rows = yield Query(
        "SELECT header FROM thread WHERE key = :key AND expires > :now", {"key": str(thread)}
    )
    return codec.load_header(rows[0][0]) if rows else None


def layers(thread: ThreadKey) -> Queries[Layers]:
    """Return the settings of a thread, its channel and its server."""
    names = scopes(thread)
    rows = yield Query(
        "SELECT (SELECT header FROM thread WHERE key = :key AND expires > :now),"
        " (SELECT settings FROM place WHERE name = :channel),"
        " (SELECT settings FROM place WHERE name = :server)",
        {"key": str(thread), "channel": names[0], "server": names[-1]},
    )
    header, *places = rows[0]
    found = [codec.load_settings(text) if text else NOTHING for text in places[: len(names)]]
    return Layers(codec.load_header(header).settings if header else NOTHING, *found)


def revisions(threads: Sequence[ThreadKey]) -> Queries[tuple[str, ...]]:
    """Return the `revision` of each of these threads; empty for one that is not kept."""
    found: dict[str, str] = {}
    for start in range(0, len(threads), _AT_ONCE):
        keys = {f"k{n}": str(key) for n, key in enumerate(threads[start : start + _AT_ONCE])}
        rows = yield Query(
            "SELECT key, header FROM thread WHERE expires > :now"  # noqa: S608 - names alone
            f" AND key IN ({', '.join(f':{name}' for name in keys)})",
            keys,
        )
        found |= {key: codec.load_header(header).revision for key, header in rows}
    return tuple(found.get(str(thread), "") for thread in threads)


def history(thread: ThreadKey, after: int, limit: int) -> Queries[tuple[Record, ...]]:
    """Return the records of the next `limit` positions that hold any."""
    rows = yield Query(
        "SELECT half, body FROM entry WHERE thread = :key AND place IN (SELECT DISTINCT place"
        " FROM entry WHERE thread = :key AND place > :after ORDER BY place LIMIT :limit)"
        " AND EXISTS (SELECT 1 FROM thread WHERE key = :key AND expires > :now)"
        " ORDER BY place, half",
        {"key": str(thread), "after": after, "limit": limit},
    )
    return tuple(load_record(*row) for row in rows)


def read_at(thread: ThreadKey, positions: Collection[int]) -> Queries[tuple[Record, ...]]:
    """Return the records at these positions that no reset has left behind."""
    wanted = sorted(set(positions))
    if not wanted:
        return ()
    # Few different statements, since PostgreSQL's driver keeps each as a prepared one.
    wanted += wanted[-1:] * (-len(wanted) % _ROUNDED)
    values: dict[str, Value] = {f"p{n}": place for n, place in enumerate(wanted)}
    rows = yield Query(
        "SELECT -1, -1, header FROM thread WHERE key = :key AND expires > :now"  # noqa: S608
        " UNION ALL SELECT place, half, body FROM entry WHERE thread = :key"
        f" AND place IN ({', '.join(f':{name}' for name in values)}) ORDER BY 1, 2",
        {"key": str(thread), **values},
    )
    if not rows or rows[0][0] >= 0:  # the thread has expired, or was erased
        return ()
    reset = codec.load_header(rows[0][2]).reset_position
    return tuple(load_record(half, body) for place, half, body in rows[1:] if place >= reset)


def threads(
    person: str, channel: tuple[str, str] | None, after: str, limit: int
) -> Queries[ThreadPage]:
    """Return one page of threads, in the order of their keys."""
    prefix = channel_prefix(*channel) if channel else ""
    by_person = (
        "SELECT thread.key, thread.header FROM who JOIN thread ON thread.key = who.thread"
        " WHERE who.person = :person AND who.thread > :after AND who.thread < :beyond"
        " AND thread.expires > :now ORDER BY who.thread LIMIT :limit"
    )
    by_key = (
        "SELECT key, header FROM thread WHERE key > :after AND key < :beyond AND expires > :now"
        " ORDER BY key LIMIT :limit"
    )
    page: dict[str, Value] = {"after": max(after, prefix), "beyond": prefix + _BEYOND}
    page["limit"] = limit + 1
    rows = yield Query(by_person, {**page, "person": person}) if person else Query(by_key, page)
    more = rows[limit - 1][0] if len(rows) > limit else ""
    shown = tuple(codec.load_header(text).info(ThreadKey.parse(key)) for key, text in rows[:limit])
    return ThreadPage(threads=shown, after=more)


def buried(limit: int) -> Queries[tuple[Buried, ...]]:
    """Return messages whose turns were given up."""
    found: list[Buried] = []
    rows = yield Query(
        "SELECT key, header FROM thread WHERE buried > 0 AND expires > :now ORDER BY key"
        " LIMIT :limit",
        {"limit": limit},
    )
    for key, header in rows:
        for place in codec.load_header(header).buried[: limit - len(found)]:
            bodies = yield Query(
                "SELECT body FROM entry WHERE thread = :key AND place = :place AND half = 0",
                {"key": key, "place": place},
            )
            entries = [codec.load_entry(body) for (body,) in bodies]
            found += [Buried(thread=ThreadKey.parse(key), entry=entry) for entry in entries]
    return tuple(found)


def load_record(half: int, body: str) -> Record:
    """Return the record in a row of `entry`."""
    return codec.load_answer(body) if half else codec.load_entry(body)
