"""Calls of Slack's Web API: how long they may take, which may be repeated, what failed how.

slack-sdk's own retries are off. By default it repeats a call whose connection broke, and a post
whose answer was lost would then stand twice (`AsyncConnectionErrorRetryHandler`); and its wait
for a rate limit has no bound, while a call of ours must end before the lease that allows it.
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, Any, NoReturn

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bots.outgoing import Connector
from bots.slack.faults import ON_STATUS
from bots.slack.hosts import slack_hosts
from bots.slack.pace import Rank
from core.domain.errors import (
    ContentRefusedError,
    OutageError,
    PlatformBusyError,
    PlatformError,
    PostRefusedError,
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
OUT_OF_REACH = "Slack can't be reached (see https://slack-status.com)"
ODD = "this is no answer of Slack's"
_RATE_LIMITED = 429
_SERVER_FAULT = 500
_UNCLEAR = {"fatal_error", "internal_error", "request_timeout", "service_unavailable"}
"""Errors after which, says Slack, a part of the call may have taken effect."""
_NEVER = {
    "cannot_reply_to_message",
    "channel_not_found",
    "is_archived",
    "messages_tab_disabled",
    "not_in_channel",
    "restricted_action",
    "restricted_action_non_threadable_channel",
    "restricted_action_read_only_channel",
    "restricted_action_thread_locked",
    "restricted_action_thread_only_channel",
    "thread_not_found",
}
"""Errors of a place, the same for each post however long one waits (docs: chat.postMessage)."""
_CONTENT = {
    "invalid_attachments",
    "invalid_blocks",
    "invalid_blocks_format",
    "markdown_text_conflict",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_text",
    "too_many_attachments",
}
"""Errors of what is in a post; another shape of it may be taken (docs: chat.postMessage)."""
METADATA = {
    "invalid_metadata",
    "invalid_metadata_format",
    "invalid_metadata_schema",
    "metadata_must_be_sent_from_app",
    "metadata_too_large",
}
"""Errors of the mark on a post; without one it may be taken."""
_PASSING = {
    "accesslimited",
    "account_inactive",
    "ekm_access_denied",
    "invalid_auth",
    "message_limit_exceeded",
    "not_authed",
    "org_login_required",
    "rate_limited",
    "ratelimited",
    "team_added_to_org",
    "token_expired",
    "token_revoked",
    "two_factor_setup_required",
}
"""Errors of the workspace, the app or its token: they are the same for all calls of a method, and
end when a person has repaired what is wrong (docs: chat.postMessage, "Errors")."""
_LACKING_NOW = {"access_denied", "missing_scope", "team_access_not_granted"}
"""The same, for what the app may not do yet; the caller may have another way."""
LACKING = {
    "feature_not_enabled",
    "method_deprecated",
    "missing_scope",
    "not_allowed_token_type",
    "unknown_method",
}
"""Errors that say what the app or the workspace lacks, whatever the call was about."""
READS = {
    "conversations.history",
    "conversations.members",
    "conversations.replies",
    "files.info",
    "users.conversations",
    "users.info",
}
"""Methods that take no JSON (docs: apis/web-api, "Methods supporting JSON POSTs")."""
_FORMS = {"files.completeUploadExternal", "files.getUploadURLExternal"}
"""Methods that slack-sdk calls without JSON too."""
_POST = "chat.postMessage"
_REPEATS = 2


class RefusedError(PlatformError):
    """Slack answered that it will not; `code` is its word for why."""

    def __init__(self, method: str, code: str) -> None:
        """Say which call, and why not."""
        super().__init__(f"Slack refused {method}: {code}")
        self.code = code


class NeverError(RefusedError, PostRefusedError):
    """Slack will not, and waiting changes nothing."""


class ContentError(RefusedError, ContentRefusedError):
    """Slack will not take what is in a post, or its shape."""


class PassingError(RefusedError, PlatformBusyError):
    """Slack will not now, whatever is posted: the workspace, the app or its token is the cause."""

    def __init__(self, method: str, code: str) -> None:
        """Say which call, and why not."""
        RefusedError.__init__(self, method, code)
        self.seconds = self.again = None


class LimitedError(PlatformBusyError):
    """Slack wants this call later than we can wait for it."""

    seconds: float

    def __init__(self, method: str, seconds: float) -> None:
        """Say which call, and when."""
        super().__init__(f"Slack allows {method} again in {seconds:.0f} s", seconds=seconds)


def web_client(token: str, base_url: str, session: aiohttp.ClientSession) -> AsyncWebClient:
    """Return a client that keeps its connections and repeats nothing by itself."""
    return AsyncWebClient(
        token,
        base_url=base_url or SLACK_URL,
        session=session,
        retry_handlers=[],
        logger=sdk_logger("web"),
    )


def guarded_session(base_url: str, **given: Any) -> aiohttp.ClientSession:
    """Return a session whose requests go to Slack alone; the rest is what aiohttp's own takes."""
    return aiohttp.ClientSession(connector=Connector(slack_hosts(base_url)), **given)


def sdk_logger(part: str) -> logging.Logger:
    """Return a logger for a part of slack-sdk: at DEBUG that writes down what people say.

    It makes those lines for each call, shown or not, where the logger itself has no level.
    """
    logger = logging.getLogger(f"slack_sdk.{part}")
    logger.setLevel(max(logging.INFO, logger.getEffectiveLevel()))
    return logger


