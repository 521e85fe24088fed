"""An export is read into every store, and the conversation goes on there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.commands.export.importing import import_file
from core.domain.clock import SystemClock
from core.store.local.store import LocalStore
from tests.builders import THREAD, begin, converse, finish
from tests.clocks import ManualClock
from tests.unit.test_export_json import talked, text_of, write

if TYPE_CHECKING:
    from pathlib import Path

    from core.store.port import Store
    from tests.contract.stores import Harness


async def test_what_is_imported_is_exported_as_the_same_bytes(
    harness: Harness, store: Store, tmp_path: Path
) -> None:
    first, path = LocalStore(SystemClock()), tmp_path / "a.json"
    clock = ManualClock(await harness.time())
    await talked(first)
    await converse(first, *range(10, 130), sent_at=1e12)
    text = await text_of(first)
    write(path, text)
    for conversations, there in ((2, 0), (0, 2)):
        done = await import_file(store, path, clock, ttl=lambda _: 9999, tell=lambda *_: None)
        assert (done.conversations, done.there, done.others) == (conversations, there, [])
        assert await text_of(store) == text
    before, now = await first.peek(THREAD), await store.peek(THREAD)
    assert before is not None
    assert now is not None
    assert (now.head, now.next, now.people) == (before.head, before.next, before.people)
    assert await finish(store, await begin(store, 200, sent_at=1e12 + 1)) == "free"
