"""Events that a test keeps back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


class Held(Generic[T]):
    """Keeps items back between `hold` and `release`."""

    def __init__(self) -> None:
        self._items: list[T] | None = None

    def hold(self) -> None:
        """Keep back what follows."""
        self._items = []

    def keeps(self, item: T) -> bool:
        """Keep an item back if something is to be; return whether it was kept."""
        if self._items is not None:
            self._items.append(item)
        return self._items is not None

    def release(self, order: Sequence[int] | None = None) -> list[T]:
        """Return what was kept back, in this order if one is given; keep nothing back now."""
        items, self._items = self._items or [], None
        return items if order is None else [items[index] for index in order]
