"""Plays a recording to one of our fakes, and compares the answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    import aiohttp

    from tests.live.recording import Exchange, Json
    from tests.replay.recording import Recording

BEGAN = 1_700_000_000.0
_REMARKS = "the answer, response_metadata"
_UNCOMPARED = {("the answer", "errors"), (_REMARKS, "messages"), (_REMARKS, "warnings")}
"""Sentences of a platform's: only that there are some counts."""


class Player(ABC):
    """Plays one recording; what was called by one name there has another here."""

    session: aiohttp.ClientSession
    platform: ClassVar[str]
    names: ClassVar[re.Pattern[str]]
    """What may be called otherwise here."""
    nulls: ClassVar[bool]
    """Whether the platform says null where it has nothing to say."""

    def __init__(self, recording: Recording) -> None:
        self.now = BEGAN
        self.recording = recording
        self.here: dict[str, str] = {}

    @abstractmethod
    async def sent(self, exchange: Exchange, arguments: Json) -> Exchange:
        """Send a request; return it with the answer."""

    def compares(self, exchange: Exchange) -> bool:
        """Return whether an answer depends on nothing that went on beside the probes."""
        return True

    async def play(self, exchange: Exchange) -> list[str]:
        """Send a request, and compare the answers."""
        found = await self.sent(exchange, self.mapped(exchange.arguments))
        if found.status != exchange.status:
            return [f"{self.platform}'s status was {exchange.status}, the fake's is {found.status}"]
        if exchange.error != found.error:
            theirs, ours = exchange.error or "ok", found.error or "ok"
            return [f"{self.platform} answered {theirs}, the fake {ours}"]
        self._learn(exchange.answer, found.answer)
        if not self.compares(exchange):
            return []
        return list(self._compared(self.mapped(exchange.answer), found.answer, "the answer"))

    def mapped(self, value: Any) -> Any:
        """Return what was recorded with the names that things have here."""
        if isinstance(value, dict):
            return {self.here.get(key, key): self.mapped(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.mapped(item) for item in value]
        if isinstance(value, str):
            return self.names.sub(lambda name: self.here.get(name[0], name[0]), value)
        return value

    def _learn(self, theirs: Any, ours: Any) -> None:
        """Note which name of ours stands where one of theirs stood."""
        if isinstance(theirs, dict) and isinstance(ours, dict):
            for key in theirs.keys() & ours.keys():
                self._learn(theirs[key], ours[key])
        elif isinstance(theirs, list) and isinstance(ours, list):
            for one, other in zip(theirs, ours, strict=False):
                self._learn(one, other)
        elif isinstance(theirs, str) and isinstance(ours, str) and self.names.fullmatch(theirs):
            self.here.setdefault(theirs, ours)

    def _compared(self, theirs: Any, ours: Any, where: str) -> Iterator[str]:
        """Compare shapes: the fake may give less, but nothing that the platform does not."""
        if self.nulls and ours is None:
            return
        if _kind(theirs) != _kind(ours):
            was, is_ = _kind(theirs), _kind(ours)
            yield f"{where} was {was} at {self.platform}, and is {is_} in the fake"
        elif isinstance(theirs, dict):
            for key in ours:
                if key not in theirs:
                    yield f"{where} has no “{key}” at {self.platform}, but has one in the fake"
                elif (where, key) not in _UNCOMPARED:
                    yield from self._compared(theirs[key], ours[key], f"{where}, {key}")
        elif isinstance(theirs, list):
            yield from self._lists(theirs, ours, where)

    def _lists(self, theirs: list[Any], ours: list[Any], where: str) -> Iterator[str]:
        if len(theirs) != len(ours):
            had, has = len(theirs), len(ours)
            yield f"{where} had {had} items at {self.platform}, and has {has} in the fake"
        for index, (one, other) in enumerate(zip(theirs, ours, strict=False)):
            yield from self._compared(one, other, f"{where} {index}")


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a switch"}
    return names.get(type(value), "nothing" if value is None else "a number")
