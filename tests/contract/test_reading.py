"""history, threads, peek, settings, cursors: what is read, in pages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.admission import Admission
from core.domain.message import Kind, ThreadKey
from core.domain.session import AnswerKind, Entry, Usage
from core.domain.settings import Change, Layers, ScopeSettings, server_channel
from core.store import port
from core.store.values import Outcome, Refused
from tests.builders import (
    OTHER,
    OVERHEAR,
    THREAD,
    USAGE,
    begin,
    converse,
    draft,
    finish,
    message,
    terms,
)

if TYPE_CHECKING:
    from core.store.port import Store
    from tests.contract.stores import Harness


# --- history --------------------------------------------------------------------------------


async def test_history_comes_in_pages_of_places(store: Store) -> None:
    """Port: the records of the next `limit` places, in order; empty only at the end."""
    await converse(store, *range(1, 6))
    pages, after = [], -1
    while page := await store.history(THREAD, after=after, limit=2):
        pages.append([(type(record).__name__, record.position) for record in page])
        after = page[-1].position
    assert [len(page) for page in pages] == [4, 4, 2]
    assert [record for page in pages for record in page] == [
        (name, place) for place in range(5) for name in ("Entry", "Answer")
    ]


async def test_history_passes_over_gaps(store: Store) -> None:
    """Dropped overheard messages leave gaps; no page is empty because of them."""
    few = terms(Admission.OVERHEARD, overheard_limit=1)
    await converse(store, 1)
    for number in range(2, 9):
        await store.accept(message(number), few)
    page = await store.history(THREAD, after=0, limit=2)
    assert [r.id for r in page if isinstance(r, Entry)] == ["m8"]


async def test_history_has_deleted_messages_without_their_text(store: Store) -> None:
    """Port: deleted messages are in it, without their text."""
    await converse(store, 1)
    await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text=None)
    assert [record.text for record in await store.history(THREAD)] == ["", "answer 1"]


async def test_the_history_of_nothing(store: Store) -> None:
    """An unknown thread has none."""
    assert await store.history(OTHER) == ()


@pytest.mark.parametrize("page", [1, 2, 200])
async def test_records_iterate_over_the_pages(
    store: Store, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """Port: the records at the positions [start, stop), whatever the size of a page."""
    monkeypatch.setattr(port, "_PAGE", page)
    await converse(store, *range(1, 6))
    everything = await store.history(THREAD)
    assert [record async for record in store.records(THREAD)] == list(everything)
    for start, stop in ((0, 5), (1, 4), (2, 3), (3, 3), (4, 99)):
        wanted = [record for record in everything if start <= record.position < stop]
        assert [record async for record in store.records(THREAD, start, stop)] == wanted
    assert [record async for record in store.records(OTHER)] == []


async def test_records_pass_over_gaps_up_to_their_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that begins in a gap may reach beyond `stop`; what is behind is not yielded."""
    monkeypatch.setattr(port, "_PAGE", 2)
    await converse(store, 1)
    for number in range(2, 9):
        await store.accept(message(number), terms(Admission.OVERHEARD, overheard_limit=1))
    assert [record.position async for record in store.records(THREAD, 0, 4)] == [0, 0]


# --- threads --------------------------------------------------------------------------------

KEYS = tuple(
    ThreadKey(platform, place, thread)
    for platform, place, thread in (
        ("discord", "C1", "1"),
        ("slack", "C1", "1"),
        ("slack", "C1", "2"),
        ("slack", "C1:x", "1"),
        ("slack", "C12", "1"),
        ("slack", "c1", "1"),
        ("slack", "Ü_%", "1"),
        ("slackish", "C1", "1"),
    )
)


async def listed(store: Store, limit: int = 100, **choice: Any) -> list[ThreadKey]:
    keys: list[ThreadKey] = []
    after = ""
    while True:
        page = await store.threads(after=after, limit=limit, **choice)
        assert len(page.threads) <= limit
        keys += [info.thread for info in page.threads]
        if not (after := page.after):
            return keys


async def populate(store: Store) -> None:
    for number, key in enumerate(KEYS):
        author = "U1" if number % 2 else "U2"
        await store.accept(message(number, thread=key, author=author), terms())


async def test_all_threads_iterate_over_the_pages(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port, "_PAGE", 2)
    await populate(store)
    for choice in ({}, {"person": "U1"}, {"channel": ("slack", "C1")}):
        found = [info.thread async for info in store.all_threads(**choice)]
        assert found == await listed(store, **choice)


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_all_threads_in_pages(store: Store, limit: int) -> None:
    """Port: some threads of a list, and where the next page begins; each once."""
    await populate(store)
    keys = await listed(store, limit)
    assert sorted(map(str, keys)) == sorted(map(str, KEYS))


