"""Two processes on the same data: none lost, none doubled, in order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core.domain.message import ThreadKey
from core.domain.session import Answer, Entry
from core.store.values import NothingDue, Outcome, Work
from tests.builders import THREAD, begin, draft, finish, message, terms

if TYPE_CHECKING:
    from core.store.port import Store
    from tests.contract.stores import Harness

MANY = terms(waiting_limit=1000)


async def test_each_message_is_accepted_once(harness: Harness) -> None:
    """I2: two replicas that both receive every event; one is told that it is new."""
    stores = [await harness.store(), await harness.store()]
    answers = await asyncio.gather(
        *(store.accept(message(n), MANY) for n in range(60) for store in stores)
    )
    assert sum(answer.new for answer in answers) == 60
    entries = await stores[0].history(THREAD)
    assert sorted(e.id for e in entries if isinstance(e, Entry)) == sorted(
        f"m{n}" for n in range(60)
    )
    assert [entry.position for entry in entries] == list(range(60))


async def test_a_thread_is_claimed_once(harness: Harness) -> None:
    """One lease at a time, no matter who asks and how."""
    stores = [await harness.store(), await harness.store()]
    await stores[0].accept(message(1), terms())
    claims: list[Work | NothingDue | None] = await asyncio.gather(
        *(store.claim(THREAD, f"a{n}") for n in range(10) for store in stores),
        *(store.claim_any(["slack"], f"b{n}") for n in range(10) for store in stores),
    )
    work = [claim for claim in claims if isinstance(claim, Work)]
    assert len({claim.lease.token for claim in work}) == 1
    assert {claim.tries for claim in work} == {1}


async def test_one_of_two_commits_counts(harness: Harness) -> None:
    """At most one answer per turn, also when both hold that they hold the lease."""
    first, second = await harness.store(), await harness.store()
    old = await begin(first, 1)
    await harness.expire_lease(THREAD)
    new = await second.claim(THREAD, "theirs")
    assert new is not None
    outcomes = await asyncio.gather(
        first.commit(old.lease, old.revision, draft(0, "old")),
        second.commit(new.lease, new.revision, draft(0, "new")),
    )
    assert isinstance(outcomes[1], Answer)
    answers = [r for r in await first.history(THREAD) if isinstance(r, Answer)]
    assert [answer.text for answer in answers] == ["new"]


async def answer_all(store: Store, name: str, done: asyncio.Event) -> None:
    """Take turns until there is nothing more to come and nothing left."""
    count = 0
    while True:
        count += 1
        is_done = done.is_set()  # before the look: nothing comes behind it
        work = await store.claim_any(["slack"], f"{name}{count}")
        if isinstance(work, NothingDue):
            if is_done and work.seconds is None:
                return
            await asyncio.sleep(0.001)
            continue
        following: Work | str = work
        while isinstance(following, Work):
            following = await finish(store, following)


async def test_every_message_is_answered_once_in_order(harness: Harness) -> None:
    """I1, I2, I4: two processes accept and answer in three threads at once."""
    stores = [await harness.store(), await harness.store()]
    keys = [ThreadKey("slack", "C1", f"{n}") for n in range(3)]
    done = asyncio.Event()

    async def speak(store: Store, key: ThreadKey, numbers: range) -> None:
        for number in numbers:
            await store.accept(message(number, thread=key), MANY)

    async with asyncio.TaskGroup() as workers:
        for index, store in enumerate(stores):
            workers.create_task(answer_all(store, f"worker{index}.", done))
        async with asyncio.TaskGroup() as speakers:
            for key in keys:
                speakers.create_task(speak(stores[0], key, range(20)))
                speakers.create_task(speak(stores[1], key, range(10, 30)))
        done.set()

    for key in keys:
        records = await stores[0].history(key)
        ids = [record.id for record in records if isinstance(record, Entry)]
        assert sorted(ids) == sorted(f"m{n}" for n in range(30))
        assert [r.position for r in records if isinstance(r, Entry)] == list(range(30))
        assert isinstance(records[-1], Answer)
        # The order in which each process spoke is the order of the thread.
        firsts = [int(i[1:]) for i in ids if int(i[1:]) < 10]
        lasts = [int(i[1:]) for i in ids if int(i[1:]) >= 20]
        assert (firsts, lasts) == (sorted(firsts), sorted(lasts))
        work = await stores[1].peek(key)
        assert work is not None
        assert (work.head, work.next, work.lease.turn) == (30, 30, "")


async def test_no_wake_up_is_lost_between_settle_and_accept(harness: Harness) -> None:
    """Protocol: settle opens the next turn or frees the thread in one step with the look."""
    first, second = await harness.store(), await harness.store()
    work = await begin(first, 0)
    for number in range(1, 40):
        await first.commit(work.lease, work.revision, draft(work.next - 1))
        settled, accepted = await asyncio.gather(
            first.settle(work.lease, Outcome.DONE),
            second.accept(message(number), MANY, f"token{number}"),
        )
        got = [w for w in (settled, accepted.work) if isinstance(w, Work)]
        assert len(got) == 1
        work = got[0]
        assert work.lease.turn == f"m{number}"


async def test_what_one_process_does_the_other_sees(harness: Harness) -> None:
    """No verb answers from what a process remembers."""
    first, second = await harness.store(), await harness.store()
    work = await begin(first, 1)
    await second.amend(THREAD, "m1", ("x",), edited_at=2000.0, text="better")
    assert await first.renew(work.lease, work.revision) == "changed"
    await second.erase(THREAD, at=1500.0)
    assert await first.history(THREAD) == ()
    assert await first.settle(work.lease, Outcome.DONE) == "void"


async def test_a_repeated_claim_shows_what_another_process_did(harness: Harness) -> None:
    """A live lease is answered as the thread is now, no matter who changed it."""
    first, second = await harness.store(), await harness.store()
    await begin(first, 1, token="mine")
    await second.accept(message(2), terms())
    now = await first.claim(THREAD, "mine")
    assert now is not None
    assert [record.position for record in now.records] == [0, 1]
    await second.erase(THREAD, at=1500.0)
    now = await first.claim(THREAD, "mine")
    assert now is not None
    assert now.records == ()
