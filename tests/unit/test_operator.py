"""What the operator's commands print is inert, whatever people have written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bots.ops.operator import buried, forget
from bots.settings.settings import Settings
from core.domain.clock import SystemClock
from core.domain.message import Author
from core.domain.session import AnswerKind
from core.store.urls import open_store
from tests.builders import begin, finish

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

CONTROLS = "a\x1b]0;pwned\x07b\x1b[2J\u202ec\nslack:C1:1 0 Boss: d\u2028e\x9b31m"


async def test_a_message_that_was_given_up_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    store = await open_store(url, clock=SystemClock(), lease_seconds=5)
    work = await begin(store, 1, text=CONTROLS, author=Author(id="U1", name=CONTROLS))
    await finish(store, work, kind=AnswerKind.BURIED)
    await store.close()
    assert await buried(Settings.model_validate({"store": url})) == 0
    (line,) = capsys.readouterr().out.splitlines()
    inert = "a]0;pwnedb[2Jc slack:C1:1 0 Boss: d e31m"
    assert line == f"slack:C1:100.1 0 {inert} ({Author(id='U1', name='').tag}): {inert}"


async def test_forgetting_asks_first_and_then_removes_a_person(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    settings = Settings.model_validate({"store": url})
    store = await open_store(url, clock=SystemClock(), lease_seconds=5)
    await finish(store, await begin(store, 1, author=Author(id="U0PERSON1", name="Ann")))
    await store.close()
    assert await forget(settings, "slack", "person", "U0PERSON1", sure=False) == 1
    assert "1 conversation would be cleared" in capsys.readouterr().err
    assert await forget(settings, "slack", "person", "U0PERSON1", sure=True) == 0
    store = await open_store(url, clock=SystemClock(), lease_seconds=5)
    assert [info async for info in store.all_threads()] == []
    (event,) = await store.audited()
    assert (event.by, str(event.thread)) == ("operator", "slack:everywhere:all")
    await store.close()
