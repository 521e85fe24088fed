"""Moving everything to another store: killed anywhere, begun again, and never half believed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.admission import Admission
from core.domain.errors import StoreRefusedError
from core.domain.message import Kind, ThreadKey
from core.domain.session import Answer, Entry
from core.domain.settings import ScopeSettings
from core.store.local.store import LocalStore
from core.store.migration.compare import Comparison, compare
from core.store.migration.migrate import MARK, PORTION, finish, move, refuse_unfinished
from core.store.values import AuditEvent, Outcome, Work
from tests.builders import TERMS, begin, converse, draft, message
from tests.builders import finish as finish_turn
from tests.clocks import ManualClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from core.domain.session import Record
    from core.store.migration.migrate import Progress
    from core.store.port import Store
    from core.store.values import Dump, SideRecord

THREADS = [ThreadKey("slack", "T1:C1", f"{n}.5") for n in range(4)]
GONE = ThreadKey("slack", "T1:C1", "gone")


class KilledError(Exception):
    """Stands for SIGKILL."""


class Mortal(LocalStore):
    """A store whose user is killed at one of the calls that write: before it, or behind it."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.lives = 10**9
        self.written = 0

    async def _kill(self, write: Awaitable[Any]) -> Any:
        self.lives -= 1
        if self.lives == 0:
            write.close()  # type: ignore[attr-defined]
            raise KilledError
        done = await write
        self.lives -= 1
        if self.lives == 0:
            raise KilledError
        return done

    async def load(
        self, thread: ThreadKey, records: Sequence[Record], *, first: bool, dump: Dump | None
    ) -> None:
        self.written = max(self.written, len(records))
        await self._kill(super().load(thread, records, first=first, dump=dump))

    async def keep(self, side_records: Sequence[SideRecord]) -> None:
        await self._kill(super().keep(side_records))

    async def audit(self, deed: AuditEvent) -> None:
        await self._kill(super().audit(deed))

    async def advance(self, name: str, position: int) -> int:
        return int(await self._kill(super().advance(name, position)))


class Sleeper(ManualClock):
    """A clock that goes on by itself when a person sleeps, and lets others do something then."""

    def __init__(self) -> None:
        super().__init__()
        self.slept = 0.0
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.advance(seconds / 2)
        if self.meanwhile is not None:
            await self.meanwhile()
        self.advance(seconds / 2)


@pytest.fixture
def clock() -> Sleeper:
    return Sleeper()


@pytest.fixture
async def source(clock: Sleeper) -> LocalStore:
    """Return a store with all kinds of things in it."""
    store = LocalStore(clock)
    for thread in THREADS:
        await converse(store, 1, 2, 3, thread=thread)
    long = THREADS[0]
    await converse(store, *range(10, 10 + 2 * PORTION), thread=long)
    await converse(store, 1, thread=GONE)
    await store.erase(GONE, at=2000.0)
    await store.set_channel("slack", "T1:C1", ScopeSettings(muted=True))
    await store.set_thread(THREADS[1], Kind.THREAD, ScopeSettings(strategy="full"), ttl=9999)
    await store.advance("slack T1:C1", 77)
    for number in range(3):
        await store.audit(
            AuditEvent(id=f"{number}", what="export", by="U1", thread=GONE, at=clock.now())
        )
    return store


@pytest.fixture
def target(clock: Sleeper) -> Mortal:
    return Mortal(clock)


async def moved(source: Store, target: Store, clock: ManualClock) -> Comparison:
    """Move everything and compare, as the program does."""
    await move(source, target, clock, lambda _: None)
    found = await compare(source, target, clock, lambda _: None)
    if not found.differences:
        await finish(target)
    return found


def contents(store: LocalStore) -> tuple[object, ...]:
    """Return all that a store keeps."""
    cursors = {name: at for name, at in store.cursors.items() if name != MARK}
    seen = {name: verdict for name, (verdict, _) in store.seen.items()}
    kept = {str(thread): dict(found) for thread, found in store.logs.items() if found}
    ids = {str(thread): dict(found) for thread, found in store.ids.items() if found}
    others = (store.headers, seen, store.traces, store.who, store.places, store.deeds)
    return (kept, ids, cursors, *others)


