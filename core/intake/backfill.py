"""Reads what was said in a thread before the bot was first mentioned there, once, as context.

It is read before the mention is stored, while the platform may be waiting for the acknowledgement
of the event, so only what can be read quickly is read. Where something is missing, the model is
told. Messages that people had the bot forget are not stored again; the store refuses them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from core.domain.errors import ChatbotError, PlatformError, broke
from core.domain.message import Address, Kind, Quote, QuoteKind
from core.domain.session import Entry, Status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

    from core.domain.message import Message, ThreadKey
    from core.intake.intake import Intake
    from core.store.port import Store
    from core.store.values import Work

log = logging.getLogger(__name__)

PATIENCE = 1.5
"""The most seconds to read: half of the three that Slack waits for an acknowledgement."""
MOST = 90
"""The most messages: the first and the newest. A store keeps 100 without an answer, and a few more
may be overheard before there is one."""
SOME = -1
"""Stands for a number of messages that is not known."""
_KEPT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What was said in a thread before a message, as far as it was read."""

    messages: Sequence[Message] = ()
    """In any order. Those that are later, or of another thread, are ignored."""
    missing: Mapping[str, int] = field(default_factory=dict)
    """By the id of a message, which may be the one itself: how many right before it are missing."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages that were not read, right before the one that is yielded next."""

    count: int = SOME


async def gathered(
    said: Callable[[Message], AsyncGenerator[Message | Gap, None]], message: Message
) -> Before:
    """Return what a generator yields in the time that there is.

    Raises `PlatformError` if it yields nothing in that time, or if that is what it raises.
    """
    messages: list[Message] = []
    missing: dict[str, int] = {}
    gap: Gap | None = None
    try:
        async with asyncio.timeout(PATIENCE):
            async for each in said(message):
                if isinstance(each, Gap):
                    gap = each
                    continue
                messages.append(each)
                if gap is not None:
                    missing[each.id] = gap.count
                gap = None
    except (PlatformError, TimeoutError) as error:
        if not messages:
            raise PlatformError(f"the thread was not read: {type(error).__name__}") from error
        missing[message.id] = SOME
    return Before(messages=messages, missing=missing)


class ThreadBackfill:
    """Reads a thread when the bot is first mentioned in it."""

    def __init__(
        self,
        said: Callable[[Message], Awaitable[Before]],
        store: Store,
        intake: Intake,
        *,
        wanted: bool,
    ) -> None:
        """Start with no thread read.

        Args:
            said: Returns what was said before a message, within about `PATIENCE`; raises
                `PlatformError` if nothing of it can be read.
            store: Knows where the bot takes part already.
            intake: Stores what was read.
            wanted: Whether to read anything.
        """
        self._said = said
        self._store = store
        self._intake = intake
        self._wanted = wanted
        self._known: OrderedDict[ThreadKey, None] = OrderedDict()

    async def read(self, message: Message) -> Message:
        """Store what was said before this message, if it is the thread's first mention.

        Returns the message, with a word on what is missing before it. Raises `StoreError` if the
        store can't say whether it is the first. No other error prevents the answer.
        """
        # A message that opens a thread may have replies if its author adds the mention later.
        first = message.answer_in in {"", message.id} and not message.edited_at
        mentioned = message.kind is not Kind.DM and message.address is Address.MENTIONED
        if not self._wanted or not mentioned or message.thread in self._known:
            return message
        if not first and not _is_there(await self._store.peek(message.thread)):
            try:
                message = await self._read(message)
            except PlatformError as error:
                log.info("the thread before the mention was not read: %s", error)
            except ChatbotError:
                raise
            except Exception as error:  # noqa: BLE001 - the question is still answered
                log.error("a thread was not read: %s", broke(error))  # noqa: TRY400
        self._known[message.thread] = None
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return message

    async def _read(self, message: Message) -> Message:
        before = await self._said(message)
        said = [
            each
            for each in sorted(before.messages, key=lambda each: each.sent_at)
            if each.thread == message.thread
            and each.id != message.id
            and each.sent_at <= message.sent_at
        ]
        *kept, last = _told(said, message, before.missing)
        for each in kept:
            await self._intake.overhear(each)
        return last


def _told(said: Sequence[Message], message: Message, missing: Mapping[str, int]) -> list[Message]:
    """Return the first message, the newest, and this one, each with what is missing before it."""
    kept: list[Message] = []
    gaps: list[int] = []
    for index, each in enumerate((*said, message)):
        gap = missing.get(each.id)
        if gap is not None:
            gaps.append(gap)
        if 0 < index <= len(said) - MOST:
            gaps.append(1)
            continue
        told = gaps and (kept or each is not message)  # the prompt says that a start is missing
        kept.append(_after(each, gaps) if told else each)
        gaps = []
    return kept


def _after(message: Message, gaps: Sequence[int]) -> Message:
    """Return a message with a word on those that are missing before it."""
    count = "Some" if SOME in gaps else f"{sum(gaps):,}"
    text = f"{count} earlier messages of this thread are not shown to you. Say so if it matters."
    gap = Quote(kind=QuoteKind.MISSING, text=text)
    return replace(message, quotes=(gap, *message.quotes))


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
