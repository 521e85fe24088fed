"""Why a call of Discord's API failed: as errors of ours, and in words for the operator. Pure.

An outage, a wrong address, a rate limit and a refused token need different actions: to wait for
Discord, to correct the setting, to wait a minute, and only the last one to make a new token.
"""

from __future__ import annotations

import math
from enum import StrEnum

import aiohttp
import discord

from core.domain.errors import (
    ContentRefusedError,
    PlatformBusyError,
    PlatformError,
    PostRefusedError,
    PostUnclearError,
    broke,
)

STATUS_PAGE = "https://discordstatus.com"
OUT_OF_REACH = f"Discord can't be reached (see {STATUS_PAGE})"
ODD = "this is not an answer from Discord"
_SERVER_FAULT, _LIMITED, _UNAUTHORIZED, _NOT_FOUND = 500, 429, 401, 404
_PROXY_STATUSES = {403, 407}

_NO_ACCESS = {50001, 50013}
"""Discord's codes for a missing right (docs: topics/opcodes-and-status-codes)."""
UNKNOWN_CHANNEL, UNKNOWN_MESSAGE = 10003, 10008
_NEVER = {
    UNKNOWN_CHANNEL,
    10004,  # unknown server
    40007,  # banned from the server
    50001,  # no access
    50007,  # this person accepts no direct messages
    50008,  # not a text channel
    50009,  # the server requires more verification
    50013,  # no permission
    50024,  # not on this type of channel
    50083,  # archived; a post would reopen the thread unless it is locked as well
    50278,  # no server in common with this person
    160005,  # locked
}
"""Codes about a channel or a person: each post there is refused, however long one waits (docs:
topics/opcodes-and-status-codes)."""
_CONTENT = {
    40005,  # request too large
    50006,  # empty message
    50035,  # invalid form
    200000,  # blocked by the server's own rules
    200001,  # the same, for a title
    240000,  # blocked as a harmful link
}
"""Codes about the content of a post, which may be accepted in another form (docs: the same)."""
_PASSING = {
    0,  # no code: an error page of a proxy, or a general fault
    20016,  # slow mode
    20028,  # too many messages in a channel
    40001,  # the token is unknown, as while it is being changed
    40002,  # the bot's account has to be verified
    40006,  # switched off for a while, as in an outage
    40058,  # a post that does not exist yet, but will soon
    40062,  # a service behind Discord's is limited
    40333,  # Cloudflare refuses calls, as in an outage
    130000,  # overloaded
}
"""Codes of a state that ends by waiting, or by what a person does (docs: the same)."""


class Fault(StrEnum):
    """Why a call failed."""

    TOKEN = "token"  # noqa: S105 - a kind of fault
    """Discord refuses the token."""
    LIMITED = "limited"
    """Discord limits the rate of calls."""
    OUTAGE = "outage"
    """Discord answers with a fault of its own."""
    ADDRESS = "address"
    """There is no Discord API at this address."""
    PROXY = "proxy"
    """Something other than Discord refuses the request on its way."""
    REFUSED = "refused"
    """Discord refuses with a code that says nothing about the token."""
    NETWORK = "network"
    """No answer came."""


_WORDS = {
    Fault.OUTAGE: "it has a fault of its own just now",
    Fault.ADDRESS: "there is no API at this address (check CHATBOT_DISCORD_BASE_URL)",
    Fault.PROXY: "something on the way refuses, and not Discord (check proxies)",
    Fault.LIMITED: "it limits how often it is asked",
    Fault.REFUSED: "it refuses, and does not say that it is the token",
}


def fault_of(error: BaseException) -> Fault:
    """Return why a call of discord.py failed with this error."""
    status, code = getattr(error, "status", 0), getattr(error, "code", 0)
    if isinstance(error, discord.LoginFailure) or status == _UNAUTHORIZED:
        return Fault.TOKEN
    if isinstance(error, discord.RateLimited) or status == _LIMITED:
        return Fault.LIMITED
    if status >= _SERVER_FAULT:
        return Fault.OUTAGE
    if code:  # only Discord's own refusals have one
        return Fault.REFUSED
    if status == _NOT_FOUND:
        return Fault.ADDRESS
    return Fault.PROXY if status in _PROXY_STATUSES else Fault.NETWORK


def reason(error: BaseException) -> str:
    """Return in words why a call failed, without the content of the answer."""
    status = getattr(error, "status", 0)
    words = _WORDS.get(fault_of(error), "")
    if not status:
        return words or type(error).__name__
    return f"{words} (status {status})" if words else f"status {status}"


def retry_after(error: BaseException) -> float | None:
    """Return the seconds after which to retry; None if none are named, as Cloudflare may not."""
    given: object = getattr(error, "retry_after", None)
    if given is None:
        headers = getattr(getattr(error, "response", None), "headers", {})
        given = headers.get("Retry-After")
    try:
        seconds = float(str(given))
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


class RefusedError(PlatformError):
    """Discord refused a call; `code` is its number for the reason."""

    def __init__(self, what: str, status: int, code: int) -> None:
        """Name the call, and Discord's HTTP status and code."""
        super().__init__(f"Discord refused to {what}: {status}, code {code}")
        self.status = status
        self.code = code

    @property
    def lacks_right(self) -> bool:
        """Return whether the bot lacks the right to it."""
        return self.code in _NO_ACCESS


class NeverError(RefusedError, PostRefusedError):
    """Discord refuses for good."""


class ContentError(RefusedError, ContentRefusedError):
    """Discord refuses the content of a post, or its form."""


class PassingError(RefusedError, PlatformBusyError):
    """Discord refuses for now."""

    def __init__(self, what: str, status: int, code: int) -> None:
        """Name the call, and Discord's HTTP status and code."""
        RefusedError.__init__(self, what, status, code)
        self.seconds = self.again = None


class LimitedError(PlatformBusyError):
    """A rate limit allows this call later than it can wait."""


def meaning(what: str, error: Exception) -> PlatformError:
    """Return an error of discord.py's, aiohttp's or the network's as an error of ours."""
    if isinstance(error, discord.RateLimited):
        return _limited(what, error.retry_after)
    if isinstance(error, discord.HTTPException):
        return _refusal(what, error)
    if isinstance(error, (aiohttp.ClientError, OSError, TimeoutError)):
        return PostUnclearError(f"{what}: {type(error).__name__}")
    # discord.py takes any answer for Discord's, and fails on it somewhere.
    return PostUnclearError(f"{what}: {ODD} ({broke(error)})")


def _refusal(what: str, error: discord.HTTPException) -> PlatformError:
    """Return an answer with an error status as an error of ours."""
    if error.status >= _SERVER_FAULT:
        return PostUnclearError(f"{what}: status {error.status}")
    if error.status == _LIMITED:
        return _limited(what, retry_after(error))
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
