"""`chatbot audit`: what admins did is there to be read, whatever became of the thread since."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from core.commands.audit import record
from core.domain.clock import SystemClock
from core.domain.message import ThreadKey
from core.store.sql.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.program import Program


async def test_what_admins_did_is_listed(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    program.settings["CHATBOT_STORE"] = f"sqlite:///{path}"
    nothing = await program.run("audit")
    assert (nothing.code, nothing.out) == (0, b"")
    clock, thread = SystemClock(), ThreadKey("slack", "T1:C1", "1.1")
    store = await SqliteStore.open(path, clock)
    try:
        for number in range(150):  # more than a page
            await record(store, "export", by=f"U{number}", thread=thread, at=clock.now() - number)
        await store.erase(thread, at=clock.now())
    finally:
        await store.close()
    listed = [json.loads(line) for line in (await program.run("audit")).lines]
    assert [line["by"] for line in listed] == [f"U{number}" for number in reversed(range(150))]
    assert {line["thread"] for line in listed} == {str(thread)}
    assert {line["deed"] for line in listed} == {"export"}
