"""Any store beside the in-process one: the same verbs, the same answers, and nothing ever lost.

Two workers, each with a store of its own on the same data, do what workers, platforms and
people may do in any order: replies get lost and calls are repeated, leases run out under their
holders, tokens are stale, messages are edited and deleted while they are answered.

Two things are checked after each step. The answers and the state are those of `LocalStore`,
which is driven along. And the log keeps what the protocol promises, by a ledger that knows
nothing of how stores work.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.domain.admission import Admission
from core.domain.message import Attachment, Author, Kind, Quote, QuoteKind, ThreadKey
from core.domain.pins import Pin, PinKind
from core.domain.session import Answer, AnswerKind, Entry, Status
from core.domain.settings import ScopeSettings
from core.domain.summary import Line, Segment, dumped
from core.store.local.store import LocalStore
from core.store.values import (
    Accepted,
    Changed,
    NothingDue,
    Outcome,
    Refused,
    ThreadInfo,
    ThreadPage,
    TurnState,
    Work,
)
from tests.builders import OTHER, THREAD, draft, message, terms
from tests.clocks import ManualClock
from tests.contract.stores import LEASE_SECONDS
from tests.properties.ledger import (
    Ledger,
    check_log,
    check_promises,
    check_read,
    check_refusal,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from contextlib import AbstractAsyncContextManager

    from core.domain.admission import AdmissionPolicy
    from core.domain.session import Record
    from core.store.port import Store
    from tests.contract.stores import Harness

TTL = 10_000.0
DELAY = LEASE_SECONDS / 6
"""How long a turn that failed waits, in seconds: short for the rules, long for a busy machine."""
FILES = tuple(
    Attachment(id=f"F{n}", name="a.png", media_type="image/png", size=n) for n in range(2)
)
QUOTES = (
    Quote(kind=QuoteKind.REPLY, text="so", author="Bo", by_bot=True, sent_at=1700000000.1234567),
    Quote(kind=QuoteKind.CARD, text="", place="#x", cut=2),
)
FOLLOW_UP = tuple(
    Admission.ACCEPTED if i & 1 and i & 4 and not i & 2 else Admission.OVERHEARD for i in range(8)
)
TERMS = [
    terms(admissions=admissions, ttl=TTL, reach=6, waiting_limit=3, overheard_limit=2)
    for admissions in ((Admission.ACCEPTED,) * 8, (Admission.OVERHEARD,) * 8, FOLLOW_UP)
]
threads = st.sampled_from([THREAD, THREAD, THREAD, OTHER])
workers = st.sampled_from([0, 1])
picks = st.sampled_from([0, 0, 0, 1, 2, 3])
seldom = st.sampled_from([False, False, False, True])


@dataclass(frozen=True)
class Held:
    """A lease as one worker knows it: in the store, and in the model."""

    worker: int
    real: Work
    model: Work


class StoreMachine(RuleBasedStateMachine):
    """Drives a store and the model; see the module."""

    def __init__(self, begin: Callable[[], AbstractAsyncContextManager[Harness]]) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.context = begin()
        self.harness = self.run(self.context.__aenter__())
        self.stores = [self.run(self.harness.store()) for _ in range(2)]
        self.clock = ManualClock()
        self.model = LocalStore(self.clock, lease_seconds=LEASE_SECONDS)
        self.said = 0
        self.names = 0
        self.held: list[Held] = []
        self.ledgers = {THREAD: Ledger(), OTHER: Ledger()}
        # As of the last step; rules that need them are not tried in vain.
        self.logs: dict[ThreadKey, tuple[Record, ...]] = {THREAD: (), OTHER: ()}
        self.listed: tuple[tuple[ThreadKey, Entry], ...] = ()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(coroutine)

    def unique(self, what: str) -> str:
        self.names += 1
        return f"{what}{self.names}"

    def both(self, call: Callable[[Store, bool], Awaitable[Any]], worker: int = 0) -> Any:
        """Do the same to the store and to the model; they answer the same."""
        self.tick()

        async def ask() -> tuple[Any, Any]:
            return await call(self.stores[worker], True), await call(self.model, False)

        real, model = self.run(ask())
        assert plain(real) == plain(model)
        return real, model

    def tick(self) -> None:
        """Let a moment pass, so that no two things are due at the same time."""
        self.clock.advance(0.01)
        own = getattr(self.harness, "clock", None)  # a server's time passes by itself
        if own is not None:
            own.advance(0.01)

    def hold(self, worker: int, real: Any, model: Any) -> None:
        if isinstance(real, Work):
            self.held = [*self.held[-3:], Held(worker, real, model)]

    def fenced(self, held: Held, call: Callable[[Store, Work], Awaitable[Any]]) -> Any:
        """Do what needs a lease; a refusal tells the truth and has changed nothing."""
        lease = held.real.lease
        before = self.state(lease.thread)
        real, model = self.both(
            lambda store, is_real: call(store, held.real if is_real else held.model), held.worker
        )
        if isinstance(real, Refused):
            assert self.state(lease.thread) == before, "I5: a stale token changes nothing"
            check_refusal(real, lease.turn, lease.token, self.log(lease.thread))
        return real, model

    def state(self, thread: ThreadKey) -> tuple[Work | None, tuple[Record, ...]]:
        return self.run(self.stores[0].peek(thread)), self.log(thread)

    def log(self, thread: ThreadKey) -> tuple[Record, ...]:
        records: tuple[Record, ...] = self.run(self.stores[0].history(thread))
        return records

    # --- people -----------------------------------------------------------------------------

    @rule(
        thread=threads,
        worker=workers,
        again=st.sampled_from([0, 0, 0, 0, 1, 2, 3]),
        author=st.sampled_from(["U1", "U2"]),
        on=st.sampled_from([TERMS[0], *TERMS]),
        renamed=seldom,
        token=st.booleans(),
        twice=seldom,
    )
    def say(
        self,
        *,
        thread: ThreadKey,
        worker: int,
        again: int,
        author: str,
        on: AdmissionPolicy,
        renamed: bool,
        token: bool,
        twice: bool,
    ) -> None:
        """Something is said, or delivered again, perhaps under another identity."""
        if not again or not self.said:
            self.said += 1
        number = max(1, self.said - again)
        identity = f"again{number}" if renamed else f"event{number}"
        said = message(
            number,
            thread=thread,
            author=author,
            identities=(identity,),
            attachments=FILES[: number % 3],
            quotes=QUOTES[: (number + 1) % 4 // 2],
        )
        lease = self.unique("token") if token else ""
        real, model = self.both(lambda store, _: store.accept(said, on, lease), worker)
        if twice:
            retry, _ = self.both(lambda store, _: store.accept(said, on, lease), worker)
            assert (retry.verdict, retry.new) == (real.verdict, False)
            assert (retry.work and retry.work.lease) == (real.work and real.work.lease)
        self.ledgers[thread].offered(said, self.clock.now(), verdict=real.verdict, new=real.new)
        self.hold(worker, real.work, model.work)

    def with_a_log(self, thread: ThreadKey) -> ThreadKey:
        return thread if self.logs[thread] else max(self.logs, key=lambda key: len(self.logs[key]))

    @precondition(lambda self: any(self.logs.values()))
    @rule(
        thread=threads,
        which=st.sampled_from([0, 1, 2, -2, 3, -1]),
        stamp=st.sampled_from([3, 5, 4, 1, 6]),
        deleted=st.booleans(),
        files=st.sampled_from([None, (), FILES[:1], FILES[1:]]),
        quotes=st.sampled_from([None, (), QUOTES[:1], QUOTES]),
        twice=seldom,
    )
    def amend(
        self,
        *,
        thread: ThreadKey,
        which: int,
        stamp: int,
        deleted: bool,
        files: tuple[Attachment, ...] | None,
        quotes: tuple[Quote, ...] | None,
        twice: bool,
    ) -> None:
        """A person edits or deletes what was said, or what has not come yet; stamps cross."""
        thread = self.with_a_log(thread)
        names = [r.platform_id for r in self.log(thread) if isinstance(r, Entry)]
        names.append(f"m{self.said + 1}")
        number = names[which % len(names)].removeprefix("m")
        text = None if deleted else "" if files == () and stamp == 5 else self.unique("text")
        ledger = self.ledgers[thread]
        _, records = self.state(thread)
        known = [
            self.both(
                lambda store, _: store.amend(
                    thread,
                    f"m{number}",
                    (f"event{number}",),
                    edited_at=float(stamp),
                    text=text,
                    attachments=files,
                    quotes=quotes,
                )
            )[0]
            for _ in range(1 + twice)
        ]
        assert len(set(known)) == 1
        if deleted and not known[0]:
            ledger.admissions[f"event{number}"] = (Admission.GONE, self.clock.now())
        ledger.amended(f"m{number}", stamp, text, files, quotes)
        before = {r.position: r for r in records if isinstance(r, Entry)}
        now, left = self.state(thread)
        for entry in left:
            if isinstance(entry, Entry) and now is not None:
                was = before[entry.position]
                # What an edit has left empty is deleted.
                gone = (was.status, entry.status).count(Status.DELETED) == 1
                lost = entry.lost_file and not set(was.attachments) <= set(entry.attachments)
                if gone or (lost and entry.position < now.head):
                    ledger.deleted_at(entry.position)

    @rule(
        what=st.sampled_from(["sweep", "set up", "reset", "erase"]),
        thread=threads,
        number=st.sampled_from([0, 0, 2]),
        twice=seldom,
    )
    def now_and_then(self, *, what: str, thread: ThreadKey, number: int, twice: bool) -> None:
        """One of the things that are rare."""
        if what in {"erase", "reset"}:
            self.erase(thread=thread, back=number, keep_log=what == "reset", twice=twice)
        elif what == "set up":
            self.set_up(thread=thread, muted=twice, reach=number)
        else:
            self.sweep()

    def erase(self, *, thread: ThreadKey, back: int, keep_log: bool, twice: bool) -> None:
        """A person draws a line under a thread."""
        line = 1000.0 + self.said - back
        before, _ = self.state(thread)
        if keep_log and line <= self.ledgers[thread].line:
            self.both(lambda store, _: store.erase(thread, at=line, keep_log=True))
            assert self.state(thread)[0] == before, "it was drawn already"
            return
        for _ in range(1 + twice):
            self.both(lambda store, _: store.erase(thread, at=line, keep_log=keep_log))
        after, _ = self.state(thread)
        left = set[str]()
        if before is not None and keep_log:
            waits = [
                r for r in before.records if isinstance(r, Entry) and r.position >= before.head
            ]
            said = [r for r in waits if r.status is not Status.DELETED]
            cut = next((r.position for r in said if r.sent_at > line), before.next)
            assert after is not None
            assert after.head == after.reset_position == cut, (
                "what was said after a reset still waits"
            )
            left = {entry.id for entry in waits if entry.position >= cut}
        if before is not None and before.lease.turn not in left:
            self.ledgers[thread].void.add(before.lease.turn)
            if before.lease.turn:
                assert after is not None, "its worker has to clear up"
                assert after.lease.turn == before.lease.turn
                assert after.state is TurnState.VOID, "nothing is left to answer"
        self.ledgers[thread].erased(line, keep_log=keep_log, left=left)

    def set_up(self, *, thread: ThreadKey, muted: bool, reach: int) -> None:
        """A person changes a thread's settings."""
        chosen = ScopeSettings(muted=muted, reach=reach)
        self.both(lambda store, _: store.set_thread(thread, Kind.THREAD, chosen, ttl=TTL))
        assert self.both(lambda store, _: store.thread_settings(thread))[0] == chosen

    @rule(
        thread=threads,
        number=st.sampled_from([0, 1, 2, 3]),
        kind=st.sampled_from(PinKind),
        stale=seldom,
        back=st.sampled_from([0, 0, 0, 5]),
        remove=seldom,
        twice=seldom,
    )
    def pin(
        self,
        *,
        thread: ThreadKey,
        number: int,
        kind: PinKind,
        stale: bool,
        back: int,
        remove: bool,
        twice: bool,
    ) -> None:
        """A person pins a text, perhaps knowing of other pins, or removes one."""
        if remove:
            for _ in range(1 + twice):
                self.both(lambda store, _: store.unpin(thread, (f"p{number}", "p1")))
            return
        work, _ = self.state(thread)
        beside = () if stale or work is None else tuple(pin.id for pin in work.pins)
        by = Author(id=f"U{number}", name="Ann")
        made = Pin(
            id=f"p{number}",
            kind=kind,
            text=self.unique("pinned "),
            author=by,
            by=by,
            said_at=1.25,
            pinned_at=1000.5 + self.said - back,
            source=f"m{max(1, self.said - number)}",
            edited_at=float(number),
        )
        became = [
            self.both(lambda store, _: store.pin(thread, Kind.THREAD, made, beside=beside, ttl=TTL))
            for _ in range(1 + twice)
        ]
        if twice and became[0][0] == "pinned":
            assert became[1][0] == "pinned"

    # --- workers ----------------------------------------------------------------------------

    @rule(thread=threads, worker=workers, early=seldom, twice=seldom)
    def claim(self, *, thread: ThreadKey, worker: int, early: bool, twice: bool) -> None:
        """A worker asks for a thread, perhaps before its time."""
        token = self.unique("token")

        def ask(store: Store, _: bool) -> Awaitable[Work | None]:
            return store.claim(thread, token, early=early)

        real, model = self.both(ask, worker)
        if twice:
            retry, model = self.both(ask, worker)
            assert retry == real
        self.hold(worker, real, model)

    @rule(worker=workers)
    def claim_any(self, *, worker: int) -> None:
        """A worker asks for any thread."""
        self.hold(worker, *self.ask_for_any(worker))

    @rule(worker=workers, thread=threads, more=st.booleans(), bury=seldom)
    def take_turns(self, *, worker: int, thread: ThreadKey, more: bool, bury: bool) -> None:
        """A worker does what it should, without an accident on the way."""
        if more:
            self.say(
                thread=thread,
                worker=worker,
                again=0,
                author="U1",
                on=TERMS[0],
                renamed=False,
                token=False,
                twice=False,
            )
        work, model = self.ask_for_any(worker)
        while isinstance(work, Work):
            work, model = self.finish(Held(worker, work, model), bury=bury)

    def ask_for_any(self, worker: int = 0) -> tuple[Any, Any]:
        token = self.unique("token")
        found: tuple[Any, Any] = self.both(
            lambda store, _: store.claim_any(["slack"], token), worker
        )
        return found

    @precondition(lambda self: self.held)
    @rule(pick=picks, preview=st.sampled_from(["", "p1", "p2"]), twice=seldom)
    def renew(self, *, pick: int, preview: str, twice: bool) -> None:
        """A heartbeat, of a lease that stands or of one that is long lost."""
        held = self.held[-1 - pick % len(self.held)]
        answers = [
            self.fenced(held, lambda store, work: store.renew(work.lease, work.revision, preview))[
                0
            ]
            for _ in range(1 + twice)
        ]
        assert len(set(answers)) == 1
        if answers[0] == "changed":
            lease = held.real.lease
            real, model = self.both(
                lambda store, _: store.claim(lease.thread, lease.token), held.worker
            )
            assert real is not None
            assert real.lease == lease
            assert real.revision != held.real.revision
            self.hold(held.worker, real, model)

    @precondition(lambda self: self.held)
    @rule(pick=picks, worker=workers)
    def stop(self, *, pick: int, worker: int) -> None:
        """A person presses Stop, at any process, on a turn that runs or ran."""
        lease = self.held[-1 - pick % len(self.held)].real.lease
        before, _ = self.state(lease.thread)
        is_open = (
            before is not None
            and before.lease.turn == lease.turn
            and before.state is TurnState.OPEN
        )
        asked, _ = self.both(lambda store, _: store.stop(lease.thread, lease.turn), worker)
        assert asked == is_open
        assert self.state(lease.thread)[0] == before, "it changes nothing but what renew says"

    @precondition(lambda self: self.held)
    @rule(pick=picks, alone=st.booleans(), bury=seldom, twice=seldom)
    def commit(self, *, pick: int, alone: bool, bury: bool, twice: bool) -> None:
        """A worker has an answer to what it has seen, however long ago."""
        held = self.held[-1 - pick % len(self.held)]
        waiting = waiting_in(held.real)
        if not waiting:
            return
        kind = AnswerKind.BURIED if bury else AnswerKind.ANSWER
        text = self.unique("answer")
        done = draft(waiting[0 if alone else -1], text, kind=kind, refused=held.real.refused)
        thread = held.real.lease.thread
        before = self.log(thread)
        for _ in range(1 + twice):
            real, model = self.fenced(
                held, lambda store, work: store.commit(work.lease, work.revision, done, "p1")
            )
        after = self.log(thread)
        if isinstance(real, Changed):
            self.hold(held.worker, real.work, model.work)
        if any(record.text == text for record in after):
            assert real in after, "what is committed is what is recorded"
            check_read(held.real, done.last, before)
            self.ledgers[thread].answers[text] = held.real.lease.token
        else:
            assert after == before

    @precondition(lambda self: self.held)
    @rule(pick=picks, outcome=st.sampled_from([Outcome.DONE, *Outcome]), twice=seldom)
    def settle(self, *, pick: int, outcome: Outcome, twice: bool) -> None:
        """A worker leaves its turn, or what it takes for its turn."""
        held = self.held[-1 - pick % len(self.held)]
        answers = [
            self.fenced(
                held,
                lambda store, work: store.settle(work.lease, outcome, posted=("p1",), delay=DELAY),
            )
            for _ in range(1 + twice)
        ]
        first, last = answers[0][0], answers[-1][0]
        void = self.ledgers[held.real.lease.thread].void
        if outcome is Outcome.CLEARED:
            void.discard(held.real.lease.turn)
        elif held.real.lease.turn in void and outcome is Outcome.DONE:
            assert first != "free", "who did not know is told"
        if twice and first == "free":
            assert isinstance(last, Refused)
        else:
            assert plain(last) == plain(first)
        self.hold(held.worker, *answers[-1])

    @precondition(lambda self: any(self.logs.values()))
    @rule(
        thread=threads,
        to=st.integers(0, 5),
        cut=st.none() | st.integers(0, 5),
        old=seldom,
        changed=seldom,
        twice=seldom,
    )
    def compact(
        self, *, thread: ThreadKey, to: int, cut: int | None, old: bool, changed: bool, twice: bool
    ) -> None:
        """A summary is made of what was read, before or after a person changed it."""
        thread = self.with_a_log(thread)
        seen, seen_model = self.both(lambda store, _: store.peek(thread))
        if seen is None:
            return
        to = min(to, seen.next)
        text, told = self.summary_of(range(seen.reset_position, to), cut)
        covers = max(0, seen.summary.covers - old)
        if changed:
            self.amend(
                thread=thread, which=to, stamp=9, deleted=True, files=None, quotes=None, twice=False
            )
        now = self.run(self.stores[0].peek(thread))
        wanted = (
            now.revision == seen.revision
            and covers == seen.summary.covers
            and covers <= to <= seen.head
        )
        for _ in range(1 + twice):
            made, _ = self.both(
                lambda store, real: store.compact(
                    thread,
                    covers=covers,
                    revision=(seen if real else seen_model).revision,
                    to=to,
                    text=text,
                )
            )
            assert made == wanted
        if made:
            self.ledgers[thread].summed_up(to, told)

    def summary_of(self, span: range, cut: int | None) -> tuple[str, dict[str, range]]:
        """Return a summary in two segments, or of an earlier version, and what it says of what."""
        if cut is None:
            text = self.unique("summary") + "."
            return text, {text: span}
        place = min(max(cut, span.start), max(span.stop, span.start))
        said = {
            self.unique("segment") + ".": part
            for part in (span[: place - span.start], span[place - span.start :])
        }
        segments = [
            Segment(begin=part.start, end=part.stop, lines=(Line(words),))
            for words, part in said.items()
        ]
        return dumped(segments), said

    # --- the operator, and time ---------------------------------------------------------------

    @precondition(lambda self: self.listed)
    @rule(pick=picks, twice=seldom)
    def requeue(self, *, pick: int, twice: bool) -> None:
        """The operator puts a message in again, and not one that is not buried."""
        thread, entry = self.listed[pick % len(self.listed)]
        assert not self.both(lambda store, _: store.requeue(thread, 99))[0]
        for _ in range(1 + twice):
            assert self.both(lambda store, _: store.requeue(thread, entry.position))[0]
        copy = self.log(thread)[-1]
        assert isinstance(copy, Entry)
        assert (copy.platform_id, copy.text) == (entry.platform_id, entry.text)
        self.ledgers[thread].requeued(entry.id, copy)

    @rule(seconds=st.sampled_from([*[0.4 * LEASE_SECONDS, LEASE_SECONDS + 1] * 4, TTL + 100]))
    def pass_time(self, *, seconds: float) -> None:
        """Leases run out, failed turns come due, sessions expire."""
        self.clock.advance(seconds)
        self.run(self.harness.advance(seconds))
        if seconds > TTL:
            for ledger in self.ledgers.values():
                ledger.expired()

    def sweep(self) -> None:
        """What has expired is cleared away; in how many steps is the store's own matter."""
        self.run(self.stores[0].sweep())
        self.run(self.model.sweep())

    # --- what always holds --------------------------------------------------------------------

    @invariant()
    def it_is_as_the_model_and_keeps_its_promises(self) -> None:
        self.both(lambda store, _: store.threads(person="U2"))
        self.listed, _ = self.both(lambda store, _: buried_in(store))
        page, _ = self.both(lambda store, _: store.threads())
        waiting = {info.thread: info.waiting for info in page.threads}
        for thread, ledger in self.ledgers.items():
            work, records = self.compared(thread)
            self.logs[thread] = records
            if work is None:
                assert not ledger.owed
                assert not records
                ledger.covers = 0
            else:
                check_log(work, records, waiting[thread])
                check_promises(ledger, work, records)

    def compared(self, thread: ThreadKey) -> tuple[Work | None, tuple[Record, ...]]:
        """Return what a thread is, which is the same in the model, seen from either worker."""
        work, _ = self.both(lambda store, _: store.peek(thread))
        records, _ = self.both(lambda store, _: store.history(thread), 1)
        return work, records

    # --- the end ------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Close everything, after whatever was accepted has been answered."""
        try:
            self.answer_all()
        finally:
            self.run(self.context.__aexit__(None, None, None))
            self.loop.close()

    def answer_all(self) -> None:
        """Let one worker that is never killed do what is left; nothing is left then."""
        self.pass_time(seconds=LEASE_SECONDS + 1)
        work: Any = None
        for _ in range(9):
            work, model = self.ask_for_any()
            while isinstance(work, Work):
                work, model = self.finish(Held(0, work, model))
            if isinstance(work, NothingDue):
                break
        assert work == NothingDue(seconds=None), "I1: the work index forgets nobody"
        self.it_is_as_the_model_and_keeps_its_promises()
        for thread in self.ledgers:
            seen, _ = self.state(thread)
            assert seen is None or not waiting_in(replace(seen, records=self.log(thread)))

    def finish(self, held: Held, *, bury: bool = False) -> tuple[Any, Any]:
        """Do what a worker does with a turn, in whatever state it finds it."""
        work = held.real
        if work.state is TurnState.OPEN and (waiting := waiting_in(work)):
            kind = AnswerKind.BURIED if bury else AnswerKind.ANSWER
            done = draft(waiting[-1], self.unique("answer"), kind=kind)
            real, _ = self.fenced(
                held, lambda store, work: store.commit(work.lease, work.revision, done, "p1")
            )
            assert isinstance(real, Answer)
            self.ledgers[work.lease.thread].answers[done.text] = work.lease.token
        outcome = Outcome.CLEARED if work.state is TurnState.VOID else Outcome.DONE
        settled: tuple[Any, Any] = self.fenced(
            held, lambda store, work: store.settle(work.lease, outcome)
        )
        assert not isinstance(settled[0], Refused)
        self.ledgers[work.lease.thread].void.discard(work.lease.turn)
        return settled


