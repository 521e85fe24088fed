"""DynamoDB writes a transaction's items one after the other, and others write in between."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core.domain.admission import Admission
from core.domain.session import Answer
from core.store.dynamodb import DynamoStore, items
from core.store.values import Changed
from tests.builders import THREAD, begin, converse, draft, message, terms
from tests.contract import dynamodb_data
from tests.faults.dynamodb_front import nothing_else

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.store.dynamodb.connecting.client import Table
    from tests.faults.dynamodb_front import Front


async def test_a_claim_between_the_parts_of_a_transaction_reads_again(
    opened: Callable[..., Awaitable[DynamoStore]], dynamo: Table, front: Front
) -> None:
    """The header of an edit is seen already, its entry not yet: nobody answers the old text."""
    first, second = await opened(), await opened()
    await first.accept(message(1, "old"), terms())
    (before,) = [item for item in await dynamodb_data.scan(dynamo) if "#e#" in item["sk"]["S"]]
    await first.amend(THREAD, "m1", ("x",), edited_at=2000.0, text="new")
    (after,) = [item for item in await dynamodb_data.scan(dynamo) if "#e#" in item["sk"]["S"]]
    await dynamo.call("put_item", Item=before)
    front.asked.clear()
    claiming = asyncio.create_task(second.claim(THREAD, "mine"))
    async with asyncio.timeout(5):
        while front.operations().count("Query") < 3:
            await asyncio.sleep(0.01)
    assert not claiming.done()
    await dynamo.call("put_item", Item=after)
    work = await claiming
    assert work is not None
    assert [record.text for record in work.records] == ["new"]


async def test_a_message_that_is_counted_but_not_there_yet_is_waited_for(
    opened: Callable[..., Awaitable[DynamoStore]], dynamo: Table, front: Front
) -> None:
    first, second = await opened(), await opened()
    await first.accept(message(1), terms())
    (entry,) = [item for item in await dynamodb_data.scan(dynamo) if "#e#" in item["sk"]["S"]]
    await dynamo.delete([items.key_of(entry)])
    front.asked.clear()
    claiming = asyncio.create_task(second.claim(THREAD, "mine"))
    async with asyncio.timeout(5):
        while front.operations().count("Query") < 2:
            await asyncio.sleep(0.01)
    await dynamo.call("put_item", Item=entry)
    work = await claiming
    assert work is not None
    assert work.lease.turn == "m1"


async def test_a_summary_of_another_write_than_the_header_is_waited_for(
    opened: Callable[..., Awaitable[DynamoStore]], dynamo: Table, front: Front
) -> None:
    """The new header says how far the new summary goes: the old one would leave a gap."""
    first, second = await opened(), await opened()
    await converse(first, 1, 2)
    work = await begin(first, 3)
    assert await first.compact(THREAD, covers=0, revision=work.revision, to=1, text="old")
    (before,) = [
        item for item in await dynamodb_data.scan(dynamo) if item["sk"]["S"] == items.SUMMARY
    ]
    assert await first.compact(THREAD, covers=1, revision=work.revision, to=2, text="new")
    (after,) = [
        item for item in await dynamodb_data.scan(dynamo) if item["sk"]["S"] == items.SUMMARY
    ]
    await dynamo.call("put_item", Item=before)
    front.asked.clear()
    peeking = asyncio.create_task(second.peek(THREAD))
    async with asyncio.timeout(5):
        while front.operations().count("BatchGetItem") < 3:
            await asyncio.sleep(0.01)
    assert not peeking.done()
    await dynamo.call("put_item", Item=after)
    seen = await peeking
    assert seen is not None
    assert (seen.summary.text, seen.summary.covers) == ("new", 2)


async def test_a_look_that_a_commit_comes_into_looks_again(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front
) -> None:
    """A verb that writes nothing has no condition that fails: it asks whether all still stands."""
    first, second = await opened(), await opened()
    work = await begin(first, 1)

    async def cross() -> None:
        assert isinstance(await first.commit(work.lease, work.revision, draft(0)), Answer)

    front.before_first("Query", cross)
    seen = await second.peek(THREAD)
    assert seen is not None
    assert front.meanwhile is nothing_else, "nobody came in between"
    assert (seen.head, len(seen.records)) == (1, 2), "the answer, and a header that knows of it"


async def test_a_deletion_that_crosses_its_message_meets_it(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front
) -> None:
    """It was unknown when it was looked for, and is there when that is written down."""
    first, second = await opened(), await opened()

    async def cross() -> None:
        assert (await second.accept(message(1), terms())).new

    front.before_first("TransactWriteItems", cross)
    assert await first.amend(THREAD, "m1", ("event1",), edited_at=2000.0, text=None)
    assert await second.claim(THREAD, "mine") is None
    assert [record.text for record in await second.history(THREAD)] == [""]


async def test_an_erase_that_crosses_a_later_one_moves_no_line_back(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front
) -> None:
    """Without a session nothing else in the table shows that a person came in between."""
    first, second = await opened(), await opened()

    async def cross() -> None:
        await second.erase(THREAD, at=5000.0)

    front.before_first("TransactWriteItems", cross)
    await first.erase(THREAD, at=2000.0)
    assert (await first.accept(message(3000), terms())).verdict is Admission.GONE


async def test_what_is_read_is_read_as_it_is_now(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front
) -> None:
    """moto knows no stale reads, so what is asked for is looked at; an index has no others."""
    store = await opened()
    await converse(store, 1)
    await begin(store, 2)
    await store.history(THREAD)
    await store.cursor("place")
    await store.audited()
    asked = [each for each in front.asked if each[0] in {"BatchGetItem", "Query"}]
    assert len(asked) >= 8
    for operation, body in asked:
        told = body if operation == "Query" else body["RequestItems"].popitem()[1]
        assert told["ConsistentRead"]
    front.asked.clear()
    await store.threads()
    assert not front.asked[0][1]["ConsistentRead"]


async def test_what_is_remembered_of_a_thread_is_forgotten_when_another_process_changes_it(
    opened: Callable[..., Awaitable[DynamoStore]],
) -> None:
    """Who holds a lease need not read again what it has read, as long as nobody else writes."""
    first, second = await opened(), await opened()
    work = await begin(first, 1, text="old")
    assert await second.amend(THREAD, "m1", ("x",), edited_at=2000.0, text="new")
    answer = await first.commit(work.lease, work.revision, draft(0))
    assert isinstance(answer, Changed)
    assert [record.text for record in answer.work.records] == ["new"]
