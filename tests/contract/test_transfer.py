"""Moving what is kept: a thread in portions, and what lies beside the threads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.admission import Admission
from core.domain.clock import SystemClock
from core.domain.message import Attachment, Author, Kind, Quote, QuoteKind, ThreadKey
from core.domain.pins import Pin, PinKind
from core.domain.session import AnswerKind
from core.domain.settings import ScopeSettings
from core.store.local.store import LocalStore
from core.store.migration.relocate import relocate
from core.store.values import ChannelSettings, Cursor, Outcome, SeenEvent, StoredTombstone, Work
from tests.builders import OTHER, OVERHEAR, TERMS, THREAD, begin, converse, draft, finish, message
from tests.clocks import ManualClock
from tests.contract.stores import LEASE_SECONDS

if TYPE_CHECKING:
    from core.store.port import Store
    from core.store.values import Dump, SideRecord
    from tests.contract.stores import Harness

STRANGE = "U\U0001f600 {1}"
"""A person's id that no key, pattern or list may take for something else."""


@pytest.fixture
async def source(harness: Harness) -> LocalStore:
    """Return a store in memory whose clock agrees with that of the store under test."""
    return LocalStore(ManualClock(await harness.time()), lease_seconds=LEASE_SECONDS)


async def move(source: Store, target: Store, thread: ThreadKey = THREAD, portion: int = 3) -> None:
    """Move a thread, each portion twice, as after a lost reply."""
    dump = await source.dump(thread)
    after, first, records = -1, True, await source.history(thread, limit=portion)
    while True:
        after = records[-1].position if records else after
        following = await source.history(thread, after=after, limit=portion)
        for _ in range(2):
            await target.load(thread, records, first=first, dump=None if following else dump)
        if not following:
            return
        records, first = following, False


async def side_records_of(store: Store) -> dict[tuple[type, str], SideRecord]:
    found: dict[tuple[type, str], SideRecord] = {}
    async for batch in store.side_records():
        for record in batch:
            name = record.name if isinstance(record, ChannelSettings | Cursor) else record.hash
            found[type(record), name] = record
    return found


def plain(record: SideRecord) -> Any:
    """Return it without what differs by the millisecond, or by the kind of store."""
    if isinstance(record, SeenEvent):
        return replace(record, expires=0, near="")
    if isinstance(record, StoredTombstone):
        return replace(record, near="", trace=replace(record.trace, expires=0))
    return record


def same(found: Dump | None, wanted: Dump | None) -> None:
    """Compare what two stores give out of a thread."""
    assert found is not None
    assert wanted is not None
    assert found.header == wanted.header
    assert found.people == wanted.people
    assert (found.trace and found.trace.line) == (wanted.trace and wanted.trace.line)
    if found.trace and wanted.trace:
        assert found.trace.expires == pytest.approx(wanted.trace.expires, abs=5)


async def fill(store: Store) -> None:
    """Have a thread in which everything has happened that leaves something."""
    file = Attachment(id="F1", name="a.png", media_type="image/png", size=3)
    await converse(store, 1, 2)
    await store.accept(message(3, author="U2", attachments=(file,), answer_in="C9"), OVERHEAR)
    quotes = (Quote(kind=QuoteKind.REPLY, text="a 🦊", author="Bo", sent_at=1.25, cut=3),)
    app = Author(id="U3", name="Alerts", is_app=True)
    await store.accept(message(7, author=app, quotes=quotes), OVERHEAR)
    await store.amend(THREAD, "m1", ("event1",), edited_at=7.25, text="edited 🦊")
    await store.amend(THREAD, "m2", ("event2",), edited_at=8, text=None)
    await store.set_thread(THREAD, Kind.THREAD, ScopeSettings(strategy="full", reach=9), ttl=9999)
    work = await begin(store, 4, author=STRANGE)
    given_up = replace(
        draft(work.next - 1, kind=AnswerKind.BURIED),
        notes=("a note",),
        trimmed=True,
        recalled=(0,),
        units=7.5,
    )
    await store.commit(work.lease, work.revision, given_up, "preview")
    await store.settle(work.lease, Outcome.DONE, posted=("p9",))
    await store.amend(THREAD, "m3", ("event3",), edited_at=9, text="text 3", attachments=())
    (buried,) = await store.buried()
    assert await store.requeue(THREAD, buried.entry.position)
    claimed = await store.claim(THREAD, "token9")
    assert claimed is not None
    await finish(store, claimed)
    seen = await store.peek(THREAD)
    assert seen is not None
    assert await store.compact(THREAD, covers=0, revision=seen.revision, to=3, text="a summary")
    for number, kind in enumerate(PinKind):
        beside = tuple(f"p{n}" for n in range(number))
        pinned = Pin(
            id=f"p{number}",
            kind=kind,
            text=f'a "pin"\n🦊 {number}',
            author=app,
            by=Author(id=STRANGE, name="Ann"),
            said_at=1.25,
            pinned_at=1700000000.1234567,
            source="m9",
            edited_at=number,
        )
        became = await store.pin(THREAD, Kind.THREAD, pinned, beside=beside, ttl=9999)
        assert became == "pinned"
    work = await begin(store, 5)
    await store.renew(work.lease, work.revision, "p5")
    await store.stop(THREAD, work.lease.turn)
    pending = replace(draft(work.next - 1, cuts=(3, 8)), recalled=(0, 1), searched=("a 🦊",))
    await store.commit(work.lease, work.revision, pending, "p6")
    await store.accept(message(6), TERMS)


