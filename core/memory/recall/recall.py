"""Recall in a turn: finds what was said long ago about the new messages, and reads it again.

It costs one read of the store and a query, and never fails a turn. What is shown was read in this
turn, so an edit, a deletion, a reset and an erase hold at once, whatever the index thinks. A file's
text is not in the store: it is fetched from its platform, unless it is cached, once its message was
read and still has the file.
"""

from __future__ import annotations

import logging
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from core.domain.errors import StoreError, described
from core.domain.session import Status
from core.domain.tasks import off_loop_if_long
from core.memory.fading import likely_shown, whole, will_fade
from core.memory.plan import first_shown
from core.memory.recall.cache import WEIGHT, Indexes
from core.prompt.transcript import NO_FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.domain.session import Entry, Passage, Session
    from core.memory.memory import Memory
    from core.memory.recall.cache import Kept
    from core.memory.recall.choose import Hit
    from core.memory.recall.file_texts import FileTexts
    from core.memory.recall.files import HiddenFiles
    from core.memory.recall.passages import Room
    from core.memory.recall.words import Wanted
    from core.memory.strategies.strategy import Strategy
    from core.prompt.files import Files
    from core.store.port import Store

log = logging.getLogger(__name__)

TOKENS: Final = 1000
"""The most tokens of earlier messages that a turn shows again, if the settings don't say."""
SHARE: Final = 1 / 4
"""The share of a whole prompt that recalled messages may take."""
POSITIONS: Final = 256
"""Positions that a turn reads at most."""
SEARCH_HITS: Final = 8
"""Passages that a search of the model returns at most."""
SEARCH_WAIT: Final = 5.0
"""Seconds that a search waits for an index that is being built."""
_READ_CHARACTERS: Final = 2000
"""Characters of a message that count for a query, at its start and at its end."""
_UNBOUNDED: Final = 1 << 30
BOT_SHARE: Final = 1 / 3
"""The share of the recalled messages that what the bot said may take."""
FILE_SHARE: Final = 1 / 2
"""The share that passages of files may take: of a long log, many have the same words."""
_LEAST_HITS: Final = 40
_LEAST_TOKENS: Final = 8
"""Tokens of a passage that is so short that few are shorter: no more are ranked than may fit."""
_SPARE: Final = 1.2
"""How much more is read than fits, since a text may have changed, or have fewer tokens."""
_FEW: Final = 2
"""Words below which a question may be about what was said just before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What the model looks for in its own thread."""

    words: str
    who: str = ""
    """The name of who said it, or a part of it; empty: anybody."""
    since: float | None = None
    """The earliest time, in seconds since 1970."""
    until: float | None = None
    """The time before which it was said."""


