"""accept and overhear: a message is stored once, whatever is repeated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.admission import STATES, Admission
from core.domain.message import Address, Attachment, Author, Kind
from core.domain.session import Entry, Status
from core.domain.settings import ScopeSettings
from core.store.values import Accepted, Work
from tests.builders import OTHER, OVERHEAR, THREAD, begin, converse, finish, message, terms

if TYPE_CHECKING:
    from core.domain.message import Message
    from core.store.port import Store
    from tests.contract.stores import Harness

NEW = Accepted(verdict=Admission.ACCEPTED, new=True)
OLD = Accepted(verdict=Admission.ACCEPTED, new=False)


async def test_a_message_is_stored_as_it_was_said(store: Store) -> None:
    """Protocol: entry at `next`, with platform id, author, text."""
    said = message(
        1,
        "ÄÖÜ 🙂 \N{ZERO WIDTH JOINER} 'quoted' \"twice\" \\ \n line",
        answer_in="100.1",
        attachments=(Attachment(id="F1", name="a.png", media_type="image/png", size=7),),
    )
    await store.accept(said, terms())
    assert await store.history(THREAD) == (
        Entry(
            position=0,
            id="m1",
            author=said.author,
            text=said.text,
            sent_at=said.sent_at,
            answer_in="100.1",
            attachments=said.attachments,
        ),
    )


@pytest.mark.parametrize("identity", ["event1", "id1"])
async def test_each_identity_alone_marks_a_repeat(store: Store, identity: str) -> None:
    """Protocol: "an identity seen before: nothing"; the same verdict."""
    assert await store.accept(message(1), terms()) == NEW
    assert await store.accept(message(1, identities=(identity,)), terms()) == OLD
    assert len(await store.history(THREAD)) == 1


async def test_a_stored_id_under_a_new_identity_is_a_repeat(store: Store) -> None:
    """Protocol: ids live as long as the thread; one place per platform message id."""
    await store.accept(message(1), terms())
    assert await store.accept(message(1, identities=("new",)), terms()) == OLD
    assert len(await store.history(THREAD)) == 1


async def test_a_repeat_is_known_after_its_turn(store: Store) -> None:
    """Protocol: seen lives 25 h, so a late repeat starts no second turn."""
    await converse(store, 1)
    assert await store.accept(message(1), terms(), "token") == OLD
    assert await store.claim(THREAD, "token") is None


async def test_identities_are_the_threads_own(store: Store) -> None:
    """I8: nothing of one thread tells on another."""
    await store.accept(message(1), terms())
    assert await store.accept(message(1, thread=OTHER), terms()) == NEW


async def test_event_ids_are_forgotten_after_25_hours(harness: Harness, store: Store) -> None:
    """Protocol: seen expires after 25 h, and not before; the stored id still marks a repeat."""
    await store.accept(message(1), terms(Admission.OVERHEARD, ttl=10**6))
    await store.erase(THREAD, at=0)  # so that nothing but `seen` can know it
    await harness.advance(25 * 3600 - 1)
    assert not (await store.accept(message(1), terms())).new
    await harness.advance(2)
    assert (await store.accept(message(1), terms())).new


@pytest.mark.parametrize("index", range(8))
async def test_the_verdict_is_looked_up_by_the_threads_state(store: Store, index: int) -> None:
    """Protocol: overhear is decided by the header's state: taking part, muted, people."""
    state = STATES[index]
    if not state.alone:
        await store.accept(message(1, author="U2"), OVERHEAR)
    if state.taking_part:
        await store.accept(message(2, author="U1" if state.alone else "U2"), terms())
    await store.set_thread(THREAD, Kind.THREAD, ScopeSettings(muted=state.muted), ttl=100)
    wanted = [Admission.IGNORED] * 8
    wanted[index] = Admission.OVERHEARD
    accepted = await store.accept(message(3), terms(admissions=tuple(wanted)))
    assert accepted == Accepted(verdict=Admission.OVERHEARD, new=True, muted=state.muted)


@pytest.mark.parametrize("token", ["", "mine"])
@pytest.mark.parametrize("muted", [False, True])
async def test_a_message_is_told_whether_its_thread_is_muted(
    store: Store, token: str, *, muted: bool
) -> None:
    """So that nobody has to ask for what was said to the bot; a repeat is told as well."""
    await store.set_thread(THREAD, Kind.THREAD, ScopeSettings(muted=muted), ttl=100)
    first = await store.accept(message(1), terms(), token)
    again = await store.accept(message(1), terms(), token)
    assert (first.work is not None, first.muted, again.muted) == (bool(token), muted, muted)


