"""claim, renew, commit, settle: who may write, and what each retry answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from core.domain.message import Kind, ThreadKey
from core.domain.session import Answer, AnswerKind, Entry
from core.domain.settings import ScopeSettings
from core.store.values import Changed, NothingDue, Outcome, Refused, TurnState, Work
from tests.builders import (
    OTHER,
    THREAD,
    USAGE,
    begin,
    converse,
    draft,
    finish,
    message,
    terms,
)
from tests.contract.stores import LEASE_SECONDS

if TYPE_CHECKING:
    from core.store.port import Store
    from core.store.values import Lease
    from tests.contract.stores import Harness

NOT_RECORDED = Refused(recorded=False, mine=False)


async def claimed(store: Store, token: str) -> Work:
    work = await store.claim(THREAD, token)
    assert work is not None
    return work


def answers(work: Work) -> list[Answer]:
    return [record for record in work.records if isinstance(record, Answer)]


# --- claim ----------------------------------------------------------------------------------


async def test_nothing_to_claim(store: Store) -> None:
    """Protocol: claim needs `waiting` > 0 or a turn."""
    assert await store.claim(THREAD, "mine") is None
    await converse(store, 1)
    assert await store.claim(THREAD, "mine") is None
    assert await store.claim_any(["slack"], "mine") == NothingDue(seconds=None)


async def test_a_claim_opens_a_turn_for_the_oldest_message(store: Store) -> None:
    """Protocol: `fence` + 1, token; open a turn with `tries` 1, named by the oldest that waits."""
    for number in (1, 2):
        await store.accept(message(number), terms())
    work = await claimed(store, "mine")
    assert (work.lease.turn, work.lease.token, work.lease.fence) == ("m1", "mine", 1)
    assert (work.state, work.tries, work.head, work.next) == (TurnState.OPEN, 1, 0, 2)
    assert [record.position for record in work.records] == [0, 1]


async def test_a_live_lease_shuts_others_out(store: Store) -> None:
    """Protocol: claim needs no live lease."""
    await begin(store, 1)
    assert await store.claim(THREAD, "theirs") is None


async def test_a_retried_claim_answers_the_same(store: Store) -> None:
    """Protocol: a live lease with this token: the same again, `tries` unchanged."""
    await store.accept(message(1), terms())
    first = await claimed(store, "mine")
    assert await claimed(store, "mine") == first


async def test_a_repeated_claim_tells_how_the_thread_is_now(store: Store) -> None:
    """Port: a live lease with this very token is answered as the thread is now."""
    work = await begin(store, 1, token="mine")
    await store.accept(message(2), terms())
    now = await claimed(store, "mine")
    assert (now.lease, now.tries, now.next) == (work.lease, 1, 2)


async def test_a_lease_that_ran_out_is_taken_over(harness: Harness, store: Store) -> None:
    """Protocol: the turn is kept, no matter who takes over: a death, a new fence, the preview."""
    work = await begin(store, 1, token="mine")
    await store.renew(work.lease, work.revision, "preview")
    await harness.expire_lease(THREAD)
    taken = await claimed(store, "theirs")
    assert (taken.lease.turn, taken.tries, taken.deaths) == ("m1", 1, 1)
    assert (taken.leases, taken.preview) == (2, "preview")
    assert taken.lease.fence > work.lease.fence
    assert await store.renew(work.lease, work.revision) == NOT_RECORDED


async def test_a_turn_keeps_its_name_when_its_message_goes(harness: Harness, store: Store) -> None:
    """Protocol: the turn's id is that of the oldest message when it was *first* claimed."""
    for number in (1, 2):
        await store.accept(message(number), terms())
    await claimed(store, "mine")
    await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text=None)
    await harness.expire_lease(THREAD)
    assert (await claimed(store, "theirs")).lease.turn == "m1"


async def test_a_lease_lives_on_while_it_is_renewed(harness: Harness, store: Store) -> None:
    """Protocol: every fenced verb that is granted also extends the lease."""
    work = await begin(store, 1, token="mine")
    for _ in range(3):
        await harness.advance(LEASE_SECONDS * 0.7)
        assert await store.renew(work.lease, work.revision) == "ok"
    await harness.advance(LEASE_SECONDS * 0.7)
    assert isinstance(await store.commit(work.lease, work.revision, draft(0)), Answer)
    await harness.advance(LEASE_SECONDS * 0.7)
    assert await store.claim(THREAD, "theirs") is None


