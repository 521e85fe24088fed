"""The SQLite file itself: who may read it, what happens when it can't be used, and how it grows."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import stat
import sys
from typing import TYPE_CHECKING

import pytest

from core.domain.errors import (
    StoreDamagedError,
    StoreRefusedError,
    StoreUnavailableError,
)
from core.store.sql.sqlite import file, schema
from core.store.sql.sqlite import store as sqlite_store
from core.store.sql.sqlite.store import SqliteStore
from tests.builders import THREAD, begin, converse, message, terms
from tests.clocks import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "store.db"


@contextlib.asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(path, ManualClock())
    try:
        yield store
    finally:
        await store.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def content(path: Path) -> bytes:
    return path.read_bytes()


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


async def ask(store: SqliteStore, pragma: str) -> tuple:
    return await store._file.read(lambda c: c.execute(f"PRAGMA {pragma}").fetchone())


async def refused(path: Path) -> str:
    with pytest.raises(StoreRefusedError) as caught:
        await SqliteStore.open(path, ManualClock())
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    return text


# --- the file -------------------------------------------------------------------------------


async def test_only_its_user_may_read_it(path: Path) -> None:
    before = os.umask(0)
    try:
        async with opened(path) as store:
            await store.accept(message(1), terms())
            assert mode(path.parent) == 0o700
            files = list(path.parent.iterdir())
            assert {file.name for file in files} == {"store.db", "store.db-wal", "store.db-shm"}
            assert {mode(file) for file in files} == {0o600}
            assert len(await store.check()) == 1
            os.chmod(path, 0o644)  # noqa: PTH101 - pathlib's counts as blocking
            assert "chmod 600" in (await store.check())[1]
    finally:
        os.umask(before)


async def test_check_names_the_file_and_its_host(path: Path) -> None:
    async with opened(path) as store:
        (sentence,) = await store.check()
    assert str(path) in sentence
    assert "this host" in sentence


async def test_what_is_kept_outlives_the_process(path: Path) -> None:
    async with opened(path) as store:
        await converse(store, 1)
    async with opened(path) as store:
        assert len(await store.history(THREAD)) == 2
    assert [file.name for file in path.parent.iterdir()] == ["store.db"]


async def test_an_accepted_message_outlives_a_kill(path: Path) -> None:
    """Killed right after accept has answered, with no chance to put anything in order."""
    program = """
import asyncio, os, pathlib, sys
from core.store.sql.sqlite.store import SqliteStore
from tests.builders import message, terms
from tests.clocks import ManualClock

async def main():
    store = await SqliteStore.open(pathlib.Path(sys.argv[1]), ManualClock())
    await store.accept(message(1), terms())
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(path))
    assert await killed.wait() == -9
    async with opened(path) as store:
        assert len(await store.history(THREAD)) == 1


async def test_each_commit_is_flushed(path: Path) -> None:
    """A power cut can't be had here; that SQLite was told to flush can be seen."""
    async with opened(path) as store:
        for pragma, value in (("synchronous", 2), ("journal_mode", "wal"), ("secure_delete", 1)):
            assert await ask(store, pragma) == (value,)


async def test_closing_twice(path: Path) -> None:
    async with opened(path) as store:
        await store.close()


async def test_closing_ends_waiting(path: Path) -> None:
    async with opened(path) as store:
        waiter = asyncio.create_task(store.wait(["slack"], 30))
        await asyncio.sleep(0.05)
    await asyncio.wait_for(waiter, 2)


# --- what can't be used -----------------------------------------------------------------------


async def test_a_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "choose another path" in await refused(tmp_path / "file" / "store.db")


async def test_a_folder(tmp_path: Path) -> None:
    assert "choose another path" in await refused(tmp_path)