async def test_what_was_taken_for_a_channels_is_known_for_a_direct_message_later(
    store: Store,
) -> None:
    """What is read from a platform may not tell it; and it is never taken back."""
    kinds = (Kind.THREAD, Kind.GROUP, Kind.THREAD, Kind.DM)
    for number, (kind, wanted) in enumerate(
        zip(kinds, (Kind.THREAD, *[Kind.GROUP] * 3), strict=True), 1
    ):
        await store.accept(message(number, kind=kind), terms())
        work = await store.peek(THREAD)
        assert work is not None
        assert work.kind is wanted
    (info,) = (await store.threads()).threads
    assert info.kind is Kind.GROUP


async def test_a_first_message_meets_a_thread_that_is_empty(store: Store) -> None:
    """The state of an unknown thread: not taking part, not muted, its author alone."""
    wanted = tuple(Admission.ACCEPTED if i == 4 else Admission.IGNORED for i in range(8))
    assert await store.accept(message(1), terms(admissions=wanted)) == NEW


async def test_overhearing_is_not_taking_part(store: Store) -> None:
    """The bot takes part once it was addressed."""
    await store.accept(message(1), OVERHEAR)
    wanted = tuple(Admission.ACCEPTED if i == 4 else Admission.IGNORED for i in range(8))
    assert await store.accept(message(2), terms(admissions=wanted)) == NEW


async def test_what_is_ignored_leaves_nothing(harness: Harness, store: Store) -> None:
    """Ignored: nothing was stored, so a later rule may decide otherwise."""
    ignored = Accepted(verdict=Admission.IGNORED, new=True)
    assert await store.accept(message(1), terms(Admission.IGNORED)) == ignored
    assert list(await harness.remains()) == []
    assert await store.accept(message(1), terms()) == NEW


async def test_too_many_waiting_are_refused_and_counted(store: Store) -> None:
    """Protocol: `waiting` at its limit: mark seen as full, `refused` + 1; a retry: the same."""
    strict = terms(waiting_limit=2)
    for number in (1, 2):
        assert await store.accept(message(number), strict) == NEW
    full = Accepted(verdict=Admission.FULL, new=True)
    assert await store.accept(message(3), strict) == full
    assert await store.accept(message(3), strict, "token") == replace(full, new=False)
    work = await store.claim(THREAD, "token")
    assert work is not None
    assert (work.refused, len(work.records)) == (1, 2)


async def test_the_reply_that_tells_of_refusals_settles_their_count(store: Store) -> None:
    """Protocol: commit sets `refused` to what came after the worker had looked."""
    strict = terms(waiting_limit=1)
    work = await begin(store, 1)
    for number in (2, 3):
        await store.accept(message(number), strict)
    await finish(store, work, refused=1)
    left = await store.peek(THREAD)
    assert left is not None
    assert left.refused == 1


async def test_what_is_overheard_starts_no_turn(store: Store) -> None:
    """Protocol: overhear: no `waiting`, no work, also with a token."""
    accepted = await store.accept(message(1), OVERHEAR, "token")
    assert accepted == Accepted(verdict=Admission.OVERHEARD, new=True)
    assert await store.claim(THREAD, "token") is None
    (entry,) = await store.history(THREAD)
    assert isinstance(entry, Entry)
    assert entry.status is Status.OVERHEARD


async def test_what_is_overheard_is_context_of_the_next_turn(store: Store) -> None:
    """Entries from `covers` on go to the worker, overheard ones among them, in order."""
    await store.accept(message(1), OVERHEAR)
    work = await begin(store, 2)
    assert [(r.position, r.status) for r in work.records if isinstance(r, Entry)] == [
        (0, Status.OVERHEARD),
        (1, Status.ADDRESSED),
    ]
    assert work.lease.turn == "m2"


async def test_the_oldest_overheard_go_first(store: Store) -> None:
    """Protocol: the unanswered overheard are bounded, oldest out; what waits stays."""
    few = terms(Admission.OVERHEARD, overheard_limit=2)
    await store.accept(message(1), few)
    await store.accept(message(2), terms())
    for number in (3, 4, 5):
        await store.accept(message(number), few)
    assert [r.id for r in await store.history(THREAD) if isinstance(r, Entry)] == ["m2", "m4", "m5"]
    assert not (await store.accept(message(1), few)).new


