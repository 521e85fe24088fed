"""The files that came with messages: fetched when a turn needs them, and cached for the next turns.

A file that can't be read is named together with the reason; it never prevents an answer. Files are
cached by their content, within a budget of bytes, so every later request holds the same bytes. The
cache belongs to this process; another process fetches a file again by its reference.

Files that people remove leave the cache too. Whatever this process edits, deletes, resets or erases
drops the files of its thread at once. Once a minute the cache looks for what other processes have
changed, by the `revision` of the threads whose files it holds, in one read. A file whose platform
was not asked about it for a minute is checked before it is shown again: it may have been removed
or replaced without an edit of its message.

Recall shows passages of files that no prompt shows any more. It reads them by the same cache.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from core.domain import limits
from core.domain.errors import FileGoneError, FileUnreadableError, PlatformError, StoreError
from core.domain.message import clean
from core.domain.tasks import Tasks
from core.prompt.files import CROWDED, REJECTED, File, FileKind, fitted, read, too_large, unread
from core.turn.file_cache import FileCache

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from core.delivery.port import Platform
    from core.domain.clock import Clock
    from core.domain.message import Attachment, ThreadKey
    from core.prompt.files import FileRules
    from core.store.port import Store
    from core.turn.file_cache import ThreadFiles

log = logging.getLogger(__name__)

_LATE = "fetching it took too long"
_REFUSED = "it could not be fetched"


class Attachments:
    """Gets files from platforms, and caches them."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        rules: FileRules,
        *,
        capacity: int = limits.FILE_CACHE_BYTES,
    ) -> None:
        """Start with an empty cache of `capacity` bytes; `store` reports changed threads."""
        self._store = store
        self._clock = clock
        self._rules = rules
        self._cache = FileCache(capacity)
        self.held: Collection[ThreadKey] = self._cache.by_thread.keys()
        """The threads of which files are cached."""
        self._fetches = asyncio.Semaphore(limits.FETCHES_AT_ONCE)
        self._background = asyncio.Semaphore(limits.BACKGROUND_FETCHES)
        # A read goes on when its turn gives up; in threads of their own, the next one waits for it.
        self._reading = ThreadPoolExecutor(limits.READS_AT_ONCE, "reading a file")
        self._check_scheduled = False
        self._tasks = Tasks("checking cached files")
        store.on_change(self._cache.drop)

    async def load(
        self, platform: Platform, thread: ThreadKey, wanted: Sequence[Attachment], revision: str
    ) -> dict[str, File]:
        """Return the files by their attachments' ids. Never fails.

        Of files that one request can't hold, only the reason is returned.

        Args:
            platform: Where the files are.
            thread: The thread that they were posted in.
            wanted: All attachments that a turn could see, the newest first.
            revision: The thread's revision.
        """
        if not wanted:
            self._cache.keep_recalled(thread, revision)
            return {}
        wanted = list({each.id: each for each in wanted}.values())
        cached = self._cache.of(thread, revision, {each.id for each in wanted})
        found = await self._found(platform, cached, wanted)
        return fitted(((each.id, found[each.id]) for each in wanted), self._rules)

    async def read_again(
        self,
        platform: Platform,
        thread: ThreadKey,
        wanted: Sequence[Attachment],
        revision: str,
        *,
        keep: bool,
    ) -> dict[str, File]:
        """Return files that the prompt may not show, by their attachments' ids. Never fails.

        Those that `keep` is asked for stay cached for the turns after this one, for as long as no
        process changes the thread.
        """
        cached = self._cache.more_of(thread, revision)
        if keep:
            cached.recalled.update(each.id for each in wanted)
            return await self._found(platform, cached, wanted)
        async with self._background:  # for the index, which no turn waits for
            return await self._found(platform, cached, wanted)

    async def _found(
        self, platform: Platform, cached: ThreadFiles, wanted: Sequence[Attachment]
    ) -> dict[str, File]:
        """Return files by their attachments' ids, each with its content or the reason."""
        found: dict[str, File] = {}
        missing: list[Attachment] = []
        for attachment, refused in _within_limits(wanted):
            file = refused or self._current(cached, attachment.id)
            if file is not None:
                found[attachment.id] = file
            else:
                missing.append(attachment)
        async with asyncio.TaskGroup() as group:
            tasks = {
                each.id: group.create_task(self._get(platform, cached, each)) for each in missing
            }
        found |= {key: task.result() for key, task in tasks.items()}
        self._schedule_check()
        return found

    def reject(self, thread: ThreadKey, attachments: Iterable[Attachment]) -> None:
        """Stop showing images and PDFs of a request that the model refused."""
        for cached in (each for each in self._cache.threads if each.thread == thread):
            for attachment in attachments:
                file = self._cache.find(cached, attachment.id, self._clock.monotonic())
                if file is not None and file.is_media:
                    self._cache.replace(cached, attachment.id, unread(REJECTED))

    def drop_files(self, is_gone: Callable[[ThreadKey, str], bool]) -> None:
        """Drop the cached files that are gone, by the thread and the attachment's id."""
        self._cache.drop_files(is_gone)

    # --- getting one ----------------------------------------------------------------------------

    def _current(self, cached: ThreadFiles, key: str) -> File | None:
        """Return a cached file that needs no check, since its platform confirmed it a moment ago.

        A file that can only be named needs none either.
        """
        now = self._clock.monotonic()
        file = self._cache.find(cached, key, now)
        if file is None or file.kind is FileKind.UNREAD:
            return file
        return file if now - cached.files[key].checked_at < limits.FILE_CHECK_SECONDS else None

    async def _get(self, platform: Platform, cached: ThreadFiles, attachment: Attachment) -> File:
        try:
            async with asyncio.timeout(limits.FETCH_SECONDS), self._fetches:
                return await self._checked(platform, cached, attachment) or await self._fetched(
                    platform, cached, attachment
                )
        except TimeoutError:
            return unread(_LATE)
        except FileUnreadableError as error:
            return unread(str(error), gone=isinstance(error, FileGoneError))
        except PlatformError as error:
            log.warning("a file could not be fetched: %s", error)
            return unread(_REFUSED)
        except Exception as error:  # noqa: BLE001 - no file may prevent an answer
            log.warning("a file could not be fetched: %s", type(error).__name__)
            return unread(_REFUSED)

    async def _checked(
        self, platform: Platform, cached: ThreadFiles, attachment: Attachment
    ) -> File | None:
        """Return a cached file if it is unchanged on its platform; otherwise drop it."""
        now = self._clock.monotonic()
        file = self._cache.find(cached, attachment.id, now)
        if file is None:
            return None
        try:
            unchanged = await platform.is_unchanged(cached.thread, attachment)
        except FileUnreadableError:
            unchanged = False
        except PlatformError as error:
            log.info("a file is shown as it was cached, since checking it failed: %s", error)
            return self._cache.find(cached, attachment.id, now)
        if unchanged and attachment.id in cached.files:
            cached.files[attachment.id].checked_at = now
            return file
        self._cache.drop_files(lambda *file: file == (cached.thread, attachment.id))
        return None

    async def _fetched(
        self, platform: Platform, cached: ThreadFiles, attachment: Attachment
    ) -> File:
        data, form, name = await platform.fetch(cached.thread, attachment)
        loop = asyncio.get_running_loop()
        file = await loop.run_in_executor(self._reading, read, data, self._rules)
        note = "; ".join(filter(None, [form, file.note]))
        unnamed = attachment.name == attachment.id
        file = replace(file, note=note, name=clean(name) if unnamed else "", size=len(data))
        digest = hashlib.sha256(data + f"{form} {file.name}".encode()).hexdigest()
        return self._cache.put(cached, attachment.id, digest, file, self._clock.monotonic())

    # --- what was changed or removed ------------------------------------------------------------

    def _schedule_check(self) -> None:
        """Check for changes in a while, as long as anything is cached."""
        if self._cache.threads and not self._check_scheduled:
            self._check_scheduled = True
            self._clock.later(limits.FILE_CHECK_SECONDS, lambda: self._tasks.start(self._check()))

    async def _check(self) -> None:
        """Drop files that no turn asks for, and those that other processes changed or removed.

        If the store can't tell, nothing stays cached: it can be fetched again.
        """
        self._cache.drop_unused(self._clock.monotonic() - limits.FILE_CACHE_SECONDS)
        seen = [(cached, cached.revision) for cached in self._cache.threads]
        revisions: Sequence[str] = ("",) * len(seen)
        try:
            revisions = (
                await self._store.revisions([cached.thread for cached, _ in seen]) if seen else ()
            )
        except StoreError as error:
            log.info("cached files are dropped, since the store does not answer: %s", error)
        except Exception as error:  # noqa: BLE001 - the next check must happen
            log.error("cached files are dropped: %s", type(error).__name__)  # noqa: TRY400
        for (cached, before), now in zip(seen, revisions, strict=True):
            if cached.revision == before != now:
                self._cache.drop(cached.thread)
        self._check_scheduled = False
        self._schedule_check()


