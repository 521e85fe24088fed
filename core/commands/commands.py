"""The commands themselves, the same on every platform; they check no rights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.commands.memory_view import View, counted, last_reply, last_said
from core.commands.pins import Pins
from core.commands.settings.scoped import ScopedSettings
from core.commands.stats import stats_of
from core.domain.errors import DeniedError
from core.domain.message import Author
from core.domain.ratings import Opinion
from core.domain.session import Answer, Entry, Status
from core.domain.settings import OFF, effective
from core.memory.plan import least_size, plan
from core.models.catalog import spec_of
from core.prompt.instructions import with_instructions
from core.prompt.pins import pins_size
from core.prompt.prompt import fixed_size, scene_of
from core.prompt.recalled import recalled_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from core.commands.stats import Stats
    from core.domain.clock import Clock
    from core.domain.message import Kind, ThreadKey
    from core.domain.session import Passage, Session
    from core.memory.memory import Memory
    from core.memory.recall.recall import Recall
    from core.memory.strategies.strategy import Strategy
    from core.store.port import Store
    from core.store.values import ThreadInfo, Work

FORGOTTEN = "I have forgotten message {number} of this thread. My reply to it stays."


class Commands:
    """Commands on threads. Each returns sentences to show, or the facts to make them from."""

    def __init__(
        self,
        store: Store,
        memory: Memory,
        clock: Clock,
        *,
        system: str,
        ttl: Callable[[Kind], float],
        model: str = "",
        recall: Recall | None = None,
    ) -> None:
        """Create it.

        Args:
            store: Where the threads are.
            memory: How the bot remembers, for `view`.
            clock: The time.
            system: The system prompt, for `view`.
            ttl: Returns after how many seconds of silence a conversation of a kind ends.
            model: The model that answers, for its prices; empty if answers cost nothing.
            recall: Finds earlier messages, for `view`; None if nothing is recalled.
        """
        self.pins = Pins(store, memory, ttl)
        self.settings = ScopedSettings(store=store, memory=memory, clock=clock, ttl=ttl)
        self._store = store
        self._memory = memory
        self._clock = clock
        self._system = system
        self._spec = spec_of(model) if model else None
        self._recall = recall

    @property
    def zone(self) -> tzinfo:
        """Return the time zone of the people."""
        return self._memory.zone

    async def forget(self, thread: ThreadKey, *, at: float | None = None) -> str:
        """Remove everything of a thread; `at` is the platform's time, or None for our own."""
        await self._store.erase(thread, at=self._clock.now() if at is None else at)
        return "I have forgotten everything said in this thread. The next message starts over."

    async def forget_own(self, thread: ThreadKey, person: str) -> str:
        """Remove what one person said in a thread; repeat it if it was interrupted."""
        count = ratings = 0
        async for record in self._store.records(thread):
            if isinstance(record, Answer):
                ratings += await self._unrate(thread, record, person)
                continue
            if record.author.id != person:
                continue
            if record.status is not Status.DELETED:
                # An edit may carry a time that is ahead of our clock.
                stamp = max(self._clock.now(), record.edited_at + 1)
                await self._store.amend(thread, record.id, (), edited_at=stamp, text=None)
                count += 1
        pins = await self.pins.remove_own(thread, person)
        if not (count or pins or ratings):
            return "I have nothing of yours in this thread."
        also = f" and {counted(pins, 'pin')}" if pins else ""
        return (
            f"I have forgotten {counted(count, 'message')}{also} of yours in this thread. "
            "Other people's messages and my replies stay."
        )

    async def _unrate(self, thread: ThreadKey, answer: Answer, person: str) -> bool:
        """Remove what a person thinks of an answer; return whether anything was kept of it."""
        if not any(each.person == person for each in answer.ratings):
            return False
        return await self._store.rate(thread, answer.position, answer.turn, Opinion(person=person))

    async def forget_message(self, thread: ThreadKey, number: int, person: str = "") -> str:
        """Remove one message of a thread, by its number in `view`; it may be removed already.

        Raises:
            DeniedError: There is none, or it is not the `person`'s, if one is named.
        """
        there = self._store.records(thread, max(0, number - 1), number)  # no message is 0
        found = [record async for record in there if isinstance(record, Entry)]
        if not found:
            raise DeniedError(f"I remember no message {number} of this thread.")
        (entry,) = found
        if person and entry.author.id != person:
            raise DeniedError("That is not your message: you can only remove what you said here.")
        if entry.status is not Status.DELETED:
            stamp = max(self._clock.now(), entry.edited_at + 1)
            await self._store.amend(thread, entry.id, (), edited_at=stamp, text=None)
        return FORGOTTEN.format(number=number)

    async def reset(self, thread: ThreadKey, *, at: float | None = None) -> str:
        """Reset a thread; exports still include what was said. `at` is that of `forget`."""
        at = self._clock.now() if at is None else at
        await self._store.erase(thread, at=at, keep_log=True)
        return (
            "I no longer use anything above this line; exports still include it. "
            "All pins are removed."
        )

    async def threads(self, platform: str, channel: str) -> list[ThreadInfo]:
        """Return the threads of a channel, the last used first."""
        found = [info async for info in self._store.all_threads(channel=(platform, channel))]
        return sorted(found, key=lambda info: info.last_at, reverse=True)

    async def threads_of(
        self, platform: str, person: str, *, channel: str | None = None
    ) -> list[ThreadInfo]:
        """Return the threads a person took part in, the last used first."""
        within = None if channel is None else (platform, channel)
        found = [info async for info in self._store.all_threads(channel=within, person=person)]
        here = [info for info in found if info.thread.platform == platform]
        return sorted(here, key=lambda info: info.last_at, reverse=True)

    async def stats(self, counts: Callable[[ThreadKey], bool] = lambda _: True) -> Stats:
        """Return the statistics of all stored conversations that `counts` selects."""
        found = [info async for info in self._store.all_threads() if counts(info.thread)]
        return stats_of(found, self._clock.now())

    async def view(
        self, thread: ThreadKey, *, person: str = "", info: ThreadInfo | None = None
    ) -> View | None:
        """Return what the model would see now; None if nothing was said yet.

        Args:
            thread: The conversation.
            person: The platform's id of the person whose last message the view recalls for; empty
                for the last message of any person.
            info: The conversation's counters, if they are known.
        """
        work = await self._store.peek(thread)
        if work is None:
            return None
        held = effective(await self._store.layers(thread))
        chosen = held.settings
        memory = self._memory.under(chosen)
        strategy = memory.strategy(work.kind, chosen.strategy)
        session = await self._session(work, strategy)
        asked = last_said(work, person)
        recalls = chosen.recall != OFF
        recalled = await self._recalled(session, strategy, asked) if asked and recalls else None
        system = with_instructions(
            self._system,
            chosen.instructions,
            held.sources.get("instructions", ""),
            chosen.answer_tokens or 0,
        )
        scene = scene_of(replace(session, batch=()), self._clock.now())
        units = fixed_size(scene, system=system, count=memory.counter.measure)
        counter = memory.counter.after((t.answer for t in reversed(session.turns)), units)
        fixed, count = counter.fixed_tokens(units), counter.count
        room = memory.room(thread, now=self._clock.monotonic(), counter=counter)
        always = fixed + pins_size(session, count)
        least = least_size(session.batch[-1:], fixed=always, counter=counter)
        seen = plan(session, strategy, budget=max(room, least), counter=counter, fixed=fixed)
        return View(
            strategy=strategy.name,
            plan=seen,
            zone=session.zone,
            pins=work.pins,
            pin_lines=tuple(self.pins.lines(work.pins)),
            recalled=recalled,
            recalled_tokens=count(recalled_text(recalled, session.zone)) if recalled else 0,
            last=last_reply(work),
            spec=spec_of(chosen.model) if self._spec and chosen.model else self._spec,
            info=info,
        )

    async def _session(self, work: Work, strategy: Strategy) -> Session:
        """Return the session as it would be if someone wrote an empty message now."""
        session = await self._memory.load(self._store, work, strategy)
        place = max([work.next, *(entry.position + 1 for entry in session.batch)])
        nothing = Entry(position=place, id="-", author=Author(id="-", name="-"), text="", sent_at=0)
        return replace(session, batch=(*session.batch, nothing))

    async def _recalled(
        self, session: Session, strategy: Strategy, asked: Entry
    ) -> tuple[Passage, ...] | None:
        """Return what would be shown again if these words were said now; None if unknown."""
        if self._recall is None or not self._recall.is_on:
            return None
        again = replace(asked, position=session.batch[-1].position, status=Status.ADDRESSED)
        found = await self._recall.dry_run(replace(session, batch=(again,)), strategy)
        itself = asked.position
        return found and tuple([each for each in found if each.by_bot or each.position != itself])


def stats_lines(stats: Stats) -> list[str]:
    """Return the statistics in words."""
    lengths = stats.lengths
    if not lengths.count:
        return ["There are no conversations yet."]
    lines = [
        f"Conversations: {lengths.count:,}",
        (
            f"Turns: mean {lengths.mean:.1f}, median {lengths.median:g}, p90 {lengths.p90:,}, "
            f"max {lengths.max:,}"
        ),
        f"Dropped off (idle for 7 days): {stats.dropped:,}",
    ]
    lines += [
        f"  at turn {turn:,}: {count:,} ({count / stats.dropped:.0%})"
        for turn, count in stats.last_turns.items()
    ]
    return lines
