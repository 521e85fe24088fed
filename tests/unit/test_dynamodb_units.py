"""What a request costs on DynamoDB: by AWS's rules, and as moto's server counts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.store.dynamodb import items
from core.store.keys import unique
from tests.dynamodb_units import IN_TRANSACTION, Bill, Index, got, queried, size, written

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from core.store.dynamodb.connecting.client import Table
    from core.store.dynamodb.items import Item
    from tests.dynamodb_server import DynamoServer

DUE = Index(("queue", "due"), frozenset({"pk", "sk", "queue", "due", "beat"}))


def item(bytes_: int, name: str = "a", **fields: str | float) -> Item:
    """Return an item of so many bytes, and of what the other fields take."""
    made = items.of(("p", name), body="")
    made["body"]["S"] = "x" * (bytes_ - size(made))
    return made | items.of(("p", name), **fields)


@pytest.mark.parametrize(
    ("value", "bytes_"),
    [({"S": "ä"}, 2), ({"N": "0"}, 1), ({"N": "12300"}, 3), ({"N": "-1.5e+20"}, 2)],
)
def test_a_field_takes_its_name_and_its_value(value: dict[str, str], bytes_: int) -> None:
    assert size({"ö": value}) == 2 + bytes_


def test_reading_is_charged_by_4_kb_and_by_the_item_unless_it_is_a_query() -> None:
    assert got(item(4096), consistent=True).read == 1
    assert got(item(4097), consistent=True).read == 2
    assert got(item(4097), consistent=False).read == 1
    assert got(None, consistent=True).read == 1
    assert queried([item(1500), item(6500)], consistent=True).read == 2
    assert queried([], consistent=False).read == 0.5


def test_writing_is_charged_by_1_kb_of_the_larger_and_twice_in_a_transaction() -> None:
    assert written(None, item(1024), ()).write == 1
    assert written(item(1025), item(30), ()).write == 2
    assert written(item(1025), None, (), times=IN_TRANSACTION).write == 4
    assert written(None, None, ()).write == 1


def test_an_index_is_charged_for_what_changes_in_it() -> None:
    bare, due, later = item(9000), item(9000, queue="q", due=5), item(9000, queue="q", due=6)
    for before, after, units in (
        (bare, bare, 0),
        (bare, due, 1),
        (due, bare, 1),
        (due, None, 1),
        (due, later, 2),
        (due, due | {"beat": {"S": "b"}}, 1),
        (due, due | {"body": {"S": "other"}}, 0),
    ):
        assert written(before, after, [DUE]).index == units


async def test_the_server_counts_what_is_looked_at_and_not_what_is_returned(
    dynamo: Table, dynamodb_server: DynamoServer
) -> None:
    """A filter, a projection and a page without a limit hide nothing."""

    async def costs(call: Awaitable[object]) -> Bill:
        before = dynamodb_server.bill()
        await call
        return dynamodb_server.bill() - before

    dynamodb_server.fill(dynamo.name, [item(4096, f"{n:03}") for n in range(40)])
    every, named = "pk = :pk", {"pk": "p"}
    told = {"KeyConditionExpression": every, "ConsistentRead": True}
    told["ExpressionAttributeValues"] = {":pk": {"S": "p"}, ":no": {"S": "no"}}
    hidden = dynamo.call("query", FilterExpression="body = :no", **told)
    assert await costs(hidden) == Bill(requests=1, read=40)
    names = dynamo.query(every, named, ProjectionExpression="sk")
    assert await costs(names) == Bill(requests=1, read=40)
    assert await costs(dynamo.query(every, named, limit=5)) == Bill(requests=1, read=5)
    last = dynamo.query(every, named, limit=5, ScanIndexForward=False)
    assert await costs(last) == Bill(requests=1, read=5)
    between = dynamo.query(f"{every} AND sk BETWEEN :a AND :b", named | {"a": "005", "b": "008"})
    assert await costs(between) == Bill(requests=1, read=4)
    assert await costs(dynamo.get([("p", "000"), ("p", "none")])) == Bill(requests=1, read=2)
    listed = items.of(("p", "new"), listing="t", label="l", stamp="s")
    assert await costs(dynamo.transact([{"Put": {"Item": listed}}], unique())) == Bill(
        requests=1, write=2, index=1
    )
    check = {"Key": items.of(("p", "new")), "ConditionExpression": "attribute_not_exists(pk)"}
    assert await costs(dynamo.transact([{"ConditionCheck": check}], unique())) == Bill(
        requests=1, write=2
    )
    assert await costs(dynamo.delete([("p", "new")])) == Bill(requests=1, write=1, index=1)


async def test_pages_follow_each_other_both_ways(
    dynamo: Table, dynamodb_server: DynamoServer
) -> None:
    """The server's order is kept by us, not by moto."""
    names = [f"{n:03}" for n in range(30)]
    dynamodb_server.fill(dynamo.name, [item(100, name) for name in reversed(names)])
    for way, wanted in ((True, names), (False, names[::-1])):
        told: dict[str, object] = {"KeyConditionExpression": "pk = :pk", "Limit": 7}
        told["ExpressionAttributeValues"] = {":pk": {"S": "p"}}
        found: list[str] = []
        while len(found) < len(names):
            page = await dynamo.call("query", ScanIndexForward=way, **told)
            found += [items.text(each, "sk") for each in page["Items"]]
            told["ExclusiveStartKey"] = page.get("LastEvaluatedKey")
        assert found == wanted
    await dynamo.delete([("p", name) for name in names[:25]])
    begins = await dynamo.query("pk = :pk AND begins_with(sk, :two)", {"pk": "p", "two": "02"})
    assert [items.text(each, "sk") for each in begins] == names[25:]
