"""Erasing a thread in DynamoDB takes many requests: one makes it true, and any replica goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from core.domain.errors import StoreRefusedError
from core.domain.session import Entry
from core.store.dynamodb import DynamoStore, items
from tests.builders import OVERHEAR, THREAD, begin, converse, message, terms
from tests.contract import dynamodb_data

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.store.dynamodb.connecting.client import Table
    from tests.faults.dynamodb_front import Front


@pytest.mark.parametrize("turn", [False, True])
async def test_an_erase_that_is_cut_off_is_true_and_goes_on(
    opened: Callable[..., Awaitable[DynamoStore]], dynamo: Table, front: Front, turn: bool
) -> None:
    """One transaction makes it true; the next sweep removes what is left."""
    first, second = await opened(), await opened()
    await converse(first, *range(40))
    if turn:
        await begin(first, 40)
    front.fault = lambda operation, _: (
        ("AccessDeniedException", 400) if operation == "BatchWriteItem" else None
    )
    with pytest.raises(StoreRefusedError):
        await first.erase(THREAD, at=5000.0)
    front.fault = lambda *_: None
    left = len(await dynamodb_data.scan(dynamo))
    assert left > 100
    assert await second.history(THREAD) == ()
    assert (await second.threads(person="U1")).threads == ()
    seen = await second.peek(THREAD)
    assert seen is None or (turn and seen.records == ())
    late = await second.accept(message(6000, identities=("late",)), terms())
    assert late.new
    assert [r.id for r in await second.history(THREAD) if isinstance(r, Entry)] == ["m6000"]
    while await second.sweep():
        pass
    kept = [item for item in await dynamodb_data.scan(dynamo) if items.key_of(item)[0][0] == "t"]
    assert len(kept) <= 5, "the new session, and nothing of the old one"
    assert [r.id for r in await second.history(THREAD) if isinstance(r, Entry)] == ["m6000"]


async def test_a_long_thread_is_gone_when_its_erase_is_done(
    opened: Callable[..., Awaitable[DynamoStore]], dynamo: Table
) -> None:
    store = await opened()
    await converse(store, *range(40))
    await store.erase(THREAD, at=5000.0)
    kept = [items.key_of(item)[0] for item in await dynamodb_data.scan(dynamo)]
    assert not [partition for partition in kept if partition == items.partition(THREAD)]


async def test_a_person_beyond_those_counted_is_forgotten_as_well(
    opened: Callable[..., Awaitable[DynamoStore]], dynamo: Table
) -> None:
    """The header counts so many speakers and no more; an erase takes all out of the lists."""
    store = await opened()
    few = replace(OVERHEAR, overheard_limit=3)
    for number in range(60):
        await store.accept(message(number, author=f"zebra{number}"), few)
    assert (await store.threads(person="zebra55")).threads
    await store.erase(THREAD, at=5000.0)
    assert not any("zebra" in repr(item) for item in await dynamodb_data.scan(dynamo))


async def test_what_is_overheard_and_dropped_leaves_nothing(
    opened: Callable[..., Awaitable[DynamoStore]], dynamo: Table
) -> None:
    """No verb would find the id without its message: it would stay as long as the thread."""
    store = await opened()
    few = replace(OVERHEAR, overheard_limit=3)
    for number in range(10):
        await store.accept(message(number), few)
    names = [items.key_of(item)[1] for item in await dynamodb_data.scan(dynamo)]
    kept = {name.rpartition("#")[2] for name in names if "#i#" in name}
    assert kept == {"m7", "m8", "m9"}
    assert len([name for name in names if "#e#" in name]) == 3
