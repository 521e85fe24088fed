"""Reads the texts of files for recall: to index them in the background, and to show them again."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from core.domain.session import Entry, Status
from core.domain.tasks import off_loop_if_long
from core.memory.recall.cache import WEIGHT
from core.memory.recall.files import parts_in, unit_of
from core.memory.recall.index import digest_of
from core.memory.recall.passages import FileText
from core.prompt.files import FileKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from core.domain.message import Attachment, ThreadKey
    from core.domain.session import Record
    from core.memory.recall.cache import Kept
    from core.memory.recall.choose import Hit
    from core.memory.recall.files import FileIndex, Key
    from core.memory.recall.index import Index, Unit
    from core.prompt.files import File
    from core.store.port import Store

log = logging.getLogger(__name__)

READ_SECONDS: Final = 5.0
"""How long a turn waits for files that are fetched again; it goes without those that come later."""


class FileTexts(Protocol):
    """Reads files where their platforms have them."""

    async def read_again(
        self, thread: ThreadKey, wanted: Sequence[Attachment], revision: str, *, keep: bool
    ) -> Mapping[str, File]:
        """Return what can be shown of files, by their ids. Never fails.

        Args:
            thread: The thread that they were posted in.
            wanted: The files, which their messages still have.
            revision: The thread's revision.
            keep: Keep them cached for the next turns.
        """
        ...


async def reading(
    store: Store, texts: FileTexts, thread: ThreadKey, files: FileIndex, talk: Index
) -> AsyncIterator[tuple[Key, Unit]]:
    """Yield the files that an index lacks as its units, the newest first.

    Those that have no text, or that their messages no longer have, are settled. One that can't be
    read now stays lacking, for some tries. Raises `StoreError`.
    """
    lacking = sorted(files.lacking, reverse=True)
    records = await store.read_at(thread, {position for position, _ in lacking})
    sent = sent_in(records)
    for key in lacking:
        if key not in sent:
            files.settle(key)
            continue
        entry, file = sent[key]
        found = (await texts.read_again(thread, [file], talk.revision, keep=False)).get(file.id)
        if found is not None and found.kind is FileKind.TEXT:
            text, number = found.text, files.next_number
            read = partial(unit_of, entry, file, text, number=number, talk=talk)
            yield key, await off_loop_if_long(len(text) * WEIGHT, read)
        elif found is None or (found.kind is FileKind.UNREAD and not found.size and not found.gone):
            files.failed(key)
        else:
            files.settle(key)


async def read_again(
    thread: ThreadKey,
    kept: Kept,
    hits: Iterable[Hit],
    records: Iterable[Record],
    texts: FileTexts | None,
) -> list[FileText]:
    """Return the files that hits are in, as they are now, if their messages still have them.

    What has changed, or is gone, is taken out of the index. Never fails: it returns those files
    that come in `READ_SECONDS`.
    """
    files, sent = kept.files, sent_in(records)
    slots = {(hit.slot[0], hit.file): hit.slot for hit in hits if hit.file}
    asked = {key: sent[key] for key in slots if key in sent}
    if files is None or texts is None or not asked:
        return []
    wanted = [file for _, file in asked.values()]
    try:
        async with asyncio.timeout(READ_SECONDS):
            found = await texts.read_again(thread, wanted, kept.index.revision, keep=True)
    except TimeoutError:
        log.info("files that bear on a message came too late")
        return []
    read: list[FileText] = []
    for key, (entry, attachment) in asked.items():
        file = found.get(key[1])
        if file is None or file.kind is not FileKind.TEXT:
            if file is not None and file.gone:
                async with kept.lock:
                    files.renew(key, gone=True)
            continue
        parts = await off_loop_if_long(len(file.text), partial(parts_in, file.text))
        is_as_indexed = files.digest(key) == digest_of(parts)
        if not is_as_indexed:
            async with kept.lock:
                files.renew(key, gone=False)
        name = file.name or attachment.name
        read.append(FileText(slots[key], entry, name, parts, is_as_indexed))
    return read


def sent_in(records: Iterable[Record]) -> dict[Key, tuple[Entry, Attachment]]:
    """Return the files that messages have now, with their messages."""
    return {
        (each.position, file.id): (each, file)
        for each in records
        if isinstance(each, Entry) and each.status is not Status.DELETED
        for file in each.attachments
    }
