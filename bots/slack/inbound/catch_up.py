"""What Slack keeps of threads, and of the time when the bot was away (`core.intake.catch_up`).

Slack keeps no events for an app without a connection, and stops sending to an HTTP endpoint after
five minutes.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeAlias

from typing_extensions import override

from bots.slack.faults import RefusedError
from bots.slack.inbound.events import channel_of, place_of
from bots.slack.inbound.history import (
    ThreadReader,
    direct_messages,
    history,
    is_tombstone,
    one,
    replies,
)
from bots.slack.inbound.people import is_id, is_ts, seconds
from bots.slack.pace import Rank
from core.domain.errors import PlatformError, WaitError
from core.domain.message import Kind
from core.domain.payload import dict_of, str_of
from core.intake.intake import BACKFILL_MESSAGES, BACKFILL_SECONDS, Before
from core.intake.missed import HistorySource, Listing

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

    from bots.slack.api import Api
    from bots.slack.inbound.audience import Audience
    from bots.slack.inbound.events import Me
    from core.domain.message import Message, ThreadKey
    from core.domain.session import Entry

    Offer: TypeAlias = Callable[[Message], Awaitable[None]]
    Say: TypeAlias = Callable[[Message, str], Awaitable[None]]

log = logging.getLogger(__name__)

_TYPES = {Kind.DM: "im", Kind.GROUP: "mpim"}
_PATIENCE = 90.0
"""Seconds for one page: nothing waits for it, and some apps get one page a minute."""


async def thread_before(api: Api, audience: Audience, message: Message) -> Before:
    """Return what was said in a message's thread before it, as far as there is time to read it.

    Raises `PlatformError` if nothing can be read.
    """
    channel, kind = channel_of(message.thread.channel), _TYPES.get(message.kind, "")
    # A mention that an edit adds asks at the time of the edit.
    before = f"{message.sent_at:.6f}" if message.edited_at else message.id
    reader = ThreadReader(api, channel, message.answer_in, before)
    try:
        async with asyncio.timeout(BACKFILL_SECONDS):
            await reader.read(BACKFILL_MESSAGES)
    except (PlatformError, TimeoutError) as error:
        if not reader.thread.found:
            raise PlatformError(f"the thread was not read: {type(error).__name__}") from error
        log.info("a thread was not read to its end: %s", type(error).__name__)
    shown, missing = reader.thread.ends(BACKFILL_MESSAGES)
    if before in missing:
        missing[message.id] = missing.pop(before)
    return Before(messages=await audience.read_before(shown, channel, kind), missing=missing)


class SlackHistory(HistorySource):
    """Reads channels, direct messages and threads."""

    def __init__(self, api: Api, me: Me, audience: Audience, offer: Offer, say: Say) -> None:
        """Read as `me`.

        Args:
            api: Slack's Web API.
            me: The bot.
            audience: Decides whose messages count.
            offer: Takes a message in.
            say: Says something under a message, once.
        """
        self._api = api
        self._me = me
        self._audience = audience
        self._offer = offer
        self._say = say
        self._groups: set[str] | None = None
        """Direct messages of several people; None if they are not known."""

    @override
    async def channels(self) -> list[str]:
        """Return all DMs: a person may have written for the first time.

        Raises `PlatformError` if Slack can't list them now.
        """
        self._groups = None
        found: list[dict[str, Any]] = []
        try:
            async for each in direct_messages(self._api, _PATIENCE):
                found.append(each)  # noqa: PERF401 - what is found before Slack refuses counts
        except RefusedError as refused:
            if isinstance(refused, WaitError):
                raise
            log.info("not all direct messages are known: %s", refused)
        self._groups = {str_of(each, "id") for each in found if each.get("is_mpim")}
        channels = (str_of(each, "id") for each in found)
        return [place_of(channel, self._me) for channel in channels if is_id(channel)]

    @override
    async def said(
        self, place: str, threads: Mapping[str, float], oldest: float
    ) -> AsyncGenerator[Message | Listing, None]:
        channel = channel_of(place)
        kind = await self._type_of(channel)
        # A DM that is one conversation is listed by its channel.
        start = min([oldest, *(since for thread, since in threads.items() if not is_ts(thread))])
        roots = {thread: since for thread, since in threads.items() if is_ts(thread)}
        ids: set[str] = set()
        async for found in history(
            self._api, channel, rank=Rank.CATCH_UP, oldest=f"{start:.6f}", patience=_PATIENCE
        ):
            ts, latest = str_of(found, "ts"), str_of(found, "latest_reply")
            if is_ts(latest) and seconds(latest) > start:
                roots.setdefault(ts, start)
            if not is_tombstone(found):
                ids.add(ts)
            if (message := await self._audience.read(found, channel, kind)) is not None:
                yield message
        yield Listing(name=channel, since=start, ids=frozenset(ids))
        for root, since in roots.items():
            async for each in self._thread(channel, root, since, kind, Rank.CATCH_UP, _PATIENCE):
                yield each

    @override
    async def said_in(
        self, message: Message, oldest: float
    ) -> AsyncGenerator[Message | Listing, None]:
        channel, kind = channel_of(message.thread.channel), _TYPES.get(message.kind, "")
        if not is_ts(message.thread.thread):
            async for each in self.said(message.thread.channel, {channel: oldest}, oldest):
                yield each
        elif message.answer_in != message.id:
            async for each in self._thread(
                channel, message.answer_in, oldest, kind, Rank.BACKFILL, BACKFILL_SECONDS
            ):
                yield each

    @override
    def listing_of(self, thread: ThreadKey, entry: Entry) -> str:
        """Return the list that a stored message is in: its channel's or its thread's."""
        channel, root = channel_of(thread.channel), entry.answer_in or entry.platform_id
        if not is_ts(entry.platform_id):
            return ""
        whole = not is_ts(thread.thread) and root == entry.platform_id
        return channel if whole else _list_of(channel, root)

    @override
    async def is_gone(self, thread: ThreadKey, entry: Entry) -> bool:
        channel, root = channel_of(thread.channel), entry.answer_in or entry.platform_id
        found = await one(self._api, channel, root, entry.platform_id)
        return found is None or is_tombstone(found)

    @override
    async def offer(self, messages: Sequence[Message]) -> None:
        for message in messages:
            await self._offer(message)

    @override
    async def say(self, message: Message, text: str) -> None:
        await self._say(message, text)

    async def _thread(
        self, channel: str, root: str, oldest: float, kind: str, rank: Rank, patience: float
    ) -> AsyncGenerator[Message | Listing, None]:
        ids: set[str] = set()
        async for found in replies(
            self._api, channel, root, rank=rank, oldest=f"{oldest:.6f}", patience=patience
        ):
            if not is_tombstone(found):
                ids.add(str_of(found, "ts"))
            if (message := await self._audience.read(found, channel, kind)) is not None:
                yield message
        yield Listing(name=_list_of(channel, root), since=oldest, ids=frozenset(ids))

    async def _type_of(self, channel: str) -> str:
        """Return a channel's type as an event would call it, if that makes a difference.

        A message in history does not name it, and an id does not tell a direct message of several
        people from a channel. Raises `PlatformError`.
        """
        if self._groups is None and not channel.startswith("D"):
            answer = await self._api.call(
                "conversations.info",
                repeat=True,
                patience=_PATIENCE,
                rank=Rank.CATCH_UP,
                channel=channel,
            )
            return "mpim" if dict_of(answer, "channel").get("is_mpim") else ""
        return "mpim" if channel in (self._groups or ()) else ""


def _list_of(channel: str, root: str) -> str:
    return f"{channel}/{root}"
