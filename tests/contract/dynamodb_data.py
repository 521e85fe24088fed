"""What a test may do to the data in a DynamoDB table, from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.store.dynamodb import items
from core.store.dynamodb.table import FORM_KEY

if TYPE_CHECKING:
    from core.store.dynamodb.connecting.client import Table
    from core.store.dynamodb.items import Item

KEPT = ("place#", "cursor#", "deeds")


async def scan(table: Table) -> list[Item]:
    """Return all items."""
    found: list[Item] = []
    told: dict[str, object] = {}
    while True:
        page = await table.call("scan", ConsistentRead=True, **told)
        found += page["Items"]
        if "LastEvaluatedKey" not in page:
            return [item for item in found if items.key_of(item) != FORM_KEY]
        told["ExclusiveStartKey"] = page["LastEvaluatedKey"]


async def remains(table: Table, now: float) -> list[str]:
    """Return all items but those of places, cursors and the audit log.

    Nor those that DynamoDB removes by itself, some time after they have expired.
    """
    return [
        repr(item)
        for item in await scan(table)
        if not items.key_of(item)[0].startswith(KEPT)
        and not ("expires" in item and items.is_over(item, now))
    ]
