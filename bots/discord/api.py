"""Calls of Discord's REST API through discord.py: how long they may take, what failed how.

discord.py repeats a call after 500, 502, 504 and 524, and after some cut connections, with the
body that it had; a post's nonce makes that harmless. It waits for limits without a bound, while a
call of ours must end before the lease that allows it: so each is cut off after its time.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
import discord

from core.domain.errors import (
    ChatbotError,
    ContentRefusedError,
    OutageError,
    PlatformBusyError,
    PlatformError,
    PostRefusedError,
    PostUnclearError,
    broke,
)
from core.domain.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bots.discord.connection.gateway import GatewayConnection
    from bots.discord.pace import Pace
    from core.domain.clock import Clock

log = logging.getLogger(__name__)

Result = TypeVar("Result")

ODD = "this is no answer of Discord's"
_SERVER_FAULT = 500
_UNAUTHORIZED = 401
_LIMITED = 429
_REPEATS = 2
_COURTESY_SECONDS = 3.0
_NO_ACCESS = {50001, 50013}
"""Discord's codes for what the bot has no right to (docs: topics/opcodes-and-status-codes)."""
UNKNOWN_CHANNEL, UNKNOWN_MESSAGE = 10003, 10008
_NEVER = {
    UNKNOWN_CHANNEL,
    10004,  # unknown server
    40007,  # banned from the server
    50001,  # no access
    50007,  # this person takes no direct messages
    50008,  # no channel for text
    50009,  # the server asks for more verification
    50013,  # no permission
    50024,  # not on this type of channel
    50083,  # archived; a post opens it again where it is not locked as well
    50278,  # no server in common with this person
    160005,  # locked
}
"""Codes of a place, the same for each post however long one waits (docs:
topics/opcodes-and-status-codes)."""
_CONTENT = {
    40005,  # request too large
    50006,  # empty message
    50035,  # invalid form
    200000,  # blocked by the server's own rules
    200001,  # the same, for what stands around the words
    240000,  # blocked as a harmful link
}
"""Codes of what is in a post; another shape of it may be taken (docs: the same)."""
_PASSING = {
    0,  # no code: a page of a proxy's, or a general fault
    20016,  # slow mode
    20028,  # too many messages in a channel
    40001,  # the token is not known, as while it is being changed
    40002,  # the bot's account has to be verified
    40006,  # switched off for a while, as in an outage
    40058,  # a post that is not there yet, but soon
    40062,  # a service behind Discord's is limited
    40333,  # what stands before Discord shuts calls out, as in an outage
    130000,  # overloaded
}
"""Codes that waiting, or a person, ends (docs: the same)."""


class RefusedError(PlatformError):
    """Discord answered that it will not; `code` is its number for why."""

    def __init__(self, what: str, status: int, code: int) -> None:
        """Say which call, and why not."""
        super().__init__(f"Discord refused to {what}: {status}, code {code}")
        self.status = status
        self.code = code

    @property
    def lacks_right(self) -> bool:
        """Tell whether the bot has no right to it."""
        return self.code in _NO_ACCESS


class NeverError(RefusedError, PostRefusedError):
    """Discord will not, and waiting changes nothing."""


class ContentError(RefusedError, ContentRefusedError):
    """Discord will not take what is in a post, or its shape."""


class PassingError(RefusedError, PlatformBusyError):
    """Discord will not now."""

    def __init__(self, what: str, status: int, code: int) -> None:
        """Say which call, and why not."""
        RefusedError.__init__(self, what, status, code)
        self.seconds = self.again = None


class LimitedError(PlatformBusyError):
    """Discord wants this call later than we can wait for it."""


