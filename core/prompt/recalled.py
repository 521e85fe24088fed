"""Recalled messages in a prompt: quoted, with who said them and when, oldest first. Pure.

They stand behind the last cache breakpoint, since they are others in each turn. What is quoted is
data, in tags that no text can open or close (see `core.prompt.tags`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.models.port import Block, ShownMessage
from core.prompt.tags import (
    ANSWER,
    FILE,
    MESSAGE,
    RECALLED,
    enclosed,
    file_name,
    flat,
    marks,
    quoted,
    when,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from core.domain.session import Passage


def recalled_blocks(passages: Sequence[Passage], zone: tzinfo) -> tuple[Block, ...]:
    """Return the block that shows these messages."""
    return (Block(text=recalled_text(passages, zone)),)


def recalled_text(passages: Sequence[Passage], zone: tzinfo) -> str:
    """Return recalled messages as the model sees them; times are those of the zone."""
    return enclosed(RECALLED, "\n".join([passage_text(each, zone) for each in passages]))


def shown_again(passages: Sequence[Passage]) -> tuple[ShownMessage, ...]:
    """Return what people said in recalled messages, as plain records."""
    return tuple(
        [
            ShownMessage(
                text=each.text,
                speaker=flat(each.who),
                person=each.person,
                files=(flat(each.file),) if each.file else (),
            )
            for each in passages
            if not each.by_bot
        ]
    )


def passage_text(passage: Passage, zone: tzinfo) -> str:
    """Return one recalled message as the model sees it."""
    named = {
        "from": passage.who,
        "person": passage.person,
        "on": when(passage.when, zone),
    }
    part = {"part": "" if passage.whole else "yes"}
    text = quoted(passage.text)
    if passage.file:
        text = enclosed(FILE, text, marks({"name": file_name(passage.file), **part}))
        part = {}
    return enclosed(ANSWER if passage.by_bot else MESSAGE, text, marks(named | part))
