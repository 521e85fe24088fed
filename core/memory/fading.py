"""Files in the window: a large one is shown for a few turns, and then its name and start. Pure.

A file of 100 KB costs more than all that is said around it. It leaves by its place alone: as many
turns after it as `FILE_TURNS`. So it reads the same in every request before, and the same in every
one after, and the vendor's cache is lost once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.domain.limits import TEXT_FILE_BYTES
from core.prompt.files import BYTES_PER_PAGE, PAGE_IMAGE_TOKENS, PAGE_TOKENS, File, FileKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.message import Attachment
    from core.domain.session import Session, Turn
    from core.memory.strategies.strategy import Strategy
    from core.prompt.files import Files

FILE_TURNS = 4
"""In how many further requests the files of a turn are shown, if they are large."""
LARGE = 5_000
"""Tokens from which on the files of a turn are large; the largest image has fewer."""
DIGEST_TOKENS = 150
"""About what is left of each."""
_BYTES_PER_TOKEN = 3
_IMAGE_TOKENS = 1_600
_START_LINES = 5
_START = 400
"""Characters, at most, that stay of a text."""
_LEFT_TEXT = "only its start is shown by now"
_LEFT = "it is no longer shown"


def faded(files: dict[str, File], turns: Sequence[Turn]) -> dict[str, File]:
    """Return the files, with those that have left the window by now only named.

    Args:
        files: The files by their attachments' ids.
        turns: All turns of the window, oldest first.
    """
    recent = {file.id for turn in turns[-FILE_TURNS:] for file in turn.attachments}
    left: dict[str, File] = {}
    for turn in turns[:-FILE_TURNS]:
        own = [each.id for each in turn.attachments if each.id in files]
        if sum([_tokens(files[key]) for key in own]) > LARGE:
            left |= {key: _digest(files[key]) for key in own if key not in recent}
    return {**files, **left} if left else files


def whole(files: Files) -> frozenset[str]:
    """Return the ids of the files of which more than a start is shown."""
    return frozenset([key for key, file in files.items() if not file.faded])


def will_fade(files: Files) -> bool:
    """Return whether a text is shown now that may have to leave."""
    if not any(file.kind is FileKind.TEXT for file in files.values()):  # nearly always
        return False
    return sum(map(_tokens, files.values())) > LARGE


def likely_shown(session: Session, strategy: Strategy) -> frozenset[str]:
    """Return the ids of the files that a prompt shows whole, by what the platform says of them."""
    turns = strategy.window(session.turns)
    shown: set[str] = set()
    for age, turn in enumerate(reversed(turns)):
        if strategy.keeps_files or age < FILE_TURNS or not leaving_tokens(turn):
            shown.update(file.id for file in turn.attachments if turn.end > session.files_from)
    return frozenset(shown)


def stated_tokens(turn: Turn) -> int:
    """Return about how many tokens the files of a turn take, by what the platform says of them."""
    return sum([_stated(each) for each in turn.attachments])


def leaving_tokens(turn: Turn) -> int:
    """Return how many tokens of these leave the window after a few turns, whatever is folded."""
    if not turn.attachments:  # nearly always
        return 0
    tokens = stated_tokens(turn)
    left = DIGEST_TOKENS * len(turn.attachments)
    return tokens - left if tokens > LARGE else 0


def _stated(file: Attachment) -> int:
    if file.media_type.startswith("image/"):
        return _IMAGE_TOKENS
    if file.media_type.startswith(("audio/", "video/")):
        return DIGEST_TOKENS  # a transcript, if any
    if file.media_type == "application/pdf":
        return (1 + file.size // BYTES_PER_PAGE) * (PAGE_TOKENS + PAGE_IMAGE_TOKENS)
    return min(max(0, file.size), TEXT_FILE_BYTES) // _BYTES_PER_TOKEN


def _tokens(file: File) -> int:
    return file.tokens if file.is_media else len(file.text) // _BYTES_PER_TOKEN


def _digest(file: File) -> File:
    """Return what stays of a file: its name, its kind and its size, and the start of a text."""
    if file.kind is FileKind.TEXT:
        start = "\n".join(file.text[:_START].splitlines()[:_START_LINES])
        lines = file.text.count("\n") + 1
        why = f"{_LEFT_TEXT}, of {lines:,} lines" if lines > 1 else _LEFT_TEXT
        return replace(file, text=start, why=why, faded=True)
    if not file.is_media:
        return file
    pages = f"{file.pages:,} pages, " if file.pages > 1 else ""
    note = "; ".join(filter(None, [file.note, f"{pages}{_LEFT}"]))
    return File(kind=FileKind.NAMED, image=file.image, note=note, name=file.name, size=file.size)
