"""Reading Discord's history: messages a page at a time, oldest first, and lists of threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bots.discord.faults import ODD, UNKNOWN_CHANNEL, RefusedError
from bots.discord.ids import is_id, time_of
from core.domain.errors import PlatformError, ReadBackRefusedError
from core.domain.payload import dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from bots.discord.api import Api

_PAGE = 100
"""Messages or threads of one page, Discord's most."""
_PAGES = 50
"""Pages read at most: five thousand messages of one channel."""


async def after(api: Api, channel: str, message: str) -> AsyncGenerator[dict[str, Any], None]:
    """Yield a channel's messages after an id, whether or not there is a message with that id.

    Raises:
        ReadBackRefusedError: The bot may not read them.
        PlatformError: They can't be read now.
    """
    start = message
    for _ in range(_PAGES):
        page, is_full = await _page(api, channel, after=int(start))
        for found in page:
            yield found
        if not (is_full and page):
            return
        start = str_of(page[-1], "id")


async def before(api: Api, channel: str, message: str) -> tuple[Sequence[dict[str, Any]], bool]:
    """Return the last page of a channel's messages before an id, and whether there may be more.

    Raises as `after`.
    """
    return await _page(api, channel, before=int(message))


async def one(api: Api, channel: str, message: str, seconds: float = 0) -> dict[str, Any]:
    """Return one message, within so many seconds; raises what `Api.call` does."""
    found: object = await api.call(
        "read a message", lambda: api.http.get_message(int(channel), int(message)), seconds
    )
    if not isinstance(found, dict):
        raise PlatformError(f"read a message: {ODD}")
    return found


async def active(api: Api, guild: str) -> list[dict[str, Any]]:
    """Return a server's active threads that the bot may see; raises what `Api.call` does."""
    found = await api.call("list threads", lambda: api.http.get_active_threads(int(guild)))
    return _threads_in(found)


async def archived(api: Api, channel: str, oldest: float) -> list[dict[str, Any]]:
    """Return a channel's public threads archived after a moment; raises what `Api.call` does."""
    threads: list[dict[str, Any]] = []
    before: str | None = None
    for _ in range(_PAGES):
        page = await _archived_page(api, channel, before)
        found = _threads_in(page)
        threads += [each for each in found if _archived_at(each) > oldest]
        if not found or not page.get("has_more") or _archived_at(found[-1]) <= oldest:
            break
        before = str_of(dict_of(found[-1], "thread_metadata"), "archive_timestamp")
    return threads


def _threads_in(answer: object) -> list[dict[str, Any]]:
    return dicts_of(answer, "threads") if isinstance(answer, dict) else []


async def _archived_page(api: Api, channel: str, before: str | None) -> Mapping[str, Any]:
    # A time, for which discord.py's types have an id (docs: "List Public Archived Threads").
    moment: Any = before
    found: object = await api.call(
        "list archived threads",
        lambda: api.http.get_public_archived_threads(int(channel), moment, _PAGE),
    )
    return found if isinstance(found, dict) else {}


def _archived_at(thread: Mapping[str, Any]) -> float:
    return time_of(str_of(dict_of(thread, "thread_metadata"), "archive_timestamp"))


async def _page(api: Api, channel: str, **bound: int) -> tuple[list[dict[str, Any]], bool]:
    """Return a page of messages, oldest first, and whether it is full, so that more may follow."""
    try:
        found: object = await api.call(
            "read messages", lambda: api.http.logs_from(int(channel), _PAGE, **bound)
        )
    except RefusedError as refused:
        if refused.code == UNKNOWN_CHANNEL:
            return [], False
        if refused.lacks_right:
            raise ReadBackRefusedError(str(refused)) from refused
        raise
    if not isinstance(found, list):
        raise PlatformError(f"read messages: {ODD}")
    # Discord sorts a page newest first, whichever bound it was given.
    messages = [each for each in found if isinstance(each, dict) and is_id(each.get("id"))]
    return sorted(messages, key=lambda each: int(each["id"])), len(found) >= _PAGE