async def test_overheard_messages_count_again_after_each_answer(store: Store) -> None:
    """Only the unanswered are bounded: those in the window stay."""
    few = terms(Admission.OVERHEARD, overheard_limit=2)
    for number in (1, 2):
        await store.accept(message(number), few)
    await converse(store, 3)
    for number in (4, 5):
        await store.accept(message(number), few)
    kept = [r.id for r in await store.history(THREAD) if isinstance(r, Entry)]
    assert kept == ["m1", "m2", "m3", "m4", "m5"]


async def test_accept_claims_a_free_thread_in_the_same_step(store: Store) -> None:
    """Protocol: with a token and no live lease: `claim` in the same step."""
    work = await begin(store, 1, token="mine")
    assert (work.lease.token, work.lease.turn, work.tries) == ("mine", "m1", 1)
    assert await store.claim(THREAD, "theirs") is None


async def test_a_retried_accept_answers_the_same_lease(store: Store) -> None:
    """Protocol: with the same token the same lease, and no further try is counted."""
    first = await store.accept(message(1), terms(), "mine")
    again = await store.accept(message(1), terms(), "mine")
    assert again == replace(first, new=False)


async def test_accept_leaves_a_held_thread_to_its_holder(store: Store) -> None:
    """Protocol: one lease at a time."""
    await begin(store, 1, token="mine")
    assert await store.accept(message(2), terms(), "theirs") == NEW


async def test_a_message_from_before_the_line_is_gone(store: Store) -> None:
    """Protocol: a tombstone keeps older messages from being admitted again."""
    await store.erase(THREAD, at=message(5).sent_at)
    gone = Accepted(verdict=Admission.GONE, new=True)
    assert await store.accept(message(5), terms(), "token") == gone
    assert await store.accept(message(6), terms()) == NEW


async def test_an_expired_session_is_followed_by_one_that_says_so(
    harness: Harness, store: Store
) -> None:
    """An earlier session of this thread expired; the next reply says so, once."""
    await converse(store, 1)
    await harness.advance(10_001)
    assert await store.peek(THREAD) is None
    work = await begin(store, 2)
    assert (work.renewed, work.records[0].position) == (True, 0)
    await finish(store, work)
    assert not (await begin(store, 3)).renewed


async def test_each_message_lets_the_session_live_on(harness: Harness, store: Store) -> None:
    """Every key has a TTL, renewed with each turn: silence ends a session, age doesn't."""
    for number in range(1, 5):
        await converse(store, number)
        await harness.advance(9_000)
    assert len(await store.history(THREAD)) == 8


async def test_an_app_is_a_person_to_talk_to_only_if_it_is_answered(store: Store) -> None:
    """An alert in a thread must not make one person's talk with the bot a talk of several."""
    app = Author(id="B1", name="Alerts", is_app=True)
    await store.accept(message(1), terms())
    await store.accept(message(2, author=app), OVERHEAR)
    work = await store.peek(THREAD)
    assert work
    assert (work.people, len(work.records)) == (1, 2)
    assert not (await store.threads(person="B1")).threads
    await store.accept(message(3, author=app), terms())
    work = await store.peek(THREAD)
    assert work
    assert work.people == 2


async def test_many_speakers_are_counted_up_to_a_limit(store: Store) -> None:
    """Turn and header stay small: the speakers counted in a header are bounded."""
    for number in range(120):
        await store.accept(message(number, author=f"U{number % 60}"), terms(waiting_limit=200))
    work = await store.peek(THREAD)
    assert work is not None
    assert work.people == 50


async def test_an_attachments_name_may_be_anything(store: Store) -> None:
    """A file's name comes from a person: no character in it may keep a message out."""
    odd = Attachment(id="F1", name="a\ud800\0.png", media_type="image/png", size=1)
    assert await store.accept(message(1, attachments=(odd,)), terms()) == NEW
    (entry,) = await store.history(THREAD)
    assert isinstance(entry, Entry)
    assert entry.attachments[0].name == "a\ufffd\ufffd.png"


async def test_what_is_not_to_be_kept_is_known_when_it_comes_again(
    harness: Harness, store: Store
) -> None:
    """A command: nothing is stored but its identities, and one of all who offer it hears new."""
    gone = terms(Admission.GONE)
    first = await store.accept(message(1, "zebra"), gone, "token")
    assert (first.verdict, first.new, first.work) == (Admission.GONE, True, None)
    other = await harness.store()
    again = await other.accept(message(1, "zebra"), gone)
    assert (again.verdict, again.new) == (Admission.GONE, False)
    assert (await other.accept(message(1, "zebra"), terms())).verdict is Admission.GONE
    assert await store.peek(THREAD) is None
    assert not any("zebra" in str(part) for part in await harness.everything())
    await begin(store, 2)
    assert (await store.accept(message(3), gone)).new
    assert len(await store.history(THREAD)) == 1


