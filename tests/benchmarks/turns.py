"""Turns of one thread, one after the other, in a store; and a thread that has had many."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from core.domain.admission import Admission, AdmissionPolicy
from core.domain.message import Address, Author, Kind, Message, ThreadKey
from core.domain.session import Answer, AnswerKind, Entry, Usage
from core.store.header import Header
from core.store.keys import unique
from core.store.values import Dump, Outcome, PendingAnswer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.domain.session import Record
    from core.store.port import Store
    from core.store.values import Work

KEPT = 10
"""Turns after the summary: 20 messages."""
TERMS = AdmissionPolicy(admissions=(Admission.ACCEPTED,) * 8, ttl=2_592_000, reach=1000)
ANN = Author(id="U0123456789", name="Ann")
_BEGAN = 1_700_000_000
_AT_ONCE = 200


def words(number: int) -> str:
    """Return a message of 400 characters, none like the other."""
    return f"{number:06} " + " ".join(f"word{number * 7 + i:05}" for i in range(40))[:393]


ANSWER, ASKED = words(1), words(2)
USAGE = Usage(input=312, output=104, cache_read=2048, cache_write=410)


class Turns:
    """Turns of one thread."""

    def __init__(self, store: Store, size: int) -> None:
        self.store = store
        self.thread = ThreadKey("slack", f"C{size:08}", "1700000000.000100")
        self.number = size

    def message(self) -> Message:
        self.number += 1
        stamp = f"{_BEGAN + self.number}.000200"
        return Message(
            thread=self.thread,
            kind=Kind.THREAD,
            id=stamp,
            identities=(f"Ev{self.number:09}", stamp),
            author=ANN,
            text=words(self.number),
            sent_at=float(stamp),
            address=Address.MENTIONED,
        )

    async def begin(self) -> Work:
        return await self.accept(self.message())

    async def accept(self, message: Message) -> Work:
        accepted = await self.store.accept(message, TERMS, unique())
        assert accepted.work is not None
        assert len(accepted.work.records) == 2 * KEPT + 1
        return accepted.work

    async def end(self, work: Work) -> None:
        draft = PendingAnswer(
            last=work.next - 1,
            text=ANSWER,
            kind=AnswerKind.ANSWER,
            cuts=(),
            usage=USAGE,
            seen_from=work.since,
        )
        posted = (f"{_BEGAN + self.number}.000300",)
        assert isinstance(
            await self.store.commit(work.lease, work.revision, draft, posted[0]), Answer
        )
        assert await self.store.settle(work.lease, Outcome.DONE, posted=posted) == "free"

    async def prepared(self) -> Callable[[], Awaitable[None]]:
        """Return the next turn's work, with all made that is not the store's."""
        await self.summarize()
        message = self.message()

        async def turn() -> None:
            await self.end(await self.accept(message))

        return turn

    async def summarize(self) -> None:
        """Let the summary follow, so that each turn reads as much as the one before."""
        work = await self.store.peek(self.thread)
        assert work is not None
        await self.store.compact(
            self.thread,
            covers=work.summary.covers,
            revision=work.revision,
            to=work.head - KEPT,
            text=ASKED,
        )

    async def seed(self) -> None:
        """Have had as many turns as the thread's number says, in the way a move brings them."""
        for start in range(0, self.number, _AT_ONCE):
            stop = min(start + _AT_ONCE, self.number)
            await self.store.load(
                self.thread,
                [record for place in range(start, stop) for record in _turn(place)],
                first=start == 0,
                dump=_dump(self.number) if stop == self.number else None,
            )


def _turn(place: int) -> tuple[Record, Record]:
    stamp = f"{_BEGAN + place + 1}.000200"
    entry = Entry(position=place, id=stamp, author=ANN, text=words(place + 1), sent_at=float(stamp))
    answer = Answer(
        position=place,
        turn=stamp,
        token=unique(),
        kind=AnswerKind.ANSWER,
        text=ANSWER,
        sent_at=float(stamp),
        usage=USAGE,
        posted=(f"{_BEGAN + place + 1}.000300",),
    )
    return entry, answer


def _dump(turns: int) -> Dump:
    now = time.time()
    header = Header(
        kind=Kind.THREAD,
        ttl=TERMS.ttl,
        reach=TERMS.reach,
        revision=unique(),
        started_at=now,
        last_at=now,
        expires_at=now + TERMS.ttl,
        fence=turns,
        next=turns,
        head=turns,
        covers=max(turns - KEPT, 0),
        summary=ASKED,
        people=[ANN.id],
        turns=turns,
        taking_part=True,
    )
    return Dump(header=header, people=(ANN.id,), trace=None, time=now)