async def test_no_right_to_write(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may run as a user whom no file mode stops."""

    def forbid(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", forbid)
    text = await refused(path)
    assert "Permission denied" in text
    assert "writable" in text


async def test_no_database(path: Path) -> None:
    diary = b"Dear diary, " * 100
    write(path, diary)
    assert "no SQLite database" in await refused(path)
    assert content(path) == diary


async def test_another_programs_database(path: Path) -> None:
    write(path, b"")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    before = content(path)
    assert "another program's database" in await refused(path)
    assert content(path) == before


async def test_a_file_of_each_older_version_is_brought_up_to_date(path: Path) -> None:
    for version in range(1, schema.VERSION):
        old = path.with_name(f"{version}.db")
        write(old, b"")
        with contextlib.closing(sqlite3.connect(old)) as connection:
            for statements in schema.MIGRATIONS[:version]:
                for statement in statements:
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version}")
        async with opened(old) as store:
            await converse(store, 1)
            assert await store.audited() == ()
            assert await ask(store, "user_version") == (schema.VERSION,)


async def test_a_schema_from_the_future_is_left_untouched(path: Path) -> None:
    async with opened(path) as store:
        await store.accept(message(1), terms())
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    before = content(path)
    assert "newer program" in await refused(path)
    assert content(path) == before


async def test_a_damaged_file(path: Path) -> None:
    async with opened(path) as store:
        for number in range(20):
            await store.accept(message(number, "x" * 500), terms())
    good = content(path)
    write(path, good[:4096] + b"\xff" * (len(good) - 4096))
    store = await SqliteStore.open(path, ManualClock())
    with pytest.raises(StoreDamagedError, match="backup"):
        await store.accept(message(21), terms())
    await store.close()


# --- what fails for now -----------------------------------------------------------------------


async def test_a_full_disk(path: Path) -> None:
    async with opened(path) as store:
        await store.accept(message(1), terms())
        await store._file.read(lambda c: c.execute("PRAGMA max_page_count = 1").fetchall())
        with pytest.raises(StoreUnavailableError, match=r"disk is full.*make room"):
            await store.accept(message(2, "x" * 60_000), terms())
        await store._file.read(lambda c: c.execute("PRAGMA max_page_count = 100000").fetchall())
        assert len(await store.history(THREAD)) == 1
        assert (await store.accept(message(2), terms())).new


async def test_a_file_that_somebody_keeps_locked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "PATIENCE", 0.2)
    async with opened(path) as store:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailableError, match="another process keeps it locked"):
                await store.accept(message(1), terms())
            assert await store.history(THREAD) == ()
        assert (await store.accept(message(1), terms())).new


async def test_a_file_that_turned_read_only(path: Path) -> None:
    async with opened(path) as store:
        await store._file.read(lambda c: c.execute("PRAGMA query_only = 1").fetchall())
        with pytest.raises(StoreRefusedError, match="writable"):
            await store.check()


async def test_a_step_that_fails_leaves_nothing(path: Path) -> None:
    """A fault of our own is no fault of the file's, and half a step is none."""
    async with opened(path) as store:

        def half(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO cursor VALUES ('a', 1)")
            connection.execute("INSERT INTO nowhere VALUES (1)")

        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            await store._file.write(half)
        assert await store.cursor("a") == 0
        assert await store.advance("a", 2) == 2


# --- several at once, and many ----------------------------------------------------------------


async def test_many_open_a_new_file_at_once(path: Path) -> None:
    stores = await asyncio.gather(*(SqliteStore.open(path, ManualClock()) for _ in range(8)))
    for number, store in enumerate(stores):
        assert (await store.accept(message(number), terms())).new
    for store in stores:
        await store.close()


async def test_a_verb_reads_no_more_in_a_long_log(path: Path) -> None:
    """The cost of a turn is flat: SQLite's own count of its steps says so."""

    async def steps(store: SqliteStore, number: int) -> int:
        counted = 0

        def count() -> int:
            nonlocal counted
            counted += 1
            return 0

        await store._file.read(lambda c: c.set_progress_handler(count, 1))
        await converse(store, number, on=terms(reach=20))
        await store._file.read(lambda c: c.set_progress_handler(None, 1))
        return counted

    async with opened(path) as store:
        for number in range(30):
            await converse(store, number, on=terms(reach=20))
        early = await steps(store, 1000)
        for number in range(30, 300):
            await converse(store, number, on=terms(reach=20))
        late = await steps(store, 2000)
    assert late <= early * 1.05


async def test_a_rerun_of_the_schema_changes_nothing(path: Path) -> None:
    async with opened(path) as store:
        await begin(store, 1)
    before = content(path)
    async with opened(path):
        pass
    assert content(path) == before


def logged(path: Path, word: str) -> bool:
    """Return whether a word is anywhere in the file or beside it."""
    return any(word.encode() in each.read_bytes() for each in path.parent.glob(f"{path.name}*"))


async def test_while_somebody_reads_the_log_of_writes_is_emptied_later(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup that reads holds nobody up, and what was removed goes once it has ended."""
    monkeypatch.setattr(sqlite_store, "_SCRUB_SECONDS", 0.05)
    async with opened(path) as store:
        await store.accept(message(1, "zebra " * 2000), terms())
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            assert "zebra" in str(reader.execute("SELECT body FROM entry").fetchall())
            async with asyncio.timeout(file.PATIENCE - 1):
                assert await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text=None)
                await store.accept(message(2), terms())
            assert logged(path, "zebra")
            await asyncio.sleep(0.2)
            reader.execute("COMMIT")
        async with asyncio.timeout(10):
            while logged(path, "zebra"):
                await asyncio.sleep(0.05)
        assert store._scrubbing is None or not store._scrubbing.done()
        assert (await ask(store, "busy_timeout"))[0] == file.PATIENCE * 1000


@pytest.mark.parametrize("code", [sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_SCHEMA])
def test_what_other_processes_cause_passes(code: int, path: Path) -> None:
    """Sources: sqlite.org/rescode.html#protocol ("locking protocol") and #schema."""
    error = sqlite3.OperationalError("locking protocol")
    error.sqlite_errorcode = code
    assert isinstance(file._in_words(error, path), StoreUnavailableError)
