"""Reading messages from Slack, page by page.

A distributed app gets 15 messages a page and one page a minute (docs: apis/web-api/rate-limits),
so the caller says how long a page may take. Threads come oldest first, each page with the root.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bots.slack.faults import ODD, RefusedError
from bots.slack.ids import is_ts, seconds
from bots.slack.pace import Rank
from core.domain.errors import PlatformError, ReadBackRefusedError
from core.domain.payload import dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from bots.slack.api import Api

_PAGE = 200
_PAGES = 50
_NO_RIGHT = {
    "access_denied",
    "channel_not_found",
    "missing_scope",
    "no_permission",
    "not_allowed_token_type",
    "not_in_channel",
    "team_access_not_granted",
}


async def replies(
    api: Api,
    channel: str,
    thread: str,
    *,
    rank: Rank,
    oldest: str = "0",
    patience: float | None = None,
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield a thread's messages after `oldest`, oldest first, and the root if it is among them.

    Args:
        api: Slack's Web API.
        channel: The thread's channel.
        thread: The `ts` of the thread's root.
        rank: What the messages are for.
        oldest: The `ts` after which messages are wanted.
        patience: Seconds for one page; by default the API's own.

    Raises:
        ReadBackRefusedError: Slack does not let the bot read the thread.
        PlatformError: It could not be read now.
    """
    given = {"channel": channel, "ts": thread, "include_all_metadata": True, "rank": rank}
    async for message in _pages(api, "conversations.replies", patience, oldest=oldest, **given):
        yield message


async def one(api: Api, channel: str, thread: str, message: str) -> dict[str, Any] | None:
    """Return one message of a thread, or its tombstone; None if there is neither.

    Raises as `replies`.
    """
    try:
        page = await api.call(
            "conversations.replies",
            repeat=True,
            rank=Rank.CATCH_UP,
            channel=channel,
            ts=thread,
            oldest=message,
            latest=message,
            inclusive=True,
            limit=5,  # a page begins with the root
        )
    except RefusedError as refused:
        if refused.code == "thread_not_found":
            return None
        raise _meaning("conversations.replies", refused) from None
    if not isinstance(page.get("messages"), list):
        raise PlatformError(f"conversations.replies: {ODD}")
    return next((each for each in dicts_of(page, "messages") if each.get("ts") == message), None)


def is_tombstone(message: Mapping[str, Any]) -> bool:
    """Return whether it stands for a deleted message, as a thread's deleted root leaves it."""
    return message.get("subtype") == "tombstone"


async def history(
    api: Api, channel: str, *, rank: Rank, oldest: str, patience: float | None = None
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the messages of a channel itself after `oldest`, newest first; raises as `replies`."""
    given = {"channel": channel, "include_all_metadata": True, "rank": rank}
    async for message in _pages(api, "conversations.history", patience, oldest=oldest, **given):
        yield message


async def direct_messages(api: Api, patience: float) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the channels of the bot's direct messages, with one person and with several.

    Raises `PlatformError`.
    """
    cursor: str | None = None
    for _ in range(_PAGES):
        page = await api.call(
            "users.conversations",
            repeat=True,
            patience=patience,
            rank=Rank.CATCH_UP,
            types="im,mpim",
            limit=_PAGE,
            exclude_archived=True,
            cursor=cursor,
        )
        for found in dicts_of(page, "channels"):
            yield found
        cursor = str_of(dict_of(page, "response_metadata"), "next_cursor")
        if not cursor:
            return


async def _pages(
    api: Api, method: str, patience: float | None, *, oldest: str, **given: Any
) -> AsyncGenerator[dict[str, Any], None]:
    cursor: str | None = None
    seen: set[str] = set()
    for _ in range(_PAGES):
        try:
            page = await api.call(
                method,
                repeat=True,
                patience=patience,
                oldest=oldest,
                limit=_PAGE,
                cursor=cursor,
                **given,
            )
        except RefusedError as refused:
            if refused.code == "thread_not_found":
                return
            raise _meaning(method, refused) from None
        for message in dicts_of(page, "messages"):
            ts = str_of(message, "ts")
            if ts not in seen and is_ts(ts) and seconds(ts) > float(oldest):
                seen.add(ts)
                yield message
        cursor = str_of(dict_of(page, "response_metadata"), "next_cursor")
        if not cursor or not page.get("has_more", True):
            return


def _meaning(method: str, refused: RefusedError) -> PlatformError:
    no_right = refused.code in _NO_RIGHT
    return ReadBackRefusedError(f"{method}: {refused.code}") if no_right else refused
