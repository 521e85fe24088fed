"""A DynamoDB table as the verbs reach it: every call is bounded in time, and retried."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, TypeAlias

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from core.domain.clock import Backoff
from core.store.dynamodb.connecting.errors import FAILURES, code_of, explained
from core.store.dynamodb.items import key_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from aiobotocore.session import AioSession

    from core.store.dynamodb.connecting.address import Address
    from core.store.dynamodb.items import Item, Key

Client: TypeAlias = Any
"""The driver creates its methods at run time, so none of them has a type."""
Answer: TypeAlias = dict[str, Any]

PATIENCE = 20.0
"""Seconds after which a call gives up, however often it was retried."""
ATTEMPTS = 6
"""How often a request is sent while AWS is busy or unreachable: for 15 seconds on average."""
_CONNECTIONS = 50
_READ, _DELETED = 100, 25
"""The most items that BatchGetItem reads and BatchWriteItem removes."""
_BACKOFF = Backoff(first=0.01, cap=0.5, jitter=0.9)
# A transaction that conflicts with another one, or came too late, is no failure.
_PASSED_BY = {"ConditionalCheckFailed", "TransactionConflict"}
_BUSY = {"ThrottlingError", "ProvisionedThroughputExceeded"}


class Table:
    """A table, and its own client."""

    def __init__(self, client: Client, stack: AsyncExitStack, address: Address) -> None:
        """Take a client; see `connect`."""
        self.client = client
        self.name = address.table
        self.at = str(address)
        self.patience = PATIENCE
        self._stack = stack

    async def call(self, method: str, **parameters: object) -> Answer:
        """Call a method of the client on the table.

        Raises:
            SettingsError: No region is known.
            StoreRefusedError: The table can't be used as it is.
            StoreUnavailableError: AWS does not answer in time, or not now.
        """
        return await self.ask(getattr(self.client, method), TableName=self.name, **parameters)

    async def ask(self, method: Callable[..., Awaitable[Answer]], **parameters: object) -> Answer:
        """Call a method of the client; raises as `call`."""
        try:
            async with asyncio.timeout(self.patience):
                return await method(**parameters)
        except FAILURES as error:
            raise explained(error, self.at) from error

    async def get(self, keys: Collection[Key]) -> dict[Key, Item]:
        """Return the current state of those of these items that exist."""
        named = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in dict.fromkeys(keys)]
        found: dict[Key, Item] = {}
        attempt, deadline = 0, asyncio.get_running_loop().time() + self.patience
        while named:
            request = {self.name: {"Keys": named[:_READ], "ConsistentRead": True}}
            answer = await self.ask(self.client.batch_get_item, RequestItems=request)
            found |= {key_of(item): item for item in answer["Responses"].get(self.name, ())}
            left = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
            named = [*left, *named[_READ:]]
            if left:  # AWS is busy, and has not read these
                if asyncio.get_running_loop().time() > deadline:
                    raise explained(TimeoutError(), self.at)
                await asyncio.sleep(pause(attempt))
                attempt += 1
        return found

    async def query(
        self,
        condition: str,
        values: Mapping[str, str | float],
        *,
        limit: int = 0,
        **parameters: object,
    ) -> list[Item]:
        """Return the items whose keys fulfil a condition, in order.

        At most `limit` of them; 0 means all.
        """
        typed = {
            f":{name}": {"S": value} if isinstance(value, str) else {"N": repr(value)}
            for name, value in values.items()
        }
        found: list[Item] = []
        while True:
            if limit:
                parameters["Limit"] = limit - len(found)
            answer = await self.call(
                "query",
                KeyConditionExpression=condition,
                ExpressionAttributeValues=typed,
                **{"ConsistentRead": "IndexName" not in parameters, **parameters},
            )
            found += answer["Items"]
            last = answer.get("LastEvaluatedKey")
            if last is None or 0 < limit <= len(found):
                return found
            parameters["ExclusiveStartKey"] = last

    async def transact(self, steps: Sequence[dict[str, Any]], token: str) -> bool:
        """Do all of these steps or none; return False if another write came first.

        Steps that were done under the same token are not done again, for ten minutes.
        """
        named = [
            {kind: {"TableName": self.name, **parameters} for kind, parameters in step.items()}
            for step in steps
        ]
        try:
            async with asyncio.timeout(self.patience):
                await self.client.transact_write_items(
                    TransactItems=named, ClientRequestToken=token
                )
        except FAILURES as error:
            if code_of(error) in {"TransactionConflictException", "TransactionInProgressException"}:
                return False
            reasons = _reasons(error)
            if reasons and reasons <= _PASSED_BY | _BUSY:
                return False
            raise explained(error, self.at) from error
        return True

    async def delete(self, keys: Sequence[Key]) -> None:
        """Remove items, in no order and not atomically."""
        batches = [keys[start : start + _DELETED] for start in range(0, len(keys), _DELETED)]
        await asyncio.gather(*(self._delete(batch) for batch in batches))

    async def close(self) -> None:
        """Close the client's connections."""
        await self._stack.aclose()

    async def _delete(self, keys: Sequence[Key]) -> None:
        left = [{"DeleteRequest": {"Key": {"pk": {"S": pk}, "sk": {"S": sk}}}} for pk, sk in keys]
        attempt = 0
        while left:
            answer = await self.ask(self.client.batch_write_item, RequestItems={self.name: left})
            left = answer.get("UnprocessedItems", {}).get(self.name, [])
            if left:
                await asyncio.sleep(pause(attempt))
                attempt += 1


async def connect(address: Address, session: AioSession | None = None) -> Table:
    """Return the table at an address without calling AWS yet.

    The session holds the credentials; without one, they are looked up where AWS's own programs do.
    Raises as `Table.call`.
    """
    stack = AsyncExitStack()
    config = AioConfig(
        connect_timeout=3,
        read_timeout=5,
        max_pool_connections=_CONNECTIONS,
        parameter_validation=False,  # we build the requests, and AWS validates them too
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    try:
        client = await stack.enter_async_context(
            (session or get_session()).create_client(
                "dynamodb",
                region_name=address.region or None,
                endpoint_url=address.endpoint or None,
                verify=False if address.endpoint.startswith("http://") else None,
                config=config,
            )
        )
    except (*FAILURES, ValueError) as error:  # ValueError: an endpoint that is no URL
        raise explained(error, str(address)) from error
    return Table(client, stack, address)


def pause(attempt: int) -> float:
    """Return how many seconds to wait after this try, counted from 0."""
    return _BACKOFF.wait(attempt + 1)


def _reasons(error: BaseException) -> set[str]:
    """Return why a transaction was cancelled; empty if it was not."""
    if code_of(error) != "TransactionCanceledException":
        return set()
    reasons = getattr(error, "response", {}).get("CancellationReasons", ())
    return {reason["Code"] for reason in reasons if reason.get("Code", "None") != "None"}
