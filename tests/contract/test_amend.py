"""amend: what people edit or delete changes wherever it stands, and a running turn hears of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.admission import Admission
from core.domain.message import Attachment
from core.domain.session import AnswerKind, Entry, Status
from core.store.values import Accepted, Changed, Outcome
from tests.builders import OTHER, OVERHEAR, THREAD, begin, converse, draft, finish, message, terms

if TYPE_CHECKING:
    from core.store.port import Store
    from core.store.values import Work
    from tests.contract.stores import Harness


async def edit(store: Store, number: int, text: str | None, stamp: float = 2000.0) -> bool:
    return await store.amend(THREAD, f"m{number}", (f"event{number}",), edited_at=stamp, text=text)


async def look(store: Store) -> Work:
    work = await store.peek(THREAD)
    assert work is not None
    return work


async def claimed(store: Store) -> Work:
    work = await store.claim(THREAD, "token")
    assert work is not None
    return work


async def entries(store: Store) -> list[Entry]:
    return [record for record in await store.history(THREAD) if isinstance(record, Entry)]


async def test_an_edit_changes_text_and_rev(store: Store) -> None:
    """Protocol: text changed, new `revision`; the message stays where it is."""
    await store.accept(message(1), terms())
    before = await look(store)
    assert await edit(store, 1, "better")
    (entry,) = await entries(store)
    assert (entry.position, entry.text, entry.status) == (0, "better", Status.ADDRESSED)
    after = await look(store)
    assert before.revision != after.revision
    assert await store.claim(THREAD, "mine") is not None


@pytest.mark.parametrize("stamp", [2000.0, 1999.0])
async def test_an_edit_no_newer_than_the_last_has_no_effect(store: Store, stamp: float) -> None:
    """Protocol: needs a newer stamp; the same stamp: done, without effect (also on `revision`)."""
    await store.accept(message(1), terms())
    await edit(store, 1, "better")
    before = await look(store)
    assert await edit(store, 1, "worse", stamp)
    assert await look(store) == before


@pytest.mark.parametrize("stamp", [2000.0, 1999.0])
async def test_no_older_edit_changes_what_came_in_edited(store: Store, stamp: float) -> None:
    """The same where a message's edit was told, or read, before the message itself."""
    await store.accept(replace(message(1, "better"), edited_at=2000.0), terms())
    before = await look(store)
    assert await edit(store, 1, "worse", stamp)
    assert await look(store) == before
    (entry,) = await entries(store)
    assert (entry.text, entry.edited_at) == ("better", 2000.0)
    assert await edit(store, 1, "best", 2001.0)
    (entry,) = await entries(store)
    assert entry.text == "best"


async def test_edits_follow_each_other(store: Store) -> None:
    """The same: a newer one counts."""
    await store.accept(message(1), terms())
    await edit(store, 1, "better")
    await edit(store, 1, "best", 2000.5)
    assert [entry.text for entry in await entries(store)] == ["best"]


FILES = tuple(
    Attachment(id=f"F{n}", name=f"{n} \N{FOX FACE}.png", media_type="image/png", size=10**12 + n)
    for n in range(3)
)


async def amended(store: Store, *files: Attachment, text: str = "text 1") -> tuple[str, ...]:
    """Give the first message these files; return those that it has then."""
    names = ("event1",)
    assert await store.amend(THREAD, "m1", names, edited_at=2000.0, text=text, attachments=files)
    (entry,) = await entries(store)
    assert entry.text == text
    return tuple(file.id for file in entry.attachments)


@pytest.mark.parametrize("now", [(), FILES[:1], FILES[1:], (FILES[2], FILES[0])])
async def test_an_edit_changes_files(store: Store, now: tuple[Attachment, ...]) -> None:
    """A file is taken out or replaced while the words stay: it is in no later turn."""
    await store.accept(message(1, attachments=FILES[:2]), terms())
    before = await look(store)
    await amended(store, *now)
    (entry,) = await entries(store)
    assert entry.attachments == now
    assert before.revision != (await look(store)).revision
    assert await edit(store, 1, "text 1", 2000.0)
    (entry,) = await entries(store)
    assert entry.attachments == now


async def test_an_edit_may_bring_the_first_file(store: Store) -> None:
    """As Discord allows; the entry had no place for any."""
    await store.accept(message(1), terms())
    assert await amended(store, FILES[0], text="look") == ("F0",)