async def test_a_late_worker_goes_on_while_nobody_took_over(harness: Harness, store: Store) -> None:
    """Protocol: refused means the token is no longer the thread's; time alone refuses nobody."""
    work = await begin(store, 1)
    await harness.expire_lease(THREAD)
    assert await store.renew(work.lease, work.revision) == "ok"
    assert await store.claim(THREAD, "theirs") is None


async def test_any_thread_is_the_one_due_for_the_longest(harness: Harness, store: Store) -> None:
    """Port: claim, of these platforms, the thread that has been due for the longest."""
    keys = [ThreadKey("slack", "C1", f"{n}") for n in (3, 1, 2)]
    for number, key in enumerate(keys):
        await store.accept(message(number, thread=key), terms())
        await harness.advance(0.01)
    found = [await store.claim_any(["slack"], f"token{n}") for n in range(3)]
    assert [work.lease.thread for work in found if isinstance(work, Work)] == keys


async def test_any_thread_is_one_of_the_platforms_asked_for(store: Store) -> None:
    """Port: of these platforms; the others' threads are left alone."""
    await store.accept(message(1), terms())
    key = ThreadKey("discord", "C1", "1")
    await store.accept(message(2, thread=key), terms())
    assert await store.claim_any(["terminal"], "x") == NothingDue(seconds=None)
    assert await store.claim_any([], "x") == NothingDue(seconds=None)
    work = await store.claim_any(["terminal", "discord"], "mine")
    assert isinstance(work, Work)
    assert work.lease.thread == key


async def test_any_thread_is_none_of_those_that_are_passed_over(
    harness: Harness, store: Store
) -> None:
    """Port: those in `besides` are passed over as if they were not there."""
    keys = [ThreadKey("slack", "C1", f"{n}") for n in range(5)]
    for number, key in enumerate(keys):
        await store.accept(message(number, thread=key), terms())
        await harness.advance(0.01)
    passed = (keys[0], keys[2], keys[4], OTHER)
    found = [await store.claim_any(["slack"], f"token{n}", passed) for n in range(3)]
    assert [work.lease.thread for work in found[:2] if isinstance(work, Work)] == [keys[1], keys[3]]
    assert isinstance(found[2], NothingDue)
    # What is left to wait for are the leases of those two.
    assert found[2].seconds == pytest.approx(LEASE_SECONDS, abs=4)
    assert await store.claim_any(["slack"], "mine", keys) == NothingDue(seconds=None)
    work = await store.claim_any(["slack"], "mine")
    assert isinstance(work, Work)
    assert work.lease.thread == keys[0]


async def test_idle_says_when_the_next_lease_ends(harness: Harness, store: Store) -> None:
    """Protocol: a replica sleeps until the earliest time it saw in the work index."""
    await begin(store, 1)
    await harness.advance(5)
    idle = await store.claim_any(["slack"], "theirs")
    assert isinstance(idle, NothingDue)
    assert idle.seconds == pytest.approx(LEASE_SECONDS - 5, abs=4)
    await harness.expire_lease(THREAD)
    assert isinstance(await store.claim_any(["slack"], "theirs"), Work)


async def test_a_claim_shows_no_more_than_its_reach(store: Store) -> None:
    """Protocol: entries from `covers` on (bounded)."""
    await converse(store, *range(1, 9))
    await store.accept(message(9), terms(reach=3))
    work = await claimed(store, "mine")
    assert (work.since, work.records[0].position, work.head) == (5, 5, 8)
    await store.set_thread(THREAD, Kind.THREAD, ScopeSettings(reach=2), ttl=100)
    assert (await claimed(store, "mine")).since == 6


# --- renew ----------------------------------------------------------------------------------


async def test_renew_says_when_something_changed(store: Store) -> None:
    """Protocol: changed: `revision` moved, turn still open. The lease goes on; claim shows it."""
    work = await begin(store, 1, token="mine")
    await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text="better")
    assert await store.renew(work.lease, work.revision) == "changed"
    now = await claimed(store, "mine")
    assert now.revision != work.revision
    assert await store.renew(work.lease, now.revision) == "ok"


