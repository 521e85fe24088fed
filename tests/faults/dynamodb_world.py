"""A world whose store is in a DynamoDB table, and what the faults may do to it from outside."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from core.domain.clock import SystemClock
from core.store.dynamodb import DynamoStore, items, make_table
from core.store.dynamodb.connecting.address import parse
from core.store.dynamodb.connecting.client import connect
from core.store.keys import unique
from tests.contract import dynamodb_data
from tests.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from core.domain.message import ThreadKey
    from core.models.port import Model
    from core.store.dynamodb.connecting.client import Table
    from core.store.dynamodb.items import Head, Item
    from tests.dynamodb_server import DynamoServer


class DynamoWorld(World):
    """Reaches the store's data by a client of its own."""

    def __init__(self, model: Model, store: DynamoStore, own: Table) -> None:
        super().__init__(model, store=store)
        self.beats = store.beats
        self.wake = store.wake
        self.own = own

    async def expire(self, tokens: set[str] | None = None) -> None:
        """Have seen the same beats for longer than a lease lives."""
        for thread, head in heads(await dynamodb_data.scan(self.own)):
            if head.beat and (tokens is None or head.header.token in tokens):
                long_ago = self.clock.monotonic() - self.store.lease_seconds - 1
                self.beats.seen[str(thread)] = (head.beat, long_ago)
        self.wake()

    async def hasten(self) -> None:
        for thread, head in heads(await dynamodb_data.scan(self.own)):
            if head.header.due_at is not None and not head.beat and head.header.due_at > 0:
                hurried = replace(head, header=replace(head.header, due_at=0), stamp=unique())
                with contextlib.suppress(
                    self.own.client.exceptions.ConditionalCheckFailedException
                ):
                    await self.own.client.put_item(
                        TableName=self.own.name,
                        Item=items.dump_head(thread, hurried),
                        ConditionExpression="stamp = :stamp",
                        ExpressionAttributeValues={":stamp": {"S": head.stamp}},
                    )
        self.wake()

    async def has_work(self) -> bool:
        return any("queue" in item for item in await dynamodb_data.scan(self.own))

    async def settled(self) -> None:
        async with asyncio.timeout(10):
            while await self.has_work():
                await asyncio.sleep(0.01)


def heads(found: list[Item]) -> Iterator[tuple[ThreadKey, Head]]:
    """Return the headers among these items."""
    for item in found:
        partition, name = items.key_of(item)
        if name == items.HEADER:
            yield items.thread_of(partition), items.load_head(item)


@contextlib.asynccontextmanager
async def dynamodb_world(server: DynamoServer, model: Model) -> AsyncIterator[DynamoWorld]:
    """Make a world on a table of its own."""
    url = server.url(f"t{unique()}")
    await make_table(parse(url), server.session)
    own = await connect(parse(url), server.session)
    store = await DynamoStore.open(url, SystemClock(), session=server.session)
    yield DynamoWorld(model, store, own)
    await store.close()
    await own.call("delete_table")
    await own.close()
