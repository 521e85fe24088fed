"""erase and reset: what is gone is gone everywhere, and stays gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.domain.admission import Admission
from core.domain.message import Attachment, Kind, ThreadKey
from core.domain.session import AnswerKind, Entry
from core.domain.settings import ScopeSettings
from core.store.values import Changed, NothingDue, Outcome, Refused, TurnState, Work
from tests.builders import OTHER, OVERHEAR, THREAD, begin, converse, draft, finish, message, terms

if TYPE_CHECKING:
    from core.store.port import Store
    from tests.contract.stores import Harness

PERSON = "UTHEPERSON"
SECRETS = ("zebra", PERSON, "Name of", "quagga", "okapi")
NOW = 1500.0


async def found(harness: Harness) -> set[str]:
    """Return which secrets are kept anywhere, in whatever bytes."""
    kept = [k.encode() if isinstance(k, str) else k for k in await harness.everything()]
    return {secret for secret in SECRETS if any(secret.encode() in part for part in kept)}


async def secret_thread(store: Store) -> None:
    """Say, answer, edit, overhear, refuse and summarise secrets in a thread."""
    work = await begin(store, 1, text="zebra " * 2000, author=PERSON)
    await finish(store, work, text="quagga")
    await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text="zebra " * 3000)
    await store.accept(message(2, "zebra", author=PERSON), OVERHEAR)
    await converse(store, 3, author=PERSON)
    seen = await store.peek(THREAD)
    assert seen is not None
    assert await store.compact(THREAD, covers=0, revision=seen.revision, to=1, text="okapi")
    await store.set_thread(THREAD, Kind.THREAD, ScopeSettings(strategy="full"), ttl=100)
    await store.accept(message(4, "zebra", author=PERSON), terms())
    await store.accept(message(5, "zebra", author=PERSON), terms(waiting_limit=1))


async def test_nothing_is_left_of_an_erased_thread(harness: Harness, store: Store) -> None:
    """Protocol: entries, ids, who, summary, buried, analytics gone; every byte is searched."""
    await secret_thread(store)
    assert await found(harness) == set(SECRETS)
    await store.erase(THREAD, at=NOW)
    assert await found(harness) == set()
    assert await store.history(THREAD) == ()
    assert (await store.threads()).threads == ()
    assert (await store.threads(person=PERSON)).threads == ()
    assert await store.peek(THREAD) is None
    assert await store.thread_settings(THREAD) == ScopeSettings()
    assert await store.claim_any(["slack"], "mine") == NothingDue(seconds=None)


async def test_the_thread_itself_is_forgotten(harness: Harness, store: Store) -> None:
    """Protocol: without a turn the header goes too; a tombstone has only the hashed name."""
    key = ThreadKey("slack", "CZEBRA", "1.1")
    await converse(store, 1, thread=key)
    await store.erase(key, at=NOW)
    kept = [k.encode() if isinstance(k, str) else k for k in await harness.everything()]
    assert not any(b"CZEBRA" in part for part in kept)
    assert list(await harness.remains())  # event ids and the tombstone


async def test_a_deleted_text_is_gone_everywhere(harness: Harness, store: Store) -> None:
    """I11 for a single message."""
    await store.accept(message(1, "zebra " * 2000), terms())
    await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text=None)
    assert "zebra" not in await found(harness)


@pytest.mark.parametrize("file", [True, False])
async def test_what_the_summary_said_of_it_goes_in_the_same_step(
    harness: Harness, store: Store, file: bool
) -> None:
    """I11: not when it is made again, which a person may never need."""
    files = (Attachment(id="F1", name="quagga.txt", media_type="text/plain", size=7),)
    await store.accept(message(1, "zebra " * 2000, attachments=files), terms(), "token1")
    work = await store.peek(THREAD)
    assert work is not None
    held = await store.claim(THREAD, "token1")
    assert held is not None
    assert await finish(store, held) == "free"
    await converse(store, 2, 3)
    for covers, said in ((0, "okapi " * 2000), (1, "okapi, and more")):
        seen = await store.peek(THREAD)
        assert seen is not None
        assert await store.compact(
            THREAD, covers=covers, revision=seen.revision, to=covers + 1, text=said
        )
    text, left = ("without it", ()) if file else (None, None)
    await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text=text, attachments=left)
    assert await found(harness) == {"Name of"}
    seen = await store.peek(THREAD)
    assert seen is not None
    assert (seen.summary.covers, seen.summary.text, seen.summary.withheld) == (2, "", True)


async def test_other_threads_stay(store: Store) -> None:
    """A verb is atomic per thread, and about that thread alone."""
    await converse(store, 1, author=PERSON)
    await converse(store, 1, author=PERSON, thread=OTHER)
    await store.erase(THREAD, at=NOW)
    (info,) = (await store.threads(person=PERSON)).threads
    assert info.thread == OTHER
    assert len(await store.history(OTHER)) == 2


async def test_what_was_said_before_is_not_admitted_again(harness: Harness, store: Store) -> None:
    """Protocol: the tombstone keeps older messages out, under new identities and for a year."""
    await converse(store, 1)
    await store.erase(THREAD, at=NOW)
    await harness.advance(364 * 24 * 3600)
    again = await store.accept(message(1, identities=("new",)), terms())
    assert again.verdict is Admission.GONE
    assert (await store.accept(message(501), terms())).verdict is Admission.ACCEPTED
    await harness.advance(2 * 24 * 3600)
    assert (await store.accept(message(2), terms())).verdict is Admission.ACCEPTED


async def test_event_ids_survive(store: Store) -> None:
    """Protocol: seen survives erase: a redelivery starts nothing, whatever its time says."""
    await store.accept(message(1), terms())
    await store.erase(THREAD, at=0.0)
    assert not (await store.accept(message(1), terms(), "token")).new
    assert await store.history(THREAD) == ()


async def test_erasing_twice_and_nothing(harness: Harness, store: Store) -> None:
    """Protocol: a retry answers done."""
    await converse(store, 1)
    for _ in range(2):
        await store.erase(THREAD, at=NOW)
        await store.erase(OTHER, at=NOW)
    assert await store.peek(THREAD) is None


@pytest.mark.parametrize("keep_log", [True, False])
async def test_the_line_never_moves_back(store: Store, keep_log: bool) -> None:
    """I11: of two commands that cross, the later line counts."""
    await store.erase(THREAD, at=NOW)
    await store.erase(THREAD, at=NOW - 100, keep_log=keep_log)
    late = message(450)
    assert NOW - 100 < late.sent_at < NOW
    assert (await store.accept(late, terms())).verdict is Admission.GONE


async def test_no_thread_says_that_it_was_erased(harness: Harness, store: Store) -> None:
    """An erased thread starts over without a word on an earlier session."""
    await converse(store, 1)
    await store.erase(THREAD, at=NOW)
    assert not (await begin(store, 501)).renewed


# --- during an open turn --------------------------------------------------------------------


async def test_an_open_turn_becomes_void(harness: Harness, store: Store) -> None:
    """Protocol: a turn becomes void and stays in work, the lease stays; renew: changed."""
    await store.accept(message(9, "zebra", author=PERSON), OVERHEAR)
    work = await begin(store, 1, token="mine", text="zebra", author=PERSON)
    await store.renew(work.lease, work.revision, "preview")
    await store.erase(THREAD, at=NOW)
    assert await found(harness) == set()
    assert await store.claim(THREAD, "theirs") is None
    assert await store.renew(work.lease, work.revision) == "changed"
    now = await store.claim(THREAD, "mine")
    assert now is not None
    assert (now.state, now.preview, now.records) == (TurnState.VOID, "preview", ())
    assert now.lease == work.lease


async def test_a_void_turn_commits_nothing(store: Store) -> None:
    """Protocol: commit needs an open turn: changed, with the work as it is now."""
    work = await begin(store, 1, token="mine")
    await store.erase(THREAD, at=NOW)
    changed = await store.commit(work.lease, work.revision, draft(0))
    assert isinstance(changed, Changed)
    assert changed.work.state is TurnState.VOID
    again = await store.commit(work.lease, changed.work.revision, draft(0))
    assert isinstance(again, Changed)
    assert await store.history(THREAD) == ()


async def test_a_void_turn_is_settled_by_who_knows(harness: Harness, store: Store) -> None:
    """Protocol: void, and the caller did not know: answer void. Then cleared: closed."""
    work = await begin(store, 1)
    await store.erase(THREAD, at=NOW)
    for _ in range(2):
        assert await store.settle(work.lease, Outcome.DONE) == "void"
    assert await store.settle(work.lease, Outcome.CLEARED) == "free"
    assert await store.peek(THREAD) is None
    refused = Refused(recorded=False, mine=False)
    assert await store.settle(work.lease, Outcome.CLEARED) == refused
    assert await store.renew(work.lease, work.revision) == refused
    assert await store.claim_any(["slack"], "mine") == NothingDue(seconds=None)


async def test_a_void_turn_is_taken_over(harness: Harness, store: Store) -> None:
    """Protocol: a person always takes back what was posted for it."""
    work = await begin(store, 1)
    await store.renew(work.lease, work.revision, "preview")
    await store.erase(THREAD, at=NOW)
    await harness.expire_lease(THREAD)
    taken = await store.claim_any(["slack"], "theirs")
    assert isinstance(taken, Work)
    assert (taken.state, taken.preview, taken.deaths) == (TurnState.VOID, "preview", 1)
    assert taken.lease.turn == "m1"


async def test_what_comes_after_an_erase_is_answered(store: Store) -> None:
    """I1: a message accepted while a void turn is cleared has a turn of its own behind it."""
    work = await begin(store, 1, token="mine")
    await store.erase(THREAD, at=NOW)
    await store.accept(message(501), terms())
    following = await store.settle(work.lease, Outcome.CLEARED)
    assert isinstance(following, Work)
    assert following.lease.turn == "m501"
    assert [record.position for record in following.records] == [1]
    assert await finish(store, following) == "free"
    (info,) = (await store.threads()).threads
    assert (info.turns, info.people) == (1, 1)


@pytest.mark.parametrize("held", [True, False])
async def test_the_bot_still_listens_where_it_took_part(store: Store, *, held: bool) -> None:
    """Admission: the line tells that it was addressed there, whatever else is forgotten."""
    listening = (Admission.IGNORED, Admission.ACCEPTED) * 4  # where it takes part, by `STATES`
    before = await store.accept(message(1), terms(admissions=listening))
    assert before.verdict is Admission.IGNORED
    work = await begin(store, 2)
    if not held:
        await finish(store, work)
    await store.erase(THREAD, at=NOW)
    after = await store.accept(message(501), terms(admissions=listening))
    assert after.verdict is Admission.ACCEPTED
    never = await store.accept(message(502, thread=OTHER), terms(admissions=listening))
    assert never.verdict is Admission.IGNORED


async def test_a_committed_turn_becomes_void_as_well(store: Store) -> None:
    """Protocol: an answer in delivery is taken back; refusal says that none is recorded."""
    work = await begin(store, 1, token="mine")
    await store.commit(work.lease, work.revision, draft(0))
    await store.erase(THREAD, at=NOW)
    assert await store.renew(work.lease, work.revision) == "changed"
    assert await store.settle(work.lease, Outcome.DONE) == "void"
    assert await store.settle(work.lease, Outcome.CLEARED) == "free"


async def test_settings_made_after_an_erase_stay(store: Store) -> None:
    """What was set after the line is not the line's to take."""
    work = await begin(store, 1)
    await store.erase(THREAD, at=NOW)
    muted = ScopeSettings(muted=True)
    await store.set_thread(THREAD, Kind.THREAD, muted, ttl=100)
    await store.settle(work.lease, Outcome.CLEARED)
    assert await store.thread_settings(THREAD) == muted


