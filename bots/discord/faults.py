"""What it means that Discord's API could not be asked: whose fault it is, and what to do. Pure.

An outage, a wrong address, a rate limit and a refused token need different people: one waits for
Discord, one looks at the setting, one waits a minute, and only one makes a new token.
"""

from __future__ import annotations

import math
from enum import StrEnum

import discord

STATUS_PAGE = "https://discordstatus.com"
_SERVER_FAULT, _LIMITED, _UNAUTHORIZED, _NOT_FOUND = 500, 429, 401, 404
_ON_THE_WAY = {403, 407}


class Fault(StrEnum):
    """Why a call came to nothing."""

    TOKEN = "token"  # noqa: S105 - a kind of fault
    LIMITED = "limited"
    OUTAGE = "outage"
    ADDRESS = "address"
    """There is no API of Discord's at this address."""
    PROXY = "proxy"
    """Something on the way refuses, that is not Discord."""
    REFUSED = "refused"
    """By a code of Discord's that says nothing of the token."""
    NETWORK = "network"
    """No answer came."""


_WORDS = {
    Fault.OUTAGE: "it has a fault of its own just now",
    Fault.ADDRESS: "there is no API at this address (look at CHATBOT_DISCORD_BASE_URL)",
    Fault.PROXY: "something on the way refuses, and not Discord (look at proxies)",
    Fault.LIMITED: "it limits how often it is asked",
    Fault.REFUSED: "it refuses, and does not say that it is the token",
}


def fault_of(error: BaseException) -> Fault:
    """Return why a call of discord.py's came to nothing."""
    status, code = getattr(error, "status", 0), getattr(error, "code", 0)
    if isinstance(error, discord.LoginFailure) or status == _UNAUTHORIZED:
        return Fault.TOKEN
    if isinstance(error, discord.RateLimited) or status == _LIMITED:
        return Fault.LIMITED
    if status >= _SERVER_FAULT:
        return Fault.OUTAGE
    if code:  # Discord's own: what others answer with has none
        return Fault.REFUSED
    if status == _NOT_FOUND:
        return Fault.ADDRESS
    return Fault.PROXY if status in _ON_THE_WAY else Fault.NETWORK


def told(error: BaseException) -> str:
    """Return in words why a call came to nothing, without what was answered."""
    status = getattr(error, "status", 0)
    words = _WORDS.get(fault_of(error), "")
    if not status:
        return words or type(error).__name__
    return f"{words} (status {status})" if words else f"status {status}"


def retry_after(error: BaseException) -> float | None:
    """Return for how many seconds Discord asks; None where it names none, as Cloudflare may not."""
    given: object = getattr(error, "retry_after", None)
    if given is None:
        headers = getattr(getattr(error, "response", None), "headers", {})
        given = headers.get("Retry-After")
    try:
        seconds = float(str(given))
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