async def test_what_is_loaded_is_what_was_dumped(
    store: Store, source: LocalStore, harness: Harness
) -> None:
    await fill(source)
    await move(source, store)
    same(await store.dump(THREAD), await source.dump(THREAD))
    assert await store.history(THREAD) == await source.history(THREAD)
    assert await store.threads() == await source.threads()
    assert await store.threads(person=STRANGE) == await source.threads(person=STRANGE)
    assert await store.peek(THREAD) == await source.peek(THREAD)
    back = LocalStore(ManualClock(await harness.time()), lease_seconds=LEASE_SECONDS)
    await move(store, back)
    same(await back.dump(THREAD), await source.dump(THREAD))
    assert await back.history(THREAD) == await source.history(THREAD)
    assert await back.peek(THREAD) == await source.peek(THREAD)


async def test_what_was_listed_as_given_up_still_is(store: Store, source: LocalStore) -> None:
    work = await begin(source)
    await finish(source, work, kind=AnswerKind.BURIED)
    await move(source, store)
    assert await store.buried() == await source.buried()
    assert await store.requeue(THREAD, 0)


async def test_an_open_turn_is_taken_over_and_a_waiting_message_answered_once(
    store: Store, source: LocalStore, harness: Harness
) -> None:
    await begin(source)
    await source.accept(message(2), TERMS)
    await move(source, store)
    await harness.expire_lease(THREAD)
    work = await store.claim_any(["slack"], "successor")
    assert isinstance(work, Work)
    assert (work.lease.turn, work.tries, work.deaths, work.lease.fence) == ("m1", 1, 1, 2)
    following = await finish(store, work)
    assert following == "free"
    assert not isinstance(await store.claim_any(["slack"], "another"), Work)


async def test_a_thread_that_is_part_loaded_is_not_there(store: Store, source: LocalStore) -> None:
    await converse(source, 1, 2)
    await store.load(THREAD, await source.history(THREAD), first=True, dump=None)
    assert await store.dump(THREAD) is None
    assert await store.peek(THREAD) is None
    assert await store.history(THREAD) == ()
    assert (await store.threads()).threads == ()
    accepted = await store.accept(message(1), TERMS, "token")
    assert accepted.new
    assert accepted.work is not None
    assert [record.text for record in accepted.work.records] == ["text 1"]


async def test_a_portion_that_was_never_followed_expires(
    store: Store, source: LocalStore, harness: Harness
) -> None:
    await converse(source, 1, 2)
    await store.load(THREAD, await source.history(THREAD), first=True, dump=None)
    await harness.advance(2 * 24 * 3600)
    while await store.sweep():
        pass
    assert not list(await harness.remains())


async def test_the_first_portion_takes_the_place_of_what_was_there(
    store: Store, source: LocalStore
) -> None:
    await converse(store, 7, 8, 9)
    await converse(source, 1)
    await move(source, store)
    assert await store.history(THREAD) == await source.history(THREAD)
    assert (await store.accept(message(8, identities=("another",)), TERMS)).new


async def test_nothing_that_was_forgotten_is_admitted_again(
    store: Store, source: LocalStore
) -> None:
    await converse(source, 1, 2)
    await source.erase(THREAD, at=1002.0)
    await source.amend(OTHER, "m5", ("event5",), edited_at=1, text=None)
    assert await source.dump(THREAD) is None
    await store.keep(tuple((await side_records_of(source)).values()))
    again = await store.accept(message(2, identities=("another",)), TERMS)
    assert again.verdict is Admission.GONE
    late = await store.accept(message(5, thread=OTHER, identities=("event5",)), TERMS)
    assert (late.verdict, late.new) == (Admission.GONE, False)
    assert (await store.accept(message(3), TERMS)).new


