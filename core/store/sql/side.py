"""What lies beside threads: settings of channels, cursors, and the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.store import codec, keys
from core.store.sql.query import Query

if TYPE_CHECKING:
    from core.domain.settings import ScopeSettings
    from core.store.sql.query import Queries
    from core.store.values import AuditEvent


def put_settings(platform: str, channel: str, value: ScopeSettings) -> Queries[None]:
    """Replace the settings of a channel."""
    yield Query(
        "INSERT INTO place (name, settings) VALUES (:name, :settings)"
        " ON CONFLICT (name) DO UPDATE SET settings = excluded.settings",
        {"name": keys.channel_prefix(platform, channel), "settings": codec.dump(value)},
    )


def cursor(name: str) -> Queries[int]:
    """Return the position of a cursor."""
    rows = yield Query("SELECT position FROM cursor WHERE name = :name", {"name": name})
    return rows[0][0] if rows else 0


def advance(name: str, position: int) -> Queries[int]:
    """Move a cursor, never back; return its position."""
    yield Query(
        "INSERT INTO cursor (name, position) VALUES (:name, :position)"
        " ON CONFLICT (name) DO UPDATE SET position = excluded.position"
        " WHERE cursor.position < excluded.position",
        {"name": name, "position": position},
    )
    return (yield from cursor(name))


def audit(now: float, event: AuditEvent) -> Queries[None]:
    """Keep an event, and remove those that are too old or too many."""
    yield Query(
        "INSERT INTO deed (name, body) VALUES (:name, :body) "
        " ON CONFLICT (name) DO UPDATE SET body = excluded.body",
        {"name": event.name, "body": codec.dump(event)},
    )
    yield Query("DELETE FROM deed WHERE name <= :start", {"start": keys.audit_start(now)})
    yield Query(
        "DELETE FROM deed WHERE name <="
        " (SELECT name FROM deed ORDER BY name DESC LIMIT 1 OFFSET :limit)",
        {"limit": keys.AUDIT_LIMIT},
    )


def audited(now: float, after: str, limit: int) -> Queries[tuple[AuditEvent, ...]]:
    """Return the next events behind a name, oldest first."""
    rows = yield Query(
        "SELECT body FROM deed WHERE name > :after ORDER BY name LIMIT :limit",
        {"after": max(after, keys.audit_start(now)), "limit": limit},
    )
    return tuple(codec.load_event(body) for (body,) in rows)


def try_out() -> Queries[None]:
    """Write a row and delete it again."""
    yield Query("INSERT INTO cursor (name, position) VALUES ('', 0) ON CONFLICT DO NOTHING")
    yield Query("DELETE FROM cursor WHERE name = ''")