async def test_renew_says_that_the_turn_was_stopped(harness: Harness, store: Store) -> None:
    """Port: the process that runs the turn hears it, no matter where; a retry says the same."""
    work = await begin(store, 1, token="mine")
    other = await harness.store()
    heard: list[tuple[ThreadKey, str]] = []
    other.on_stop(lambda *asked: heard.append(asked))
    assert not await other.stop(OTHER, work.lease.turn)
    assert not await other.stop(THREAD, "m0")
    assert await store.renew(work.lease, work.revision) == "ok"
    assert heard == []
    assert await other.stop(THREAD, work.lease.turn)
    assert await other.stop(THREAD, work.lease.turn)
    assert heard == [(THREAD, work.lease.turn)] * 2, "a turn that runs in that process ends at once"
    assert await store.renew(work.lease, work.revision) == "stopped"
    assert await store.renew(work.lease, work.revision, "p1") == "stopped"
    assert (await claimed(store, "mine")).preview == "p1"
    assert isinstance(await store.commit(work.lease, work.revision, draft(0)), Answer)
    assert await store.renew(work.lease, work.revision) == "ok", "a committed answer stands"
    assert not await other.stop(THREAD, work.lease.turn)


async def test_a_change_is_told_before_a_stop(store: Store) -> None:
    """What was read is out of date; what is read again is stopped still."""
    work = await begin(store, 1, token="mine")
    await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text="better")
    await store.stop(THREAD, work.lease.turn)
    assert await store.renew(work.lease, work.revision) == "changed"
    assert await store.renew(work.lease, (await claimed(store, "mine")).revision) == "stopped"


async def test_a_stop_ends_one_turn_and_not_the_next(store: Store) -> None:
    work = await begin(store, 1, token="mine")
    await store.accept(message(2), terms())
    await store.stop(THREAD, work.lease.turn)
    await store.commit(work.lease, work.revision, draft(0))
    following = await store.settle(work.lease, Outcome.DONE)
    assert isinstance(following, Work)
    assert await store.renew(following.lease, following.revision) == "ok"
    assert not await store.stop(THREAD, work.lease.turn)


async def test_renew_keeps_the_preview_once_given(store: Store) -> None:
    """Protocol: keeps the preview's id; a heartbeat without one does not forget it."""
    work = await begin(store, 1, token="mine")
    await store.renew(work.lease, work.revision, "p1")
    await store.renew(work.lease, work.revision)
    assert (await claimed(store, "mine")).preview == "p1"


async def test_a_new_message_changes_no_rev(store: Store) -> None:
    """Protocol: `revision` changes with every edit, deletion and erase, and with nothing else."""
    work = await begin(store, 1)
    await store.accept(message(2), terms())
    assert await store.renew(work.lease, work.revision) == "ok"


async def test_an_edit_after_the_commit_changes_nothing_for_the_worker(store: Store) -> None:
    """A committed answer stands, whatever is edited afterwards."""
    work = await begin(store, 1)
    await store.commit(work.lease, work.revision, draft(0))
    await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text="better")
    assert await store.renew(work.lease, work.revision) == "ok"


# --- commit ---------------------------------------------------------------------------------


async def test_commit_records_the_answer_behind_what_it_answers(store: Store) -> None:
    """Protocol: answer entry after `last`, `head` = `last` + 1, pieces and preview fixed."""
    work = await begin(store, 1, token="mine")
    await store.accept(message(2), terms())
    done = replace(
        draft(0, "the answer", cuts=(3, 7), seen_from=0),
        notes=("a note",),
        units=1234.5,
        recalled=(3, 5),
        searched=("who likes nuts?", "nüsse 🥜"),
    )
    committed = await store.commit(work.lease, work.revision, done, "p1")
    now = await claimed(store, "mine")
    assert (now.state, now.committed_by, now.cuts) == (TurnState.COMMITTED, "mine", (3, 7))
    assert (now.preview, now.head, now.next) == ("p1", 1, 2)
    first, answer, second = now.records
    assert isinstance(answer, Answer)
    assert committed == answer
    assert (first.position, answer.position, second.position) == (0, 0, 1)
    assert (answer.text, answer.turn, answer.token) == ("the answer", "m1", "mine")
    assert (answer.kind, answer.usage, answer.notes) == (AnswerKind.ANSWER, USAGE, ("a note",))
    assert answer.units == 1234.5
    assert (answer.recalled, answer.searched) == ((3, 5), ("who likes nuts?", "nüsse 🥜"))


