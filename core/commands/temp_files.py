"""Folders for files that are made to be sent, which hold what people said: gone once that is done.

A process that is killed leaves its folder behind. So each is named after its user and locked for as
long as its process lives, and a process that finds one that nobody holds removes it. No link is
followed, and nothing of another user's is touched.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import re
import shutil
import tempfile
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from core.domain.clock import Clock

log = logging.getLogger(__name__)

LONGEST = 3600.0
"""Seconds that no file takes to be sent: past them, a folder that was never locked is left over."""
_EVERY = 3600.0
_TRIES = 10
_OLDER = re.compile(r"chatbot-[a-z0-9_]{8}")
"""Folders of versions that did not lock theirs."""
_OUR_FILES = re.compile(r"(?:conversation|memory)\.[\w.]+")
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder that only this user can open, as long as the block; raise `OSError`."""
    path, lock = _made()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def sweep() -> int:
    """Remove what processes of this user have left behind; return how many folders. Never fails."""
    base, removed = Path(tempfile.gettempdir()), 0
    with contextlib.suppress(OSError), os.scandir(base) as found:
        for entry in [each for each in found if each.name.startswith("chatbot-")]:
            with contextlib.suppress(OSError):
                removed += _removed(base / entry.name)
    return removed


@asynccontextmanager
async def swept(clock: Clock) -> AsyncGenerator[None, None]:
    """Remove what was left behind, now and each hour, as long as the block."""

    async def again() -> None:
        while True:
            await clock.sleep(_EVERY)
            await _sweep()

    await _sweep()
    task = asyncio.create_task(again())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _sweep() -> None:
    count = await asyncio.to_thread(sweep)
    if count:
        log.warning("removed %d folder(s) that a killed process has left behind", count)


def _prefix() -> str:
    return f"chatbot-{os.geteuid()}-"


def _made() -> tuple[Path, int]:
    """Return a new folder, and what holds the lock on it."""
    for _ in range(_TRIES):
        path = Path(tempfile.mkdtemp(prefix=_prefix()))
        try:
            lock = os.open(path, _OPEN)
        except FileNotFoundError:  # a sweep of another process took it for left over
            continue
        if _locked(lock) and path.exists():
            return path, lock
        os.close(lock)  # the same
    raise OSError("no folder for a file could be made")


def _locked(descriptor: int) -> bool:
    """Lock a folder, as long as it is open; False where another process holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _removed(path: Path) -> bool:
    """Remove a folder if a process of this user has left it behind."""
    locks = path.name.startswith(_prefix())
    if not locks and not _OLDER.fullmatch(path.name):
        return False
    lock = os.open(path, _OPEN)  # a folder, and no link to one
    try:
        about = os.fstat(lock)
        if about.st_uid != os.geteuid():
            return False
        if not (_locked(lock) if locks else _is_left_over(path, about.st_mtime)):
            return False
        shutil.rmtree(path)  # which follows no link either
    finally:
        os.close(lock)
    return True


def _is_left_over(path: Path, changed: float) -> bool:
    """Tell whether a folder of an older version is old, and has nothing but files of ours."""
    ours = all(_OUR_FILES.fullmatch(each.name) for each in path.iterdir())
    return ours and time.time() - changed > LONGEST
