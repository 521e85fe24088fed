"""What was said in a thread before the bot was asked in: read once, and known as context.

It comes before the message that mentions the bot is stored, while a platform may be waiting for
its acknowledgement; what can't be read in short stays unread. What people asked the bot to forget
is not admitted again: the store knows until when.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from core.domain.errors import ChatbotError, PlatformError, broke
from core.domain.message import Address, Kind
from core.domain.session import Entry, Status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from core.domain.message import Message, ThreadKey
    from core.intake.intake import Intake
    from core.store.port import Store
    from core.store.values import Work

log = logging.getLogger(__name__)

PATIENCE = 1.5
"""Seconds: half of the three that Slack waits for an acknowledgement."""
_MOST = 80
"""Messages: what opens the thread, and the newest. A store keeps 100 that nobody answered."""
_KEPT = 10_000


class ThreadBackfill:
    """Reads a thread when the bot comes in."""

    def __init__(
        self,
        said: Callable[[Message], AsyncGenerator[Message, None]],
        store: Store,
        intake: Intake,
        *,
        named: Callable[[Message], Awaitable[Message]],
        wanted: bool,
    ) -> None:
        """Read with `said`, which yields what stands where a message is; nothing if not `wanted`.

        It may yield what came after, or what belongs to another thread: that is left out. `named`
        gives a message its author's name.
        """
        self._said = said
        self._named = named
        self._store = store
        self._intake = intake
        self._wanted = wanted
        self._known: OrderedDict[ThreadKey, None] = OrderedDict()

    async def read(self, message: Message) -> None:
        """Take in what was said before this message, if the bot was not there yet.

        Raises `StoreError` when that can't be told; anything else is no reason not to
        answer.
        """
        first = message.answer_in in {"", message.id}
        mentioned = message.kind is not Kind.DM and message.address is Address.MENTIONED
        if not self._wanted or not mentioned or message.thread in self._known:
            return
        if not first and not _is_there(await self._store.peek(message.thread)):
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._read(message)
            except (PlatformError, TimeoutError) as error:
                log.info("what was said before is not known: %s", type(error).__name__)
            except ChatbotError:
                raise
            except Exception as error:  # noqa: BLE001 - the question is answered all the same
                log.error("what was said before is not known: %s", broke(error))  # noqa: TRY400
        self._known[message.thread] = None
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)

    async def _read(self, message: Message) -> None:
        first: list[Message] = []
        said: deque[Message] = deque(maxlen=_MOST - 1)
        async for earlier in self._said(message):
            before = earlier.id != message.id and earlier.at <= message.at
            if before and earlier.thread == message.thread:
                (said if first else first).append(earlier)
        for earlier in (*first, *said):
            await self._intake.overhear(await self._named(earlier))


def _is_there(work: Work | None) -> bool:
    """Tell whether the bot takes part: what was only read may have been read in part.

    Another process may be reading right now, or have died as it did.
    """
    if work is None:
        return False
    said = (record for record in work.records if isinstance(record, Entry))
    wanted = any(entry.status is Status.ADDRESSED for entry in said)
    return wanted or work.head > 0 or bool(work.lease.turn)
