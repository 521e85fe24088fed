"""Writing all that a verb changes, and ending its transaction, in one round trip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.admission import Verdict
from core.session import Entry
from core.store import codec, verbs
from core.store.keys import SEEN_SECONDS, digest
from core.store.sql import rows
from core.store.sql.postgres.words import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import AsyncConnection

    from core.message import ThreadKey
    from core.store.buffered_rows import Changes

CHANNEL = "chatbot"
"""Where a thread that may be claimed is announced."""
_PUT_HEADER = (
    "UPDATE thread SET header = :header, due = :due, expires = :expires, buried = :buried,"
    " head = :head, shown = :shown, waiting = :waiting WHERE key = :thread"
)
_REMOVE_HEADER = "DELETE FROM thread WHERE key = :thread"
# A thread that was only made to be locked.
_REMOVE_EMPTY = "DELETE FROM thread WHERE key = :thread AND header = ''"
# Several at once: each statement costs about as much as what it does.
_PUT_SEEN = (
    "INSERT INTO seen (hash, verdict, expires) SELECT * FROM"
    " unnest(:hashes::text[], :verdicts::text[], :expires::float8[])"
    " ON CONFLICT (hash) DO UPDATE SET verdict = excluded.verdict, expires = excluded.expires"
)
_HEARD = words("SELECT 1 FROM seen WHERE hash = :call")
_CALL_SECONDS = 300
"""How long a call is remembered; its retries end long before."""
_NOTIFY = "SELECT pg_notify(:channel, '')"

Statement = tuple[str, dict[str, Any]]


async def is_done(connection: AsyncConnection, call: str) -> bool:
    """Tell whether what this call changes was written and committed."""
    return await (await connection.execute(_HEARD, {"call": call})).fetchone() is not None


async def write(
    connection: AsyncConnection,
    thread: ThreadKey,
    now: verbs.Now,
    changes: Changes,
    call: str = "",
) -> None:
    """Write it and commit, or roll back where there is nothing to write.

    With a name for the call, `is_done` knows of it from then on.
    """
    if not changes:
        await connection.execute("ROLLBACK")
        return
    async with connection.pipeline():
        for text, values in _statements(thread, now, changes, call):
            await connection.execute(words(text), values)
        await connection.execute("COMMIT")


def _statements(
    thread: ThreadKey, now: verbs.Now, changes: Changes, call: str
) -> Iterator[Statement]:
    name = str(thread)
    if changes.emptied:
        yield from ((statement, {"thread": name}) for statement in rows.EMPTY)
    yield from _records(name, changes)
    if changes.seen or call:
        yield _PUT_SEEN, _seen(thread, now, changes, call)
    for person in changes.people:
        yield rows.PUT_WHO, {"person": person, "thread": name}
    if (trace := changes.trace) is not None:
        yield (
            rows.PUT_TRACE,
            {"hash": digest(thread), "line": trace.line, "expires": trace.expires},
        )
    yield _header(name, changes)
    if changes.leaves_work:
        yield _NOTIFY, {"channel": CHANNEL}


def _seen(
    thread: ThreadKey, now: verbs.Now, changes: Changes, call: str
) -> dict[str, list[str] | list[float]]:
    """Return what was seen, and the call as well: it is swept away like them."""
    hashes = [digest(thread, identity) for identity in changes.seen]
    verdicts = [verdict.value for verdict in changes.seen.values()]
    expires = [now.time + SEEN_SECONDS for _ in hashes]
    if call:
        hashes.append(call)
        verdicts.append(Verdict.ACCEPTED.value)  # nobody asks for it
        expires.append(now.time + _CALL_SECONDS)
    return {"hashes": hashes, "verdicts": verdicts, "expires": expires}


def _records(name: str, changes: Changes) -> Iterator[Statement]:
    for (place, half), record in changes.records.items():
        if record is None:
            yield rows.REMOVE_ENTRY, {"thread": name, "place": place}
            continue
        message = record.id if isinstance(record, Entry) else None
        values = {"thread": name, "place": place, "half": half, "message": message}
        yield rows.PUT_ENTRY, values | {"body": codec.dump(record)}


def _header(name: str, changes: Changes) -> Statement:
    if not changes.headers:
        return _REMOVE_EMPTY, {"thread": name}
    header = changes.headers[-1]
    if header is None:
        return _REMOVE_HEADER, {"thread": name}
    return _PUT_HEADER, {
        "thread": name,
        "header": codec.dump(header),
        "due": header.due,
        "expires": header.expires,
        "buried": len(header.buried),
        "head": header.head,
        "shown": verbs.first_shown(header),
        "waiting": header.waiting,
    }
