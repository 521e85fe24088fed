"""The verb for ratings: rate. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.domain.ratings import changed
from core.domain.session import Answer
from core.store.verbs.rows import living

if TYPE_CHECKING:
    from core.domain.ratings import Opinion
    from core.store.verbs.rows import Now, Rows


def rate(rows: Rows, now: Now, position: int, turn: str, opinion: Opinion) -> bool:
    """Keep what a person thinks of an answer; see `Store.rate`."""
    header = living(rows, now)
    if header is None:
        return False
    found = rows.records(position, position + 1)
    answer = next((r for r in found if isinstance(r, Answer) and r.turn == turn), None)
    if answer is None:
        return False
    ratings = changed(answer.ratings, opinion)
    if ratings != answer.ratings:
        rows.put_answer(replace(answer, ratings=ratings))
        rows.put_header(header)  # a store may tell by it that records have changed
    return True
