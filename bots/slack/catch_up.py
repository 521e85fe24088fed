"""What Slack knows of the time in which nobody listened, for `core.catch_up`; and of a thread.

Slack keeps nothing for an app without a connection, and gives up on an HTTP endpoint after five
minutes.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bots.slack import events
from bots.slack.people import is_id
from bots.slack.reading import history, replies
from bots.slack.stamps import is_ts, seconds
from core.before import PATIENCE
from core.errors import PlatformError
from core.fields import dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from bots.slack.platform import SlackPlatform
    from bots.slack.receive import Reception
    from core.message import Message

log = logging.getLogger(__name__)

_PATIENCE = 90.0
"""Seconds for one page: nobody waits for it, and some apps get one a minute."""


class SlackPast:
    """Reads channels, direct messages and threads."""

    def __init__(self, platform: SlackPlatform) -> None:
        """Read as `platform`; what was missed goes to `reception`."""
        self._platform = platform
        self.reception: Reception

    async def places(self) -> list[str]:
        """Return the DMs that there are: somebody may have written for the first time."""
        try:
            answer = await self._platform.api.call(
                "users.conversations",
                repeat=True,
                patience=_PATIENCE,
                types="im,mpim",
                limit=200,
                exclude_archived=True,
            )
        except PlatformError as error:
            log.info("the direct messages are not known: %s", error)
            return []
        channels = (str_of(found, "id") for found in dicts_of(answer, "channels"))
        return [events.place_of(id_, self._platform.me) for id_ in channels if is_id(id_)]

    async def said(
        self, place: str, threads: Sequence[str], oldest: float
    ) -> AsyncGenerator[Message, None]:
        """Yield what people said at a place after a moment, in threads and outside of them."""
        api, channel, since = self._platform.api, events.channel_of(place), f"{oldest:.6f}"
        roots = {thread for thread in threads if is_ts(thread)}
        async for found in history(api, channel, oldest=since, patience=_PATIENCE):
            latest = str_of(found, "latest_reply")
            if is_ts(latest) and seconds(latest) > oldest:
                roots.add(str_of(found, "ts"))
            if (message := _as_message(self._platform, found, channel)) is not None:
                yield message
        for root in sorted(roots):
            async for found in replies(api, channel, root, oldest=since, patience=_PATIENCE):
                if (message := _as_message(self._platform, found, channel)) is not None:
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
        channel = self._platform.channel_of(message.thread)
        async for found in replies(
            self._platform.api, channel, message.answer_in, patience=PATIENCE
        ):
            if (earlier := _as_message(self._platform, found, channel)) is not None:
                yield earlier


def _as_message(platform: SlackPlatform, found: dict[str, Any], channel: str) -> Message | None:
    return platform.heard(events.envelope(found, channel, platform.me))