@pytest.mark.parametrize("limit", [1, 100])
async def test_the_threads_of_a_person(store: Store, limit: int) -> None:
    """Port: those a person spoke in, overheard or not."""
    await populate(store)
    await store.accept(message(99, thread=KEYS[0], author="U1"), OVERHEAR)
    wanted = {KEYS[0], *KEYS[1::2]}
    keys = await listed(store, limit, person="U1")
    assert (set(keys), len(keys)) == (wanted, len(wanted))
    assert await listed(store, limit, person="U") == []


@pytest.mark.parametrize("place", ["C1", "C1:x", "C12", "c1", "Ü_%", "C"])
async def test_the_threads_of_a_place(store: Store, place: str) -> None:
    """Port: those of a (platform, place), and of none whose name only looks like it (I8)."""
    await populate(store)
    wanted = {key for key in KEYS if (key.platform, key.channel) == ("slack", place)}
    keys = await listed(store, 1, channel=("slack", place))
    assert (set(keys), len(keys)) == (wanted, len(wanted))


async def test_the_threads_of_a_person_in_a_place(store: Store) -> None:
    """Both together."""
    await populate(store)
    assert await listed(store, person="U1", channel=("slack", "C1")) == [KEYS[1]]


async def test_a_thread_in_a_list_has_its_counters(harness: Harness, store: Store) -> None:
    """Port: turns settled with an answer, usage, people, what waits, and since when."""
    await converse(store, 1, 2)
    await harness.advance(50)
    await store.accept(message(3, author="U2"), terms())
    (info,) = (await store.threads()).threads
    assert (info.thread, info.kind, info.turns) == (THREAD, Kind.THREAD, 2)
    assert info.usage == USAGE + USAGE == Usage(input=20, output=10, cache_read=6, cache_write=4)
    assert (info.people, info.waiting) == (2, 1)
    assert info.last_at - info.started_at == pytest.approx(50, abs=2)


# --- peek -----------------------------------------------------------------------------------


async def test_peek_takes_nothing(store: Store) -> None:
    """Port: as `claim` would show it, without taking it."""
    await store.accept(message(1), terms())
    seen = await store.peek(THREAD)
    assert seen is not None
    assert [record.position for record in seen.records] == [0]
    assert seen.lease.token == ""
    work = await store.claim(THREAD, "mine")
    assert work is not None
    assert (work.tries, work.revision, work.records) == (1, seen.revision, seen.records)
    again = await store.peek(THREAD)
    assert again is not None
    assert (again.lease.token, again.lease.turn) == ("", "m1")


async def test_peek_at_nothing(harness: Harness, store: Store) -> None:
    """None when unknown, and it stays unknown."""
    assert await store.peek(THREAD) is None
    assert list(await harness.remains()) == []


# --- the operator ---------------------------------------------------------------------------


async def test_buried_messages_of_all_threads(store: Store) -> None:
    """Port: list messages whose turns were given up, at most `limit`."""
    for key in KEYS[:3]:
        work = await begin(store, 1, thread=key)
        await store.accept(message(2, thread=key), OVERHEAR)
        await store.accept(message(3, thread=key), terms())
        await store.commit(work.lease, work.revision, draft(2, kind=AnswerKind.BURIED))
        assert not isinstance(await store.settle(work.lease, Outcome.DONE), Refused)
    found = [(buried.thread, buried.entry.id) for buried in await store.buried()]
    assert sorted(map(str, found)) == sorted(
        str((key, number)) for key in KEYS[:3] for number in ("m1", "m3")
    )
    assert len(await store.buried(limit=3)) == 3


async def test_only_what_is_buried_is_requeued(store: Store) -> None:
    """Port: False when it is none."""
    await converse(store, 1)
    assert not await store.requeue(THREAD, 0)
    assert not await store.requeue(THREAD, 7)
    assert not await store.requeue(OTHER, 0)


# --- settings and cursors -------------------------------------------------------------------

ALL = ScopeSettings(
    strategy="window",
    reach=20,
    muted=True,
    instructions="Answer in “Bairisch”,\nalways \N{PARTY POPPER}.",
    model="claude-haiku-5-5",
    memory_high=3000,
    memory_low=0,
    memory_pairs=4,
    follow_up="mentioned",
    overhear="off",
    answer_tokens=200,
    recall="off",
    changes=(Change(field="model", by="U1", at=1.5), Change(field="recall", by="U2", at=2)),
)


