"""A turn cut to what one summary call takes. Pure.

Only here is a turn ever cut: for the summary, which is shorter than the turn in any case.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.domain.session import Turn
from core.prompt.transcript import transcript

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.domain.message import Kind


def cut_to(turn: Turn, kind: Kind, *, room: int, count: Callable[[str], int]) -> tuple[Turn, int]:
    """Return the turn with its longest texts cut until it takes `room` tokens, and its size."""
    size = count(transcript([turn], kind))
    limit = max(len(turn.answer.text), *(len(entry.text) for entry in turn.entries), 0)
    cut = turn
    while size > room and limit > 1:
        limit //= 2
        cut = Turn(
            entries=tuple(replace(e, text=_start_of(e.text, limit)) for e in turn.entries),
            answer=replace(turn.answer, text=_start_of(turn.answer.text, limit)),
        )
        size = count(transcript([cut], kind))
    return cut, size


def _start_of(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]} [...]"
