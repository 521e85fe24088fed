"""Reads what was said in a thread before the bot was first mentioned there, once, as context.

It is read before the mention is stored, while the platform may be waiting for the acknowledgement
of the event, so it is skipped if it can't be read quickly. Messages that people had the bot forget
are not stored again; the store refuses them.
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
"""The most seconds to read: half of the three that Slack waits for an acknowledgement."""
_MOST = 80
"""The most messages: the first and the newest. A store keeps 100 without an answer."""
_KEPT = 10_000


class ThreadBackfill:
    """Reads a thread when the bot is first mentioned in it."""

    def __init__(
        self,
        said: Callable[[Message], AsyncGenerator[Message, None]],
        store: Store,
        intake: Intake,
        *,
        named: Callable[[Message], Awaitable[Message]],
        wanted: bool,
    ) -> None:
        """Start with no thread read.

        Args:
            said: Yields the messages around a message. Those that are later, or of another thread,
                are ignored.
            store: Knows where the bot takes part already.
            intake: Stores what was read.
            named: Returns a message with its author's name.
            wanted: Whether to read anything.
        """
        self._said = said
        self._named = named
        self._store = store
        self._intake = intake
        self._wanted = wanted
        self._known: OrderedDict[ThreadKey, None] = OrderedDict()

    async def read(self, message: Message) -> None:
        """Store what was said before this message, if it is the thread's first mention.

        Raises `StoreError` if the store can't say whether it is. No other error prevents the
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
                log.info("the thread before the mention was not read: %s", type(error).__name__)
            except ChatbotError:
                raise
            except Exception as error:  # noqa: BLE001 - the question is still answered
                log.error("a thread was not read: %s", broke(error))  # noqa: TRY400
        self._known[message.thread] = None
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)

    async def _read(self, message: Message) -> None:
        first: list[Message] = []
        said: deque[Message] = deque(maxlen=_MOST - 1)
        async for earlier in self._said(message):
            before = earlier.id != message.id and earlier.sent_at <= message.sent_at
            if before and earlier.thread == message.thread:
                (said if first else first).append(earlier)
        for earlier in (*first, *said):
            await self._intake.overhear(await self._named(earlier))


def _is_there(work: Work | None) -> bool:
    """Return whether the bot takes part in a thread.

    If it only overheard messages, they may be incomplete: another process may be reading the thread
    right now, or have died meanwhile.
    """
    if work is None:
        return False
    said = (record for record in work.records if isinstance(record, Entry))
    wanted = any(entry.status is Status.ADDRESSED for entry in said)
    return wanted or work.head > 0 or bool(work.lease.turn)