async def test_a_retried_commit_is_committed_once(store: Store) -> None:
    """Protocol: an answer at `last` with this turn and token: committed."""
    work = await begin(store, 1, token="mine")
    told = [
        await store.commit(work.lease, work.revision, draft(0, text))
        for text in ("first", "second")
    ]
    (kept,) = answers(await claimed(store, "mine"))
    assert kept.text == "first"
    assert told == [kept, kept]


async def test_a_commit_on_what_was_edited_is_changed(store: Store) -> None:
    """Protocol: commit needs `revision` as read; else changed, with the work as it is now."""
    work = await begin(store, 1, token="mine")
    await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text="better")
    changed = await store.commit(work.lease, work.revision, draft(0))
    assert isinstance(changed, Changed)
    assert changed.work == await claimed(store, "mine")
    (entry,) = changed.work.records
    assert entry.text == "better"
    assert isinstance(await store.commit(work.lease, changed.work.revision, draft(0)), Answer)


async def test_a_commit_after_a_takeover_is_refused(harness: Harness, store: Store) -> None:
    """I5: a stale token changes nothing."""
    work = await begin(store, 1, token="mine")
    await harness.expire_lease(THREAD)
    await claimed(store, "theirs")
    assert await store.commit(work.lease, work.revision, draft(0)) == NOT_RECORDED
    assert answers(await claimed(store, "theirs")) == []


async def test_a_refusal_says_whose_answer_is_recorded(harness: Harness, store: Store) -> None:
    """Protocol: refused tells whether this turn's answer is recorded, and by this token."""
    work = await begin(store, 1, token="mine")
    await store.commit(work.lease, work.revision, draft(0))
    await harness.expire_lease(THREAD)
    taken = await claimed(store, "theirs")
    assert (taken.state, taken.committed_by) == (TurnState.COMMITTED, "mine")
    assert await store.renew(work.lease, work.revision) == Refused(recorded=True, mine=True)
    await store.settle(taken.lease, Outcome.DONE)
    assert await store.renew(work.lease, work.revision) == Refused(recorded=True, mine=True)
    assert await store.settle(taken.lease, Outcome.DONE) == Refused(recorded=True, mine=False)


async def test_a_refusal_after_anothers_commit(harness: Harness, store: Store) -> None:
    """The same, where the successor committed."""
    work = await begin(store, 1, token="mine")
    await harness.expire_lease(THREAD)
    taken = await claimed(store, "theirs")
    await store.commit(taken.lease, taken.revision, draft(0))
    refused = Refused(recorded=True, mine=False)
    assert await store.commit(work.lease, work.revision, draft(0)) == refused


async def test_a_takeover_of_a_committed_turn_commits_nothing(
    harness: Harness, store: Store
) -> None:
    """Protocol: claim returns the committed turn: deliver the stored text, ask no model."""
    work = await begin(store, 1, token="mine")
    await store.commit(work.lease, work.revision, draft(0, "stored"), "p1")
    await harness.expire_lease(THREAD)
    taken = await claimed(store, "theirs")
    changed = await store.commit(taken.lease, taken.revision, draft(0, "another"))
    assert isinstance(changed, Changed)
    assert [a.text for a in answers(changed.work)] == ["stored"]
    assert await store.settle(taken.lease, Outcome.DONE, posted=("p1",)) == "free"


async def test_a_committed_answer_is_shown_however_short_the_reach(
    harness: Harness, store: Store
) -> None:
    """Protocol: anyone may deliver it, so its text is always among the records."""
    await converse(store, 1, 2)
    await store.accept(message(3), terms(reach=0))
    work = await claimed(store, "mine")
    await store.commit(work.lease, work.revision, draft(2, "stored"))
    await harness.expire_lease(THREAD)
    assert [a.text for a in answers(await claimed(store, "theirs"))] == ["stored"]


