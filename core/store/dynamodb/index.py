"""The table's indexes: which threads have work, which may have expired, and lists of threads.

They follow the table with a delay, so they are hints, and the table itself is read as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.store.dynamodb import items

if TYPE_CHECKING:
    from collections.abc import Collection

    from core.domain.message import ThreadKey
    from core.store.dynamodb.connecting.client import Table
    from core.store.dynamodb.items import Item, Key

WORK, ENDS, LISTS = "work", "ends", "lists"
_LOOKED_AT = 200
"""Threads with work that are read for each platform, in the order of their due times."""
_BEYOND = "\x7f"
"""Sorts behind the text of every thread key."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A thread with work, according to the index."""

    thread: ThreadKey
    due: float
    beat: str
    """The beat of its lease; empty if there is none."""


async def work(table: Table, platforms: Collection[str], excluded: int = 0) -> list[Listed]:
    """Return threads with work, in the order of their due times; `excluded` more than usual."""
    found: list[Listed] = []
    for platform in platforms:
        condition, values = "queue = :queue", {"queue": platform}
        rows = await table.query(condition, values, limit=_LOOKED_AT + excluded, IndexName=WORK)
        found += map(_listed, rows)
    return sorted(found, key=lambda listed: listed.due)


async def ended(table: Table, now: float, limit: int) -> list[Key]:
    """Return headers whose sessions may be over, and what is left to be removed of others."""
    rows = await table.query(
        "sweeping = :sweeping AND ends <= :now",
        {"sweeping": items.SWEPT, "now": now},
        limit=limit,
        IndexName=ENDS,
    )
    return [items.key_of(row) for row in rows]


async def listed(
    table: Table, listing: str, limit: int, *, after: str = "", prefix: str = ""
) -> list[tuple[str, Key]]:
    """Return the next threads of a list in order, each with the item that lists it."""
    rows = await table.query(
        "listing = :listing AND label BETWEEN :low AND :high",
        {"listing": listing, "low": max(after + "\x01", prefix), "high": prefix + _BEYOND},
        limit=limit,
        IndexName=LISTS,
    )
    return [(items.text(row, "label"), items.key_of(row)) for row in rows]


def _listed(row: Item) -> Listed:
    thread = items.thread_of(items.text(row, "pk"))
    return Listed(thread, items.number(row, "due") or 0, items.text(row, "beat"))
