"""Temporary folders for files to send, which hold what people said and are removed afterwards.

A killed process leaves its folder behind. So each folder is named after its user and stays locked
while its process lives, and any process removes a folder that no process locks. Nothing here
follows a link or touches a folder of another user.
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

from core.domain.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from core.domain.clock import Clock

log = logging.getLogger(__name__)

LONGEST = 3600.0
"""Seconds, more than sending any file takes, after which an unlocked folder is a leftover."""
_EVERY = 3600.0
_TRIES = 10
_OLDER = re.compile(r"chatbot-[a-z0-9_]{8}")
"""Folders of older versions, which did not lock theirs."""
_OUR_FILES = re.compile(r"(?:conversation|memory)\.[\w.]+")
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def folder() -> Iterator[Path]:
    """Provide a folder that only this user can open, for the duration of the block.

    Raises `OSError` if it can't be created.
    """
    path, lock = _made()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def sweep() -> int:
    """Remove folders that killed processes of this user left behind; return how many.

    It never raises.
    """
    base, removed = Path(tempfile.gettempdir()), 0
    with contextlib.suppress(OSError), os.scandir(base) as found:
        for entry in [each for each in found if each.name.startswith("chatbot-")]:
            with contextlib.suppress(OSError):
                removed += _removed(base / entry.name)
    return removed


@asynccontextmanager
async def swept(clock: Clock) -> AsyncGenerator[None, None]:
    """Remove leftover folders now and every hour, for the duration of the block."""

    async def again() -> None:
        while True:
            await clock.sleep(_EVERY)
            await _sweep()

    await _sweep()
    tasks = Tasks("the sweep of temporary folders")
    tasks.start(again())
    try:
        yield
    finally:
        await tasks.close()


async def _sweep() -> None:
    count = await asyncio.to_thread(sweep)
    if count:
        log.warning("removed %d folder(s) that a killed process left behind", count)


def _prefix() -> str:
    return f"chatbot-{os.geteuid()}-"


def _made() -> tuple[Path, int]:
    """Create a folder; return it and the file descriptor that locks it."""
    for _ in range(_TRIES):
        path = Path(tempfile.mkdtemp(prefix=_prefix()))
        try:
            lock = os.open(path, _OPEN)
        except FileNotFoundError:  # another process swept it as a leftover
            continue
        if _locked(lock) and path.exists():
            return path, lock
        os.close(lock)  # the same
    raise OSError("no folder for a file could be made")


def _locked(descriptor: int) -> bool:
    """Lock a folder until its descriptor closes; return False if another process holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _removed(path: Path) -> bool:
    """Remove a folder if it is a leftover of this user; return whether it was."""
    locks = path.name.startswith(_prefix())
    if not locks and not _OLDER.fullmatch(path.name):
        return False
    lock = os.open(path, _OPEN)  # a folder, not a link to one
    try:
        about = os.fstat(lock)
        if about.st_uid != os.geteuid():
            return False
        if not (_locked(lock) if locks else _is_left_over(path, about.st_mtime)):
            return False
        shutil.rmtree(path)  # follows no links either
    finally:
        os.close(lock)
    return True


def _is_left_over(path: Path, changed: float) -> bool:
    """Return whether an older version's folder is old and holds nothing but our files."""
    ours = all(_OUR_FILES.fullmatch(each.name) for each in path.iterdir())
    return ours and time.time() - changed > LONGEST
