"""What lies beside threads: settings of channels, cursors, and the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.settings import NOTHING, Layers
from core.store import codec, keys
from core.store.dynamodb import items
from core.store.dynamodb.connecting.errors import FAILURES, code_of, explained

if TYPE_CHECKING:
    from core.domain.message import ThreadKey
    from core.domain.settings import ScopeSettings
    from core.store.dynamodb.connecting.client import Table
    from core.store.dynamodb.items import Key
    from core.store.values import AuditEvent

_DEEDS = "deeds"


async def layers(table: Table, thread: ThreadKey, now: float) -> Layers:
    """Return the settings of a thread, its channel and its server."""
    header = (items.partition(thread), items.HEADER)
    places = [_place(name) for name in keys.scopes(thread)]
    found = await table.get([header, *places])
    head = items.load_head(found[header]) if header in found else None
    is_living = head is not None and head.header.expires_at > now
    return Layers(
        head.header.settings if head is not None and is_living else NOTHING,
        *[
            codec.load_settings(items.text(found[place], "body")) if place in found else NOTHING
            for place in places
        ],
    )


async def put_settings(table: Table, name: str, value: ScopeSettings) -> None:
    """Replace the settings of a channel."""
    await table.call("put_item", Item=items.of(_place(name), body=codec.dump(value)))


async def cursor(table: Table, name: str) -> int:
    """Return the position of a cursor."""
    found = await table.get([_cursor(name)])
    return int(found[_cursor(name)]["position"]["N"]) if found else 0


async def advance(table: Table, name: str, position: int) -> int:
    """Move a cursor, never back; return its position."""
    item = items.of(_cursor(name)) | {"position": {"N": str(position)}}
    try:
        await table.client.put_item(
            TableName=table.name,
            Item=item,
            ConditionExpression="attribute_not_exists(pk) OR #position < :position",
            ExpressionAttributeNames={"#position": "position"},
            ExpressionAttributeValues={":position": item["position"]},
        )
    except FAILURES as error:
        if code_of(error) != "ConditionalCheckFailedException":
            raise explained(error, table.at) from error
        return await cursor(table, name)
    return position


async def audit(table: Table, now: float, event: AuditEvent) -> None:
    """Keep an event, and remove those that are too many; DynamoDB removes those too old."""
    ending = items.ttl(event.at + keys.AUDIT_SECONDS)
    await table.call(
        "put_item", Item=items.of((_DEEDS, event.name), body=codec.dump(event), **ending)
    )
    condition, values = "pk = :pk AND sk > :start", {"pk": _DEEDS, "start": keys.audit_start(now)}
    kept = await table.query(condition, values, ProjectionExpression="pk, sk")
    await table.delete([items.key_of(item) for item in kept[: -keys.AUDIT_LIMIT]])


async def audited(table: Table, now: float, after: str, limit: int) -> tuple[AuditEvent, ...]:
    """Return the next events behind a name, oldest first."""
    start = max(after, keys.audit_start(now))
    rows = await table.query(
        "pk = :pk AND sk > :start", {"pk": _DEEDS, "start": start}, limit=limit
    )
    return tuple(codec.load_event(items.text(row, "body")) for row in rows)


async def try_out(table: Table) -> None:
    """Write something and take it away again."""
    key = _cursor("\0")
    await table.call("put_item", Item=items.of(key) | {"position": {"N": "0"}})
    await table.delete([key])


def _place(name: str) -> Key:
    return f"place#{name}", "-"


def _cursor(name: str) -> Key:
    return f"cursor#{name}", "-"
