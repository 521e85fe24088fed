"""rate: what people think of an answer stays with it, each person's last word."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core.domain.ratings import BAD, GOOD, NONE, RATERS, Opinion, Rating
from core.domain.session import Answer
from core.store.values import Outcome, Work
from tests.builders import OTHER, THREAD, begin, converse, draft, finish

if TYPE_CHECKING:
    from core.store.port import Store
    from tests.contract.stores import Harness


def says(person: str, value: int = GOOD, at: float = 5.0, **more: object) -> Opinion:
    return Opinion(person=person, value=value, at=at, **more)  # type: ignore[arg-type]


async def answers(store: Store) -> list[Answer]:
    return [each for each in await store.history(THREAD) if isinstance(each, Answer)]


async def test_a_persons_last_word_counts_wherever_it_is_said(
    harness: Harness, store: Store
) -> None:
    await converse(store, 1, 2)
    other = await harness.store()
    before, _ = await answers(store)
    assert await store.rate(THREAD, 0, "m1", says("ANN"))
    assert await other.rate(THREAD, 0, "m1", says("BOB", BAD, 6.25, reason="It is “wrong” 🥜."))
    assert await other.rate(THREAD, 0, "m1", says("ANN", BAD, 7.5))
    assert await store.rate(THREAD, 0, "m1", says("ANN", GOOD, 7.0)), "an older word"
    first, second = await answers(store)
    assert set(first.ratings) == {
        Rating(person="BOB", value=BAD, at=6.25, reason="It is “wrong” 🥜."),
        Rating(person="ANN", value=BAD, at=7.5),
    }
    assert second.ratings == ()
    assert (first.text, first.usage, first.posted) == (before.text, before.usage, before.posted)
    assert first.sent_at == before.sent_at
    assert await other.rate(THREAD, 0, "m1", says("BOB", NONE))
    assert [each.person for each in (await answers(store))[0].ratings] == ["ANN"]


async def test_there_is_nothing_to_rate_but_an_answer(store: Store) -> None:
    await converse(store, 1)
    for thread, position, turn in ((OTHER, 0, "m1"), (THREAD, 1, "m1"), (THREAD, 0, "m2")):
        assert not await store.rate(thread, position, turn, says("ANN"))
    await begin(store, 2)
    assert not await store.rate(THREAD, 1, "m2", says("ANN")), "it is not answered yet"
    await store.erase(THREAD, at=9999)
    assert not await store.rate(THREAD, 0, "m1", says("ANN"))


async def test_a_rating_changes_nothing_for_a_turn_that_runs(store: Store) -> None:
    await converse(store, 1)
    work = await begin(store, 2, token="mine")
    await store.rate(THREAD, 0, "m1", says("ANN"))
    assert await store.renew(work.lease, work.revision) == "ok"
    assert await finish(store, work) == "free"
    first, second = await answers(store)
    assert ([each.person for each in first.ratings], second.ratings) == (["ANN"], ())


async def test_a_rating_before_the_end_of_its_turn_stays(store: Store) -> None:
    """A person may be quicker than the last call of the delivery."""
    work = await begin(store, 1, token="mine")
    assert isinstance(await store.commit(work.lease, work.revision, draft(0)), Answer)
    assert await store.rate(THREAD, 0, "m1", says("ANN", BAD))
    await store.settle(work.lease, Outcome.DONE, posted=("p1", "p2"))
    (answer,) = await answers(store)
    assert [each.value for each in answer.ratings] == [BAD]
    assert answer.posted == ("p1", "p2")


async def test_many_people_rate_one_answer_at_once(harness: Harness, store: Store) -> None:
    await converse(store, 1)
    stores = [store, await harness.store()]
    people = [f"U{number}" for number in range(12)]
    await asyncio.gather(
        *(stores[n % 2].rate(THREAD, 0, "m1", says(who)) for n, who in enumerate(people))
    )
    (answer,) = await answers(store)
    assert sorted(each.person for each in answer.ratings) == sorted(people)


async def test_what_is_kept_of_one_answer_is_bounded(store: Store) -> None:
    await converse(store, 1)
    for number in range(RATERS + 2):
        assert await store.rate(THREAD, 0, "m1", says(f"U{number}", reason="x" * 2000))
    assert await store.rate(THREAD, 0, "m1", says("U3", BAD, 9.0))
    (answer,) = await answers(store)
    assert len(answer.ratings) == RATERS
    assert answer.ratings[-1] == Rating(person="U3", value=BAD, at=9.0)
    assert {len(each.reason) for each in answer.ratings[:-1]} == {500}


async def test_a_reason_that_no_file_can_hold_is_kept_in_a_form_that_it_can(store: Store) -> None:
    await converse(store, 1)
    assert await store.rate(THREAD, 0, "m1", says("EVE", BAD, reason="\ud800 and \0, 🥜"))
    (answer,) = await answers(store)
    assert [each.reason for each in answer.ratings] == ["\ufffd and \ufffd, 🥜"]


async def test_the_next_turn_reads_a_rated_window(store: Store) -> None:
    """A store that keeps parsed windows reads the record again."""
    await converse(store, 1, 2)
    work = await begin(store, 3)
    await finish(store, work)
    await store.rate(THREAD, 0, "m1", says("ANN"))
    again = await begin(store, 4)
    assert isinstance(again, Work)
    assert next(r for r in again.records if isinstance(r, Answer)).ratings != ()