class Recall:
    """Finds what bears on new messages; `tokens` 0 turns it off."""

    def __init__(self, store: Store, memory: Memory, clock: Clock, *, tokens: int = TOKENS) -> None:
        """Recall from this store, counting tokens as `memory` does."""
        self._store = store
        self._memory = memory
        self.tokens = min(tokens, int(memory.budget * SHARE))
        keep = (memory.marks or memory).keep
        self.indexes = Indexes(store, clock, memory.zone, keep=keep)

    def with_tokens(self, tokens: int) -> Recall:
        """Return one that shows so many tokens, on the same indexes; 0 turns it off."""
        other = copy(self)
        other.tokens = min(tokens, int(self._memory.budget * SHARE))
        return other

    def close(self) -> None:
        """Index nothing more."""
        self.indexes.close()

    def read_files_by(self, texts: FileTexts) -> None:
        """Find passages of files too, whose texts are read so."""
        self.indexes.texts = texts

    async def recall(
        self, session: Session, strategy: Strategy, files: Files = NO_FILES
    ) -> Session:
        """Return the session with what was said before all that is shown, and is asked about now.

        It is for sessions that the strategy does not show whole (see `core.memory.plan.shows_all`).
        Without an index yet, or if nothing bears on the new messages, that is the same session.
        `files` are those that the prompt shows, whole or by their starts.
        """
        shown = whole(files)
        return await self._with_recalled(
            session, strategy, shown, fades=len(shown) < len(files), will_fade=will_fade(files)
        )

    async def _with_recalled(
        self,
        session: Session,
        strategy: Strategy,
        shown: Collection[str],
        *,
        fades: bool = False,
        will_fade: bool = False,
    ) -> Session:
        stop = first_shown(session, strategy)
        is_all = stop <= session.reset_position and not fades
        if not self.tokens or (is_all and not will_fade):
            return session
        kept = self.indexes.ready(session, stop)
        if kept is None or is_all:
            return session
        try:
            found = await self._recalled(kept, session, stop, shown)
        except StoreError as error:  # the turn goes on without
            log.warning("earlier messages could not be read again: %s", described(error))
            return session
        return replace(session, recalled=found) if found else session

    @property
    def is_on(self) -> bool:
        """Return whether turns recall anything."""
        return self.tokens > 0

    async def dry_run(self, session: Session, strategy: Strategy) -> tuple[Passage, ...] | None:
        """Return what `recall` would show; None if that can't be known now.

        If the thread has no index, one is built, for which this waits `SEARCH_WAIT` seconds at
        most. Raises nothing.
        """
        if await self.indexes.get(session.thread, wait=SEARCH_WAIT) is None:
            return None
        shown = likely_shown(session, strategy)
        return (await self._with_recalled(session, strategy, shown, fades=True)).recalled

    async def search(
        self,
        thread: ThreadKey,
        search: Search,
        *,
        budget: int = _UNBOUNDED,
        shown: Collection[str] = (),
    ) -> tuple[Passage, ...]:
        """Return the passages of a thread that a search finds, word for word, oldest first.

        They have at most `budget` tokens, and none is of the files with the ids `shown`.

        This is for the model's own search (`search_conversation`): it finds what bears on the words
        best, at most `SEARCH_HITS` passages and none that is weak beside the best one, among what
        the named person said in the given time. A search without words finds the first things that
        fit. If the thread has no index yet, one is built, for which the search waits for
        `SEARCH_WAIT` seconds at most; after that it finds nothing.

        Raises:
            StoreError: The store can't be read.
        """
        kept = await self.indexes.get(thread, wait=SEARCH_WAIT)
        if kept is None:
            return ()
        from core.memory.recall.search import search as look  # noqa: PLC0415 - see `cache._new`

        async with kept.lock:
            wanted, hits = await off_loop_if_long(
                kept.passages,
                lambda: look(
                    kept.index,
                    search.words,
                    who=search.who,
                    since=search.since,
                    until=search.until,
                    limit=SEARCH_HITS,
                    files=_hidden(kept, shown),
                ),
            )
        room = _room(budget, self._memory.counter.count, bot_share=1.0, file_share=1.0)
        return await self._read(thread, kept, hits, wanted, room)

    async def _recalled(
        self, kept: Kept, session: Session, stop: int, shown: Collection[str]
    ) -> tuple[Passage, ...]:
        from core.memory.recall.choose import Within, find  # noqa: PLC0415 - see `cache._new`
        from core.memory.recall.living import WEIGHTS  # noqa: PLC0415
        from core.memory.recall.passages import to_read  # noqa: PLC0415
        from core.memory.recall.search import by_share  # noqa: PLC0415

        index, files = kept.index, _hidden(kept, shown)
        within = Within(start=session.reset_position, stop=stop)
        most = min(POSITIONS, max(_LEAST_HITS, self.tokens // _LEAST_TOKENS))
        # Where there is room for more than usual, more is wanted.
        weak = WEIGHTS.weak * min(1.0, TOKENS / self.tokens)
        asked = "".join(map(_asked, session.batch))

        def look() -> tuple[Wanted, list[Hit]]:
            if files is None:  # nearly always
                wanted = wanted_of(session, index.spoken)
                return wanted, find(index, wanted, within, limit=most, weak=weak)
            wanted = wanted_of(session, files.spoken_with(index))
            said = find(index, wanted, within, limit=most, weak=weak)
            sent = replace(within, stop=session.batch[0].position)
            return wanted, by_share(said, files.find(wanted, index, sent, limit=most), weak)

        async with kept.lock:
            work = max(kept.passages, len(asked) * WEIGHT)
            wanted, hits = await off_loop_if_long(work, look)
        if not hits:  # nearly always
            return ()
        counter = self._memory.counter.after([turn.answer for turn in session.turns])
        each = len(asked.encode(errors="replace")) / max(1, counter.count(asked))
        room = _room(self.tokens, counter.count)
        hits = to_read(hits, room, each=each * _SPARE, most=POSITIONS)
        return await self._read(session.thread, kept, hits, wanted, room)

    async def _read(
        self, thread: ThreadKey, kept: Kept, hits: Sequence[Hit], wanted: Wanted, room: Room
    ) -> tuple[Passage, ...]:
        from core.memory.recall.passages import choose, positions_of  # noqa: PLC0415

        if not hits:
            return ()
        records = await self._store.read_at(thread, positions_of(hits))
        if not any(hit.file for hit in hits):  # nearly always
            return choose(hits, records, kept.index, wanted, room)
        from core.memory.recall.file_texts import read_again  # noqa: PLC0415

        files = await read_again(thread, kept, hits, records, self.indexes.texts)
        self.indexes.read_lacking(thread)  # of what has changed
        work = WEIGHT * sum([len(part) for file in files for part in file.parts])
        return await off_loop_if_long(
            work, lambda: choose(hits, records, kept.index, wanted, room, files)
        )


def _room(
    budget: int,
    count: Callable[[str], int],
    *,
    bot_share: float = BOT_SHARE,
    file_share: float = FILE_SHARE,
) -> Room:
    from core.memory.recall.passages import Room  # noqa: PLC0415 - see `cache._new`

    return Room(
        budget=budget,
        bot_budget=int(budget * bot_share),
        file_budget=int(budget * file_share),
        count=count,
    )


def _hidden(kept: Kept, shown: Collection[str]) -> HiddenFiles | None:
    """Return the files of a thread that are not shown; None if it has none with a text."""
    if kept.files is None or not kept.files.numbers:  # nearly always
        return None
    from core.memory.recall.files import HiddenFiles  # noqa: PLC0415 - see `cache._new`

    return HiddenFiles(kept.files, shown)


def wanted_of(session: Session, spoken: Collection[str]) -> Wanted:
    """Return what the new messages ask about, in a conversation in these languages.

    A follow-up, such as "And what did he say?", is about the exchange before it. A message that
    says by itself what it is about is not: the words of earlier messages would only lead astray.
    """
    from core.memory.recall.words import is_follow_up, wanted_in  # noqa: PLC0415

    texts = [_asked(entry) for entry in session.batch if entry.status is Status.ADDRESSED]
    wanted = wanted_in(texts, spoken)
    if len(wanted.words) >= _FEW or not session.turns or not any(map(is_follow_up, texts)):
        return wanted
    before = session.turns[-1]
    said = [*map(_asked, before.entries), before.answer.text[:_READ_CHARACTERS]]
    return wanted.with_more(wanted_in(said, spoken))


def _asked(entry: Entry) -> str:
    text = "\n".join([entry.text, *[quote.text for quote in entry.quotes]])
    if len(text) <= 2 * _READ_CHARACTERS:
        return text
    return f"{text[:_READ_CHARACTERS]}\n{text[-_READ_CHARACTERS:]}"