class Api:
    """The REST API, as the bot calls it."""

    def __init__(
        self, link: GatewayConnection, pace: Pace, clock: Clock, *, timeout: float
    ) -> None:
        """Let each call take `timeout` seconds at most, with all that it waits for."""
        self.link = link
        self.pace = pace
        self.timeout = timeout
        self._clock = clock
        self._gates: dict[str, Gate] = {}
        self._late: set[asyncio.Task[Any]] = set()

    @property
    def http(self) -> discord.http.HTTPClient:
        """Return discord.py's own client, for what it has no object for."""
        return self.link.client.http

    async def call(
        self, what: str, make: Callable[[], Coroutine[Any, Any, Result]], seconds: float = 0
    ) -> Result:
        """Make a call, again where it is not clear if it took effect; return its answer.

        Args:
            what: What it does, in words.
            make: The call. Made twice, it must have the effect of one.
            seconds: How long all of it may take; `timeout` where nothing is given.

        Raises:
            RefusedError: Discord will not.
            PlatformBusyError: Not as soon as we could wait for.
            PostUnclearError: It may or may not have taken effect; `OutageError`, if others may not.
        """
        end = self._clock.monotonic() + (seconds or self.timeout)
        repeats = _REPEATS
        while True:
            gate = self._gate(what)
            if wait := await gate.passes(end):
                raise PlatformBusyError(f"Discord can't {what}", seconds=wait, again=gate.again)
            seconds, counts = end - self._clock.monotonic(), not repeats
            try:
                return await self._noted(what, make(), seconds, counts=counts)
            except PostUnclearError:
                repeats -= 1
                if repeats < 0 or self._clock.monotonic() >= end:
                    raise

    async def courtesy(
        self,
        what: str,
        make: Callable[[], Coroutine[Any, Any, Result]],
        *,
        method: str,
        channel: str,
    ) -> Result:
        """Make a call that nothing depends on: at once, or not if Discord would rather not.

        Raises what `call` does.
        """
        if not (self.pace.spares(method, channel) and self._gate(what).is_open):
            raise LimitedError(f"there is no room to {what} now")
        with self.pace.refusals(method, channel) as refused:
            seconds = min(self.timeout, _COURTESY_SECONDS)
            return await self._noted(what, make(), seconds, counts=False, refused=refused)

    def _gate(self, what: str) -> Gate:
        if what not in self._gates:
            self._gates[what] = Gate(f"Discord's way to {what}", self._clock)
        return self._gates[what]

    async def _noted(
        self,
        what: str,
        call: Coroutine[Any, Any, Result],
        seconds: float,
        *,
        counts: bool,
        refused: asyncio.Event | None = None,
    ) -> Result:
        """Make a call, and note whether what it does works at Discord.

        A lost answer `counts` as a sign of an outage, except where nobody needs it, or where the
        call is made once more first.
        """
        gate = self._gate(what)
        try:
            answer = await self._once(what, call, seconds, refused)
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

    async def close(self) -> None:
        """Let calls that were cut off come to their end."""
        if self._late:
            await asyncio.wait(self._late, timeout=1)

    async def _once(
        self,
        what: str,
        call: Coroutine[Any, Any, Result],
        seconds: float,
        refused: asyncio.Event | None = None,
    ) -> Result:
        task = asyncio.ensure_future(call)
        watch = asyncio.ensure_future(refused.wait()) if refused else None
        waiting = {task, watch} if watch else {task}
        try:
            await asyncio.wait(
                waiting, timeout=max(seconds, 0), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            if watch is not None:
                watch.cancel()
            if not task.done():
                self._cut_off(task)
            elif not task.cancelled():
                task.exception()  # where we are cancelled ourselves, nobody else asks for it
        if not task.done():
            if refused is not None and refused.is_set():
                raise LimitedError(f"Discord would rather not {what} now")
            raise PostUnclearError(f"{what}: no answer in {seconds:.0f} s")
        return _result(what, task)

    def _cut_off(self, task: asyncio.Future[Any]) -> None:
        """Cancel a call, and let nothing wait for it.

        One that is cancelled while it waits for the global limit leaves all others waiting for
        good.
        """

        async def ended() -> None:
            await asyncio.wait({task})
            if not task.cancelled():
                task.exception()  # nobody else asks for it
            over: asyncio.Event = self.http._global_over  # noqa: SLF001 - see above
            over.set()

        task.cancel()
        late = asyncio.create_task(ended())
        self._late.add(late)
        late.add_done_callback(self._late.discard)


def _result(what: str, task: asyncio.Future[Result]) -> Result:
    try:
        return task.result()
    except discord.RateLimited as limited:
        raise _limited(what, limited.retry_after) from None
    except discord.HTTPException as error:
        raise _meaning(what, error) from None
    except (aiohttp.ClientError, OSError, TimeoutError, asyncio.CancelledError) as error:
        raise PostUnclearError(f"{what}: {type(error).__name__}") from error
    except ChatbotError:
        raise
    except Exception as error:  # discord.py trusts that an answer is one of Discord's
        raise PostUnclearError(f"{what}: {ODD} ({broke(error)})") from error


def _meaning(what: str, error: discord.HTTPException) -> PlatformError:
    """Return what an answer that is no success means."""
    if error.status >= _SERVER_FAULT:
        return PostUnclearError(f"{what}: status {error.status}")
    if error.status == _LIMITED:
        return _limited(what, _seconds(error.response.headers.get("Retry-After")))
    return _kind(error)(what, error.status, error.code)


def _limited(what: str, seconds: float | None) -> LimitedError:
    when = "later" if seconds is None else f"in {seconds:.0f} s"
    return LimitedError(f"Discord lets the bot {what} again {when}", seconds=seconds)


def _kind(error: discord.HTTPException) -> type[RefusedError]:
    if error.code in _NEVER:
        return NeverError
    if error.code in _CONTENT:
        return ContentError
    passes = error.code in _PASSING or error.status == _UNAUTHORIZED
    return PassingError if passes else RefusedError


def _seconds(given: str | None) -> float | None:
    """Return what a Retry-After says; None where it says nothing that can be read."""
    try:
        return max(0.0, float(given)) if given else None
    except ValueError:
        return None
