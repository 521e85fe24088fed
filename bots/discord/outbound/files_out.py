"""Files that the bot sends, and Discord's limits on them."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import discord

from core.commands.export.parts import split_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MOST_PARTS = 10
"""Files of one message (docs: resources/message, "Create Message")."""
DEFAULT_LIMIT = 10 * 2**20
"""Bytes of a file if Discord states no other limit (docs: reference, "Uploading Files")."""


def parts_of(file: Path, limit: int) -> list[Path]:
    """Return files of at most `limit` bytes that hold a file, as many as a message may have.

    Raises `TooLongError`, or `OSError` if they can't be written.
    """
    return split_file(file, limit, MOST_PARTS)


@contextmanager
def opened(files: Sequence[Path]) -> Iterator[list[discord.File]]:
    """Open files to be sent; they are read during the upload."""
    with ExitStack() as stack:
        found = []
        for file in files:
            found.append(discord.File(file))
            stack.callback(found[-1].close)
        yield found
