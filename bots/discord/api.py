"""Calls of Discord's REST API through discord.py: how long they may take, and what failed how.

discord.py retries a call after 500, 502, 504 and 524, and after some cut connections, with the
same body; a post's nonce makes that harmless. It waits for rate limits without a bound, while a
call of ours has to end before the lease that allows it: so each call gets a deadline.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from bots.discord.faults import LimitedError, meaning
from core.domain.errors import (
    ChatbotError,
    OutageError,
    PlatformBusyError,
    PlatformError,
    PostUnclearError,
)
from core.domain.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from discord.http import HTTPClient

    from bots.discord.connection.client import Client
    from bots.discord.connection.gateway import GatewayConnection
    from bots.discord.pace import Pace, Route
    from core.domain.clock import Clock

Result = TypeVar("Result")

_RETRIES = 2
_OPTIONAL_SECONDS = 3.0
"""The most seconds for a call that nothing depends on."""


class Api:
    """The REST API, as the bot calls it."""

    def __init__(
        self, gateway: GatewayConnection, pace: Pace, clock: Clock, *, timeout: float
    ) -> None:
        """Call through the gateway's client.

        Args:
            gateway: Holds the client that is logged in.
            pace: Knows the rate limits of that client's calls.
            clock: Measures the time that calls take.
            timeout: Seconds that a call may take, with all its waits and retries.
        """
        self.gateway = gateway
        self.timeout = timeout
        self._pace = pace
        self._clock = clock
        self._gates: dict[str, Gate] = {}

    @property
    def client(self) -> Client:
        """Return discord.py's client, which a reconnection may replace."""
        return self.gateway.client

    @property
    def http(self) -> HTTPClient:
        """Return discord.py's HTTP client."""
        return self.gateway.client.http

    async def call(
        self, what: str, make: Callable[[], Coroutine[Any, Any, Result]], seconds: float = 0
    ) -> Result:
        """Make a call, again if it may have had no effect, and return its answer.

        Args:
            what: What the call does, for messages: "Discord can't <what>".
            make: Makes the call. Twice must have the effect of once.
            seconds: How long all of it may take; `timeout` if 0.

        Raises:
            RefusedError: Discord refuses.
            PlatformBusyError: Discord allows it later than the deadline.
            PostUnclearError: It may or may not have had its effect; `OutageError` if other calls
                of this kind fail in the same way.
        """
        end = self._clock.monotonic() + (seconds or self.timeout)
        gate = self._gate(what)
        retries = _RETRIES
        while True:
            if not gate.is_open and (wait := await gate.passes(end)):
                raise PlatformBusyError(f"Discord can't {what}", seconds=wait, again=gate.again)
            left = end - self._clock.monotonic()
            try:
                return await self._attempt(gate, what, make(), left, counts=not retries)
            except PostUnclearError:
                retries -= 1
                if retries < 0 or self._clock.monotonic() >= end:
                    raise

    async def call_if_spare(
        self, what: str, make: Callable[[], Coroutine[Any, Any, Result]], route: Route
    ) -> Result:
        """Make an optional call: at once, or not at all if its rate limit is nearly used up.

        Raises what `call` does.
        """
        gate = self._gate(what)
        if not (self._pace.has_spare(route) and gate.is_open):
            raise LimitedError(f"Discord can't {what} now")
        seconds = min(self.timeout, _OPTIONAL_SECONDS)
        return await self._attempt(gate, what, make(), seconds, counts=False, optional=route)

    def _gate(self, what: str) -> Gate:
        if what not in self._gates:
            self._gates[what] = Gate(f"Discord's way to {what}", self._clock)
        return self._gates[what]

    async def _attempt(
        self,
        gate: Gate,
        what: str,
        call: Coroutine[Any, Any, Result],
        seconds: float,
        *,
        counts: bool,
        optional: Route | None = None,
    ) -> Result:
        """Make a call once, and note at its gate whether calls of this kind work.

        A lost answer `counts` as a sign of an outage, unless the call is optional or will be
        retried.
        """
        try:
            if optional is None:
                answer = await self._once(what, call, seconds)
            else:
                answer = await self._once_unless_limited(what, call, seconds, optional)
        except PostUnclearError as unclear:
            if counts or not gate.is_open:
                gate.failed()
            if gate.is_open:
                raise
            raise OutageError(str(unclear), again=gate.again) from unclear.__cause__
        except PlatformError:
            gate.worked()
            raise
        gate.worked()
        return answer

    async def _once_unless_limited(
        self, what: str, call: Coroutine[Any, Any, Result], seconds: float, route: Route
    ) -> Result:
        """Make a call, and cancel it as soon as Discord answers that it is limited."""
        deadline, limited = asyncio.timeout(seconds), False

        def cancel() -> None:
            nonlocal limited
            if not deadline.expired():
                limited = True
                deadline.reschedule(0)

        with self._pace.cancelling(route, cancel):
            try:
                return await self._once(what, call, seconds, deadline)
            except PostUnclearError:
                if limited:
                    raise LimitedError(f"Discord can't {what} now") from None
                raise

    async def _once(
        self,
        what: str,
        call: Coroutine[Any, Any, Result],
        seconds: float,
        deadline: asyncio.Timeout | None = None,
    ) -> Result:
        deadline = deadline or asyncio.timeout(max(seconds, 0))
        try:
            async with deadline:
                return await call
        except asyncio.CancelledError as error:
            self._release_others()
            if (task := asyncio.current_task()) and task.cancelling():
                raise  # the caller is being cancelled
            raise PostUnclearError(f"{what}: {type(error).__name__}") from error
        except ChatbotError:
            raise
        except Exception as error:
            if isinstance(error, TimeoutError) and deadline.expired():
                self._release_others()
                raise PostUnclearError(f"{what}: no answer in {seconds:.0f} s") from error
            found = meaning(what, error)
            raise found from (error if isinstance(found, PostUnclearError) else None)

    def _release_others(self) -> None:
        """Let other calls go on after a cancelled one.

        discord.py makes all calls wait for the one that was refused by the global limit; if that
        one is cancelled, they would wait forever.
        """
        over: asyncio.Event = self.http._global_over  # noqa: SLF001 - see above
        over.set()
