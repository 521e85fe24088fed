"""What the model sees in one turn, cut to the token budget. Pure.

What counts as seen is told in places: everything from `seen_from` on is there word for word.
A gap that deleted messages have left belongs to what comes after it, so that a deletion never
looks like something that memory lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from core.domain.errors import MessageTooLargeError
from core.prompt.prompt import Parts, Plan
from core.prompt.transcript import NO_FILES, answer_of, tagged, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.domain.message import Attachment, Kind
    from core.domain.session import Entry, Session, Turn
    from core.memory.strategies.strategy import Strategy
    from core.prompt.files import Files

T = TypeVar("T")
PER_MESSAGE = 8
"""Tokens for the frame of a message; generous, since a request that is too large is refused."""


def size_of(turn: Turn, kind: Kind, count: Callable[[str], int], files: Files = NO_FILES) -> int:
    """Return the tokens of a turn as the model sees it, with these files."""
    return _size_of_worded(turn, words_of(turn.entries, kind, files), count, files)


def _size_of_worded(turn: Turn, words: str, count: Callable[[str], int], files: Files) -> int:
    media = _media(turn.entries, files) if files else 0
    return count(words) + count(answer_of(turn.answer)) + media + 2 * PER_MESSAGE


def least_size(
    session: Session, *, fixed: int, count: Callable[[str], int], files: Files = NO_FILES
) -> int:
    """Return the tokens of a prompt with nothing but the new messages, of which none is left out.

    `fixed` are the tokens of the system prompt and the scene.
    """
    return fixed + sum(_size_of_new(entry, count, files) for entry in session.batch)


def attachments_in_view(session: Session, strategy: Strategy) -> tuple[Attachment, ...]:
    """Return the files of the turns that the strategy would show, the newest first."""
    shown = strategy.window(_loaded(session))
    turns = [turn for turn in shown if turn.end > session.files_from]
    entries = [*(entry for turn in turns for entry in turn.entries), *session.batch]
    return tuple(reversed([file for entry in entries for file in entry.attachments]))


def plan(
    session: Session,
    strategy: Strategy,
    *,
    budget: int,
    count: Callable[[str], int],
    fixed: int,
    files: Files = NO_FILES,
) -> Plan:
    """Plan one turn, within `budget` tokens of which `fixed` are taken; `files` are shown.

    What does not fit goes in this order: turns, the oldest first; the summary; new messages,
    the oldest first, but never the newest. Raises `MessageTooLargeError` where that one alone
    does not fit.
    """
    room = budget - fixed
    batch, new = _newest(session.batch, lambda entry: _size_of_new(entry, count, files), room)
    if not batch:
        size = _size_of_new(session.batch[-1], count, files)
        raise MessageTooLargeError(size=size, room=room, fixed=fixed)
    text = _summary_for(session, strategy)
    summary = count(text) + PER_MESSAGE if text else 0
    loaded = _loaded(session)
    wanted = strategy.window(loaded)
    if len(batch) < len(session.batch) or new + summary > room:
        text, summary, wanted = "", 0, ()
    turns, words, window = _worded(wanted, session.kind, count, files, room - new - summary)
    lost = _Lost(
        turns=loaded[: len(loaded) - len(turns)],
        entries=session.batch[: len(session.batch) - len(batch)],
        unloaded=_unloaded(session, strategy, loaded),
    )
    seen_from = lost.end or session.start
    return Plan(
        summary=text,
        withheld=session.summary.withheld and strategy.shows_summary,
        turns=turns,
        words=words,
        batch=batch,
        left_out=lost.messages + _uncovered(session, text),
        seen_from=seen_from,
        trimmed=seen_from > session.seen_from,
        tokens=Parts(fixed=fixed, summary=summary, window=window, new=new),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lost:
    """What lies behind the summary and is not shown, oldest first."""

    unloaded: range
    turns: tuple[Turn, ...]
    entries: tuple[Entry, ...]

    @property
    def messages(self) -> int:
        return len(self.unloaded) + sum(len(t.entries) for t in self.turns) + len(self.entries)

    @property
    def end(self) -> int:
        """Return the first place behind all that is lost; 0 when nothing is."""
        if self.entries:
            return self.entries[-1].place + 1
        return self.turns[-1].end if self.turns else self.unloaded.stop if self.unloaded else 0


def _newest(items: Sequence[T], size: Callable[[T], int], room: int) -> tuple[tuple[T, ...], int]:
    """Return the newest items that fit together, and their size."""
    kept, used = 0, 0
    for item in reversed(items):
        tokens = size(item)
        if used + tokens > room:
            break
        kept, used = kept + 1, used + tokens
    return tuple(items[len(items) - kept :]), used


def _worded(
    turns: Sequence[Turn], kind: Kind, count: Callable[[str], int], files: Files, room: int
) -> tuple[tuple[Turn, ...], tuple[str, ...], int]:
    """Return the newest turns that fit together, what was said in each, and their size."""
    words: list[str] = []

    def size(turn: Turn) -> int:
        words.append(words_of(turn.entries, kind, files))
        return _size_of_worded(turn, words[-1], count, files)

    kept, used = _newest(turns, size, room)
    return kept, tuple(reversed(words[: len(kept)])), used


def _size_of_new(entry: Entry, count: Callable[[str], int], files: Files) -> int:
    return count(tagged(entry, named=True, files=files)) + _media([entry], files) + PER_MESSAGE


def _media(entries: Sequence[Entry], files: Files) -> int:
    """Return the tokens of what stands beside the words."""
    sent = (file.id for entry in entries for file in entry.attachments)
    return sum(files[key].tokens for key in sent if key in files)


def _loaded(session: Session) -> tuple[Turn, ...]:
    """Return the turns that no summary covers."""
    start = session.start
    return tuple([turn for turn in session.turns if turn.start >= start])


def _summary_for(session: Session, strategy: Strategy) -> str:
    shown = strategy.shows_summary and not session.summary.withheld
    return session.summary.text if shown else ""


def _uncovered(session: Session, text: str) -> int:
    """Return the messages that only the summary stands for, where it is not shown."""
    return 0 if text else session.start - session.line


def _unloaded(session: Session, strategy: Strategy, loaded: tuple[Turn, ...]) -> range:
    """Return the places that no summary covers and that were too far back to be loaded."""
    first_new = session.batch[0].place
    if max(first_new - strategy.reach, session.since) <= session.start:
        return range(0)  # what is missing at the start was deleted
    return range(session.start, loaded[0].start if loaded else first_new)
