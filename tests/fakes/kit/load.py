"""Many threads at once, each in a closed loop: say something, wait for the answer, go on."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable

Said = TypeVar("Said")


class ClosedLoop:
    """Measures turns; a platform says what is said, and what its answer is."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self.waits: list[float] = []
        """Seconds from each message to its answer."""
        self.unanswered = 0

    async def turn(self, saying: Awaitable[Said], answer: asyncio.Future[None]) -> Said | None:
        """Say something and wait for its answer; return it, or None if no answer came."""
        began = time.perf_counter()
        said = await saying
        try:
            async with asyncio.timeout(self._patience):
                await answer
        except TimeoutError:
            self.unanswered += 1
            return None
        self.waits.append(time.perf_counter() - began)
        return said

    def report(self, seconds: float) -> dict[str, Any]:
        """Return the figures of a run that took so long."""
        return {
            "turns": len(self.waits),
            "unanswered": self.unanswered,
            "seconds": seconds,
            "turns_per_s": len(self.waits) / seconds,
            "p50_ms": self._share(0.5),
            "p99_ms": self._share(0.99),
        }

    def _share(self, share: float) -> float:
        waits = sorted(self.waits) or [0.0]
        return waits[min(len(waits) - 1, int(share * len(waits)))] * 1000
