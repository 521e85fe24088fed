"""What was said in a thread before the bot was asked in: read once, and known as context.

It comes before the message that mentions the bot, and so before Slack's three seconds are over;
what can't be read within half of that stays unread. What people asked the bot to forget is not
admitted again: the store knows until when.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any

from bots.slack import events
from bots.slack.reading import replies
from core.errors import PlatformError
from core.message import Address, Kind

if TYPE_CHECKING:
    from bots.slack.names import Names
    from bots.slack.platform import SlackPlatform
    from core.intake import Intake
    from core.message import Message, ThreadKey
    from core.store.port import Store

log = logging.getLogger(__name__)

PATIENCE = 1.5
_MOST = 80
"""Messages, the newest; a store keeps 100 that nobody answered."""
_KEPT = 10_000


class Before:
    """Reads a thread when the bot comes in."""

    def __init__(
        self, platform: SlackPlatform, store: Store, intake: Intake, names: Names, *, wanted: bool
    ) -> None:
        """Read nothing where it is not `wanted`."""
        self._platform = platform
        self._store = store
        self._intake = intake
        self._names = names
        self._wanted = wanted
        self._known: OrderedDict[ThreadKey, None] = OrderedDict()

    async def read(self, message: Message) -> None:
        """Take in what was said before this message, if the bot was not there yet.

        Raises `StoreUnavailableError` when that can't be told; anything else is no reason not to
        answer.
        """
        first = message.answer_in in {"", message.id}
        mentioned = message.kind is not Kind.DM and message.address is Address.MENTIONED
        if not self._wanted or not mentioned or message.thread in self._known:
            return
        if not first and await self._store.peek(message.thread) is None:
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._read(message)
            except (PlatformError, TimeoutError) as error:
                log.info("what was said before is not known: %s", type(error).__name__)
        self._known[message.thread] = None
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)

    async def _read(self, message: Message) -> None:
        said: deque[Message] = deque(maxlen=_MOST)
        channel = self._platform.channel_of(message.thread)
        async for found in replies(
            self._platform.api, channel, message.answer_in, patience=PATIENCE
        ):
            earlier = self._as_message(found, message, channel)
            if earlier is not None and earlier.at < message.at:
                said.append(earlier)
        for earlier in said:
            await self._intake.overhear(await self._names.named(earlier))

    def _as_message(self, found: dict[str, Any], message: Message, channel: str) -> Message | None:
        earlier = self._platform.heard(events.envelope(found, channel, self._platform.me))
        return earlier if earlier is not None and earlier.thread == message.thread else None