class Api:
    """The Web API, as the bot calls it."""

    def __init__(self, client: AsyncWebClient, pace: Pace, clock: Clock, *, timeout: float) -> None:
        """Let each call take `timeout` seconds at most, with all that it waits for."""
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
            repeat: Whether to make it again where it is not clear if it took effect.
            patience: Seconds for all of it, waits included; `timeout` where none are given.
            rank: What it is for: what matters more goes first.
            arguments: What the method takes; None means that it is not given.

        Raises:
            RefusedError: Slack will not; `NeverError` for a reply whose thread is gone.
            PlatformBusyError: Not as soon as we could wait for.
            PostUnclearError: It may or may not have taken effect; `OutageError`, if others may not.
        """
        end = self._clock.monotonic() + (self.timeout if patience is None else patience)
        arguments = {name: value for name, value in arguments.items() if value is not None}
        place = str(arguments.get("channel", ""))
        repeats = _REPEATS if repeat else 0
        while True:
            await self._wait(method, place, end, rank)
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
                if astray and await self._is_gone(place, root):
                    await self._take_back(place, str_of(answer, "ts"))
                return answer

    async def _is_gone(self, channel: str, root: str) -> bool:
        """Ask whether a thread is gone; if Slack can't say, it is not."""
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
        """Delete a reply that stands in the channel itself; raise what it means, `NeverError`."""
        try:
            await self.call("chat.delete", repeat=True, channel=channel, ts=ts)
        except PlatformError as error:
            log.warning("a reply to a message that is gone stays in the channel: %s", error)
        raise NeverError(_POST, "thread_not_found")

    async def courtesy(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Make a call that nothing depends on: at once, or not if Slack would rather not.

        Raises what `call` does.
        """
        place = str(arguments.get("channel", ""))
        if not (self.pace.spares(method, place) and self._gate(method).is_open):
            raise LimitedError(method, self.pace.wait(method, place, Rank.COURTESY))
        given = {name: value for name, value in arguments.items() if value is not None}
        return await self._noted(method, given, self.timeout, counts=False)

    def took_effect(self, method: str) -> None:
        """Note that a call of which no answer came did take effect: the method works."""
        self._gate(method).worked()

    async def _wait(self, method: str, place: str, end: float, rank: Rank) -> None:
        """Wait for one's turn; others may have been first, or told to wait, in the meantime."""
        while wait := self.pace.wait(method, place, rank):
            if wait > end - self._clock.monotonic():
                raise LimitedError(method, wait)
            await self._clock.sleep(wait)
        gate = self._gate(method)
        if wait := await gate.passes(end):
            raise PlatformBusyError(f"{method} is out at Slack", seconds=wait, again=gate.again)

    def _gate(self, method: str) -> Gate:
        if method not in self._gates:
            self._gates[method] = Gate(f"Slack's {method}", self._clock)
        return self._gates[method]

    async def _noted(
        self, method: str, arguments: dict[str, Any], seconds: float, *, counts: bool
    ) -> dict[str, Any]:
        """Make a call, and note whether Slack allows it and the method works.

        A lost answer `counts` as a sign of an outage, except where nobody needs it, or where the
        call is made once more first.
        """
        place, gate = str(arguments.get("channel", "")), self._gate(method)
        self.pace.made(method, place)
        try:
            answer = await self._once(method, arguments, seconds)
        except LimitedError as limited:
            self.pace.told(method, place, limited.seconds)
            gate.worked()
            raise
        except PostUnclearError as unclear:
            if counts or not gate.is_open:
                gate.failed()
            if gate.is_open:
                raise
            raise OutageError(str(unclear), again=gate.again) from unclear.__cause__
        except PassingError as passing:
            if passing.code in _PASSING:
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
        except Exception as error:  # the SDK trusts that an answer is one of Slack's
            raise PostUnclearError(f"{method}: {ODD} ({broke(error)})") from error
        if not isinstance(answer.data, dict):
            raise PostUnclearError(f"{method}: {ODD}")
        return answer.data


def _is_in_thread(answer: Mapping[str, Any]) -> bool:
    """Tell if a post stands in a thread, as far as Slack says.

    If the message that it replies to was deleted, Slack posts it to the channel; only what is
    missing in the answer tells (github.com/slack-go/slack, issue 1571).
    """
    posted = dict_of(answer, "message")
    return not posted or bool(str_of(posted, "thread_ts"))


def meaning(method: str, error: SlackApiError) -> PlatformError:
    """Return what an answer that is not ok means."""
    response = error.response
    status = getattr(response, "status_code", getattr(response, "status", 0))
    if status == _RATE_LIMITED:
        return LimitedError(method, retry_after(response.headers))
    data = getattr(response, "data", None)
    code = str_of(data, "error") if isinstance(data, dict) else ""
    if status >= _SERVER_FAULT or code in _UNCLEAR:
        return PostUnclearError(f"{method}: status {status} {code}")
    if not code:
        return PostUnclearError(f"{method}: status {status}, {ON_STATUS.get(status, ODD)}")
    return _kind(code)(method, code)


def _kind(code: str) -> type[RefusedError]:
    if code in _NEVER:
        return NeverError
    if code in _CONTENT | METADATA:
        return ContentError
    return PassingError if code in _PASSING | _LACKING_NOW else RefusedError


def stated(method: str, answer: Mapping[str, Any], *path: str) -> str:
    """Return a text that has to be in an answer, by the names that lead to it.

    Raises `PostUnclearError` where it is missing: the call may have taken effect.
    """
    for name in path[:-1]:
        answer = dict_of(answer, name)
    found = str_of(answer, path[-1])
    if not found:
        raise PostUnclearError(f"{method}: {ODD} (no {path[-1]})")
    return found


def retry_after(headers: Mapping[str, str]) -> float:
    """Return what a Retry-After says, in seconds; 1 where it names no wait that can be read.

    Without a wait, a call would be made again and again, as fast as it is refused.
    """
    try:
        seconds = float(headers.get("Retry-After") or 1)
    except ValueError:
        return 1.0
    return seconds if 0 < seconds < math.inf else 1.0
