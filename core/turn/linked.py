"""Follows the links to other conversations in new messages, for the turn that answers them.

A link gives nobody a right. The platform is asked in each turn, at that moment, whether the person
who posted the link can read what it leads to, and whether everyone can who reads the answer. Only
then is the conversation's memory read, as the store has it now: what was edited, deleted or
forgotten is so here too. None of it is stored in the conversation that has the link.

Only what a person typed counts: no quotation, no code, no file, nothing that an app or the bot
wrote.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from core.domain.errors import PlatformError
from core.domain.linked import Linked, Unread
from core.domain.session import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.delivery.port import Links, Platform
    from core.domain.message import ThreadKey
    from core.domain.session import Entry, Session
    from core.memory.memory import Memory
    from core.store.port import Store

log = logging.getLogger(__name__)

MOST: Final = 3
"""The most links that a turn follows: each takes some calls, for which people wait."""
SECONDS: Final = 10.0
"""Seconds for the calls about one link."""
_BLOCK = "```"
_CODE = re.compile(r"`[^`\n]+`")
_QUOTES_THE_REST = ">>>"


class _Posted(NamedTuple):
    address: str
    entry: Entry


async def linked(
    session: Session, platform: Platform, store: Store, memory: Memory
) -> tuple[Linked, ...]:
    """Return what the links in the new messages of a session lead to.

    Links to the session itself are left out, and so is a second link to a conversation. Raises
    `StoreError`.
    """
    links = platform.links
    posted = _posted(session.batch, links) if links is not None else []
    if links is None or not posted:
        return ()
    reader = _Reader(session.thread, platform, links, store, memory)
    found = await asyncio.gather(*[reader.follow(each) for each in posted[:MOST]])
    followed = [each for each in found if each is not None]
    more = [
        Linked(address=each.address, entry=each.entry, why=Unread.TOO_MANY)
        for each in posted[MOST : MOST + 1]
    ]
    return (*_once(followed), *more)


def own_words(text: str) -> str:
    """Return a text without its code and without the lines that quote someone."""
    parts = text.split(_BLOCK)
    if len(parts) % 2 == 0:  # the last block does not end, so it is none
        parts[-2:] = [f"{parts[-2]}{_BLOCK}{parts[-1]}"]
    lines: list[str] = []
    for line in _CODE.sub(" ", " ".join(parts[::2])).splitlines():
        if line.lstrip().startswith(_QUOTES_THE_REST):
            break
        if not line.lstrip().startswith(">"):
            lines.append(line)
    return "\n".join(lines)


def _posted(batch: Iterable[Entry], links: Links) -> list[_Posted]:
    """Return the links that people posted in the messages to answer, each person's once."""
    found: dict[tuple[str, str], _Posted] = {}
    for entry in batch:
        asks = entry.status is Status.ADDRESSED and not entry.author.is_app
        if asks and "://" in entry.text:
            for address in links.links_in(own_words(entry.text)):
                found.setdefault((entry.author.id, address), _Posted(address, entry))
    return list(found.values())


def _once(followed: Iterable[Linked]) -> list[Linked]:
    """Return what was followed, with each conversation that is read only once."""
    kept: dict[object, Linked] = {}
    for each in followed:
        kept.setdefault(each.session.thread if each.session else each.address, each)
    return list(kept.values())


class _Reader:
    """Follows links that were posted in one thread."""

    def __init__(
        self, here: ThreadKey, platform: Platform, links: Links, store: Store, memory: Memory
    ) -> None:
        self._here = here
        self._platform = platform
        self._links = links
        self._store = store
        self._memory = memory

    async def follow(self, posted: _Posted) -> Linked | None:
        """Return what a link leads to; None if that is the thread it was posted in."""
        address, entry = posted
        try:
            async with asyncio.timeout(SECONDS):
                there = await self._thread_at(address)
                if there == self._here:
                    return None
                why: Unread | None = Unread.NOT_THEIRS
                if there is not None:
                    why = await self._links.why_not(entry.author.id, there, self._here)
        except (PlatformError, TimeoutError) as error:
            log.info("a link is not followed: %s", error or "the platform took too long")
            return Linked(address=address, entry=entry, why=Unread.UNASKED)
        session = await self._read(there) if there is not None and why is None else None
        if there is None or session is None:
            return Linked(address=address, entry=entry, why=why or Unread.EMPTY)
        place = await self._platform.place_of(there)
        return Linked(address=address, entry=entry, session=session, place=place)

    async def _thread_at(self, address: str) -> ThreadKey | None:
        """Return the conversation that a link leads to: of several, the one that is stored."""
        threads = await self._links.threads_at(address)
        if len(threads) <= 1 or self._here in threads[:1]:
            return threads[0] if threads else None
        for thread in threads:
            if await self._store.peek(thread) is not None:
                return thread
        return threads[0]

    async def _read(self, thread: ThreadKey) -> Session | None:
        """Return a conversation as it is now; None if nothing is remembered of it."""
        work = await self._store.peek(thread)
        if work is None:
            return None
        strategy = self._memory.strategy(work.kind, work.settings.strategy)
        session = await self._memory.load(self._store, work, strategy)
        says = session.turns or session.batch or session.missing or session.pins
        return session if says or session.summary.text else None
