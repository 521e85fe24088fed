"""Reading messages from Slack, page by page.

A distributed app gets 15 messages a page and one page a minute (docs: apis/web-api/rate-limits),
so the caller says how long a page may take. Threads come oldest first, each page with the root.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from bots.slack.faults import ODD, RefusedError
from bots.slack.inbound.people import is_ts, micros, seconds, ts_of
from bots.slack.pace import Rank
from core.domain.errors import PlatformError, ReadBackRefusedError
from core.domain.payload import count_of, dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Mapping

    from bots.slack.api import Api

log = logging.getLogger(__name__)

_PAGE = 200
_LARGEST = 999
"""The most messages of one page; Slack advises fewer, but each page is a round trip."""
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


@dataclass(slots=True)
class Thread:
    """A thread before a moment, as far as it was read; reading may end at any time."""

    before: str
    """The `ts` before which messages are wanted."""
    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Messages by `ts`, the root among them."""
    total: int = 0
    """How many messages Slack counts there."""
    read: list[tuple[int, int]] = field(default_factory=list)
    """The times between which every message is known, in microseconds, sorted and apart."""

    def add(self, after: str, until: str, page: Mapping[str, Any]) -> bool:
        """Add a page that was asked for; return whether more messages follow in that time."""
        start, end = micros(after), micros(until)
        messages = [m for m in dicts_of(page, "messages") if is_ts(m.get("ts"))]
        inside = {m["ts"]: m for m in messages if start < micros(m["ts"]) < end}
        more = bool(inside) and page.get("has_more") is True
        self.found.update(inside)
        last = max(map(micros, inside), default=end)
        self.read = _joined([*self.read, (start, last if more else end)])
        return more

    def newest(self) -> int:
        """Return how many messages right before the moment are known without a gap."""
        end = micros(self.before)
        start = next((start for start, known in self.read if known == end), end)
        return sum(micros(ts) > start for ts in self.found)

    def ends(self, most: int) -> tuple[list[dict[str, Any]], dict[str, int]]:
        """Return the first message and the newest, and how many are missing right before which.

        Slack does not say where the messages are that were not read, so the last gap counts all.
        """
        order = sorted(self.found, key=micros)
        kept = order[:1] + order[1:][-(most - 1) :]
        gaps = [ts for last, ts in pairwise([*order, self.before]) if not self._joins(last, ts)]
        missing = dict.fromkeys(gaps, 0)
        if gaps:
            missing[gaps[-1]] = max(self.total - len(order), 1)
        if len(kept) < len(order):
            dropped = [ts for ts in gaps if micros(ts) <= micros(kept[1])]
            missing[kept[1]] = sum(map(missing.pop, dropped)) + len(order) - len(kept)
        return [self.found[ts] for ts in kept], missing

    def _joins(self, last: str, ts: str) -> bool:
        low, high = micros(last), micros(ts)
        return any(start <= low and high <= end for start, end in self.read)


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans of time sorted, and those that touch joined."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


class ThreadReader:
    """Reads a thread's root and its newest messages before a moment.

    Slack lists a thread from its oldest message on, and begins a request's first page with the root
    (docs: reference/methods/conversations.replies). So the newest messages are read in two ways at
    once: page after page, of the largest size, and from when the last of them may have begun, by
    the number of replies.
    """

    def __init__(self, api: Api, channel: str, root: str, before: str) -> None:
        """Read the thread of `root`, a `ts`, before the message with the `ts` `before`."""
        self.thread = Thread(before)
        self._api = api
        self._where = {"channel": channel, "ts": root}

    async def read(self, most: int) -> None:
        """Read the root and at least the `most` newest messages; raises as `replies`."""
        thread = self.thread
        more = await self._page("0.0", thread.before, _PAGE)
        thread.total = count_of(thread.found.get(self._where["ts"], {}), "reply_count")
        if more:
            await _first_of(self._forward(), self._backward(most))

    async def _forward(self) -> None:
        while await self._page(ts_of(self.thread.read[0][1]), self.thread.before, _LARGEST):
            pass

    async def _backward(self, most: int) -> None:
        thread = self.thread
        until, wanted = micros(thread.before), 2 * most
        while (low := thread.read[0][1]) < until:
            left = max(thread.total - len(thread.found), 1)
            start = max(until - (until - low) * wanted // left, low)
            while await self._page(ts_of(start), ts_of(until), _LARGEST):
                start = max(known for begin, known in thread.read if begin <= start)
            if thread.newest() >= most:
                return
            until, wanted = start + 1, 4 * wanted

    async def _page(self, after: str, until: str, limit: int) -> bool:
        """Read a page; return whether more messages follow in that time."""
        answer = await _page(
            self._api,
            "conversations.replies",
            oldest=after,
            latest=until,
            limit=limit,
            rank=Rank.BACKFILL,
            **self._where,
        )
        return self.thread.add(after, until, answer)


async def _first_of(*ways: Coroutine[Any, Any, None]) -> None:
    """Return when one of several ways has ended well; raises if none has."""
    tasks = {asyncio.create_task(way) for way in ways}
    try:
        while tasks:
            done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            failed = [error for task in done if (error := task.exception()) is not None]
            if len(failed) < len(done):
                return
        raise failed[0]
    finally:
        for task in tasks:
            task.cancel()


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

    They come in pages of 200, 10,000 at most (docs: apis/web-api/pagination). Raises
    `PlatformError`.
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
    log.warning("only the first %d direct messages are caught up on", _PAGES * _PAGE)


async def _page(api: Api, method: str, **given: Any) -> dict[str, Any]:
    try:
        return await api.call(method, repeat=True, **given)
    except RefusedError as refused:
        raise _meaning(method, refused) from None


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
