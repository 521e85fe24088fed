"""Calls to Slack's Web API: how long they may take, and which may be repeated.

slack-sdk's own retries are off. By default it repeats a call whose connection broke, so a post
whose answer was lost would appear twice (`AsyncConnectionErrorRetryHandler`). Its wait for a rate
limit has no bound, but each of our calls must end before the lease that allows it.
"""

from __future__ import annotations

import asyncio
import logging
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NoReturn

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bots.outgoing import Connector
from bots.slack.faults import (
    ODD,
    LimitedError,
    NeverError,
    PassingError,
    RefusedError,
    is_outage,
    meaning,
)
from bots.slack.hosts import slack_hosts
from bots.slack.pace import Rank
from core.domain.clock import PlatformClock
from core.domain.errors import (
    OutageError,
    PlatformBusyError,
    PlatformError,
    PostUnclearError,
    broke,
)
from core.domain.gate import Gate
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.slack.pace import Pace
    from core.domain.clock import Clock

log = logging.getLogger(__name__)

SLACK_URL = "https://slack.com/api/"
READS = {
    "bots.info",
    "conversations.history",
    "conversations.members",
    "conversations.replies",
    "files.info",
    "usergroups.list",
    "users.conversations",
    "users.info",
}
"""Methods that accept no JSON (docs: apis/web-api, "Methods supporting JSON POSTs")."""
_FORMS = {"files.completeUploadExternal", "files.getUploadURLExternal"}
"""Methods that slack-sdk calls without JSON, too."""
_POST = "chat.postMessage"
_REPEATS = 2


def web_client(token: str, base_url: str, session: aiohttp.ClientSession) -> AsyncWebClient:
    """Return a client that keeps its connections and never retries by itself."""
    return AsyncWebClient(
        token,
        base_url=base_url or SLACK_URL,
        session=session,
        retry_handlers=[],
        logger=sdk_logger("web"),
    )


def guarded_session(base_url: str, **given: Any) -> aiohttp.ClientSession:
    """Return a session that sends requests to Slack's hosts only.

    `given` is passed on to `aiohttp.ClientSession`.
    """
    return aiohttp.ClientSession(connector=Connector(slack_hosts(base_url)), **given)


def sdk_logger(part: str) -> logging.Logger:
    """Return a logger for a part of slack-sdk, at INFO or above: at DEBUG it logs what people say.

    slack-sdk formats those lines for each call, shown or not, if the logger itself has no level.
    """
    logger = logging.getLogger(f"slack_sdk.{part}")
    logger.setLevel(max(logging.INFO, logger.getEffectiveLevel()))
    return logger


_UNSEEN = {"users.conversations"}
"""Methods that nobody waits for: only catch-up calls them, which says itself that it is late."""


