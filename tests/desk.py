"""A thread in a store, and what makes its summary."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.domain.message import Address, Author, Kind, Message
from core.domain.session import Answer, AnswerKind
from core.memory.compaction import Compactor
from core.memory.memory import Memory
from core.memory.strategies.marks import Marks
from core.memory.summarizer import SummaryConfig
from core.memory.tokens import counter_for
from core.models.offline.model import OfflineModel
from core.models.retry import RetryPolicy
from core.store.local.store import LocalStore
from core.store.values import Outcome, PendingAnswer
from tests.builders import message, terms
from tests.clocks import ManualClock
from tests.talk import THREAD

if TYPE_CHECKING:
    from typing import Any

    from core.models.port import Model
    from core.store.values import Work

ONCE = RetryPolicy(attempts=1)
TERMS = terms(reach=1_000_000)


def spoken(number: int, text: str) -> Message:
    ann = Author(id="ann", name="Ann")
    return message(
        number, text, author=ann, thread=THREAD, kind=Kind.TERMINAL, address=Address.DIRECT
    )


class Desk:
    """A thread in a store, and what makes its summary."""

    def __init__(
        self,
        model: Model | None = None,
        *,
        marks: Marks | None = None,
        strategy: str = "hybrid",
        room: int = 30_000,
        tokens: int = 300,
    ) -> None:
        self.clock = ManualClock()
        self.store = LocalStore(self.clock)
        self.model = model or OfflineModel()
        self.memory = Memory(
            counter=counter_for("offline", rank_file=None),
            budget=100_000,
            marks=marks or Marks(high=600, low=200),
            by_kind={Kind.TERMINAL: strategy},
        )
        self.manner = SummaryConfig(model="small", tokens=tokens, room=room, retry=ONCE)
        self.compactor = self.another_process()
        self.said = 0

    async def say(self, text: str, answer: str = "Noted.", **more: Any) -> None:
        """Say something and get an answer, as a worker would do it."""
        self.said += 1
        said = replace(spoken(self.said, text), **more)
        work = (await self.store.accept(said, TERMS, f"t{self.said}")).work
        assert work is not None
        draft = PendingAnswer(last=work.next - 1, text=answer, kind=AnswerKind.ANSWER, cuts=())
        assert isinstance(await self.store.commit(work.lease, work.revision, draft), Answer)
        assert await self.store.settle(work.lease, Outcome.DONE) == "free"

    async def say_many(self, count: int = 20) -> None:
        for _ in range(count):
            await self.say(f"My friend number {self.said} lives in town {self.said}, far away.")

    async def work(self) -> Work:
        work = await self.store.peek(THREAD)
        assert work is not None
        return work

    async def compact(self) -> bool:
        return await self.compactor.compact(THREAD)

    def another_process(self) -> Compactor:
        """Return what makes summaries beside us, and knows of us by the store only."""
        return Compactor(
            self.store, self.model, OfflineModel(), self.memory, self.clock, self.manner
        )

    async def amend(self, number: int, text: str | None) -> None:
        assert await self.store.amend(
            THREAD, f"m{number}", (f"m{number}",), edited_at=2000.0 + number, text=text
        )