async def test_everything_is_there_and_counted(
    source: LocalStore, target: Mortal, clock: Sleeper
) -> None:
    told: list[Progress] = []
    await move(source, target, clock, told.append)
    looked: list[int] = []
    found = await compare(source, target, clock, looked.append)
    assert contents(target) == contents(source)
    assert found == Comparison(threads=4, records=24 + 4 * PORTION, differences=[])
    assert [(each.threads, each.of) for each in told] == [(n, 4) for n in range(1, 5)]
    assert looked == [1, 2, 3, 4]


async def test_a_long_thread_is_never_held_whole(
    source: LocalStore, target: Mortal, clock: Sleeper
) -> None:
    await moved(source, target, clock)
    assert target.written == 2 * PORTION, "places, with an entry and an answer each"


async def test_killed_at_any_call_it_goes_on_and_doubles_nothing(
    source: LocalStore, clock: Sleeper
) -> None:
    killed = 0
    while True:
        target = Mortal(clock)
        target.lives = killed + 1
        try:
            await moved(source, target, clock)
        except KilledError:
            killed += 1
        else:
            break
        target.lives = 10**9
        if await target.cursor(MARK) == 1:  # else it was killed before its begin, or at its end
            with pytest.raises(StoreRefusedError, match="only partly filled"):
                await refuse_unfinished(target, "CHATBOT_STORE")
        again = await moved_on(source, target, clock)
        assert not again.differences
        assert contents(target) == contents(source)
        await refuse_unfinished(target, "CHATBOT_STORE")
    assert killed > 20


async def test_killed_time_and_again_it_comes_to_its_end(
    source: LocalStore, target: Mortal, clock: Sleeper
) -> None:
    for _ in range(100):
        target.lives = 6
        try:
            await moved(source, target, clock)
        except KilledError:
            continue
        break
    target.lives = 10**9
    assert not (await moved_on(source, target, clock)).differences
    assert contents(target) == contents(source)


async def moved_on(source: Store, target: Store, clock: ManualClock) -> Comparison:
    """Go on with a move, whether or not it has ended."""
    try:
        return await moved(source, target, clock)
    except StoreRefusedError:
        return await compare(source, target, clock, lambda _: None)


async def test_what_was_begun_again_skips_what_is_there(
    source: LocalStore, target: Mortal, clock: Sleeper
) -> None:
    await move(source, target, clock, lambda _: None)
    target.written = 0
    await move(source, target, clock, lambda _: None)
    assert target.written == 0


async def test_a_killed_bots_turn_goes_over_and_is_answered_once(
    source: LocalStore, target: Mortal, clock: Sleeper
) -> None:
    thread = ThreadKey("slack", "C2", "1.5")
    work = await begin(source, 1, thread=thread)
    await source.renew(work.lease, work.revision, "preview1")
    await source.accept(message(2, thread=thread), TERMS)
    found = await moved(source, target, clock)
    assert not found.differences
    assert 14 < clock.slept < 16, "its lease was waited for, once"
    taken = await target.claim_any(["slack"], "successor")
    assert isinstance(taken, Work)
    assert (taken.lease.turn, taken.deaths, taken.preview) == ("m1", 1, "preview1")
    assert await finish_turn(target, taken) == "free"
    assert not isinstance(await target.claim_any(["slack"], "another"), Work)
    texts = [record.text for record in await target.history(thread)]
    assert texts == ["text 1", "text 2", "an answer"]


async def test_a_committed_answer_is_delivered_from_the_other_store(
    source: LocalStore, target: Mortal, clock: Sleeper
) -> None:
    thread = ThreadKey("slack", "C2", "1.5")
    work = await begin(source, 1, thread=thread)
    await finish_turn_without_settling(source, work)
    await moved(source, target, clock)
    taken = await target.claim(thread, "successor")
    assert taken is not None
    assert (taken.state.value, taken.cuts) == ("committed", (2,))
    assert await target.settle(taken.lease, Outcome.DONE, posted=("p1",)) == "free"


async def finish_turn_without_settling(store: Store, work: Work) -> None:
    assert isinstance(
        await store.commit(work.lease, work.revision, draft(0, cuts=(2,)), "p"), Answer
    )