class Api:
    """The Web API, called within its rate limits and within a time limit."""

    def __init__(self, client: AsyncWebClient, pace: Pace, clock: Clock, *, timeout: float) -> None:
        """Give each call `timeout` seconds at most, including all of its waits."""
        self.slack_clock = PlatformClock(clock)
        """Slack's own time."""
        self._date = ""
        """The newest `Date` of an answer; many answers have the same, since it states seconds."""
        self.client = client
        self.pace = pace
        self.timeout = timeout
        self._clock = clock
        self._gates: dict[str, Gate] = {}

    async def call(
        self,
        method: str,
        *,
        repeat: bool = False,
        patience: float | None = None,
        rank: Rank = Rank.ANSWER,
        **arguments: Any,
    ) -> dict[str, Any]:
        """Make a call and return Slack's answer.

        Args:
            method: The method's name.
            repeat: Whether to repeat the call if it is unclear whether it took effect.
            patience: Seconds for the whole call, waits included; by default `timeout`.
            rank: What the call is for; calls that matter more go first.
            arguments: The method's arguments; those that are None are left out.

        Raises:
            RefusedError: Slack refused it; `NeverError` for a reply whose thread is gone.
            PlatformBusyError: Slack does not allow it as soon as we can wait.
            PostUnclearError: It may or may not have taken effect; `OutageError` if the method
                fails for everyone at the moment.
        """
        end = self._clock.monotonic() + (self.timeout if patience is None else patience)
        arguments = {name: value for name, value in arguments.items() if value is not None}
        channel = str(arguments.get("channel", ""))
        repeats = _REPEATS if repeat else 0
        while True:
            await self._wait(method, channel, end, rank)
            seconds, counts = end - self._clock.monotonic(), not repeats
            try:
                answer = await self._noted(method, arguments, seconds, counts=counts)
            except LimitedError as limited:
                log.info("%s", limited)
            except PostUnclearError:
                repeats -= 1
                if repeats < 0 or self._clock.monotonic() >= end:
                    raise
            else:
                root = str(arguments.get("thread_ts", ""))
                astray = method == _POST and root and not _is_in_thread(answer)
                if astray and await self._is_gone(channel, root):
                    await self._take_back(channel, str_of(answer, "ts"))
                return answer

    async def _is_gone(self, channel: str, root: str) -> bool:
        """Return whether a thread is gone; False if Slack can't tell."""
        try:
            found = await self.call(
                "conversations.replies", repeat=True, channel=channel, ts=root, limit=1
            )
        except RefusedError as refused:
            return refused.code == "thread_not_found"
        except PlatformError:
            return False
        return not found.get("messages")

    async def _take_back(self, channel: str, ts: str) -> NoReturn:
        """Delete a reply that landed in the channel itself, and raise `NeverError`."""
        try:
            await self.call("chat.delete", repeat=True, channel=channel, ts=ts)
        except PlatformError as error:
            log.warning("a reply to a message that is gone stays in the channel: %s", error)
        raise NeverError(_POST, "thread_not_found")

    async def courtesy(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Make a call that nothing depends on, only if the rate limit allows it at once.

        Raises what `call` does.
        """
        channel = str(arguments.get("channel", ""))
        if not (self.pace.spares(method, channel) and self._gate(method).is_open):
            raise LimitedError(method, self.pace.wait(method, channel, Rank.COURTESY))
        given = {name: value for name, value in arguments.items() if value is not None}
        return await self._noted(method, given, self.timeout, counts=False)

    def took_effect(self, method: str) -> None:
        """Note that a call whose answer was lost took effect: the method works."""
        self._gate(method).worked()

    async def _wait(self, method: str, channel: str, end: float, rank: Rank) -> None:
        """Wait until the call may be made; other calls may take the turn in the meantime."""
        while wait := self.pace.wait(method, channel, rank):
            if wait > end - self._clock.monotonic():
                raise LimitedError(method, wait)
            await self._clock.sleep(wait)
        gate = self._gate(method)
        if wait := await gate.passes(end):
            raise PlatformBusyError(
                f"Slack's {method} has an outage", seconds=wait, again=gate.again
            )

    def _gate(self, method: str) -> Gate:
        if method not in self._gates:
            level = logging.INFO if method in _UNSEEN else logging.WARNING
            self._gates[method] = Gate(f"Slack's {method}", self._clock, level=level)
        return self._gates[method]

    async def _noted(
        self, method: str, arguments: dict[str, Any], seconds: float, *, counts: bool
    ) -> dict[str, Any]:
        """Make a call, and note whether Slack allows it and the method works.

        A lost answer `counts` as a sign of an outage, unless nothing depends on the call or it is
        repeated first.
        """
        channel, gate = str(arguments.get("channel", "")), self._gate(method)
        self.pace.made(method, channel)
        try:
            answer = await self._once(method, arguments, seconds)
        except LimitedError as limited:
            self.pace.limited(method, channel, limited.seconds)
            gate.worked()
            raise
        except PostUnclearError as unclear:
            if counts or not gate.is_open:
                gate.failed()
            if gate.is_open:
                raise
            raise OutageError(str(unclear), again=gate.again) from unclear.__cause__
        except PassingError as passing:
            if is_outage(passing):
                gate.failed()
            passing.again = None if gate.is_open else gate.again
            raise
        except RefusedError:
            gate.worked()
            raise
        gate.worked()
        return answer

    async def _once(self, method: str, arguments: dict[str, Any], seconds: float) -> dict[str, Any]:
        reads = method in READS
        verb, given = ("GET", "params") if reads else ("POST", "json")
        given = "params" if method in _FORMS else given
        try:
            async with asyncio.timeout(seconds):
                answer = await self.client.api_call(
                    method, http_verb=verb, **{given: arguments or None}
                )
        except SlackApiError as error:
            raise meaning(method, error) from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise PostUnclearError(f"{method}: {type(error).__name__}") from error
        except Exception as error:  # the SDK trusts every answer to be Slack's
            raise PostUnclearError(f"{method}: {ODD} ({broke(error)})") from error
        if not isinstance(answer.data, dict):
            raise PostUnclearError(f"{method}: {ODD}")
        date = answer.headers.get("Date", "")
        if date != self._date and (at := _seconds(date)):
            self._date = date
            self.slack_clock.guess(at)
        return answer.data


def _seconds(date: str) -> float:
    """Return the time in an HTTP header, in whole seconds since 1970; 0 if it is none."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _is_in_thread(answer: Mapping[str, Any]) -> bool:
    """Return whether a post is in a thread, as far as Slack's answer says.

    If the message that it replies to was deleted, Slack posts it to the channel itself; only the
    missing `thread_ts` in the answer shows it (github.com/slack-go/slack, issue 1571).
    """
    posted = dict_of(answer, "message")
    return not posted or bool(str_of(posted, "thread_ts"))


def stated(method: str, answer: Mapping[str, Any], *path: str) -> str:
    """Return a text that must be in an answer, at the path of these field names.

    Raises `PostUnclearError` if it is missing: the call may have taken effect.
    """
    for name in path[:-1]:
        answer = dict_of(answer, name)
    found = str_of(answer, path[-1])
    if not found:
        raise PostUnclearError(f"{method}: {ODD} (no {path[-1]})")
    return found
