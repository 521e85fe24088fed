"""Who may do what with one answer of the bot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.commands.access import NOT_YOURS
from core.commands.answers import NOT_ASKED, NOT_RUNNING, STOPPING, AnswerCommands
from core.commands.authorized import NOT_HEARD
from core.domain.clock import SystemClock
from core.domain.errors import DeniedError
from core.domain.ratings import BAD, GOOD, Opinion
from core.domain.session import Answer
from core.store.local.store import LocalStore
from core.store.values import Outcome
from tests.builders import OTHER, THREAD, begin, converse, draft, message, terms
from tests.unit.test_authorized import ELSEWHERE, Town, authorized

if TYPE_CHECKING:
    from core.domain.message import ThreadKey


async def refusal(answers: AnswerCommands, person: str, turn: str, thread: object = THREAD) -> str:
    """Return why a person may not stop a turn."""
    with pytest.raises(DeniedError) as denied:
        await answers.stop(person, thread, turn)  # type: ignore[arg-type]
    return str(denied.value)


async def test_who_asked_and_admins_stop_a_turn_and_nobody_else() -> None:
    town, store = Town(admins={"ROOT"}), LocalStore(SystemClock())
    work = await begin(store, 1, author="ANN")
    await store.accept(message(2, author="BOB"), terms())
    answers = AnswerCommands(authorized(town, store), store)
    assert await refusal(answers, "EVE", "m1") == NOT_ASKED
    assert await refusal(answers, "EVE", "m7") == NOT_RUNNING
    assert await refusal(answers, "ANN", "m1", OTHER) == NOT_YOURS
    assert await refusal(answers, "ROOT", "m1", ELSEWHERE) == NOT_YOURS
    town.left = {"ANN", "ROOT"}
    assert await refusal(answers, "ANN", "m1") == NOT_YOURS
    assert await refusal(answers, "ROOT", "m1") == NOT_YOURS
    town.left = set()
    assert await store.renew(work.lease, work.revision) == "ok"
    for person in ("ROOT", "ANN", "BOB", "BOB"):
        assert await answers.stop(person, THREAD, "m1") == STOPPING
    assert await store.renew(work.lease, work.revision) == "stopped"
    await store.commit(work.lease, work.revision, draft(1))
    assert await refusal(answers, "ANN", "m1") == NOT_RUNNING


async def test_an_admin_stops_no_answer_in_another_persons_direct_message() -> None:
    town, store = Town(admins={"ROOT"}, private={THREAD}), LocalStore(SystemClock())
    await begin(store, 1, author="ANN")
    answers = AnswerCommands(authorized(town, store), store)
    assert await refusal(answers, "ROOT", "m1") == NOT_ASKED


async def test_people_rate_only_answers_of_threads_that_they_see() -> None:
    town, store = Town(admins={"ROOT"}), LocalStore(SystemClock())
    await converse(store, 1, 2, author="ANN")
    answers = AnswerCommands(authorized(town, store), store)
    bad = Opinion(person="EVE", value=BAD, at=5.0, reason="wrong")

    async def rate(post: str, thread: ThreadKey = THREAD, *, seen: bool = False) -> bool:
        return await answers.rate(thread, post, bad, posted_at=1005.0, seen=seen)

    assert await rate("p1")
    assert not await rate("p9")
    assert not await rate("m1")
    with pytest.raises(DeniedError, match=NOT_YOURS):
        await rate("p1", ELSEWHERE)
    town.left = {"EVE"}
    with pytest.raises(DeniedError, match=NOT_YOURS):
        await rate("p1")
    town.denied = {"EVE"}
    with pytest.raises(DeniedError, match=NOT_HEARD):
        await rate("p1", seen=True)


async def test_an_old_answer_is_found_and_a_new_one_before_its_turn_has_ended() -> None:
    town, store = Town(), LocalStore(SystemClock())
    for number in range(1, 900):
        work = await begin(store, number, author="ANN", on=terms(reach=4))
        await store.commit(work.lease, work.revision, draft(work.next - 1))
        await store.settle(work.lease, Outcome.DONE, posted=(f"p{number}",))
    work = await begin(store, 900, on=terms(reach=4))
    await store.commit(work.lease, work.revision, draft(work.next - 1), "p900")
    answers = AnswerCommands(authorized(town, store), store)
    good = Opinion(person="BOB", value=GOOD, at=5.0)
    for number in (1, 500, 899, 900):
        assert await answers.rate(THREAD, f"p{number}", good, posted_at=1000.0 + number, seen=True)
    rated = [
        r.position for r in await store.history(THREAD, limit=2000) if getattr(r, "ratings", ())
    ]
    assert rated == [0, 499, 898, 899]


async def test_forgetting_what_one_said_removes_ones_ratings() -> None:
    town, store = Town(), LocalStore(SystemClock())
    await converse(store, 1, author="ANN")
    await converse(store, 2, author="BOB")
    answers = AnswerCommands(authorized(town, store), store)
    for person in ("ANN", "BOB"):
        good = Opinion(person=person, value=GOOD, at=5.0)
        assert await answers.rate(THREAD, "p1", good, posted_at=1001.0)
    await authorized(town, store).forget("ANN", THREAD, "own")
    kept = [r.ratings for r in await store.history(THREAD) if isinstance(r, Answer)]
    assert [[each.person for each in ratings] for ratings in kept] == [["BOB"], []]
