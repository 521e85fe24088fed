"""redact: a person goes out of a thread that others stay in, and out of every byte of the store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.domain.message import Author, ThreadKey
from core.domain.session import Answer, Entry
from core.store.keys import AUDIT_LIMIT
from core.store.values import AuditEvent, Outcome, TurnState
from tests.builders import THREAD, begin, converse, draft, finish, message, terms

if TYPE_CHECKING:
    from core.domain.session import Record
    from core.store.port import Store
    from tests.contract.stores import Harness

PERSON = "UTHEPERSON"
NOBODY = Author(id="-", name="-")


async def kept(harness: Harness, *words: str) -> set[str]:
    """Return which of these words are kept anywhere, in whatever bytes."""
    parts = [k.encode() if isinstance(k, str) else k for k in await harness.everything()]
    return {word for word in words if any(word.encode() in part for part in parts)}


async def revision(store: Store) -> str:
    (now,) = await store.revisions([THREAD])
    return now


def bare(record: Record) -> Record:
    """Return a record without what it says, and without its author."""
    if isinstance(record, Answer):
        return replace(record, text="taken back", searched=(), notes=())
    return replace(record, author=NOBODY)


async def shared(store: Store) -> None:
    """Let a person and another one speak, fold it all, and delete the person's message."""
    work = await begin(store, 1, text="zebra " * 2000, author=PERSON)
    await finish(store, work, text="quagga " * 2000)
    await converse(store, 2)
    assert await store.compact(
        THREAD, covers=0, revision=await revision(store), to=1, text="okapi " * 2000
    )
    await store.amend(THREAD, "m1", (), edited_at=2000.0, text=None)


async def test_nothing_of_a_person_is_left_in_a_thread_that_others_keep(
    harness: Harness, store: Store
) -> None:
    await shared(store)
    before = await store.history(THREAD)
    assert await kept(harness, "zebra", "quagga", PERSON) == {"quagga", PERSON}
    assert await store.redact(
        THREAD,
        [bare(record) for record in before if record.position == 0],
        revision=await revision(store),
        person=PERSON,
    )
    assert await kept(harness, "zebra", "quagga", "okapi", PERSON) == set()
    after = await store.history(THREAD)
    assert [bare(record) for record in before[:2]] == list(after[:2])
    assert before[2:] == after[2:]
    assert (await store.threads(person=PERSON)).threads == ()
    (info,) = (await store.threads(person="U1")).threads
    assert info.people == 1
    work = await store.peek(THREAD)
    assert work is not None
    assert (work.people, work.summary.text, work.summary.withheld) == (1, "", True)


async def test_who_was_redacted_may_speak_again(store: Store) -> None:
    await shared(store)
    assert await store.redact(THREAD, [], revision=await revision(store), person=PERSON)
    await converse(store, 3, author=PERSON)
    (info,) = (await store.threads(person=PERSON)).threads
    assert info.people == 2


async def test_what_has_changed_since_it_was_read_is_not_written_over(store: Store) -> None:
    await shared(store)
    read_at = await revision(store)
    before = [record for record in await store.history(THREAD) if isinstance(record, Entry)]
    await store.amend(THREAD, "m2", (), edited_at=2000.0, text="edited")
    assert not await store.redact(THREAD, map_bare(before), revision=read_at, person=PERSON)
    entries = [record for record in await store.history(THREAD) if isinstance(record, Entry)]
    assert entries[1].text == "edited"
    assert len((await store.threads(person=PERSON)).threads) == 1


def map_bare(records: list[Entry]) -> list[Record]:
    return [bare(record) for record in records]


async def test_a_record_that_is_no_longer_there_stays_away(store: Store) -> None:
    await shared(store)
    gone = replace((await store.history(THREAD))[0], position=40)
    assert await store.redact(THREAD, [gone], revision=await revision(store))
    assert [record.position for record in await store.history(THREAD)] == [0, 0, 1, 1]


async def test_a_thread_that_is_not_kept_has_nothing_to_redact(store: Store) -> None:
    assert not await store.redact(THREAD, [], revision="", person=PERSON)
    assert not await store.redact(ThreadKey("slack", "C9", "9"), [], revision="x", person=PERSON)


async def test_an_answer_is_not_changed_while_it_is_delivered(store: Store) -> None:
    """Its pieces are cut out of the text as it was committed."""
    work = await begin(store, 1, author=PERSON)
    answer = await store.commit(work.lease, work.revision, draft(0, "one two", cuts=(3,)))
    assert isinstance(answer, Answer)
    now = await revision(store)
    assert not await store.redact(THREAD, [bare(answer)], revision=now)
    held = await store.claim(THREAD, work.lease.token)
    assert held is not None
    assert held.state is TurnState.COMMITTED
    assert await store.settle(work.lease, Outcome.DONE) == "free"
    assert await store.redact(THREAD, [bare(answer)], revision=await revision(store))


async def test_a_running_turn_starts_over_without_the_person(store: Store) -> None:
    work = await begin(store, 1)
    await store.accept(message(2, author=PERSON), terms())
    assert await store.redact(THREAD, [], revision=work.revision, person=PERSON)
    assert await store.renew(work.lease, work.revision) == "changed"


async def test_an_audit_event_can_be_written_over(harness: Harness, store: Store) -> None:
    now = await harness.time()
    one, two = (
        AuditEvent(id=name, what="forget", by=PERSON, thread=THREAD, at=now) for name in ("a", "ab")
    )
    for event in (one, two, one):
        await store.audit(event)
    await store.audit(replace(one, by="-"))
    assert await store.audited(limit=AUDIT_LIMIT) == (replace(one, by="-"), two)
    await store.audit(replace(two, by="-"))
    assert await kept(harness, PERSON) == set()
