"""Writing all changes of a verb, in one statement for what most verbs change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.domain.admission import Admission
from core.domain.session import Entry
from core.store import codec, verbs
from core.store.keys import SEEN_SECONDS, digest
from core.store.sql import rows
from core.store.sql.postgres.database import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import AsyncConnection

    from core.domain.session import Record
    from core.store.sql.postgres.database import Connection
    from core.store.sql.postgres.fetch import Found
    from core.store.verbs.buffered_rows import Changes

CHANNEL = "chatbot"
"""The channel on which threads are announced that may be claimed."""
_HEARD = words("SELECT 1 FROM seen WHERE hash = :call")
_CALL_SECONDS = 300
"""How long a call is remembered; its retries end long before."""

# The overhead of a statement exceeds its work, so a verb's writes are parts of one statement. The
# first part returns a row if the thread has not changed since it was read; without the row, none of
# the other parts does anything. It updates the thread's row each time, whose `xmin` shows changes.
_PUT_HEADER = (
    "UPDATE thread SET header = :header, due = :due, expires = :expires, buried = :buried,"
    " head = :head, shown = :shown, waiting = :waiting"
    " WHERE key = :thread AND xmin = :version::xid RETURNING key"
)
_REMOVE_HEADER = "DELETE FROM thread WHERE key = :thread AND xmin = :version::xid RETURNING key"
_PUT_RECORD = (
    "INSERT INTO entry (thread, place, half, message, body)"
    " SELECT key, :place::bigint, :half::bigint, :message, :body FROM held"
    " ON CONFLICT (thread, place, half) DO UPDATE SET body = excluded.body"
)
_PUT_SEEN = (
    "INSERT INTO seen (hash, verdict, expires) SELECT new.* FROM held,"
    " unnest(:hashes::text[], :admissions::text[], :until::float8[]) AS new"
    " ON CONFLICT (hash) DO UPDATE SET verdict = excluded.verdict, expires = excluded.expires"
)
_PUT_WHO = (
    "INSERT INTO who (person, thread) SELECT new.*, key FROM held, unnest(:people::text[]) AS new"
    " ON CONFLICT DO NOTHING"
)
_REMOVE_WHO = "DELETE FROM who USING held WHERE thread = key AND person = ANY(:left::text[])"
_PUT_TRACE = (
    "INSERT INTO trace (hash, line, expires)"
    " SELECT :trace, :line::float8, :trace_expires::float8 FROM held"
    " ON CONFLICT (hash) DO UPDATE SET line = excluded.line, expires = excluded.expires"
)
_END = "SELECT 1 FROM held"
_NOTIFY = "SELECT pg_notify(:channel, '') FROM held"

Part = tuple[str, dict[str, Any]]


async def is_done(connection: AsyncConnection, call: str) -> bool:
    """Return whether the changes of this call were committed."""
    return await (await connection.execute(_HEARD, {"call": call})).fetchone() is not None


def fits(changes: Changes) -> bool:
    """Return whether one statement can write the changes."""
    return not (changes.emptied or len(changes.records) > 1 or None in changes.records.values())


async def put(
    connection: Connection, found: Found, now: verbs.Now, changes: Changes, call: str
) -> bool:
    """Write changes that `fits` accepts in one statement.

    Args:
        connection: A connection without a transaction.
        found: The thread as it was read.
        now: The time of the step.
        changes: What to write.
        call: The name under which `is_done` recognizes the call later; may be empty.

    Returns:
        False if the thread has changed since it was read; nothing is written then.
    """
    text, values = _statement(found, now, changes, call)
    written = await connection.ask(words(text), values)
    return written.rowcount > 0


async def commit(
    connection: AsyncConnection, found: Found, now: verbs.Now, changes: Changes, call: str
) -> None:
    """Write changes to a locked thread, and commit; `call` as in `put`."""
    if not changes:
        await connection.execute("ROLLBACK")
        return
    several = () if fits(changes) else _several(str(found.thread), changes)
    async with connection.pipeline():
        for text, values in (*several, _statement(found, now, changes, call)):
            await connection.execute(words(text), values)
        await connection.execute("COMMIT")


def _several(name: str, changes: Changes) -> Iterator[Part]:
    """Yield statements for records that don't fit into the statement for the rest."""
    if changes.emptied:
        yield from ((statement, {"thread": name}) for statement in rows.EMPTY)
    for (place, half), record in changes.records.items():
        values = {"thread": name, "place": place}
        if record is None:
            yield rows.REMOVE_ENTRY, values
        else:
            yield rows.PUT_ENTRY, {**values, "half": half, **_record(record)}


def _statement(found: Found, now: verbs.Now, changes: Changes, call: str) -> Part:
    header, values = _header(found, changes)
    parts = [f"held AS ({header})"]
    for number, (text, more) in enumerate(_parts(found, now, changes, call)):
        parts.append(f"part{number} AS ({text})")
        values |= more
    end = _END
    if changes.leaves_work:
        end = _NOTIFY
        values["channel"] = CHANNEL
    return f"WITH {', '.join(parts)} {end}", values


def _header(found: Found, changes: Changes) -> Part:
    # A row without a header was only created to be locked.
    header = changes.headers[-1] if changes.headers else found.snapshot.header
    values = {"thread": str(found.thread), "version": found.version}
    if header is None:
        return _REMOVE_HEADER, values
    return _PUT_HEADER, {
        **values,
        "header": codec.dump(header),
        "due": header.due_at,
        "expires": header.expires_at,
        "buried": len(header.buried),
        "head": header.head,
        "shown": verbs.first_shown(header),
        "waiting": header.waiting,
    }


def _parts(found: Found, now: verbs.Now, changes: Changes, call: str) -> Iterator[Part]:
    if fits(changes):
        for (place, half), record in changes.records.items():
            if record is not None:
                yield _PUT_RECORD, {"place": place, "half": half, **_record(record)}
    if changes.seen or call:
        yield _PUT_SEEN, _seen(found, now, changes, call)
    if changes.people:
        yield _PUT_WHO, {"people": list(changes.people)}
    if changes.left:
        yield _REMOVE_WHO, {"left": list(changes.left)}
    if (trace := changes.trace) is not None:
        values = {"line": trace.line, "trace_expires": trace.expires}
        yield _PUT_TRACE, {"trace": digest(found.thread), **values}


def _record(record: Record) -> dict[str, Any]:
    return {
        "message": record.id if isinstance(record, Entry) else None,
        "body": codec.dump(record),
    }


def _seen(found: Found, now: verbs.Now, changes: Changes, call: str) -> dict[str, Any]:
    """Return the seen events, and the call, which is stored and swept like them."""
    hashes = [digest(found.thread, identity) for identity in changes.seen]
    admissions = [verdict.value for verdict in changes.seen.values()]
    until = [now.time + SEEN_SECONDS for _ in hashes]
    if call:
        hashes.append(call)
        admissions.append(Admission.ACCEPTED.value)  # never read
        until.append(now.time + _CALL_SECONDS)
    return {"hashes": hashes, "admissions": admissions, "until": until}
