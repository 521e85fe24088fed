"""Reading messages back from Discord, a page at a time, oldest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bots.discord.api import UNKNOWN_CHANNEL, RefusedError
from core.errors import ReadBackRefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from bots.discord.api import Api

PAGE = 100
_PAGES = 10
"""A thousand messages of one channel: what lies further back was not missed, but is history."""


async def after(api: Api, channel: str, message: str) -> AsyncGenerator[dict[str, Any], None]:
    """Yield what stands in a channel after a message, whether or not that is there.

    Raises:
        ReadBackRefusedError: Discord does not let us look.
        PlatformError: It could not be read now.
    """
    start = message
    for _ in range(_PAGES):
        page = await _page(api, channel, after=int(start))
        for found in page:
            yield found
        if len(page) < PAGE:
            return
        start = str(page[-1]["id"])


async def before(api: Api, channel: str, message: str) -> Sequence[dict[str, Any]]:
    """Return the last page of what stands in a channel before a message; raises as `after`."""
    return await _page(api, channel, before=int(message))


async def latest(api: Api, channel: str) -> Sequence[dict[str, Any]]:
    """Return the last page of a channel; raises as `after`."""
    return await _page(api, channel)


async def one(api: Api, channel: str, message: str, seconds: float = 0) -> dict[str, Any]:
    """Return one message; raises `RefusedError` where it is gone. `seconds` are those of a call."""
    found = await api.call(
        "read a message", lambda: api.http.get_message(int(channel), int(message)), seconds
    )
    return dict(found)


async def _page(api: Api, channel: str, **place: int) -> list[dict[str, Any]]:
    try:
        found = await api.call(
            "read messages", lambda: api.http.logs_from(int(channel), PAGE, **place)
        )
    except RefusedError as refused:
        if refused.code == UNKNOWN_CHANNEL:
            return []
        if refused.lacks_right:
            raise ReadBackRefusedError(str(refused)) from refused
        raise
    # Newest first, whatever was asked for.
    return sorted(map(dict, found), key=lambda each: int(each["id"]))