class PlatformFiles:
    """Reads files for recall, each on the platform of its thread."""

    def __init__(self, files: Attachments, platforms: Mapping[str, Platform]) -> None:
        """Read by this cache; the platforms go by their names, and more may be added later."""
        self._files = files
        self._platforms = platforms

    async def read_again(
        self, thread: ThreadKey, wanted: Sequence[Attachment], revision: str, *, keep: bool
    ) -> dict[str, File]:
        """Return what can be shown of files, by their ids; see `Attachments.read_again`."""
        platform = self._platforms.get(thread.platform)
        if platform is None:
            return {}
        return await self._files.read_again(platform, thread, wanted, revision, keep=keep)


def _within_limits(wanted: Sequence[Attachment]) -> list[tuple[Attachment, File | None]]:
    """Return each attachment with the reason not to fetch it, if its stated size is one."""
    checked: list[tuple[Attachment, File | None]] = []
    size = 0
    for number, attachment in enumerate(wanted):
        refused = None
        shown = _size_shown(attachment)
        if shown > limits.FILE_BYTES:
            refused = too_large(attachment.size, limits.FILE_BYTES)
        elif number >= limits.FETCHES or size + shown > limits.REQUEST_FILE_BYTES:
            refused = unread(CROWDED)
        else:
            size += shown
        checked.append((attachment, refused))
    return checked


def _size_shown(attachment: Attachment) -> int:
    """Return about how many bytes of a file the model may get, by what the platform says of it."""
    if attachment.media_type.startswith("image/"):
        return max(0, min(attachment.size, limits.IMAGE_BYTES))  # scaled down, here or there
    if attachment.media_type.startswith(("audio/", "video/")):
        return 0  # a transcript, if any
    return max(0, attachment.size)
