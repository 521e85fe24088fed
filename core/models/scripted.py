"""A model that plays prepared answers, for tests and benchmarks; it fails on unexpected calls."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, TypeAlias

from core.domain.clock import SystemClock
from core.models.port import Completion, StopReason

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from core.domain.clock import Clock
    from core.models.port import ModelRequest

Step: TypeAlias = "str | float | asyncio.Event | Exception | Completion"
"""Text that arrives, seconds to wait, an event to wait for, an error to raise, or the end."""

Script: TypeAlias = "str | Exception | Sequence[Step]"
"""One call's answer. With neither an error nor a completion, it ends with `StopReason.END`."""


class ScriptedModel:
    """A model that answers each call with the next script.

    `ScriptedModel("Hi.", ModelBusyError("busy"), ["Hal", gate, "lo"])` answers three calls, and
    `ScriptedModel(reply=lambda request: "Hi.")` any number, once the scripts are used up.
    """

    def __init__(
        self,
        *scripts: Script,
        reply: Callable[[ModelRequest], Script] | None = None,
        name: str = "scripted",
        clock: Clock | None = None,
    ) -> None:
        self.name = name
        self.has_tools = True
        self.calls: list[ModelRequest] = []
        """Every request, in order, including unexpected ones."""
        self.size: Callable[[ModelRequest], int | None] = lambda _: None
        """Counts the tokens of a request's prompt; a test may set it."""
        self.counted: list[ModelRequest] = []
        """Every request whose tokens were asked for, in order."""
        self.given_up = 0
        """How many streams were closed before their end."""
        self.closed = False
        self._scripts = deque(scripts)
        self._reply = reply
        self._clock = clock or SystemClock()
        self._unexpected: list[ModelRequest] = []

    def add(self, *scripts: Script) -> None:
        """Prepare more answers."""
        self._scripts.extend(scripts)

    def stream(self, request: ModelRequest) -> AsyncGenerator[str | Completion, None]:
        """Play the next script; raise AssertionError if there is none."""
        self.calls.append(request)
        if self._scripts:
            return self._play(self._scripts.popleft())
        if self._reply is not None:
            return self._play(self._reply(request))
        self._unexpected.append(request)
        raise AssertionError(f"unexpected call {len(self.calls)} of {self.name}: {request}")

    async def _play(self, script: Script) -> AsyncGenerator[str | Completion, None]:
        steps = [script] if isinstance(script, str | Exception) else script
        try:
            for step in steps:
                if isinstance(step, str | Completion):
                    yield step
                elif isinstance(step, Exception):
                    raise step
                elif isinstance(step, asyncio.Event):
                    await step.wait()
                else:
                    await self._clock.sleep(step)
            if not any(isinstance(step, Completion) for step in steps):
                yield Completion(stop=StopReason.END)
        except (GeneratorExit, asyncio.CancelledError):
            self.given_up += 1
            raise

    async def count(self, request: ModelRequest) -> int | None:
        """Return what `size` says."""
        self.counted.append(request)
        return self.size(request)

    async def close(self) -> None:
        """Note that it was closed."""
        self.closed = True

    def finish(self) -> None:
        """Fail unless exactly the prepared calls were made.

        An unexpected call fails here too, in case its caller has swallowed the error.
        """
        if self._unexpected:
            raise AssertionError(f"{len(self._unexpected)} unexpected calls: {self._unexpected}")
        if self._scripts:
            raise AssertionError(f"{len(self._scripts)} answers not asked for: {[*self._scripts]}")
