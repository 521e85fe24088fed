"""Files in memory: each content once, in a budget of bytes, by the threads that have it. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from core.domain.message import ThreadKey
    from core.prompt.files import File

_CACHED_FILES = 10_000
"""The most files that are cached, however small they are."""


@dataclass(slots=True)
class Reference:
    """Which content a file has."""

    digest: str
    checked_at: float
    """The steady time at which the platform last confirmed the file."""


@dataclass(slots=True, eq=False)
class ThreadFiles:
    """The cached files of one thread."""

    thread: ThreadKey
    revision: str
    """The thread's revision when its files were last asked for."""
    files: dict[str, Reference] = field(default_factory=dict)
    """By the attachment's id."""
    recalled: set[str] = field(default_factory=set)
    """The ids of those that stay although no prompt shows them."""


@dataclass(slots=True, eq=False)
class Content:
    """A content that is cached."""

    file: File
    used_at: float
    """The steady time at which it was last asked for."""
    holders: dict[ThreadKey, ThreadFiles] = field(default_factory=dict)
    """The threads that have it."""


class FileCache:
    """Files within a budget of bytes, each content once, by the threads that have it.

    A content leaves with the last thread that has it. A thread has no more files cached than its
    last turn could see, and what was recalled. The least recently used content is dropped first.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self.used = 0
        """The bytes that all contents take."""
        self._contents: OrderedDict[str, Content] = OrderedDict()
        """By digest, the most recently used last."""
        self.by_thread: dict[ThreadKey, ThreadFiles] = {}
        """The cached files of each thread that has any."""

    @property
    def threads(self) -> tuple[ThreadFiles, ...]:
        """Return the cached files of all threads."""
        return tuple(self.by_thread.values())

    def of(self, thread: ThreadKey, revision: str, wanted: AbstractSet[str]) -> ThreadFiles:
        """Return a thread's cached files; drop those that are not wanted now."""
        cached = self.more_of(thread, revision)
        if cached.revision != revision:  # a file that was recalled may be gone
            cached.recalled.clear()
        for key in [key for key in cached.files if key not in wanted | cached.recalled]:
            self._release(cached, key)
        cached.revision = revision
        return cached

    def more_of(self, thread: ThreadKey, revision: str) -> ThreadFiles:
        """Return a thread's cached files, all of them."""
        if thread not in self.by_thread:
            self.by_thread[thread] = ThreadFiles(thread, revision)
        return self.by_thread[thread]

    def keep_recalled(self, thread: ThreadKey, revision: str) -> None:
        """Drop all files of a thread but those that were recalled and may still be there."""
        if not self.of(thread, revision, set()).files:
            self.drop(thread)

    def find(self, cached: ThreadFiles, key: str, now: float) -> File | None:
        """Return a file of a thread's if it is cached."""
        reference = cached.files.get(key)
        content = self._contents.get(reference.digest) if reference else None
        if reference is None or content is None:
            return None
        content.used_at = now
        self._contents.move_to_end(reference.digest)
        return content.file

    def put(self, cached: ThreadFiles, key: str, digest: str, file: File, now: float) -> File:
        """Cache a file for a thread; return the cached one with the same content, if any.

        Caches nothing for a thread that was dropped meanwhile.
        """
        if self.by_thread.get(cached.thread) is not cached:
            return file
        self._release(cached, key)
        content = self._contents.get(digest)
        if content is None:
            content = self._contents[digest] = Content(file, now)
            self.used += file.weight
        content.used_at = now
        content.holders[cached.thread] = cached
        cached.files[key] = Reference(digest, now)
        while self.used > self._capacity or len(self._contents) > _CACHED_FILES:
            self._remove(next(iter(self._contents)))
        return content.file

    def replace(self, cached: ThreadFiles, key: str, file: File) -> None:
        """Show something else for a cached content, in all threads that have it."""
        reference = cached.files.get(key)
        content = self._contents.get(reference.digest) if reference else None
        if content is not None:
            self.used += file.weight - content.file.weight
            content.file = file

    def drop(self, thread: ThreadKey) -> None:
        """Drop all files of a thread."""
        cached = self.by_thread.pop(thread, None)
        if cached is not None:
            for key in list(cached.files):
                self._release(cached, key)

    def drop_files(self, is_gone: Callable[[ThreadKey, str], bool]) -> None:
        """Drop the files that are gone, by the thread and the attachment's id."""
        for cached in self.threads:
            for key in [key for key in cached.files if is_gone(cached.thread, key)]:
                self._release(cached, key)

    def drop_unused(self, since: float) -> None:
        """Drop contents that were not asked for since then, and threads without files."""
        for digest in [key for key, content in self._contents.items() if content.used_at < since]:
            self._remove(digest)
        for cached in [cached for cached in self.threads if not cached.files]:
            del self.by_thread[cached.thread]

    def _release(self, cached: ThreadFiles, key: str) -> None:
        """Take a file from a thread, and drop its content if no other thread has it."""
        reference = cached.files.pop(key, None)
        content = self._contents.get(reference.digest) if reference else None
        if reference is None or content is None:
            return
        if not any(other.digest == reference.digest for other in cached.files.values()):
            del content.holders[cached.thread]
        if not content.holders:
            self._remove(reference.digest)

    def _remove(self, digest: str) -> None:
        content = self._contents.pop(digest)
        self.used -= content.file.weight
        for cached in content.holders.values():
            for key in [key for key, ref in cached.files.items() if ref.digest == digest]:
                del cached.files[key]
