"""What AWS charges for a request to DynamoDB, by the sizes of the items that it touches. Pure.

The rules are those of AWS's developer guide, its pages
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
(sizes), …/read-write-operations.html (units), …/transaction-apis.html (twice in a transaction) and
…/GSI.html (what an index costs). An item is as the API writes it: names, each with type and value.
"""

from __future__ import annotations

import math
from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    Item = dict[str, dict[str, Any]]

READ_BLOCK, WRITE_BLOCK = 4096, 1024
"""Bytes that are read and written for one unit."""
IN_TRANSACTION = 2
"""Times that a write in a transaction is charged: once to prepare it, and once to do it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What requests cost together."""

    requests: int = 0
    read: float = 0
    """Units; half of one is the least."""
    write: int = 0
    index: int = 0
    """Units of writes to indexes, which follow those to the table."""

    def __add__(self, other: Bill) -> Bill:
        return self._with(other, 1)

    def __sub__(self, other: Bill) -> Bill:
        return self._with(other, -1)

    def _with(self, other: Bill, times: int) -> Bill:
        return Bill(
            requests=self.requests + times * other.requests,
            read=self.read + times * other.read,
            write=self.write + times * other.write,
            index=self.index + times * other.index,
        )


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index: its keys, and all that it has of an item, keys included."""

    keys: tuple[str, ...]
    projected: frozenset[str]

    def of(self, item: Item | None) -> Item | None:
        """Return what the index has of an item; None where a key is missing: nothing."""
        if item is None or not all(key in item for key in self.keys):
            return None
        return {name: value for name, value in item.items() if name in self.projected}


def size(item: Item | None) -> int:
    """Return an item's size in bytes: its names and its values; 0 where there is none."""
    if item is None:
        return 0
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def got(item: Item | None, *, consistent: bool) -> Bill:
    """Return what it costs to get one item, alone or in a batch; one that is missing costs too."""
    return _read(size(item), consistent=consistent)


def queried(evaluated: Iterable[Item], *, consistent: bool) -> Bill:
    """Return what a query costs, by all items that it looked at, filtered out or not."""
    return _read(sum(map(size, evaluated)), consistent=consistent)


def written(
    before: Item | None, after: Item | None, indexes: Iterable[Index], *, times: int = 1
) -> Bill:
    """Return what a write costs: the larger of both is what counts, also for a check or a refusal.

    Equal items are a check: it leaves the indexes alone. `times` is `IN_TRANSACTION` in one.
    """
    return Bill(
        write=times * _blocks(max(size(before), size(after)), WRITE_BLOCK),
        index=sum(_indexed(index, before, after) for index in indexes),
    )


def _indexed(index: Index, before: Item | None, after: Item | None) -> int:
    old, new = index.of(before), index.of(after)
    if old == new:
        return 0
    both = [item for item in (old, new) if item is not None]
    if len(both) > 1 and all(both[0][key] == both[1][key] for key in index.keys):
        return _blocks(max(map(size, both)), WRITE_BLOCK)
    return sum(_blocks(size(item), WRITE_BLOCK) for item in both)


def _read(bytes_: int, *, consistent: bool) -> Bill:
    return Bill(read=_blocks(bytes_, READ_BLOCK) / (1 if consistent else 2))


def _blocks(bytes_: int, block: int) -> int:
    return max(1, math.ceil(bytes_ / block))


def _size(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode("utf-8", "surrogatepass"))
    if kind == "N":  # a byte for two digits, and one more
        digits = str(content).partition("e")[0].replace(".", "").strip("-0")
        return math.ceil(len(digits) / 2) + 1
    if kind == "B":
        return len(content if isinstance(content, bytes) else b64decode(content))
    raise NotImplementedError(kind)  # the store writes no other
