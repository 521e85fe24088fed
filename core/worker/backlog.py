"""How many messages of each person wait in this process, and who has too many there."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.domain.message import ThreadKey


class Backlog:
    """The messages that wait for their turn here. What waits for another process counts there."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._waiting: Counter[str] = Counter()
        self._in: dict[ThreadKey, list[str]] = {}
        """By thread, whose its messages are."""
        self._told: dict[str, int] = {}
        """Who has heard that they have too many, and how many they had."""

    def add(self, thread: ThreadKey, person: str) -> None:
        """Note that a message of this person waits in a thread."""
        self._in.setdefault(thread, []).append(person)
        self._waiting[person] += 1

    def begun(self, thread: ThreadKey) -> None:
        """Note that nothing in a thread waits here any more: its turn begins, or is another's."""
        for person in self._in.pop(thread, ()):
            self._waiting[person] -= 1
            if not self._waiting[person]:
                del self._waiting[person]
            if self._told and self._waiting[person] <= self._told.get(person, -1) // 2:
                del self._told[person]

    def of(self, person: str) -> int:
        """Return how many messages of a person wait here."""
        return self._waiting[person]

    def refuse(self, person: str) -> bool:
        """Note that a message was refused; tell whether the person has to hear why.

        They hear it once, and again only after half of what waited has been begun.
        """
        is_first = person not in self._told
        self._told.setdefault(person, self._waiting[person])
        return is_first