def try_out(
    begin: Callable[[], AbstractAsyncContextManager[Harness]],
    *,
    shrink: bool = True,
    fewer: int = 1,
) -> None:
    """Do whatever comes to the data that `begin` gives; look for the shortest way to a fault.

    `fewer` divides the number of tries.
    """
    examples = settings.default.max_examples if settings.default else 100
    chosen = settings(phases=(Phase.generate, Phase.shrink), max_examples=max(examples // fewer, 1))
    if not shrink:  # the first fault ends it, so it may search for long
        chosen = settings(phases=(Phase.generate,), max_examples=1000, report_multiple_bugs=False)
    run_state_machine_as_test(
        lambda: StoreMachine(begin),  # type: ignore[arg-type]  # it only has to be called
        settings=chosen,
    )


def waiting_in(work: Work) -> list[int]:
    """Return the places that a worker sees waiting."""
    return [
        record.position
        for record in work.records
        if isinstance(record, Entry)
        and record.position >= work.head
        and record.status is Status.ADDRESSED
    ]


async def buried_in(store: Store) -> tuple[tuple[ThreadKey, Entry], ...]:
    """Return what a store lists as buried, in an order that all stores have."""
    found = [(buried.thread, buried.entry) for buried in await store.buried()]
    return tuple(sorted(found, key=lambda pair: (str(pair[0]), pair[1].position)))


_PLAIN: dict[type, Callable[[Any], Any]] = {
    Work: lambda work: replace(
        work, revision="", opened_at=float(work.opened_at > 0), records=plain(work.records)
    ),
    Changed: lambda changed: Changed(work=plain(changed.work)),
    Accepted: lambda accepted: replace(accepted, work=plain(accepted.work)),
    NothingDue: lambda idle: NothingDue(seconds=None if idle.seconds is None else -1),
    Answer: lambda answer: replace(answer, sent_at=0),
    ThreadInfo: lambda info: replace(info, started_at=0, last_at=0),
    ThreadPage: lambda page: replace(page, threads=plain(page.threads)),
    tuple: lambda several: tuple(map(plain, several)),
}


def plain(value: Any) -> Any:
    """Return an answer without what differs from store to store: `revision` and times."""
    kind = tuple if isinstance(value, tuple) else type(value)  # one store returns its own tuples
    return _PLAIN.get(kind, lambda same: same)(value)