async def test_an_edit_of_words_alone_leaves_the_files(store: Store) -> None:
    """A caller that does not know of files changes none."""
    await store.accept(message(1, attachments=FILES), terms())
    assert await edit(store, 1, "better")
    (entry,) = await entries(store)
    assert entry.attachments == FILES


async def test_what_lost_a_file_once_it_was_answered_is_marked(store: Store) -> None:
    """The answer may tell what was in it; one that is still to be given will not."""
    await store.accept(message(1, attachments=FILES), terms())
    await finish(store, await claimed(store))
    await store.accept(message(2, attachments=FILES), terms())
    for number in (1, 2):
        names = (f"event{number}",)
        given: dict[str, Any] = {"edited_at": 2000.0, "text": "same", "attachments": FILES}
        assert await store.amend(THREAD, f"m{number}", names, **given)
        assert [entry.lost_file for entry in await entries(store)] == [number > 1, False]
        given |= {"edited_at": 2001.0, "attachments": FILES[1:]}
        assert await store.amend(THREAD, f"m{number}", names, **given)
        assert [entry.lost_file for entry in await entries(store)] == [True, False]
        given |= {"edited_at": 2002.0, "attachments": FILES}
        assert await store.amend(THREAD, f"m{number}", names, **given)
    assert [entry.lost_file for entry in await entries(store)] == [True, False]


async def test_what_is_deleted_with_a_file_is_marked_as_well(store: Store) -> None:
    """So is what an edit has left empty; what had no file is not."""
    for number in (1, 2, 3):
        files = FILES[: number - 1]
        await store.accept(message(number, attachments=files), terms())
    await finish(store, await claimed(store))
    await edit(store, 1, None)
    await edit(store, 2, None)
    await store.amend(THREAD, "m3", ("x",), edited_at=2000.0, text="", attachments=())
    assert [entry.lost_file for entry in await entries(store)] == [False, True, True]


async def test_a_copy_that_is_put_in_again_has_no_answer_yet(store: Store) -> None:
    """So none tells of a file that it had before."""
    await store.accept(message(1, attachments=FILES), terms())
    work = await claimed(store)
    await store.commit(work.lease, work.revision, draft(0, kind=AnswerKind.BURIED))
    await store.settle(work.lease, Outcome.DONE)
    await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text="same", attachments=FILES[:1])
    assert await store.requeue(THREAD, 0)
    assert [entry.lost_file for entry in await entries(store)] == [True, False]
    await store.amend(THREAD, "m1", ("x",), edited_at=2001.0, text="same", attachments=())
    assert [entry.lost_file for entry in await entries(store)] == [True, False]


async def test_an_edit_that_leaves_nothing_deletes(store: Store) -> None:
    """A message's only file is taken out: nothing waits for an answer."""
    await store.accept(message(1, "", attachments=FILES[:1]), terms())
    await store.accept(message(2, "", attachments=FILES[:1]), terms())
    assert await store.amend(THREAD, "m1", ("event1",), edited_at=2000.0, text="", attachments=())
    assert await store.amend(
        THREAD, "m2", ("event2",), edited_at=2000.0, text="", attachments=FILES
    )
    first, second = await entries(store)
    assert (first.text, first.attachments, first.status) == ("", (), Status.DELETED)
    assert (second.attachments, second.status) == (FILES, Status.ADDRESSED)
    (info,) = (await store.threads()).threads
    assert info.waiting == 1


async def test_such_an_edit_is_out_of_date_like_any_other(store: Store) -> None:
    """Unlike a deletion it has a time, and what is not known yet may come as it is by now."""
    await store.accept(message(1, attachments=FILES[:1]), terms())
    await edit(store, 1, "better")
    before = await look(store)
    assert await store.amend(THREAD, "m1", ("event1",), edited_at=1999.0, text="", attachments=())
    assert await look(store) == before
    assert not await store.amend(
        THREAD, "m2", ("event2",), edited_at=2000.0, text="", attachments=()
    )
    assert (await store.accept(message(2), terms())).new


async def test_such_an_edit_below_the_summary_withholds_it(store: Store) -> None:
    """As a deletion does."""
    await converse(store, 1, 2)
    work = await look(store)
    assert await store.compact(THREAD, covers=0, revision=work.revision, to=1, text="so far")
    assert await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text="", attachments=())
    assert (await look(store)).summary.withheld