async def test_a_tombstone_comes_out_once_as_its_thread_has_left_it(
    store: Store, source: LocalStore
) -> None:
    """Redis has a copy in each partition of what came from another store."""
    await converse(source, 1)
    wanted = await side_records_of(source)
    assert [r.trace.line for r in wanted.values() if isinstance(r, StoredTombstone)] == [None]
    await store.keep(tuple(wanted.values()))
    await store.erase(THREAD, at=1002.0)
    found = [
        record.trace.line
        async for batch in store.side_records()
        for record in batch
        if isinstance(record, StoredTombstone)
    ]
    assert found == [1002.0]


async def test_asides_come_out_as_they_went_in(store: Store, source: LocalStore) -> None:
    await fill(source)
    await source.erase(OTHER, at=1.25)
    await source.set_channel("slack", "T1:C1", ScopeSettings(strategy="window", muted=True))
    await source.advance("slack T1", 1_234_567_890_123_456_789)
    wanted = await side_records_of(source)
    for _ in range(2):
        await store.keep(tuple(wanted.values()))
    found = await side_records_of(store)
    assert {name: plain(record) for name, record in found.items()} == {
        name: plain(record) for name, record in wanted.items()
    }
    expiring = {name: a.expires for name, a in found.items() if isinstance(a, SeenEvent)}
    for name, expires in expiring.items():
        before = wanted[name]
        assert isinstance(before, SeenEvent)
        assert expires == pytest.approx(before.expires, abs=5)
    assert await store.channel_settings("slack", "T1:C1") == ScopeSettings(
        strategy="window", muted=True
    )
    assert await store.advance("slack T1", 5) == 1_234_567_890_123_456_789


async def test_more_asides_than_a_batch_come_out_all(store: Store) -> None:
    several = [Cursor(name=f"place {n}", position=n + 1) for n in range(1203)]
    await store.keep(several)
    found = [record async for batch in store.side_records() for record in batch]
    assert sorted(found, key=lambda record: getattr(record, "position", 0)) == several


async def test_what_is_kept_again_takes_the_place_of_what_was(store: Store) -> None:
    await store.set_channel("slack", "C1", ScopeSettings(muted=True))
    await store.advance("here", 9)
    await store.keep([Cursor(name="here", position=3), Cursor(name="there", position=4)])
    (place,) = [
        record
        async for batch in store.side_records()
        for record in batch
        if isinstance(record, ChannelSettings)
    ]
    await store.keep([replace(place, settings=ScopeSettings())])
    assert await store.channel_settings("slack", "C1") == ScopeSettings()
    assert (await store.cursor("here"), await store.cursor("there")) == (9, 4)


async def test_a_channels_threads_move_to_another_key(harness: Harness, store: Store) -> None:
    """With their records, people, settings and lines; what was said at the new key stays."""
    moved = replace(THREAD, channel="C9")
    await converse(store, 1, 2)
    await store.accept(message(3), OVERHEAR)
    await store.accept(message(4, thread=OTHER), TERMS)
    await store.set_channel("slack", "C1", ScopeSettings(muted=True))
    before = await store.history(THREAD)
    taken = ThreadKey("slack", "C1", "300.1")
    for thread in (taken, replace(taken, channel="C9")):
        await store.accept(message(5, thread=thread), TERMS)

    def renamed(thread: ThreadKey) -> ThreadKey:
        return replace(thread, channel="C9")

    for _ in range(2):
        await relocate(store, ("slack", "C1"), "C9", renamed, SystemClock())
    other = await harness.store()
    assert await other.history(moved) == before
    assert await other.peek(THREAD) is None
    assert await other.peek(OTHER) is None
    found = [info.thread async for info in other.all_threads(channel=("slack", "C9"))]
    assert {moved, renamed(OTHER), renamed(taken)} == {*found}
    assert moved in [info.thread async for info in other.all_threads(person="U1")]
    assert (await other.channel_settings("slack", "C9")).muted
    assert await other.channel_settings("slack", "C1") == ScopeSettings()
    assert [info.thread async for info in other.all_threads(channel=("slack", "C1"))] == [taken]
    work = await other.claim(renamed(OTHER), "token")
    assert work is not None
    assert (await other.accept(message(1, thread=moved), TERMS)).new is False
    await begin(other, 6, thread=moved)
