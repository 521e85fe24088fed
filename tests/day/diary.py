"""What was said in the day, and what has to come of it; people act through it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.day.mind import FACT, Asked, asked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.store.port import Store
    from core.store.values import Work
    from tests.day.stage import Paper, Sent, Shown, Stage
    from tests.fakes.claude import FakeClaude

PATIENCE = 30.0
"""Seconds for anything to happen; under trouble, an answer takes its time."""


@dataclass(eq=False)
class Said:
    """One thing that a person said."""

    number: int
    who: str
    text: str
    """As it is now; empty once it is deleted."""
    handle: Any
    wanted: bool
    """It is meant for the bot, which has to answer it once."""
    papers: tuple[Paper, ...] = ()

    @property
    def facts(self) -> frozenset[str]:
        """Return the facts in it and in its files; none where it is deleted."""
        files = "".join(p.data.decode(errors="ignore") for p in self.papers) if self.text else ""
        return frozenset(FACT.findall(self.text + files))


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """What the model has to be shown for one question, and nothing else."""

    number: int
    facts: frozenset[str]
    media: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Facts that no request may show from a certain one on."""

    facts: frozenset[str]
    since: int


@dataclass(eq=False)
class Thread:
    """One conversation in the day."""

    name: str
    said: list[Said] = field(default_factory=list)
    begun: int = 0
    """The number behind which the bot may remember, since a reset or a forget."""
    exams: list[Exam] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    """What the bot said beside its answers, because it was told to."""
    stopped: dict[int, str] = field(default_factory=dict)
    """By number: what could be seen of an answer when it was stopped."""

    @property
    def remembered(self) -> list[Said]:
        """Return what the bot should know now."""
        return [said for said in self.said if said.number > self.begun and said.text]


