"""Reading messages back from Discord, a page at a time, oldest first."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from bots.discord.api import UNKNOWN_CHANNEL, RefusedError
from bots.discord.ids import is_id
from core.domain.errors import PlatformError, ReadBackRefusedError
from core.domain.payload import dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from bots.discord.api import Api

PAGE = 100
_PAGES = 50
"""Some bound: five thousand messages of one channel."""


async def after(api: Api, channel: str, message: str) -> AsyncGenerator[dict[str, Any], None]:
    """Yield what stands in a channel after a message, whether or not that is there.

    Raises:
        ReadBackRefusedError: Discord does not let us look.
        PlatformError: It could not be read now.
    """
    start = message
    for _ in range(_PAGES):
        page, is_full = await _page(api, channel, after=int(start))
        for found in page:
            yield found
        if not (is_full and page):
            return
        start = str_of(page[-1], "id")


async def before(api: Api, channel: str, message: str) -> Sequence[dict[str, Any]]:
    """Return the last page of what stands in a channel before a message; raises as `after`."""
    return (await _page(api, channel, before=int(message)))[0]


async def latest(api: Api, channel: str) -> Sequence[dict[str, Any]]:
    """Return the last page of a channel; raises as `after`."""
    return (await _page(api, channel))[0]


async def one(api: Api, channel: str, message: str, seconds: float = 0) -> dict[str, Any]:
    """Return one message; raises `RefusedError` where it is gone. `seconds` are those of a call."""
    found: object = await api.call(
        "read a message", lambda: api.http.get_message(int(channel), int(message)), seconds
    )
    if not isinstance(found, dict):
        raise PlatformError("read a message: this is no answer of Discord's")
    return found


async def active(api: Api, guild: str) -> list[dict[str, Any]]:
    """Return a server's active threads, of those that the bot may see; raises what `call` does."""
    found = await api.call("list threads", lambda: api.http.get_active_threads(int(guild)))
    return _threads_in(found)


async def archived(api: Api, channel: str, oldest: float) -> list[dict[str, Any]]:
    """Return a channel's public threads that were archived after a moment; raises as `active`."""
    threads: list[dict[str, Any]] = []
    before: str | None = None
    for _ in range(_PAGES):
        page = await _archived(api, channel, before)
        found = _threads_in(page)
        threads += [each for each in found if _archived_at(each) > oldest]
        if not found or not page.get("has_more") or _archived_at(found[-1]) <= oldest:
            break
        before = str_of(dict_of(found[-1], "thread_metadata"), "archive_timestamp")
    return threads


def _threads_in(answer: object) -> list[dict[str, Any]]:
    return dicts_of(answer, "threads") if isinstance(answer, dict) else []


async def _archived(api: Api, channel: str, before: str | None) -> Mapping[str, Any]:
    # A time, which discord.py takes for an id (docs: "List Public Archived Threads").
    given: Any = before
    found: object = await api.call(
        "list archived threads",
        lambda: api.http.get_public_archived_threads(int(channel), given, PAGE),
    )
    return found if isinstance(found, dict) else {}


def _archived_at(thread: Mapping[str, Any]) -> float:
    at = str_of(dict_of(thread, "thread_metadata"), "archive_timestamp")
    try:
        return datetime.fromisoformat(at).timestamp()
    except (OSError, OverflowError, ValueError):
        return 0.0


async def _page(api: Api, channel: str, **place: int) -> tuple[list[dict[str, Any]], bool]:
    """Return a page of messages, oldest first, and whether it is full: there may be more."""
    try:
        found: object = await api.call(
            "read messages", lambda: api.http.logs_from(int(channel), PAGE, **place)
        )
    except RefusedError as refused:
        if refused.code == UNKNOWN_CHANNEL:
            return [], False
        if refused.lacks_right:
            raise ReadBackRefusedError(str(refused)) from refused
        raise
    if not isinstance(found, list):
        raise PlatformError("read messages: this is no answer of Discord's")
    # Newest first, whatever was asked for.
    known = [each for each in found if isinstance(each, dict) and is_id(each.get("id"))]
    return sorted(known, key=lambda each: int(each["id"])), len(found) >= PAGE