# --- settle ---------------------------------------------------------------------------------


async def test_settle_frees_a_thread_with_nothing_left(store: Store) -> None:
    """Protocol: done: analytics, close the turn; else free it and leave work."""
    await converse(store, 1)
    assert await store.claim_any(["slack"], "x") == NothingDue(seconds=None)
    (info,) = (await store.threads()).threads
    assert (info.turns, info.usage, info.waiting) == (1, USAGE, 0)
    (_, answer) = await store.history(THREAD)
    assert isinstance(answer, Answer)
    assert answer.posted == ("p1", "p2")


async def test_settle_opens_the_next_turn_under_the_same_lease(store: Store) -> None:
    """Protocol: `waiting` > 0: open the next turn and *keep* the lease; a retry: that work."""
    work = await begin(store, 1, token="mine")
    for number in (2, 3):
        await store.accept(message(number), terms())
    await store.commit(work.lease, work.revision, draft(0))
    following = await store.settle(work.lease, Outcome.DONE)
    assert isinstance(following, Work)
    assert (following.lease.token, following.lease.turn) == ("mine", "m2")
    assert (following.tries, following.head, following.preview) == (1, 1, "")
    assert await store.claim(THREAD, "theirs") is None
    assert await store.settle(work.lease, Outcome.DONE) == following
    (info,) = (await store.threads()).threads
    assert info.turns == 1
    assert await finish(store, following) == "free"


async def test_a_turn_that_is_over_is_refused_under_the_same_lease(store: Store) -> None:
    """A lease is (thread, fence, token, turn id): the next turn is another lease."""
    work = await begin(store, 1, token="mine")
    await store.accept(message(2), terms())
    await store.commit(work.lease, work.revision, draft(0))
    await store.settle(work.lease, Outcome.DONE)
    refused = Refused(recorded=True, mine=True)
    assert await store.renew(work.lease, work.revision) == refused
    assert await store.commit(work.lease, work.revision, draft(1)) == refused


async def test_a_retried_settle_on_a_free_thread_is_refused(store: Store) -> None:
    """Protocol: lease gone: refused, which is harmless."""
    work = await begin(store, 1, token="mine")
    await finish(store, work)
    assert await store.settle(work.lease, Outcome.DONE) == Refused(recorded=True, mine=True)
    (info,) = (await store.threads()).threads
    assert info.turns == 1


async def test_nothing_left_to_answer_is_settled_too(store: Store) -> None:
    """Protocol: an open turn is closed by `settle` alone, also when nothing is left to say."""
    work = await begin(store, 1, token="mine")
    await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text=None)
    assert await store.claim(THREAD, "theirs") is None
    assert await store.settle(work.lease, Outcome.DONE) == "free"
    assert await store.claim(THREAD, "theirs") is None
    (info,) = (await store.threads()).threads
    assert (info.turns, info.waiting) == (0, 0)


async def test_a_turn_with_nothing_left_stays_in_work(harness: Harness, store: Store) -> None:
    """The same: a killed worker's turn is taken over, so that its preview is taken back."""
    work = await begin(store, 1, token="mine")
    await store.renew(work.lease, work.revision, "p1")
    await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text=None)
    await harness.expire_lease(THREAD)
    taken = await store.claim_any(["slack"], "theirs")
    assert isinstance(taken, Work)
    assert (taken.deaths, taken.preview, taken.state) == (1, "p1", TurnState.OPEN)


async def test_handing_back_is_no_failed_try(store: Store) -> None:
    """Protocol: not done: free the lease, keep the turn, `tries` as they were, claimable now."""
    work = await begin(store, 1, token="mine")
    await store.renew(work.lease, work.revision, "p1")
    assert await store.settle(work.lease, Outcome.HANDED_BACK) == "free"
    assert await store.settle(work.lease, Outcome.HANDED_BACK) == NOT_RECORDED
    taken = await store.claim_any(["slack"], "theirs")
    assert isinstance(taken, Work)
    assert (taken.tries, taken.deaths, taken.leases) == (1, 0, 2)
    assert (taken.lease.turn, taken.preview) == ("m1", "p1")