async def test_files_that_are_taken_out_stay_out_of_a_copy_put_in_again(store: Store) -> None:
    """The operator's copy is the same message."""
    work = await begin(store, 1)
    names = ("event1",)
    await store.commit(work.lease, work.revision, draft(0, kind=AnswerKind.BURIED))
    await store.settle(work.lease, Outcome.DONE)
    await store.amend(THREAD, "m1", names, edited_at=1, text="text 1", attachments=FILES)
    assert await store.requeue(THREAD, 0)
    assert [entry.attachments for entry in await entries(store)] == [FILES, FILES]
    await store.amend(THREAD, "m1", names, edited_at=2, text="text 1", attachments=())
    assert [entry.attachments for entry in await entries(store)] == [(), ()]


async def test_files_taken_out_below_the_summary_withhold_it(store: Store) -> None:
    """As a deletion does: it may tell what was in them."""
    await converse(store, 1, 2)
    work = await look(store)
    assert await store.compact(THREAD, covers=0, revision=work.revision, to=1, text="so far")
    await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text="text 1", attachments=FILES)
    summary = (await look(store)).summary
    assert (summary.text, summary.stale, summary.withheld) == ("so far", True, False)
    await store.amend(THREAD, "m1", ("x",), edited_at=2001.0, text="text 1", attachments=())
    summary = (await look(store)).summary
    assert (summary.text, summary.stale, summary.withheld) == ("", True, True)


async def test_a_turn_that_runs_hears_that_a_file_was_taken_out(store: Store) -> None:
    """Protocol: `revision` moves, so its answer is not recorded."""
    await store.accept(message(1, attachments=FILES), terms())
    work = await store.claim(THREAD, "mine")
    assert work is not None
    await amended(store)
    assert await store.renew(work.lease, work.revision) == "changed"
    found = await store.commit(work.lease, work.revision, draft(0))
    assert isinstance(found, Changed)
    (record,) = found.work.records
    assert isinstance(record, Entry)
    assert record.attachments == ()


async def test_a_deletion_blanks_and_is_final(store: Store) -> None:
    """Protocol: text blanked; a deletion is final."""
    file = Attachment(id="F1", name="a.png", media_type="image/png", size=1)
    await store.accept(message(1, attachments=(file,)), terms())
    await store.accept(message(2), terms())
    assert await edit(store, 1, None)
    before = await look(store)
    assert await edit(store, 1, None)
    assert await edit(store, 1, "back again", 3000.0)
    assert await look(store) == before
    first, second = await entries(store)
    assert (first.text, first.attachments, first.status) == ("", (), Status.DELETED)
    assert second.text == "text 2"


@pytest.mark.parametrize("stamp", [2000.0, 0.0])
async def test_a_deletion_needs_no_newer_stamp(store: Store, stamp: float) -> None:
    """A platform may tell of a deletion without a time; nothing comes after it."""
    await store.accept(message(1), terms())
    await edit(store, 1, "better")
    assert await edit(store, 1, None, stamp)
    (entry,) = await entries(store)
    assert (entry.text, entry.status) == ("", Status.DELETED)


async def test_a_deleted_message_does_not_come_back(store: Store) -> None:
    """Its event, repeated, is known, and its id is too."""
    await store.accept(message(1), terms())
    await edit(store, 1, None)
    again = await store.accept(message(1, identities=("new",)), terms())
    assert again == Accepted(verdict=Admission.GONE, new=False)
    assert not (await store.accept(message(1), terms(), "token")).new
    assert await store.claim(THREAD, "token") is None


async def test_a_deletion_before_its_message_keeps_it_out(store: Store) -> None:
    """Protocol: id unknown: a deletion marks it seen."""
    assert not await edit(store, 1, None)
    gone = Accepted(verdict=Admission.GONE, new=False)
    assert await store.accept(message(1), terms(), "token") == gone
    assert await store.history(THREAD) == ()
    await store.accept(message(2), terms())
    assert not await edit(store, 3, None)
    assert await store.accept(message(3), terms()) == gone


async def test_an_edit_before_its_message_leaves_nothing(harness: Harness, store: Store) -> None:
    """Protocol: an unknown id's edit is offered to `accept` under the same identity."""
    assert not await edit(store, 1, "better")
    assert list(await harness.remains()) == []
    assert (await store.accept(message(1, "better"), terms())).new


async def test_a_deleted_message_waits_no_more(store: Store) -> None:
    """Protocol: `waiting` - 1 if it was waiting; without a turn its work is gone."""
    await store.accept(message(1), terms())
    await store.accept(message(2), terms())
    await edit(store, 1, None)
    (info,) = (await store.threads()).threads
    assert info.waiting == 1
    await edit(store, 2, None)
    assert await store.claim(THREAD, "mine") is None
    (info,) = (await store.threads()).threads
    assert info.waiting == 0