# --- reset ----------------------------------------------------------------------------------


async def test_a_reset_keeps_the_log_and_forgets_it(store: Store) -> None:
    """Port: the same line is drawn, and the log stays for `history`."""
    await converse(store, 1, 2)
    await store.erase(THREAD, at=NOW, keep_log=True)
    assert len(await store.history(THREAD)) == 4
    work = await begin(store, 501)
    assert (work.reset_position, work.since, work.head) == (2, 2, 2)
    assert [r.id for r in work.records if isinstance(r, Entry)] == ["m501"]
    assert not (await store.accept(message(499), terms())).work
    assert (await store.accept(message(498), terms())).verdict is Admission.GONE


async def test_a_reset_forgets_what_waits(store: Store) -> None:
    """The line stands behind it: it is not answered any more, and not admitted again."""
    await store.accept(message(1), terms())
    await store.accept(message(2), OVERHEAR)
    await store.erase(THREAD, at=NOW, keep_log=True)
    assert await store.claim_any(["slack"], "mine") == NothingDue(seconds=None)
    assert (await store.threads()).threads[0].waiting == 0


async def test_a_reset_that_is_heard_late_leaves_what_was_said_after_it(store: Store) -> None:
    """Its line is a time of the platform: what waits there and was said later still waits."""
    await converse(store, 1)
    for number in (2, 600):
        await store.accept(message(number), terms())
    await store.accept(message(601), OVERHEAR)
    await store.erase(THREAD, at=NOW, keep_log=True)
    work = await store.claim(THREAD, "mine")
    assert work is not None
    assert (work.lease.turn, work.reset_position, work.head, work.tries) == ("m600", 2, 2, 1)
    assert [record.position for record in work.records] == [2, 3]
    assert await finish(store, work) == "free"