async def test_a_lease_that_left_nothing_behind_is_not_counted(store: Store) -> None:
    """Port: untouched: the next lease has nothing to look for on the platform."""
    work = await begin(store, 1, token="mine")
    assert await store.settle(work.lease, Outcome.UNTOUCHED) == "free"
    taken = await claimed(store, "theirs")
    assert (taken.tries, taken.deaths, taken.leases) == (1, 0, 1)


async def test_what_was_left_for_later_can_be_taken_before_its_time(
    harness: Harness, store: Store
) -> None:
    """Port: `early` takes what was left with a delay, and never what a person holds."""
    work = await begin(store, 1, token="mine")
    assert await store.claim(THREAD, "theirs", early=True) is None
    await store.settle(work.lease, Outcome.UNTOUCHED, delay=100)
    assert await store.claim(THREAD, "theirs") is None
    taken = await store.claim(THREAD, "theirs", early=True)
    assert taken is not None
    assert (taken.lease.turn, taken.tries, taken.deaths) == ("m1", 1, 0)
    assert await store.claim(THREAD, "others", early=True) is None
    await store.settle(taken.lease, Outcome.DONE)
    assert await store.claim(THREAD, "others", early=True) is None
    del harness


async def test_deaths_and_failed_tries_are_counted_apart(harness: Harness, store: Store) -> None:
    """Protocol: deaths count leases that ran out while held; tries, what the message may cause."""
    await begin(store, 1, token="t0")
    for number in range(3):
        await harness.expire_lease(THREAD)
        taken = await claimed(store, f"dead {number}")
    await store.settle(taken.lease, Outcome.FAILED)
    taken = await claimed(store, "again")
    assert (taken.tries, taken.deaths, taken.leases) == (2, 3, 5)


async def test_its_own_lease_that_ran_out_goes_on(harness: Harness, store: Store) -> None:
    """As long as nobody else has taken it, a holder that lost the store for a while goes on."""
    await begin(store, 1, token="mine")
    await harness.expire_lease(THREAD)
    taken = await claimed(store, "mine")
    assert (taken.tries, taken.deaths, taken.leases) == (1, 0, 1)
    assert await store.claim(THREAD, "theirs") is None


async def test_a_recorded_answer_has_tries_of_its_own(store: Store) -> None:
    """Protocol: what its delivery costs is not what the model's tries have cost before."""
    work = await begin(store, 1, token="a")
    await store.settle(work.lease, Outcome.FAILED)
    work = await claimed(store, "b")
    assert (work.tries, work.opened_at > 0) == (2, True)
    await store.commit(work.lease, work.revision, draft(0))
    await store.settle(work.lease, Outcome.HANDED_BACK)
    taken = await claimed(store, "c")
    assert (taken.tries, taken.state) == (1, TurnState.COMMITTED)
    assert taken.opened_at >= work.opened_at


async def test_a_failed_try_waits_and_counts(harness: Harness, store: Store) -> None:
    """Port: failed: as if the lease had run out, due again after `delay` seconds."""
    work = await begin(store, 1, token="mine")
    assert await store.settle(work.lease, Outcome.FAILED, delay=100) == "free"
    assert await store.claim(THREAD, "theirs") is None
    await store.accept(message(2), terms(), "theirs")
    idle = await store.claim_any(["slack"], "theirs")
    assert isinstance(idle, NothingDue)
    assert idle.seconds == pytest.approx(100, abs=2)
    await harness.advance(101)
    taken = await claimed(store, "theirs")
    assert (taken.tries, taken.lease.turn) == (2, "m1")


async def test_a_lease_that_was_looked_at_is_good_for_nothing(store: Store) -> None:
    """Port: the lease that `peek` shows is empty, also while the turn is nobody's."""
    work = await begin(store, 1)
    await store.settle(work.lease, Outcome.HANDED_BACK)
    seen = await store.peek(THREAD)
    assert seen is not None
    for refused in (
        await store.renew(seen.lease, seen.revision),
        await store.commit(seen.lease, seen.revision, draft(0)),
        await store.settle(seen.lease, Outcome.DONE),
    ):
        assert refused == NOT_RECORDED