async def test_settings_of_a_thread(store: Store) -> None:
    """Port: set as a whole; they go with the work."""
    assert await store.thread_settings(THREAD) == ScopeSettings()
    await store.set_thread(THREAD, Kind.THREAD, ALL, ttl=100)
    assert await store.thread_settings(THREAD) == ALL
    assert await store.thread_settings(OTHER) == ScopeSettings()
    work = await begin(store, 1)
    assert work.settings == ALL
    await store.set_thread(THREAD, Kind.THREAD, ScopeSettings(strategy="full"), ttl=100)
    assert await store.thread_settings(THREAD) == ScopeSettings(strategy="full")


async def test_settings_end_with_the_session(harness: Harness, store: Store) -> None:
    """Port: they end with its session (see `AdmissionPolicy.ttl`)."""
    await store.set_thread(THREAD, Kind.THREAD, ALL, ttl=100)
    await harness.advance(99)
    assert await store.thread_settings(THREAD) == ALL
    await harness.advance(2)
    assert await store.thread_settings(THREAD) == ScopeSettings()


async def test_settings_alone_are_no_work(store: Store) -> None:
    """A thread that was only set up has nothing to claim."""
    await store.set_thread(THREAD, Kind.THREAD, ALL, ttl=100)
    assert await store.claim(THREAD, "mine") is None


async def test_settings_of_a_place(harness: Harness, store: Store) -> None:
    """Port: set as a whole; they don't expire."""
    await store.set_channel("slack", "C1", ALL)
    await harness.advance(10**8)
    await store.sweep()
    assert await store.channel_settings("slack", "C1") == ALL
    for platform, place in (("slack", "C2"), ("discord", "C1"), ("slack", "C1:x")):
        assert await store.channel_settings(platform, place) == ScopeSettings()
    await store.set_channel("slack", "C1", ScopeSettings())
    assert await store.channel_settings("slack", "C1") == ScopeSettings()


async def test_all_scopes_of_a_thread_are_read_together(harness: Harness, store: Store) -> None:
    """Port: the settings of a thread, its channel and its server; each of its own."""
    thread = replace(THREAD, channel="T1/C1")
    assert await store.layers(thread) == Layers()
    server = ScopeSettings(instructions="Be brief.")
    await store.set_channel("slack", server_channel("T1/C7"), server)
    await store.set_channel("slack", "T1/C1", ALL)
    assert await store.layers(thread) == Layers(channel=ALL, server=server)
    own = ScopeSettings(recall="on")
    await store.set_thread(thread, Kind.THREAD, own, ttl=100)
    assert await store.layers(thread) == Layers(own, ALL, server)
    assert await store.layers(replace(thread, thread="2.2")) == Layers(channel=ALL, server=server)
    assert await store.layers(replace(thread, channel="T1/C2")) == Layers(server=server)
    for other in (replace(thread, channel="T2/C1"), replace(thread, channel="C1")):
        assert await store.layers(other) == Layers()
    assert await store.layers(replace(thread, platform="discord")) == Layers()
    await harness.advance(101)
    assert await store.layers(thread) == Layers(channel=ALL, server=server)


async def test_cursors_never_go_back(store: Store) -> None:
    """Protocol: the cursor moves with accept, never back. A snowflake fits."""
    assert await store.cursor("discord:1") == 0
    big = 2**62 + 1
    assert await store.advance("discord:1", big) == big
    assert await store.advance("discord:1", big - 1) == big
    assert await store.cursor("discord:1") == big
    assert await store.cursor("discord:2") == 0


async def test_check_says_something_and_leaves_nothing(harness: Harness, store: Store) -> None:
    """Port: sentences for the operator."""
    for sentence in await store.check():
        assert sentence.endswith(".")
    assert list(await harness.remains()) == []


# --- revs -----------------------------------------------------------------------------------


async def test_revs_move_with_what_is_changed_and_not_with_what_is_said(store: Store) -> None:
    """Port: `revision` changes with every edit, deletion, reset and erase."""
    keys = (OTHER, THREAD, *KEYS)
    assert await store.revisions(keys) == ("",) * len(keys)
    assert await store.revisions(()) == ()
    await converse(store, 1, 2)
    seen = [(await store.revisions(keys))[1]]
    work = await begin(store, 3)
    assert (await store.revisions(keys))[1] == seen[0] == work.revision
    await finish(store, work)
    assert (await store.revisions((THREAD,))) == (seen[0],)
    for change in (
        lambda: store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text="text 1", attachments=()),
        lambda: store.amend(THREAD, "m2", ("x",), edited_at=2000.0, text=None),
        lambda: store.erase(THREAD, at=1001.5, keep_log=True),
    ):
        await change()
        seen.append((await store.revisions(keys))[1])
    assert len(set(seen)) == 4
    assert "" not in seen
    await store.erase(THREAD, at=5000.0)
    assert await store.revisions(keys) == ("",) * len(keys)


