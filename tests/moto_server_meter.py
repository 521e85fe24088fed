"""Counts on moto's DynamoDB what AWS would charge for; the rules are in `tests.dynamodb_units`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.dynamodb.models.dynamo_type import DynamoType

from tests.dynamodb_units import IN_TRANSACTION, Bill, Index, got, queried, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.dynamodb_units import Item

PUT, GONE, SAME = "put", "gone", "same"
_BECOMES = {"Put": PUT, "Delete": GONE, "ConditionCheck": SAME}
_UNKNOWN = {"UpdateItem", "TransactGetItems", "ExecuteStatement", "ExecuteTransaction"}
"""What nobody asks for here; to pass it by would leave it out of the bill."""


class Meter:
    """The bill of all requests so far, but for scans: of those only the requests count."""

    def __init__(self) -> None:
        self.bill = Bill()

    def counting(self, call_action: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Note each request, and all that it names by its key, before it is carried out."""

        def counted(handler: Any) -> Any:
            operation, told = handler._get_action(), handler.params
            tables = handler.dynamodb_backend.tables
            self.bill += Bill(requests=1)
            if operation in _UNKNOWN:
                raise NotImplementedError(operation)
            for name, key, consistent in gets(operation, told):
                if name in tables:
                    self.bill += got(find(tables[name], key), consistent=consistent)
            for name, named, becomes in writes(operation, told):
                if name in tables:
                    self._write(tables[name], named, becomes, operation)
            return call_action(handler)

        return counted

    def read(self, rows: Iterable[Any], *, consistent: bool) -> None:
        """Note that a query has looked at these of moto's items."""
        self.bill += queried(map(plain, rows), consistent=consistent)

    def _write(self, table: Any, named: Item, becomes: str, operation: str) -> None:
        before = find(table, named)
        after = {PUT: named, GONE: None, SAME: before}[becomes]
        times = IN_TRANSACTION if operation == "TransactWriteItems" else 1
        self.bill += written(before, after, indexes(table), times=times)


def gets(operation: str, told: dict[str, Any]) -> Iterator[tuple[str, Item, bool]]:
    """Return the table, key and consistency of each item that a request gets."""
    if operation == "GetItem":
        yield told["TableName"], told["Key"], told.get("ConsistentRead", False)
    if operation == "BatchGetItem":
        for name, wanted in told["RequestItems"].items():
            for key in wanted["Keys"]:
                yield name, key, wanted.get("ConsistentRead", False)


def writes(operation: str, told: dict[str, Any]) -> Iterator[tuple[str, Item, str]]:
    """Return of each write the table, the item or its key, and what becomes of it."""
    if operation == "PutItem":
        yield told["TableName"], told["Item"], PUT
    if operation == "DeleteItem":
        yield told["TableName"], told["Key"], GONE
    if operation == "BatchWriteItem":
        for name, requests in told["RequestItems"].items():
            for request in requests:
                put, gone = request.get("PutRequest"), request.get("DeleteRequest")
                yield (name, put["Item"], PUT) if put else (name, gone["Key"], GONE)
    if operation == "TransactWriteItems":
        for step in told["TransactItems"]:
            ((kind, each),) = step.items()
            yield each["TableName"], each.get("Item") or each["Key"], _BECOMES[kind]


def find(table: Any, named: Item) -> Item | None:
    """Return the item of this key, or of this item's; None where there is none."""
    names = [name for name in (table.hash_key_attr, table.range_key_attr) if name]
    if not named.keys() >= set(names):
        return None  # a key of another table: moto refuses it
    key = [DynamoType(named[name]) for name in names]
    item = table.get_item(key[0], key[1] if len(key) > 1 else None)
    return None if item is None else plain(item)


def plain(item: Any) -> Item:
    """Return one of moto's items as the API writes it."""
    return {name: {value.type: value.value} for name, value in item.attrs.items()}


def indexes(table: Any) -> list[Index]:
    """Return a table's indexes."""
    own = {name for name in (table.hash_key_attr, table.range_key_attr) if name}
    found = []
    for each in table.global_indexes or ():
        names = tuple(key["AttributeName"] for key in each.schema)
        more = each.projection.get("NonKeyAttributes", ())
        found.append(Index(names, frozenset(own.union(names, more))))
    return found
