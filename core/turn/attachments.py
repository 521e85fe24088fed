"""Files that came with messages, fetched when a turn needs them, and kept for the next.

A file that can't be had is named, with the reason: it never stops an answer. What was fetched is
kept by its content, within a budget of bytes, and is the same bytes in every later request. It is
kept in this process only: another one fetches it again, by its reference.

What people take away goes from here too. Whatever this process edits, deletes, resets or erases
takes the bytes of its thread along at once; once a minute it is looked whether others have, by the
`rev` of the threads whose files are kept, in one read. A file that was not asked about for a minute
is asked about before it is shown again: it may be gone, or other than it was, without a word in its
message.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import TYPE_CHECKING

from core.domain import limits
from core.domain.errors import FileGoneError, FileUnreadableError, PlatformError, StoreError
from core.domain.tasks import Tasks
from core.prompt.files import CROWDED, REJECTED, File, FileKind, fitted, read, too_large, unread
from core.turn.file_cache import FileCache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from core.delivery.port import Platform
    from core.domain.clock import Clock
    from core.domain.message import Attachment, ThreadKey
    from core.prompt.files import FileRules
    from core.store.port import Store
    from core.turn.file_cache import ThreadFiles

log = logging.getLogger(__name__)

_LATE = "it took too long to get it"
_REFUSED = "I could not get it"


class Attachments:
    """Gets files from platforms, and keeps those that are asked for again."""

    def __init__(
        self, store: Store, clock: Clock, rules: FileRules, *, room: int = limits.FILE_CACHE_BYTES
    ) -> None:
        """Keep nothing yet, and later at most `room` bytes; the store says what is no more."""
        self._store = store
        self._clock = clock
        self._rules = rules
        self._cache = FileCache(room)
        self._slots = asyncio.Semaphore(limits.FETCHES_AT_ONCE)
        self._watches = False
        self._tasks = Tasks("looking for changed files")
        store.on_change(self.drop)

    async def load(
        self, platform: Platform, thread: ThreadKey, wanted: Sequence[Attachment], rev: str
    ) -> dict[str, File]:
        """Return the files, wanted newest first, by their attachments' ids. Never fails.

        They are what one request can hold; of the others it is said why they can't be read.
        `wanted` is all that a turn could see, in a thread that is at this `rev`.
        """
        if not wanted:  # as in most turns
            self._cache.drop(thread)
            return {}
        wanted = list({each.id: each for each in wanted}.values())
        hold = self._cache.hold(thread, rev, {each.id for each in wanted})
        found: dict[str, File] = {}
        missing: list[Attachment] = []
        for attachment, refused in _within_reach(wanted):
            file = refused or self._known(hold, attachment.id)
            if file is not None:
                found[attachment.id] = file
            else:
                missing.append(attachment)
        async with asyncio.TaskGroup() as group:
            tasks = {
                each.id: group.create_task(self._get(platform, hold, each)) for each in missing
            }
        found |= {key: task.result() for key, task in tasks.items()}
        self._watch()
        return fitted(((each.id, found[each.id]) for each in wanted), self._rules)

    def reject(self, thread: ThreadKey, attachments: Iterable[Attachment]) -> None:
        """Show images and PDFs no more: the model refused a request that held them."""
        for hold in (each for each in self._cache.holds if each.thread == thread):
            for attachment in attachments:
                file = self._cache.find(hold, attachment.id, self._clock.monotonic())
                if file is not None and file.is_media:
                    self._cache.put(hold, attachment.id, unread(REJECTED))

    def drop(self, thread: ThreadKey) -> None:
        """Keep nothing of a thread: something of it was changed or removed."""
        self._cache.drop(thread)

    def drop_files(self, is_gone: Callable[[ThreadKey, str], bool]) -> None:
        """Keep no file that is gone, told by the thread and the attachment's id."""
        self._cache.drop_files(is_gone)

    # --- getting one ----------------------------------------------------------------------------

    def _known(self, hold: ThreadFiles, key: str) -> File | None:
        """Return a file that is kept and needs no look, since its platform was asked a moment ago.

        What is only named needs none either.
        """
        now = self._clock.monotonic()
        file = self._cache.find(hold, key, now)
        if file is None or file.kind is FileKind.UNREAD:
            return file
        return file if now - hold.refs[key].checked < limits.FILE_CHECK_SECONDS else None

    async def _get(self, platform: Platform, hold: ThreadFiles, attachment: Attachment) -> File:
        try:
            async with asyncio.timeout(limits.FETCH_SECONDS), self._slots:
                return await self._checked(platform, hold, attachment) or await self._fetched(
                    platform, hold, attachment
                )
        except TimeoutError:
            return unread(_LATE)
        except FileUnreadableError as error:
            return unread(str(error), gone=isinstance(error, FileGoneError))
        except PlatformError as error:
            log.warning("a file could not be fetched: %s", error)
            return unread(_REFUSED)
        except Exception as error:  # noqa: BLE001 - whatever it was, the answer must not be lost
            log.warning("a file could not be fetched: %s", type(error).__name__)
            return unread(_REFUSED)

    async def _checked(
        self, platform: Platform, hold: ThreadFiles, attachment: Attachment
    ) -> File | None:
        """Return a file that is kept, if it is still there as it was; else keep it no more."""
        now = self._clock.monotonic()
        file = self._cache.find(hold, attachment.id, now)
        if file is None:
            return None
        try:
            same = await platform.is_unchanged(hold.thread, attachment)
        except FileUnreadableError:
            same = False
        except PlatformError as error:
            log.info("a file is shown as it was, it could not be asked about: %s", error)
            return self._cache.find(hold, attachment.id, now)
        if same and attachment.id in hold.refs:
            hold.refs[attachment.id].checked = now
            return file
        self._cache.drop_files(lambda thread, key: (thread, key) == (hold.thread, attachment.id))
        return None

    async def _fetched(self, platform: Platform, hold: ThreadFiles, attachment: Attachment) -> File:
        data = await platform.fetch(hold.thread, attachment)
        file = await asyncio.to_thread(read, data, self._rules)
        digest = hashlib.sha256(data).hexdigest()
        return self._cache.keep(hold, attachment.id, digest, file, self._clock.monotonic())

    # --- what is no more ------------------------------------------------------------------------

    def _watch(self) -> None:
        """See to it that there is a look in a while, as long as anything is kept."""
        if self._cache.holds and not self._watches:
            self._watches = True
            self._clock.later(limits.FILE_CHECK_SECONDS, self._begin_look)

    def _begin_look(self) -> None:
        self._tasks.start(self._looked())

    async def _looked(self) -> None:
        """Drop what nobody asks for, and what others have changed or removed.

        Where that can't be known nothing stays: it can be fetched again.
        """
        self._cache.drop_unused(self._clock.monotonic() - limits.FILE_CACHE_SECONDS)
        seen = [(hold, hold.rev) for hold in self._cache.holds]
        revs: Sequence[str] = ("",) * len(seen)
        try:
            revs = await self._store.revs([hold.thread for hold, _ in seen]) if seen else ()
        except StoreError as error:
            log.info("files are kept no longer, the store does not answer: %s", error)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next look must come
            log.error("files are kept no longer: %s", type(error).__name__)  # noqa: TRY400
        for (hold, before), now in zip(seen, revs, strict=True):
            if hold.rev == before != now:
                self._cache.drop(hold.thread)
        self._watches = False
        self._watch()


def _within_reach(wanted: Sequence[Attachment]) -> list[tuple[Attachment, File | None]]:
    """Return each attachment, and why it need not be fetched, by its size as it is said to be."""
    reached: list[tuple[Attachment, File | None]] = []
    size = 0
    for number, attachment in enumerate(wanted):
        refused = None
        if attachment.size > limits.FILE_BYTES:
            refused = too_large(attachment.size, limits.FILE_BYTES)
        elif number >= limits.FETCHES or size + attachment.size > limits.REQUEST_FILE_BYTES:
            refused = unread(CROWDED)
        else:
            size += max(0, attachment.size)
        reached.append((attachment, refused))
    return reached
