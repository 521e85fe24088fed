"""The search of the model in its own thread: by words, person and time. Pure.

It finds messages and passages of files with the query of `core.memory.recall.choose`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.memory.recall.choose import Within, authors_of, find, first
from core.memory.recall.living import WEIGHTS
from core.memory.recall.words import Wanted, wanted_in

if TYPE_CHECKING:
    from core.memory.recall.choose import Hit
    from core.memory.recall.files import HiddenFiles
    from core.memory.recall.index import Index


def search(
    index: Index,
    words: str,
    *,
    who: str = "",
    since: float | None = None,
    until: float | None = None,
    limit: int = 8,
    files: HiddenFiles | None = None,
) -> tuple[Wanted, list[Hit]]:
    """Return what a search looks for, and the passages that fit it best.

    A search asks, so little is enough; but nothing fits that is weak beside the best passage.

    Args:
        index: The thread.
        words: What it is about, which may be small talk; empty: the first things that were said.
        who: The name of who said it, or a part of it; empty: anybody.
        since: The earliest time, in seconds since 1970; None: from the beginning.
        until: The time before which it was said; None: to the end.
        limit: The most passages to return.
        files: The thread's files, where words are looked for as well.
    """
    spoken = index.spoken if files is None else files.spoken_with(index)
    wanted = wanted_in([words], spoken)
    if not (wanted.words or wanted.grams):
        wanted = wanted_in([words], spoken, small_talk=True)
    within = Within(
        since=float("-inf") if since is None else since,
        until=float("inf") if until is None else until,
        authors=authors_of(index, who),
    )
    if wanted.words or wanted.grams:
        known = _known(wanted.words, index, files)
        asking = Wanted(known, _known(wanted.grams, index, files), asks=True)
        hits = find(index, asking, within, limit=limit)
        if files is not None:
            hits = by_share(hits, files.find(asking, index, within, who=who, limit=limit))[:limit]
        return wanted, hits
    if words.strip():
        return wanted, []
    return wanted, first(index, within, limit=limit)


def _known(terms: frozenset[int], index: Index, files: HiddenFiles | None) -> frozenset[int]:
    """Return the terms that stand anywhere: of words that nobody said, nothing can be expected."""
    known = terms & index.postings.keys()
    return known if files is None else known | terms & files.postings.keys()


def by_share(said: list[Hit], in_files: list[Hit], weak: float = WEIGHTS.weak) -> list[Hit]:
    """Return hits in messages and in files, best first, without what is weak beside the best."""
    if not in_files:
        return said
    hits = sorted((*said, *in_files), key=lambda hit: -hit.share)
    return [hit for hit in hits if hit.share >= weak * hits[0].share]
