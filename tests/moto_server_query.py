"""moto's queries, mended: it sorts and looks through the whole table for each one.

Here a partition is kept in order, and a query is shown only what it may find: that is also what
DynamoDB would look at, and charge for.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Any

from moto.dynamodb.comparisons import OpDefault
from moto.dynamodb.models.dynamo_type import DynamoType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Make = Any
"""One of moto's methods, as it came."""
_LAST = "\U0010ffff"


class Partition(dict[DynamoType, Any]):
    """A partition's items by their names, which are also kept in order."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[DynamoType] = []

    def __setitem__(self, name: DynamoType, item: Any) -> None:
        if name not in self:
            insort(self.names, name)
        super().__setitem__(name, item)

    def pop(self, name: DynamoType, *default: Any) -> Any:
        """Take an item out."""
        if name in self:
            del self.names[bisect_left(self.names, name)]
        return super().pop(name, *default)

    def span(self, comparison: str | None, values: list[DynamoType]) -> tuple[int, int]:
        """Return where the names begin, and end, that a condition holds for."""
        names, every = self.names, (0, len(self.names))
        if comparison is None:
            return every
        left, right = bisect_left(names, values[0]), bisect_right(names, values[-1])
        beyond = DynamoType({"S": f"{values[0].value}{_LAST}"})
        spans = {
            "BETWEEN": (left, right),
            "=": (left, right),
            "BEGINS_WITH": (left, bisect_left(names, beyond) if beyond.type == "S" else 0),
            ">": (right, len(names)),
            ">=": (left, len(names)),
            "<": (0, left),
            "<=": (0, right),
        }
        return spans[comparison.upper()]


def in_order(make: Make) -> Make:
    """Keep each partition of a table in order."""

    def ordered(self: Any, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        self.items = defaultdict(Partition)

    return ordered


def narrowed(query: Make, read: Callable[..., None]) -> Make:
    """Show a query what it may find, and tell `read` what it has looked at."""

    def narrow(self: Any, *told: Any, **more: Any) -> Any:
        key, *condition, limit, start, forward, projected, index, consistent, filtered = told
        if index:
            if projected or not isinstance(filtered, OpDefault):
                raise NotImplementedError(index)  # nobody asks so: its cost is not told below
            rows = _in_index(self, index)
        else:
            most = limit and limit + 1  # by one more, moto knows that it is not the end
            rows = [*islice(_in_table(self, key, condition, start, forward=forward), most)]
        self.all_items = lambda: rows
        try:
            found, looked, last = query(self, *told, **more)
        finally:
            del self.all_items
        read(found if index else rows[:looked], consistent=consistent)
        return found, looked, last

    return narrow


def _in_table(table: Any, key: Any, condition: Any, start: Any, *, forward: bool) -> Iterator[Any]:
    partition = table.items.get(key)
    if not isinstance(partition, Partition):
        return iter(() if partition is None else (partition,))
    low, high = partition.span(*condition)
    if start:
        at = DynamoType(start[table.range_key_attr])
        low = max(low, bisect_right(partition.names, at)) if forward else low
        high = high if forward else min(high, bisect_left(partition.names, at))
    names = partition.names[low:high]
    return map(partition.__getitem__, names if forward else reversed(names))


def _in_index(table: Any, index: str) -> list[Any]:
    name = table.get_index(index).schema[0]["AttributeName"]
    rows = (row for partition in table.items.values() for row in partition.values())
    return [row for row in rows if name in row.attrs]
