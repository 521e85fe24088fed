"""Forgets a person everywhere, or a channel: in steps that may be interrupted and done again.

What others keep of a shared thread stays. An answer to the person is found by their messages, so
answers go first, and the messages' authors and the index of people, by which the thread is found,
go last: whatever is interrupted is found again by a repeat.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.domain.errors import StoreUnavailableError
from core.domain.session import Entry, Status
from core.domain.settings import ScopeSettings
from core.removal.left import SOMEONE, Traces
from core.store.values import ChannelSettings

if TYPE_CHECKING:
    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.store.port import Store

_PAGE = 25
"""Positions of a log that are written over in one step: an entry may have 64 KB."""
_TRIES = 30
_PAUSE = 1.0
"""Seconds until a thread is tried again that has changed meanwhile, or is being answered."""
_BUSY = "a conversation is in use and could not be cleared now: repeat the command in a minute"


class Forgetting:
    """Removes what the store holds of a person, or of a channel."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Remove from this store."""
        self._store = store
        self._clock = clock

    async def person(self, platform: str, person: str) -> int:
        """Remove a person from everything; repeat it if it was interrupted.

        A thread in which only they spoke goes whole. In others, what they said, quotes of it and
        the answers that were for them go, and so do their pins, ratings, and their name in the
        audit log and beside settings.

        Args:
            platform: The platform.
            person: The platform's id of the person.

        Returns:
            The number of threads in which they took part.

        Raises:
            StoreError: The store does not answer, or a thread was in use all the time.
        """
        spoke = [
            info.thread
            async for info in self._store.all_threads(person=person)
            if info.thread.platform == platform
        ]
        for thread in spoke:
            work = await self._store.peek(thread)
            if work is not None and work.people <= 1:
                await self._store.erase(thread, at=self._clock.now())
            elif work is not None:
                await self._leave(thread, person)
        async for info in self._store.all_threads():  # in others they may have rated or been quoted
            if info.thread.platform == platform and info.thread not in spoke:
                await self._unname(info.thread, person)
        await self._unname_beside(platform, person)
        return len(spoke)

    async def channel(self, platform: str, channel: str) -> int:
        """Remove all threads of a channel, and its settings; return how many threads that were.

        Repeat it if it was interrupted. Raises `StoreError`.
        """
        count = 0
        async for info in self._store.all_threads(channel=(platform, channel)):
            await self._store.erase(info.thread, at=self._clock.now())
            count += 1
        await self._store.set_channel(platform, channel, ScopeSettings())
        return count

    async def _leave(self, thread: ThreadKey, person: str) -> None:
        """Remove a person from a thread in which others spoke, too."""
        traces = await self._traces(thread, person)
        await self._write_over(thread, traces)
        async for record in self._store.records(thread):
            if not isinstance(record, Entry) or record.author.id != person:
                continue
            if record.status is not Status.DELETED:
                at = max(self._clock.now(), record.edited_at + 1)
                await self._store.amend(thread, record.id, (), edited_at=at, text=None)
        await self._unpin(thread, person)
        await self._unname_settings(thread, person)
        await self._write_over(thread, traces)
        for _ in range(_TRIES):
            (revision,) = await self._store.revisions([thread])
            if not revision or await self._store.redact(
                thread, (), revision=revision, person=person
            ):
                return
        raise StoreUnavailableError(_BUSY)

    async def _unname(self, thread: ThreadKey, person: str) -> None:
        """Remove a person from a thread in which they did not speak."""
        await self._write_over(thread, Traces(person))
        await self._unname_settings(thread, person)

    async def _traces(self, thread: ThreadKey, person: str) -> Traces:
        traces = Traces(person)
        async for record in self._store.records(thread):
            traces.read(record)
        return traces

    async def _write_over(self, thread: ThreadKey, traces: Traces) -> None:
        """Write over all records of which something goes."""
        after, tries = -1, 0
        while True:
            (revision,) = await self._store.revisions([thread])
            page = await self._store.history(thread, after=after, limit=_PAGE)
            if not page:
                return
            left = [each for record in page if (each := traces.without(record)) is not None]
            if left and not await self._store.redact(thread, left, revision=revision):
                tries += 1
                if tries > _TRIES:
                    raise StoreUnavailableError(_BUSY)
                await self._clock.sleep(_PAUSE)
                continue
            after, tries = page[-1].position, 0

    async def _unpin(self, thread: ThreadKey, person: str) -> None:
        work = await self._store.peek(thread)
        pins = work.pins if work is not None else ()
        if ids := tuple(pin.id for pin in pins if person in {pin.by.id, pin.author.id}):
            await self._store.unpin(thread, ids)

    async def _unname_settings(self, thread: ThreadKey, person: str) -> None:
        work = await self._store.peek(thread)
        if work is not None and (left := _unnamed(work.settings, person)) != work.settings:
            await self._store.set_thread(thread, work.kind, left, ttl=0)

    async def _unname_beside(self, platform: str, person: str) -> None:
        """Take a person's id out of the audit log, and of the settings of channels and servers."""
        async for event in self._store.audit_events():
            if event.by == person and event.thread.platform == platform:
                await self._store.audit(replace(event, by=SOMEONE.id))
        async for several in self._store.side_records():
            for record in several:
                if isinstance(record, ChannelSettings) and record.name.startswith(f"{platform}:"):
                    left = _unnamed(record.settings, person)
                    if left != record.settings:
                        await self._store.keep([replace(record, settings=left)])


def _unnamed(settings: ScopeSettings, person: str) -> ScopeSettings:
    """Return settings that no longer say that this person has changed them."""
    changes = [
        replace(each, by=SOMEONE.id) if each.by == person else each for each in settings.changes
    ]
    return replace(settings, changes=tuple(changes))
