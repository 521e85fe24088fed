"""What Slack knows of the time in which nobody listened, for `core.catch_up`; and of a thread.

Slack keeps nothing for an app without a connection, and gives up on an HTTP endpoint after five
minutes.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bots.slack import events
from bots.slack.pace import Rank
from bots.slack.people import is_id
from bots.slack.reading import direct_messages, history, replies
from bots.slack.stamps import is_ts, seconds
from core.before import PATIENCE
from core.errors import PlatformError
from core.fields import dict_of, str_of
from core.message import Kind

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from bots.slack.platform import SlackPlatform
    from bots.slack.receive import Reception
    from core.message import Message

log = logging.getLogger(__name__)

_TYPES = {Kind.DM: "im", Kind.GROUP: "mpim"}
_PATIENCE = 90.0
"""Seconds for one page: nobody waits for it, and some apps get one a minute."""


class SlackPast:
    """Reads channels, direct messages and threads."""

    def __init__(self, platform: SlackPlatform) -> None:
        """Read as `platform`; what was missed goes to `reception`."""
        self._platform = platform
        self._groups: set[str] | None = None
        """Direct messages of several people; None where it is not known which those are."""
        self.reception: Reception

    async def places(self) -> list[str]:
        """Return the DMs that there are: somebody may have written for the first time."""
        self._groups = None
        try:
            found = [each async for each in direct_messages(self._platform.api, _PATIENCE)]
        except PlatformError as error:
            log.info("the direct messages are not known: %s", error)
            return []
        self._groups = {str_of(each, "id") for each in found if each.get("is_mpim")}
        channels = (str_of(each, "id") for each in found)
        return [events.place_of(id_, self._platform.me) for id_ in channels if is_id(id_)]

    async def said(
        self, place: str, threads: Sequence[str], oldest: float
    ) -> AsyncGenerator[Message, None]:
        """Yield what people said at a place after a moment, in threads and outside of them."""
        api, channel, since = self._platform.api, events.channel_of(place), f"{oldest:.6f}"
        roots, kind = {thread for thread in threads if is_ts(thread)}, await self._type_of(channel)
        async for found in history(
            api, channel, rank=Rank.CATCH_UP, oldest=since, patience=_PATIENCE
        ):
            latest = str_of(found, "latest_reply")
            if is_ts(latest) and seconds(latest) > oldest:
                roots.add(str_of(found, "ts"))
            if (message := self._as_message(found, channel, kind)) is not None:
                yield message
        for root in sorted(roots):
            async for found in replies(
                api, channel, root, rank=Rank.CATCH_UP, oldest=since, patience=_PATIENCE
            ):
                if (message := self._as_message(found, channel, kind)) is not None:
                    yield message

    async def offer(self, messages: Sequence[Message]) -> None:
        """Take in messages of one thread."""
        for message in messages:
            await self.reception.offer(message)

    async def say(self, message: Message, text: str) -> None:
        """Say something under a message, once."""
        await self._platform.say(message, text)

    async def before(self, message: Message) -> AsyncGenerator[Message, None]:
        """Yield what people said in the thread of a message."""
        channel, kind = self._platform.channel_of(message.thread), _TYPES.get(message.kind, "")
        async for found in replies(
            self._platform.api, channel, message.answer_in, rank=Rank.BACKFILL, patience=PATIENCE
        ):
            if (earlier := self._as_message(found, channel, kind)) is not None:
                yield earlier

    async def _type_of(self, channel: str) -> str:
        """Return what an event would call a channel's type, as far as that makes a difference.

        A message that is read says nothing of it, and an id tells no direct message of several
        people from a channel. Raises `PlatformError`.
        """
        if self._groups is None and not channel.startswith("D"):
            answer = await self._platform.api.call(
                "conversations.info",
                repeat=True,
                patience=_PATIENCE,
                rank=Rank.CATCH_UP,
                channel=channel,
            )
            return "mpim" if dict_of(answer, "channel").get("is_mpim") else ""
        return "mpim" if channel in (self._groups or ()) else ""

    def _as_message(self, found: dict[str, Any], channel: str, kind: str) -> Message | None:
        return self._platform.heard(events.envelope(found, channel, self._platform.me, kind))