def asked(number: int = 2, *, at: float = 3000.0, **fields: Any) -> Message:
    """Return an overheard message as it is when its author has added a mention."""
    return message(number, f"bot, text {number}", edited_at=at, sent_at=at, **fields)


@pytest.mark.parametrize("answered", [False, True])
async def test_an_edit_that_addresses_the_bot_has_an_overheard_message_admitted(
    harness: Harness, store: Store, *, answered: bool
) -> None:
    """It moves to the end, once, whether an answer has taken it into account already or not."""
    await store.accept(message(1), terms())
    await store.accept(message(2), OVERHEAR)
    if answered:
        await converse(store, 3)
    else:
        await store.accept(message(3), OVERHEAR)
    work = await begin(store, 4)
    assert (await store.accept(asked(), terms(), "other")).work is None
    other = await harness.store()
    assert await other.accept(asked(), terms()) == OLD
    entries = [each for each in await other.history(THREAD) if isinstance(each, Entry)]
    assert [each.id for each in entries] == ["m1", "m3", "m4", "m2"]
    assert (entries[-1].text, entries[-1].status) == ("bot, text 2", Status.ADDRESSED)
    assert entries[-1].edited_at == entries[-1].sent_at == 3000.0
    later = await finish(store, work)
    assert isinstance(later, Work)
    assert [each.id for each in later.records if isinstance(each, Entry)][-1] == "m2"
    assert await finish(store, later) == "free"
    assert await store.amend(THREAD, "m2", (), edited_at=4000.0, text="again")
    assert await store.accept(asked(at=4000.0), terms(), "more") == OLD
    assert await store.claim(THREAD, "more") is None


async def test_only_the_latest_edit_counts(store: Store) -> None:
    """The mention was taken back before its event came; or the message was deleted."""
    await store.accept(message(1), terms())
    for number in (2, 3, 4):
        await store.accept(message(number), OVERHEAR)
    await store.amend(THREAD, "m2", (), edited_at=3000.5, text="text 2")
    await store.amend(THREAD, "m3", (), edited_at=3000.5, text=None)
    await store.amend(THREAD, "m4", (), edited_at=3000.0, text="bot, text 4")
    for number, verdict in ((2, Admission.OVERHEARD), (3, Admission.OVERHEARD)):
        found = await store.accept(asked(number), terms())
        assert (found.verdict, found.new) == (verdict, False)
    assert await store.accept(asked(4), terms()) == NEW


async def test_an_edit_that_addresses_no_one_leaves_an_overheard_message(store: Store) -> None:
    """Admission depends on who speaks in a thread: a repeat must not."""
    await store.accept(message(1), terms())
    await store.accept(message(2), OVERHEAR)
    for address in (Address.NOBODY, Address.OTHERS):
        found = await store.accept(asked(address=address), terms())
        assert (found.verdict, found.new) == (Admission.OVERHEARD, False)
    assert (await store.accept(message(2), terms())).verdict is Admission.OVERHEARD
    assert (await begin(store, 3)).next == 3


async def test_an_overheard_message_may_become_a_command_or_find_no_room(store: Store) -> None:
    """To ask whether it is new changes nothing; a command leaves the log."""
    await store.accept(message(1), terms())
    for number in (2, 3):
        await store.accept(message(number), OVERHEAR)
    assert (await store.accept(asked(), terms(Admission.IGNORED))).new
    full = await store.accept(asked(3), terms(waiting_limit=1))
    assert (full.verdict, full.new) == (Admission.FULL, True)
    assert len(await store.history(THREAD)) == 3
    gone = await store.accept(asked(), terms(Admission.GONE))
    assert (gone.verdict, gone.new) == (Admission.GONE, True)
    assert [each.position for each in await store.history(THREAD)] == [0, 2]
    assert (await store.accept(asked(), terms())).verdict is Admission.GONE
    work = await begin(store, 4)
    await finish(store, work)
    assert await store.claim(THREAD, "more") is None


@pytest.mark.parametrize("keep_log", [False, True])
async def test_an_overheard_message_that_was_forgotten_may_still_ask(
    store: Store, *, keep_log: bool
) -> None:
    """The edit was made after the line was drawn."""
    await store.accept(message(1), terms())
    await store.accept(message(2), OVERHEAR)
    await store.erase(THREAD, at=2500.0, keep_log=keep_log)
    assert (await store.accept(asked(at=2400.0), terms())).verdict is Admission.GONE
    assert (await store.accept(asked(3, at=2600.0), terms())) == NEW
