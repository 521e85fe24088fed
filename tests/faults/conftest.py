"""What tests of a DynamoDB's faults may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.retries.standard import ExponentialBackoff

from core.store.dynamodb import DynamoStore
from tests.clocks import ManualClock
from tests.faults.dynamodb_front import Front

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from core.store.dynamodb.connecting.client import Table
    from tests.dynamodb_server import DynamoServer


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the driver wait less before it repeats a request: up to a second is its first pause."""
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.001)


@pytest.fixture
async def front(dynamodb_server: DynamoServer) -> AsyncIterator[Front]:
    async with Front(dynamodb_server.port) as front:
        yield front


@pytest.fixture
async def opened(
    dynamo: Table, front: Front, quick: None, dynamodb_server: DynamoServer
) -> AsyncIterator[Callable[..., Awaitable[DynamoStore]]]:
    """Open a store through the front."""
    stores: list[DynamoStore] = []

    async def opened(patience: float = 20) -> DynamoStore:
        url = dynamodb_server.url(dynamo.name, front.port)
        stores.append(
            await DynamoStore.open(
                url, ManualClock(), patience=patience, session=dynamodb_server.session
            )
        )
        return stores[-1]

    yield opened
    for store in stores:
        await store.close()
