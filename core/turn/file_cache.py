"""Files that were fetched: kept by their content, and bound to the threads that have them.

Each thread holds its files by their references. What no thread holds any more is gone at once, and
a thread holds no more than its last turn could see. Nothing is fetched or asked here.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from core.domain.message import ThreadKey
    from core.prompt.files import File

_MOST = 10_000
"""Files that are kept, however small they are."""


@dataclass(slots=True)
class _Ref:
    digest: str
    checked: float
    """The steady time at which the platform last said that the file is there as it was."""


@dataclass(slots=True, eq=False)
class ThreadFiles:
    """What is kept of one thread's files."""

    thread: ThreadKey
    rev: str
    """The thread's `rev` when its files were last asked for."""
    refs: dict[str, _Ref] = field(default_factory=dict)
    """By the attachment's id."""


@dataclass(slots=True, eq=False)
class _Kept:
    file: File
    used: float
    """The steady time at which it was last asked for."""
    holds: dict[ThreadKey, ThreadFiles] = field(default_factory=dict)
    """Who has it."""


class FileCache:
    """Files within a budget of bytes."""

    def __init__(self, room: int) -> None:
        """Keep nothing yet, and later at most `room` bytes."""
        self._room = room
        self._used = 0
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        """By digest, the one that was last asked for at the end."""
        self._holds: dict[ThreadKey, ThreadFiles] = {}

    @property
    def holds(self) -> tuple[ThreadFiles, ...]:
        """Return the holds of all threads of which files are kept."""
        return tuple(self._holds.values())

    def hold(self, thread: ThreadKey, rev: str, wanted: Collection[str]) -> ThreadFiles:
        """Return a thread's hold, with no other files than those that are wanted of it now."""
        hold = self._holds.get(thread)
        if hold is None:
            hold = self._holds[thread] = ThreadFiles(thread, rev)
        for key in [key for key in hold.refs if key not in wanted]:
            self._release(hold, key)
        hold.rev = rev
        return hold

    def find(self, hold: ThreadFiles, key: str, now: float) -> File | None:
        """Return a file of a thread's, if it is kept."""
        ref = hold.refs.get(key)
        kept = self._kept.get(ref.digest) if ref else None
        if ref is None or kept is None:
            return None
        kept.used = now
        self._kept.move_to_end(ref.digest)
        return kept.file

    def keep(self, hold: ThreadFiles, key: str, digest: str, file: File, now: float) -> File:
        """Keep a file for a thread; return the one of this content that is kept.

        Nothing is kept for a thread that was dropped meanwhile.
        """
        if self._holds.get(hold.thread) is not hold:
            return file
        self._release(hold, key)
        kept = self._kept.get(digest)
        if kept is None:
            kept = self._kept[digest] = _Kept(file, now)
            self._used += file.weight
        kept.used = now
        kept.holds[hold.thread] = hold
        hold.refs[key] = _Ref(digest, now)
        while self._used > self._room or len(self._kept) > _MOST:
            self._forget(next(iter(self._kept)))
        return kept.file

    def put(self, hold: ThreadFiles, key: str, file: File) -> None:
        """Show something else for a file that is kept, wherever it was sent."""
        ref = hold.refs.get(key)
        kept = self._kept.get(ref.digest) if ref else None
        if kept is not None:
            self._used += file.weight - kept.file.weight
            kept.file = file

    def drop(self, thread: ThreadKey) -> None:
        """Keep nothing for a thread."""
        hold = self._holds.pop(thread, None)
        if hold is not None:
            for key in list(hold.refs):
                self._release(hold, key)

    def drop_files(self, is_gone: Callable[[ThreadKey, str], bool]) -> None:
        """Keep no file that is gone, told by the thread and the attachment's id."""
        for hold in self.holds:
            for key in [key for key in hold.refs if is_gone(hold.thread, key)]:
                self._release(hold, key)

    def drop_unused(self, since: float) -> None:
        """Keep no file that was not asked for since then, and no hold without files."""
        for digest in [digest for digest, kept in self._kept.items() if kept.used < since]:
            self._forget(digest)
        for hold in [hold for hold in self.holds if not hold.refs]:
            del self._holds[hold.thread]

    def _release(self, hold: ThreadFiles, key: str) -> None:
        """Take a file from a thread; the last to have it takes it along."""
        ref = hold.refs.pop(key, None)
        kept = self._kept.get(ref.digest) if ref else None
        if ref is None or kept is None:
            return
        if not any(other.digest == ref.digest for other in hold.refs.values()):
            del kept.holds[hold.thread]
        if not kept.holds:
            self._forget(ref.digest)

    def _forget(self, digest: str) -> None:
        kept = self._kept.pop(digest)
        self._used -= kept.file.weight
        for hold in kept.holds.values():
            for key in [key for key, ref in hold.refs.items() if ref.digest == digest]:
                del hold.refs[key]