# --- giving up ------------------------------------------------------------------------------


async def bury(store: Store, lease: Lease, revision: str, last: int) -> None:
    notice = draft(last, "gave up", kind=AnswerKind.BURIED)
    for _ in range(2):
        assert isinstance(await store.commit(lease, revision, notice), Answer)


async def test_buried_messages_are_listed(store: Store) -> None:
    """Protocol: kind buried also lists its places in `buried`; nothing is copied."""
    work = await begin(store, 1)
    await store.accept(message(2, thread=OTHER), terms())
    await bury(store, work.lease, work.revision, 0)
    await store.settle(work.lease, Outcome.DONE)
    (found,) = await store.buried()
    assert (found.thread, found.entry.id, found.entry.text) == (THREAD, "m1", "text 1")


async def test_a_requeued_message_waits_again_at_the_end(store: Store) -> None:
    """Port: let a buried message wait again, at the end of its thread; a retry: the same."""
    work = await begin(store, 1)
    await bury(store, work.lease, work.revision, 0)
    await store.settle(work.lease, Outcome.DONE)
    await converse(store, 2)
    assert not await store.requeue(THREAD, 1)
    assert await store.requeue(THREAD, 0)
    assert await store.requeue(THREAD, 0)
    assert await store.buried() == ()
    again = await claimed(store, "mine")
    entry = again.records[-1]
    assert isinstance(entry, Entry)
    assert (entry.position, entry.text, entry.platform_id) == (2, "text 1", "m1")
    assert (again.next, again.lease.turn) == (3, entry.id)
    assert await finish(store, again) == "free"


async def test_a_requeued_message_can_be_buried_and_requeued_again(store: Store) -> None:
    """The same, as often as the operator likes."""
    work = await begin(store, 1)
    for place in range(3):
        await bury(store, work.lease, work.revision, place)
        await store.settle(work.lease, Outcome.DONE)
        assert await store.requeue(THREAD, place)
        work = await claimed(store, f"again{place}")
    assert [r.platform_id for r in work.records if isinstance(r, Entry)] == ["m1"] * 4


async def test_a_message_is_put_in_again_once(store: Store) -> None:
    """I2: requeued before its turn was settled, then listed again as undelivered."""
    work = await begin(store, 1, token="mine")
    await bury(store, work.lease, work.revision, 0)
    assert await store.requeue(THREAD, 0)
    following = await store.settle(work.lease, Outcome.UNDELIVERED)
    assert isinstance(following, Work)
    assert await store.requeue(THREAD, 0)
    assert await store.buried() == ()
    assert [r.position for r in await store.history(THREAD)] == [0, 0, 1]
    assert await finish(store, following) == "free"


async def test_a_deletion_reaches_what_was_requeued(store: Store) -> None:
    """I11: the author's deletion takes the text away wherever it stands."""
    work = await begin(store, 1, text="secret")
    await bury(store, work.lease, work.revision, 0)
    await store.settle(work.lease, Outcome.DONE)
    await store.requeue(THREAD, 0)
    assert await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text=None)
    assert await store.claim(THREAD, "mine") is None
    entries = [r for r in await store.history(THREAD) if isinstance(r, Entry)]
    assert [entry.text for entry in entries] == ["", ""]


async def test_an_edit_reaches_what_was_requeued(store: Store) -> None:
    """The same for an edit, which the answer to come is for."""
    work = await begin(store, 1)
    await bury(store, work.lease, work.revision, 0)
    await store.settle(work.lease, Outcome.DONE)
    await store.requeue(THREAD, 0)
    await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text="better")
    again = await claimed(store, "mine")
    assert [r.text for r in again.records if isinstance(r, Entry)] == ["better"] * 2


async def test_a_burial_that_is_undelivered_is_listed_once(store: Store) -> None:
    """The operator sees a message once, and puts it in again once."""
    work = await begin(store, 1)
    await store.commit(work.lease, work.revision, draft(0, kind=AnswerKind.BURIED))
    await store.settle(work.lease, Outcome.UNDELIVERED)
    assert [each.entry.id for each in await store.buried()] == ["m1"]