async def test_a_reset_that_is_heard_late_lets_a_later_turn_begin_anew(store: Store) -> None:
    """The running turn answers what was said after the line, and has to forget what was before."""
    await converse(store, 1)
    work = await begin(store, 600, token="mine")
    await store.erase(THREAD, at=NOW, keep_log=True)
    assert await store.renew(work.lease, work.revision) == "changed"
    work = await store.claim(THREAD, "mine") or work
    assert (work.state, work.reset_position, work.head) == (TurnState.OPEN, 1, 1)
    assert await finish(store, work) == "free"


async def test_a_reset_during_a_turn(store: Store) -> None:
    """Its turn is void; when it is cleared the thread is there still, with its log."""
    await converse(store, 1)
    work = await begin(store, 2)
    await store.erase(THREAD, at=NOW, keep_log=True)
    assert await store.settle(work.lease, Outcome.DONE) == "void"
    assert await store.settle(work.lease, Outcome.CLEARED) == "free"
    assert len(await store.history(THREAD)) == 3
    (info,) = (await store.threads()).threads
    assert info.turns == 1


async def test_a_reset_keeps_settings_and_what_is_buried(store: Store) -> None:
    """They are not the conversation."""
    full = ScopeSettings(strategy="full", reach=7)
    work = await begin(store, 1)
    await store.commit(work.lease, work.revision, draft(0, kind=AnswerKind.BURIED))
    await store.settle(work.lease, Outcome.DONE)
    await store.set_thread(THREAD, Kind.THREAD, full, ttl=10_000)
    await store.erase(THREAD, at=NOW, keep_log=True)
    assert await store.thread_settings(THREAD) == full
    assert [b.entry.id for b in await store.buried()] == ["m1"]


async def test_a_reset_heard_again_takes_nothing_that_was_said_since(store: Store) -> None:
    """Port: a reset at or before the thread's line changes nothing, no matter who repeats it."""
    await converse(store, 1)
    await store.erase(THREAD, at=1001.5, keep_log=True)
    work = await begin(store, 2)
    await store.erase(THREAD, at=1001.5, keep_log=True)
    await store.erase(THREAD, at=900.0, keep_log=True)
    assert await store.renew(work.lease, work.revision) == "ok"
    assert await finish(store, work) == "free"
    seen = await store.peek(THREAD)
    assert seen is not None
    assert (seen.reset_position, seen.head) == (1, 2)
    await store.erase(THREAD, at=1001.5)
    assert await store.peek(THREAD) is None, "an erase is one, whatever its time"
