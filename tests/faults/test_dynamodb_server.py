"""DynamoDB loses replies, or is busy: nothing is lost, and a turn costs what it costs."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.errors import StoreUnavailableError
from core.domain.session import Answer, Entry
from tests.builders import THREAD, begin, converse, finish, message, terms
from tests.contract import dynamodb_data
from tests.faults.dynamodb_front import LOST, Front

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.store.dynamodb import DynamoStore
    from core.store.dynamodb.connecting.client import Table


async def test_a_turn_costs_the_same_however_long_its_thread(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front
) -> None:
    """Accept with its claim in three round trips, commit and settle in one each; ≤ 9 items."""
    store = await opened()
    costs = []
    for number in range(60):
        if number in {20, 59}:
            front.asked.clear()
        work = await begin(store, number, on=terms(reach=5))
        assert await finish(store, work) == "free"
        if number in {20, 59}:
            costs.append((sorted(front.operations()), front.written()))
            assert max(len(body.get("TransactItems", ())) for _, body in front.asked) <= 9
    # The first read finds the header; behind it, the window and the message's id at once.
    assert costs[0][0] == ["BatchGetItem"] * 2 + ["Query"] + ["TransactWriteItems"] * 3
    assert costs[0] == costs[1]


async def test_a_reply_that_is_lost_was_earned(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front
) -> None:
    """The token makes the repeat of a transaction known: each verb answers as if heard at once."""
    chance = random.Random(7)
    front.fault = lambda *_: LOST if chance.random() < 0.2 else None
    store = await opened()
    for number in range(15):
        accepted = await store.accept(message(number), terms(), f"token{number}")
        assert accepted.new
        assert accepted.work is not None
        assert accepted.work.tries == 1
        assert await finish(store, accepted.work, text=f"answer {number}") == "free"
    front.fault = lambda *_: None
    log = await store.history(THREAD)
    assert [r.id for r in log if isinstance(r, Entry)] == [f"m{n}" for n in range(15)]
    assert [r.text for r in log if isinstance(r, Answer)] == [f"answer {n}" for n in range(15)]
    (info,) = (await store.threads()).threads
    assert info.turns == 15


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 400),
        ("ProvisionedThroughputExceededException", 400),
        ("TransactionInProgressException", 400),
        ("InternalServerError", 500),
        ("ServiceUnavailable", 503),
    ],
)
async def test_a_call_that_fails_for_now_is_repeated(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front, code: str, status: int
) -> None:
    store = await opened()
    failed: dict[str, int] = {}

    def fault(operation: str, body: dict[str, Any]) -> tuple[str, int] | None:
        failed[operation] = failed.get(operation, 0) + 1
        return (code, status) if failed[operation] <= 2 else None

    front.fault = fault
    work = await begin(store, 1)
    assert work.tries == 1
    assert failed["TransactWriteItems"] == 3


@pytest.mark.parametrize(
    "reason", ["ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict"]
)
async def test_a_transaction_that_is_cancelled_for_now_is_tried_again(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front, reason: str
) -> None:
    store = await opened()
    tries = 0

    def fault(operation: str, body: dict[str, Any]) -> tuple[str, int] | None:
        nonlocal tries
        tries += operation == "TransactWriteItems"
        cancelled = operation == "TransactWriteItems" and tries <= 2
        return ("TransactionCanceledException", 400) if cancelled else None

    front.fault = fault
    front.reasons = ("None", reason)
    assert (await store.accept(message(1), terms())).new
    assert tries == 3


async def test_a_transaction_that_can_never_be_done_is_not_tried_again(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front
) -> None:
    store = await opened()
    front.reasons = ("ConditionalCheckFailed", "ValidationError")
    front.fault = lambda operation, _: (
        ("TransactionCanceledException", 400) if operation == "TransactWriteItems" else None
    )
    with pytest.raises(StoreUnavailableError, match="TransactionCanceledException"):
        await store.accept(message(1), terms())
    assert front.operations().count("TransactWriteItems") == 1


async def test_what_aws_is_too_busy_for_in_a_batch_is_asked_again(
    opened: Callable[..., Awaitable[DynamoStore]], dynamo: Table, front: Front
) -> None:
    """It does a part, and says which: what it did not read is not missing."""
    store = await opened()
    front.halved = lambda _: True
    assert (await store.accept(message(1), terms())).new
    assert not (await store.accept(message(1), terms())).new
    await converse(store, *range(2, 22))
    assert len((await store.threads(person="U1")).threads) == 1
    await store.erase(THREAD, at=5000.0)
    assert not [item for item in await dynamodb_data.scan(dynamo) if "#e#" in item["sk"]["S"]]


async def test_what_fails_on_and_on_is_given_up_in_time(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front
) -> None:
    store = await opened(patience=0.5)
    front.fault = lambda *_: ("ThrottlingException", 400)
    async with asyncio.timeout(3):
        with pytest.raises(StoreUnavailableError, match=r"DynamoDB table t\w+"):
            await store.accept(message(1), terms())
    front.fault = lambda *_: None
    assert (await store.accept(message(1), terms())).new, "nothing of it was written"


async def test_a_transaction_that_is_always_passed_by_is_given_up_in_time(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front
) -> None:
    store = await opened(patience=0.5)

    def fault(operation: str, body: dict[str, Any]) -> tuple[str, int] | None:
        writes = operation == "TransactWriteItems"
        return ("TransactionConflictException", 400) if writes else None

    front.fault = fault
    with pytest.raises(StoreUnavailableError, match="too many writers at once"):
        await store.accept(message(1), terms())