async def test_revs_of_very_many_threads(store: Store) -> None:
    """Port: of those that are kept, in the order in which they were asked for."""
    many = [ThreadKey("slack", "T1/C1", f"{number}.0 %\N{FOX FACE}") for number in range(230)]
    for number in (3, 120, 229):
        await store.accept(message(number, thread=many[number]), terms())
    found = await store.revisions(many)
    assert [number for number, revision in enumerate(found) if revision] == [3, 120, 229]
    assert len(set(found)) == 4


async def test_the_rev_of_a_session_that_has_ended_is_empty(harness: Harness, store: Store) -> None:
    """As if it were unknown."""
    await store.accept(message(1), terms(ttl=100))
    assert await store.revisions((THREAD,)) != ("",)
    await harness.advance(101)
    assert await store.revisions((THREAD,)) == ("",)


async def test_who_listens_hears_of_what_this_process_changes(store: Store) -> None:
    """Port: an edit, a deletion, a reset, an erase; not what concerns no message that is known."""
    heard: list[ThreadKey] = []
    store.on_change(heard.append)
    store.on_change(heard.append)
    await converse(store, 1)
    await store.amend(THREAD, "m9", ("x",), edited_at=2000.0, text=None)
    assert heard == []
    await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text="new")
    assert heard == [THREAD] * 2
    await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text=None)
    await store.erase(THREAD, at=1001.5, keep_log=True)
    await store.erase(OTHER, at=5000.0)
    assert heard == [*[THREAD] * 6, *[OTHER] * 2]


async def test_a_ping_leaves_nothing_that_a_list_shows(harness: Harness, store: Store) -> None:
    """Port: it writes, to find out whether the store takes writes; it may come at any time."""
    await store.ping()
    await (await harness.store()).ping()
    await store.ping()
    assert await store.cursor("ping") > 0
    assert (await store.threads()).threads == ()


# --- read_at --------------------------------------------------------------------------------


async def test_records_are_read_at_their_positions(store: Store) -> None:
    """Port: the records there are now, in order, each once, a message before its answer."""
    await converse(store, *range(1, 41))
    everything = await store.history(THREAD)
    for wanted in ((), (3,), (7, 2, 2, 39), range(40), range(38, 99)):
        found = await store.read_at(THREAD, wanted)
        assert list(found) == [record for record in everything if record.position in wanted]
    assert await store.read_at(OTHER, (0, 1)) == ()


async def test_what_is_read_at_a_position_is_as_it_is_now(store: Store) -> None:
    """Port: an edit shows, and a deleted message is without its text."""
    await converse(store, 1, 2)
    assert len(await store.read_at(THREAD, (0, 1))) == 4
    await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text=None)
    await store.amend(THREAD, "m2", ("y",), edited_at=2000.0, text="new words")
    found = await store.read_at(THREAD, (0, 1))
    assert [record.text for record in found] == ["", "answer 1", "new words", "answer 2"]
    assert [r.status for r in found if isinstance(r, Entry)] == ["deleted", "addressed"]


async def test_a_reset_leaves_nothing_to_be_read_at_a_position(store: Store) -> None:
    """Port: none from before the last reset, although `history` still has it."""
    await converse(store, 1, 2)
    await store.erase(THREAD, at=1500.0, keep_log=True)
    assert await store.read_at(THREAD, (0, 1)) == ()
    await converse(store, 600)
    assert len(await store.history(THREAD)) == 6
    assert [r.text for r in await store.read_at(THREAD, range(9))] == ["text 600", "answer 600"]


async def test_an_erased_or_expired_thread_has_nothing_to_be_read_at(
    store: Store, harness: Harness
) -> None:
    """Port: none of a thread that was erased or has expired, nor of its earlier sessions."""
    await converse(store, 1, 2)
    assert await store.read_at(THREAD, (0, 1))
    await store.erase(THREAD, at=1500.0)
    assert await store.read_at(THREAD, (0, 1)) == ()
    await converse(store, 600)
    assert [r.text for r in await store.read_at(THREAD, range(9))] == ["text 600", "answer 600"]
    await harness.advance(20_000)
    assert await store.read_at(THREAD, range(9)) == ()