async def test_a_deletion_makes_room(store: Store) -> None:
    """The limit counts what waits, not what ever waited; the same for the overheard."""
    strict = terms(waiting_limit=1)
    await store.accept(message(1), strict)
    await edit(store, 1, None)
    assert (await store.accept(message(2), strict)).verdict is Admission.ACCEPTED
    few = terms(Admission.OVERHEARD, overheard_limit=1)
    await store.accept(message(3), few)
    await edit(store, 3, None)
    await store.accept(message(4), few)
    await store.accept(message(5), few)
    assert [e.id for e in await entries(store) if e.status is Status.OVERHEARD] == ["m5"]


async def test_what_was_answered_waits_no_more_when_deleted(store: Store) -> None:
    """Only entries from `head` on wait."""
    await converse(store, 1)
    await store.accept(message(2), terms())
    await edit(store, 1, None)
    work = await store.claim(THREAD, "mine")
    assert work is not None
    assert work.lease.turn == "m2"


async def test_overheard_messages_are_amended_too(store: Store) -> None:
    """They are context of an answer."""
    await store.accept(message(1), OVERHEAR)
    await store.accept(message(2), OVERHEAR)
    await edit(store, 1, "better")
    await edit(store, 2, None)
    assert [(e.text, e.status) for e in await entries(store)] == [
        ("better", Status.OVERHEARD),
        ("", Status.DELETED),
    ]


async def test_dropping_goes_on_behind_a_deleted_message(store: Store) -> None:
    """Oldest out, and what was deleted in front of it is in nobody's way."""
    few = terms(Admission.OVERHEARD, overheard_limit=1)
    await store.accept(message(1), few)
    await edit(store, 1, None)
    for number in range(2, 6):
        await store.accept(message(number), few)
    assert [e.id for e in await entries(store)] == ["m1", "m5"]
    work = await begin(store, 6)
    assert work.head == 4
    assert await finish(store, work) == "free"


async def test_an_edit_below_the_summary_makes_it_stale(store: Store) -> None:
    """Protocol: below `covers`: summary stale; an edit does not withhold it."""
    await converse(store, 1, 2)
    work = await look(store)
    assert await store.compact(THREAD, covers=0, revision=work.revision, to=1, text="so far")
    await edit(store, 1, "better")
    summary = (await look(store)).summary
    assert (summary.text, summary.stale, summary.withheld) == ("so far", True, False)


async def test_a_deletion_below_the_summary_withholds_it(store: Store) -> None:
    """Protocol: after a deletion not shown until it is made again from the log."""
    await converse(store, 1, 2)
    work = await look(store)
    assert await store.compact(THREAD, covers=0, revision=work.revision, to=1, text="so far")
    await edit(store, 1, None)
    await edit(store, 1, "an edit that came late", 3000.0)
    work = await look(store)
    assert (work.summary.text, work.summary.stale, work.summary.withheld) == ("", True, True)
    assert await store.compact(THREAD, covers=1, revision=work.revision, to=1, text="made anew")
    summary = (await look(store)).summary
    assert (summary.text, summary.stale, summary.withheld) == ("made anew", False, False)


async def test_an_edit_behind_the_summary_leaves_it(store: Store) -> None:
    """The summary stands for [0, covers) alone."""
    await converse(store, 1, 2)
    work = await look(store)
    await store.compact(THREAD, covers=0, revision=work.revision, to=1, text="so far")
    await edit(store, 2, None)
    summary = (await look(store)).summary
    assert (summary.text, summary.stale, summary.withheld) == ("so far", False, False)


async def test_a_deleted_buried_message_is_the_operators_no_more(store: Store) -> None:
    """There is nothing left of it to requeue."""
    work = await begin(store, 1)
    await store.commit(work.lease, work.revision, draft(0, kind=AnswerKind.BURIED))
    await store.settle(work.lease, Outcome.DONE)
    await edit(store, 1, None)
    assert await store.buried() == ()
    assert not await store.requeue(THREAD, 0)


async def test_an_amendment_keeps_to_its_thread(store: Store) -> None:
    """I8: the same message id in another thread is another message."""
    await store.accept(message(1, thread=OTHER), terms())
    assert not await edit(store, 1, None)
    (entry,) = await store.history(OTHER)
    assert entry.text == "text 1"