async def test_a_bot_in_the_middle_of_a_turn_is_refused(
    source: LocalStore, target: Mortal, clock: Sleeper
) -> None:
    work = await begin(source, 50, thread=THREADS[2])
    clock.meanwhile = lambda: source.renew(work.lease, work.revision)
    with pytest.raises(StoreRefusedError, match="stop every bot that runs on FROM"):
        await moved(source, target, clock)
    with pytest.raises(StoreRefusedError, match="only partly filled"):
        await refuse_unfinished(target, "CHATBOT_STORE")


async def test_what_a_forgotten_bot_has_done_is_named_and_made_good(
    source: LocalStore, target: Mortal, clock: Sleeper
) -> None:
    await move(source, target, clock, lambda _: None)
    await converse(source, 60, thread=THREADS[3])
    await source.amend(THREADS[2], "m1", ("x",), edited_at=9, text="edited")
    await source.set_thread(THREADS[1], Kind.THREAD, ScopeSettings(), ttl=9999)
    await converse(source, 1, thread=ThreadKey("slack", "C9", "9"))
    await source.erase(THREADS[0], at=5000.0)
    await source.set_channel("slack", "T1:C1", ScopeSettings())
    await source.audit(AuditEvent(id="9", what="export", by="U1", thread=GONE, at=clock.now()))
    found = await compare(source, target, clock, lambda _: None)
    assert sorted(found.differences) == sorted(
        [
            f"{THREADS[3]} has 8 messages and answers in FROM, 6 in TO",
            f"{THREADS[2]} has other messages or answers in TO",
            f"{THREADS[1]} is in another state in TO: its turn, summary, settings or people differ",
            "slack:C9:9 is not in TO",
            f"{THREADS[0]} is only in TO",
            "1 settings of channels are not in TO",
            "1 tombstones of threads that expired or were forgotten are not in TO",
            "4 hashes of events are not in TO",
            "1 lines of the audit log are not in TO",
        ]
    )
    assert not (await moved(source, target, clock)).differences
    await target.sweep()  # what was taken away again counts as expired
    assert contents(target) == contents(source)
    late = await target.accept(message(3, thread=THREADS[0], identities=("another",)), TERMS)
    assert late.verdict is Admission.GONE, "nothing that was forgotten is admitted again"


@pytest.mark.parametrize("what", ["text", "answer", "people"])
async def test_a_fault_of_the_move_itself_is_found(
    what: str, source: LocalStore, target: Mortal, clock: Sleeper
) -> None:
    await move(source, target, clock, lambda _: None)
    kept = target.logs[str(THREADS[1])]
    entry, answer = kept[1, False], kept[1, True]
    assert isinstance(entry, Entry)
    assert isinstance(answer, Answer)
    if what == "text":
        kept[1, False] = replace(entry, text="something else")
    elif what == "answer":
        kept[1, True] = replace(answer, posted=())
    else:
        target.who.remove(("U1", str(THREADS[1])))
    found = await compare(source, target, clock, lambda _: None)
    assert len(found.differences) == 1
    assert found.differences[0].startswith(str(THREADS[1]))


async def test_only_an_empty_store_is_moved_into(
    source: LocalStore, target: Mortal, clock: Sleeper
) -> None:
    used = LocalStore(clock)
    await used.set_channel("slack", "C1", ScopeSettings(muted=True))
    for other in (source, used):
        with pytest.raises(StoreRefusedError, match="a migration needs an empty store"):
            await moved(source, other, clock)
    await moved(source, target, clock)
    with pytest.raises(StoreRefusedError, match="a migration needs an empty store"):
        await moved(source, target, clock)  # it is in use by now


async def test_a_doctors_visit_leaves_a_store_empty(
    source: LocalStore, target: Mortal, clock: Sleeper
) -> None:
    await converse(target, 1)
    await target.erase(ThreadKey("slack", "C1", "100.1"), at=9999.0)
    assert not (await moved(source, target, clock)).differences


async def test_from_a_store_with_nothing_or_with_half_of_it_nothing_is_moved(
    source: LocalStore, target: Mortal, clock: Sleeper
) -> None:
    with pytest.raises(StoreRefusedError, match="FROM is empty"):
        await moved(LocalStore(clock), target, clock)
    await move(source, target, clock, lambda _: None)
    with pytest.raises(StoreRefusedError, match="the store in FROM is only partly filled"):
        await moved(target, LocalStore(clock), clock)
