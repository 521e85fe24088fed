"""Files that came with messages, fetched when a turn needs them, and kept for the next.

A file that can't be had is named, with the reason: it never stops an answer. What was fetched is
kept by its content, within a budget of bytes, and is the same bytes in every later request. It is
kept in this process only: another one fetches it again, by its reference.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import limits
from core.errors import FileUnreadableError, PlatformError
from core.files import CROWDED, REJECTED, File, fitted, read, too_large, unread

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from core.clock import Clock
    from core.files import Rules
    from core.message import Attachment, ThreadKey
    from core.platform import Platform

log = logging.getLogger(__name__)

_KNOWN = 10_000
"""References whose content is known; each is some hundred bytes."""
_LATE = "it took too long to get it"
_REFUSED = "I could not get it"


@dataclass(slots=True)
class _Kept:
    file: File
    used: float
    """The steady time at which it was last asked for."""


class Attachments:
    """Gets files from platforms, and keeps those that are asked for again."""

    def __init__(self, clock: Clock, rules: Rules, *, room: int = limits.FILE_CACHE_BYTES) -> None:
        """Keep nothing yet, and later at most `room` bytes."""
        self._clock = clock
        self._rules = rules
        self._room = room
        self._used = 0
        self._digests: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._slots = asyncio.Semaphore(limits.FETCHES_AT_ONCE)

    async def load(
        self, platform: Platform, thread: ThreadKey, wanted: Sequence[Attachment]
    ) -> dict[str, File]:
        """Return the files, wanted newest first, by their attachments' ids. Never fails.

        They are what one request can hold; of the others it is said why they can't be read.
        """
        self._forget_old()
        wanted = list({each.id: each for each in wanted}.values())
        found: dict[str, File] = {}
        missing: list[Attachment] = []
        for attachment, refused in _within_reach(wanted):
            file = refused or self._find(platform.name, attachment.id)
            if file is not None:
                found[attachment.id] = file
            else:
                missing.append(attachment)
        async with asyncio.TaskGroup() as group:
            tasks = {
                each.id: group.create_task(self._fetch(platform, thread, each)) for each in missing
            }
        found |= {key: task.result() for key, task in tasks.items()}
        return fitted(((each.id, found[each.id]) for each in wanted), self._rules)

    def reject(self, platform: str, attachments: Iterable[Attachment]) -> None:
        """Show images and PDFs no more: the model refused a request that held them."""
        for attachment in attachments:
            digest = self._digests.get((platform, attachment.id), "")
            kept = self._kept.get(digest)
            if kept is not None and kept.file.is_media:
                self._keep(digest, unread(REJECTED))

    async def _fetch(self, platform: Platform, thread: ThreadKey, attachment: Attachment) -> File:
        try:
            async with asyncio.timeout(limits.FETCH_SECONDS), self._slots:
                data = await platform.fetch(thread, attachment)
                file = await asyncio.to_thread(read, data, self._rules)
        except TimeoutError:
            return unread(_LATE)
        except FileUnreadableError as error:
            return unread(str(error))
        except PlatformError as error:
            log.warning("a file could not be fetched: %s", error)
            return unread(_REFUSED)
        except Exception as error:  # noqa: BLE001 - whatever it was, the answer must not be lost
            log.warning("a file could not be fetched: %s", type(error).__name__)
            return unread(_REFUSED)
        digest = hashlib.sha256(data).hexdigest()
        self._digests[platform.name, attachment.id] = digest
        if len(self._digests) > _KNOWN:
            self._digests.popitem(last=False)
        return self._find(platform.name, attachment.id) or self._keep(digest, file)

    # --- what is kept ---------------------------------------------------------------------------

    def _find(self, platform: str, key: str) -> File | None:
        digest = self._digests.get((platform, key), "")
        kept = self._kept.get(digest)
        if kept is None:
            return None
        kept.used = self._clock.monotonic()
        self._kept.move_to_end(digest)
        return kept.file

    def _keep(self, digest: str, file: File) -> File:
        self._drop(digest)
        self._kept[digest] = _Kept(file, self._clock.monotonic())
        self._used += file.weight
        while self._used > self._room:
            self._drop(next(iter(self._kept)))
        return file

    def _forget_old(self) -> None:
        until = self._clock.monotonic() - limits.FILE_CACHE_SECONDS
        for digest in [digest for digest, kept in self._kept.items() if kept.used < until]:
            self._drop(digest)

    def _drop(self, digest: str) -> None:
        kept = self._kept.pop(digest, None)
        self._used -= kept.file.weight if kept else 0


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