class Diary:
    """The day, for those who live it."""

    def __init__(self, stage: Stage, store: Store, claude: FakeClaude) -> None:
        self.stage = stage
        self.store = store
        self.claude = claude
        self.threads: dict[str, Thread] = {}
        self.sent: list[tuple[str, str, Sent]] = []
        """Who asked for which thread, and what they got."""
        self._number = 0

    def thread(self, name: str) -> Thread:
        """Return a thread; a person's name is that of their DM."""
        return self.threads.setdefault(name, Thread(name))

    # --- talking --------------------------------------------------------------------------------

    async def say(
        self,
        who: str,
        thread: str,
        text: str,
        *,
        mention: bool = False,
        wanted: bool = True,
        papers: Sequence[Paper] = (),
    ) -> Said:
        """Say something, and wait for nothing; `wanted` says that the bot has to answer it."""
        self._number += 1
        number, text = self._number, f"#{self._number} {text}"
        handle = await self.stage.say(who, thread, text, mention=mention, files=papers)
        said = Said(number, who, text, handle, wanted, tuple(papers))
        self.thread(thread).said.append(said)
        return said

    async def remark(self, who: str, thread: str, text: str) -> Said:
        """Say something that is not for the bot; it only overhears it."""
        said = await self.say(who, thread, text, wanted=False)
        await self.stage.heard()
        return said

    async def ask(
        self,
        who: str,
        thread: str,
        text: str,
        *,
        mention: bool = False,
        papers: Sequence[Paper] = (),
    ) -> Said:
        """Ask something, and wait for the whole answer; the model must know just what was said."""
        said = await self.say(who, thread, text, mention=mention, papers=papers)
        self._examine(self.thread(thread), said)
        await self.answered(thread, said)
        return said

    async def edit(self, said: Said, text: str) -> None:
        """Change what was said; from now on nobody may know it as it was."""
        before, said.text = said.facts, f"#{said.number} {text}"
        await self.stage.edit(said.handle, said.text)
        self._forgotten(said, before - said.facts)

    async def delete(self, said: Said) -> None:
        """Delete what was said; an answer that it did not get is not missed."""
        facts, said.text = said.facts, ""
        said.wanted = said.wanted and self.ends(self._page(said).name, said)
        await self.stage.delete(said.handle)
        self._forgotten(said, facts)

    # --- telling the bot what to do ---------------------------------------------------------------

    async def command(self, who: str, thread: str, word: str) -> None:
        """Give a command, if the platform has it; a reset lets the conversation start over."""
        if word not in self.stage.words:
            return
        page = self.thread(thread)
        page.notices.append(await self.stage.command(who, thread, word))
        if word == "reset":
            self._begin_anew(page)

    async def forget(self, who: str) -> None:
        """Let the bot forget one's DM, if the platform has that."""
        if "forget" not in self.stage.words:
            return
        await self.stage.forget(who)
        self._begin_anew(self.thread(who))

    async def export(self, who: str, thread: str, form: str) -> None:
        """Get a conversation as a file, if the platform has that."""
        if "export" not in self.stage.words:
            return
        self.sent.append((who, thread, await self.stage.export(who, thread, form)))

    async def stop(self, said: Said, thread: str) -> None:
        """Stop an answer that can be seen, and wait for its end."""
        shown = await self.begun(thread, said)
        self.thread(thread).stopped[said.number] = shown.text
        await self.stage.stop(said.who, thread)
        await self.settled(thread)

    # --- waiting --------------------------------------------------------------------------------

    async def answered(self, thread: str, said: Said) -> None:
        """Wait until something has its whole answer, and nothing goes on in its thread."""
        await self._until(lambda: self.ends(thread, said), f"no end of #{said.number} in {thread}")
        await self.settled(thread)

    async def begun(self, thread: str, said: Said) -> Shown:
        """Wait until some of an answer can be seen, and return it."""
        found: list[Shown] = []

        def seen() -> bool:
            found[:] = [s for s in self.stage.shown(thread) if f"re #{said.number}\n" in s.text]
            return bool(found)

        await self._until(seen, f"nothing of #{said.number} in {thread}")
        return found[0]

    async def asked_for(self, said: Said) -> None:
        """Wait until the model was asked for an answer to this."""
        await self._until(
            lambda: any(said.number in each.answers for each in self.requests),
            f"the model was never asked for #{said.number}",
        )

    async def settled(self, thread: str) -> None:
        """Wait until no turn is open in a thread."""
        await self._until_kept(thread, lambda work: not work.lease.turn, "is still open")

    async def folded(self, thread: str) -> None:
        """Wait until a summary of now stands for the beginning of a thread."""
        await self._until_kept(
            thread,
            lambda work: work.summary.covers > work.reset_position and not work.summary.stale,
            "has no summary",
        )

    def ends(self, thread: str, said: Said) -> bool:
        """Return whether the end of an answer can be seen."""
        return any(f"end #{said.number}" in shown.text for shown in self.stage.shown(thread))

    @property
    def requests(self) -> list[Asked]:
        """Return all that the model was asked so far, in order."""
        return [asked(request) for request in self.claude.requests]

    # --- inside ---------------------------------------------------------------------------------

    def _examine(self, page: Thread, said: Said) -> None:
        known = page.remembered
        facts = frozenset(fact for each in known for fact in each.facts)
        media = sum(not paper.name.endswith((".txt", ".csv")) for s in known for paper in s.papers)
        page.exams.append(Exam(number=said.number, facts=facts, media=media))

    def _forgotten(self, said: Said, facts: frozenset[str]) -> None:
        self._page(said).gone.append(Gone(facts=facts, since=len(self.claude.requests)))

    def _page(self, said: Said) -> Thread:
        return next(page for page in self.threads.values() if said in page.said)

    def _begin_anew(self, page: Thread) -> None:
        facts = frozenset(fact for said in page.remembered for fact in said.facts)
        page.gone.append(Gone(facts=facts, since=len(self.claude.requests)))
        page.begun = self._number

    async def _until(self, holds: Callable[[], object], fault: str) -> None:
        def scene() -> str:
            shown = {name: self.stage.shown(name) for name in self.threads}
            return "\n".join(f"{n}: {[s.text[:80] for s in said]}" for n, said in shown.items())

        await until(holds, fault, scene)

    async def _until_kept(self, thread: str, holds: Callable[[Work], bool], fault: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            work = await self.store.peek(self.stage.key(thread))
            if work is not None and holds(work):
                return
            assert time.monotonic() < deadline, f"{thread} {fault}"
            await asyncio.sleep(0.02)


async def until(holds: Callable[[], object], fault: str, scene: Callable[[], str]) -> None:
    """Wait until something holds; fail with what was missed, and with how it looks instead."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"{fault}\n{scene()}"
        await asyncio.sleep(0.02)
