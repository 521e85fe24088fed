"""Who may do what with one answer of the bot."""

from __future__ import annotations

import pytest

from core.commands.access import NOT_YOURS
from core.commands.answers import NOT_ASKED, NOT_RUNNING, STOPPING, AnswerCommands
from core.domain.clock import SystemClock
from core.domain.errors import DeniedError
from core.store.local.store import LocalStore
from tests.builders import OTHER, THREAD, begin, draft, message, terms
from tests.unit.test_authorized import ELSEWHERE, Town, authorized


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
