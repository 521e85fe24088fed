"""A SQLite file that several processes may share: transactions, and errors in words."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from core.domain.errors import StoreDamagedError, StoreRefusedError, StoreUnavailableError
from core.store.sql.sqlite.schema import migrate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Result = TypeVar("Result")

PATIENCE = 5.0
"""Seconds to wait for another process that writes; a step takes milliseconds."""
_MOMENT = 100
"""Milliseconds to wait for other readers when nothing depends on it."""


class SqliteFile:
    """Runs steps on a database file, one after the other, in a thread of its own."""

    def __init__(self, path: Path) -> None:
        """Take the path; `open` opens the file."""
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    async def open(self, *, read_only: bool = False) -> None:
        """Open the file; without `read_only`, also create it and migrate its tables.

        Raises:
            StoreRefusedError: The file can't be used; the text says why and what to do.
            StoreUnavailableError: Another process keeps it locked.
        """
        connect = _connect_to_read if read_only else _connect_to_write
        self._connection = await self._in_thread(lambda: connect(self.path))

    async def write(self, step: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run a step as one transaction with the write lock."""
        return await self._in_thread(lambda: self._transact("BEGIN IMMEDIATE", step))

    async def read(self, step: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run a step that reads a snapshot; writers don't block it."""
        return await self._in_thread(lambda: self._transact("BEGIN", step))

    async def scrub(self) -> bool:
        """Truncate the write-ahead log, so that what was removed is gone from the disk as well.

        Returns:
            False if other connections are reading.
        """

        def truncate() -> bool:
            if self._connection is None:
                return True
            self._connection.execute(f"PRAGMA busy_timeout = {_MOMENT}")
            try:
                busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                self._connection.execute(f"PRAGMA busy_timeout = {round(PATIENCE * 1000)}")
            return not busy

        return await self._in_thread(truncate)

    def remarks(self) -> tuple[str, ...]:
        """Return what the operator should know of the file."""
        one_host = (
            f"The store is the file {self.path}: "
            "it serves any number of processes, but only on this host."
        )
        if self.path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            shared = f"Other users of this host may open {self.path}: chmod 600 shuts them out."
            return one_host, shared
        return (one_host,)

    async def close(self) -> None:
        """Close the file after the running steps."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._in_thread(connection.close)
        self._thread.shutdown()

    async def _in_thread(self, job: Callable[[], Result]) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, job)
        except sqlite3.Error as error:
            sentence = _in_words(error, self.path)
            if sentence is None:
                raise
            raise sentence from error

    def _transact(self, begin: str, step: Callable[[sqlite3.Connection], Result]) -> Result:
        if self._connection is None:
            raise StoreUnavailableError(f"the store {self.path} is closed")
        self._connection.execute(begin)
        try:
            result = step(self._connection)
            self._connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # the first error is the one to report
                self._connection.rollback()
            raise
        return result


def _connect_to_write(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The file holds what people said. SQLite gives its side files the same mode.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreRefusedError(
            f"the store {path} can't be opened ({error.strerror}): "
            "make its folder and the file writable for this user, or choose another path"
        ) from error
    connection = _connect(f"{path.absolute().as_uri()}?mode=rw")
    try:
        migrate(connection, path)
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")  # an accepted message outlives a power cut
        connection.execute("PRAGMA secure_delete = ON")  # erased means overwritten
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_to_read(path: Path) -> sqlite3.Connection:
    return _connect(f"{path.absolute().as_uri()}?mode=ro")


def _connect(uri: str) -> sqlite3.Connection:
    # Used by one thread at a time; any thread may close it at the end of the program.
    return sqlite3.connect(
        uri, uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False
    )


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Let readers and a writer work side by side, if the file system supports it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
        except sqlite3.OperationalError as error:
            # SQLite itself does not wait here for another process that does the same.
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _code(error: sqlite3.Error) -> int:
    """Return the error's primary code; errors of Python's module have none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


_REFUSED = {
    sqlite3.SQLITE_PERM: "make the file and its folder writable for this user",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable for this user",
    sqlite3.SQLITE_CANTOPEN: "make the file and its folder writable for this user",
    sqlite3.SQLITE_NOTADB: "it is no SQLite database; choose another path",
    sqlite3.SQLITE_CORRUPT: (
        "the file is damaged; end the bot and put a backup in its place, "
        "or save what is left with `sqlite3 FILE .recover`"
    ),
}
_DAMAGED = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
_UNAVAILABLE = {
    sqlite3.SQLITE_PROTOCOL: "other processes open or close it at the same moment",
    sqlite3.SQLITE_SCHEMA: "its tables are being changed",
    sqlite3.SQLITE_BUSY: "another process keeps it locked; end that process if it hangs",
    sqlite3.SQLITE_LOCKED: "another process keeps it locked; end that process if it hangs",
    sqlite3.SQLITE_FULL: "the disk is full; make room on it",
    sqlite3.SQLITE_IOERR: "the disk does not read or write; look at the system's log",
}


def _in_words(error: sqlite3.Error, path: Path) -> StoreRefusedError | StoreUnavailableError | None:
    """Return an error of SQLite in words for the operator; None for a bug of our own."""
    code = _code(error)
    if code in _REFUSED:
        kind = StoreDamagedError if code in _DAMAGED else StoreRefusedError
        return kind(f"the store {path} can't be used ({error}): {_REFUSED[code]}")
    if code in _UNAVAILABLE:
        return StoreUnavailableError(f"the store {path} fails ({error}): {_UNAVAILABLE[code]}")
    return None
