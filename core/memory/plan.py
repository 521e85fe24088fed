"""What the model sees in one turn, cut to the token budget. Pure.

`seen_from` is a position in the log: from there on, the model sees everything word for word. A gap
that deleted messages have left counts to what follows it, so that a deletion never looks as if the
memory had lost something.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from operator import is_
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from core.domain.errors import MessageTooLargeError
from core.memory.fading import leaving_tokens, stated_tokens
from core.prompt.pins import pins_size
from core.prompt.prompt import Exchange, Parts, Plan
from core.prompt.recalled import passage_text, recalled_text
from core.prompt.tags import LONGEST_LINE, time_lines, times_before
from core.prompt.transcript import NO_FILES, answer_of, tagged, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import tzinfo

    from core.domain.message import Attachment, Kind
    from core.domain.session import Entry, Passage, Session, Turn
    from core.memory.strategies.strategy import Strategy
    from core.memory.tokens import TokenCounter
    from core.prompt.files import Files

Item = TypeVar("Item")
_NEW_TURNS = 4
"""Turns by which a window may have grown since a request showed it."""
RECALLED_SHARE = 1 / 2
"""The share of the room beside the new messages that recalled ones may take."""


def size_of(turn: Turn, kind: Kind, counter: TokenCounter) -> int:
    """Return the tokens of a turn as the model sees it.

    Its files count by what their platform says of them.
    """
    text: Exchange | None = turn.memo.get(kind.value)
    if text is None:
        text = Exchange(words_of(turn.entries, kind), answer_of(turn.answer))
        turn.memo[kind.value] = text
    files = stated_tokens(turn) if turn.attachments else 0
    return counter.count_turn(text) + files


def sizes_of(turns: Sequence[Turn], kind: Kind, counter: TokenCounter) -> list[int]:
    """Return the tokens of each turn, for the water marks: without the large files, which leave."""
    return [size_of(turn, kind, counter) - leaving_tokens(turn) for turn in turns]


def saved_in(turn: Turn, count: Callable[[str], int]) -> int:
    """Return how many tokens less a turn has if a long answer is shown by its start."""
    whole, start = answer_of(turn.answer), answer_of(turn.answer, shortened=True)
    return 0 if start == whole else max(0, count(whole) - count(start))


def least_size(
    new: Sequence[Entry],
    *,
    fixed: int,
    counter: TokenCounter,
    files: Files = NO_FILES,
    zone: tzinfo = UTC,
) -> int:
    """Return the tokens of a prompt that shows these new messages and nothing else.

    `fixed` are the tokens of the system prompt and the context of the turn. Times are those of the
    zone.
    """
    size_of_new = _sizes_of_new(new, zone, counter, files)
    return fixed + counter.count(LONGEST_LINE) + sum(map(size_of_new, new))


def attachments_in_view(session: Session, strategy: Strategy) -> tuple[Attachment, ...]:
    """Return the files of the turns that the strategy would show, newest first."""
    files: list[Attachment] = []
    for turn in [turn for turn in strategy.window(_loaded(session)) if turn.attachments]:
        if turn.end > session.files_from:
            files += turn.attachments
    for entry in session.batch:
        files += entry.attachments
    return tuple(reversed(files))


def first_shown(session: Session, strategy: Strategy) -> int:
    """Return the position from which on the strategy shows turns, as far as the budget allows.

    If the last reply showed less than that, the budget was the reason, and still is.
    """
    shown = strategy.window(_loaded(session))
    first = shown[0].start if shown else session.batch[0].position
    return min(max(first, session.seen_from), session.batch[0].position)


def shows_all(session: Session, strategy: Strategy) -> bool:
    """Return whether the strategy shows everything since the last reset, if the budget allows."""
    return first_shown(session, strategy) <= session.reset_position


def plan(
    session: Session,
    strategy: Strategy,
    *,
    budget: int,
    counter: TokenCounter,
    fixed: int,
    files: Files = NO_FILES,
) -> Plan:
    """Return the plan of one turn.

    If not everything fits, this is left out, in this order: turns, the oldest first; the summary;
    new messages, the oldest first, but never the newest.

    Args:
        session: The thread as it was loaded.
        strategy: Decides which turns are shown.
        budget: The tokens that the prompt may have.
        counter: Counts the tokens of texts.
        fixed: The tokens of the system prompt and the context of the turn.
        files: The files to show.

    Raises:
        MessageTooLargeError: The newest message alone does not fit.
    """
    count = counter.count
    pinned = pins_size(session, count) if session.pins else 0
    # If something is left out, the rest begins with a line for the time.
    room = budget - fixed - pinned - count(LONGEST_LINE)
    size_of_new = _sizes_of_new(session.batch, session.zone, counter, files)
    batch, new = _newest(session.batch, size_of_new, room)
    if not batch:
        size = size_of_new(session.batch[-1])
        raise MessageTooLargeError(size=size, room=room, fixed=fixed + pinned)
    text = _summary_for(session, strategy)
    summary = counter.count_message(text) if text else 0
    recalled, recalled_tokens = _recalled(session, counter, room - new - summary)
    since = _loaded(session)
    loaded = (*session.missing, *since) if session.missing else since
    wanted = strategy.window(loaded)
    if len(batch) < len(session.batch) or new + summary > room:
        text, summary, wanted = "", 0, ()
    left = room - new - summary - recalled_tokens
    turns, texts, window = _newest_turns(wanted, _Wording.of(session, files), counter, left)
    lost = _Lost(
        turns=loaded[: len(loaded) - len(turns)],
        entries=session.batch[: len(session.batch) - len(batch)],
        unloaded=_unloaded(session, strategy, since),
    )
    seen_from = max(lost.end, session.start)
    first = next((turn.start for turn in turns if turn.start >= session.start), batch[0].position)
    return Plan(
        summary=text,
        recalled=tuple([each for each in recalled if each.position < first or each.file]),
        withheld=session.summary.withheld and strategy.shows_summary,
        turns=turns,
        texts=texts,
        batch=batch,
        left_out=lost.messages + session.unread + _uncovered(session, text),
        seen_from=seen_from,
        slides=strategy.slides or len(turns) < len(wanted),
        trimmed=seen_from > session.seen_from,
        tokens=Parts(
            fixed=fixed,
            summary=summary,
            window=window,
            new=new,
            recalled=recalled_tokens,
            pins=pinned,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lost:
    """What follows the summary and is not shown, oldest first."""

    unloaded: range
    turns: tuple[Turn, ...]
    entries: tuple[Entry, ...]

    @property
    def messages(self) -> int:
        return len(self.unloaded) + sum(len(t.entries) for t in self.turns) + len(self.entries)

    @property
    def end(self) -> int:
        """Return the first position after everything that is lost; 0 if nothing is."""
        if self.entries:
            return self.entries[-1].position + 1
        return self.turns[-1].end if self.turns else self.unloaded.stop if self.unloaded else 0


def _newest(
    items: Sequence[Item], size: Callable[[Item], int], room: int
) -> tuple[tuple[Item, ...], int]:
    """Return the newest items that fit together, and their tokens."""
    kept, used = 0, 0
    for item in reversed(items):
        tokens = size(item)
        if used + tokens > room:
            break
        kept, used = kept + 1, used + tokens
    return tuple(items[len(items) - kept :]), used


class _Read(NamedTuple):
    """How a turn reads, and what that depends on beside the conversation."""

    text: Exchange
    before: float | None
    """When the message before it was sent; None if none is shown."""
    shortened: bool
    """Only the start of a long answer is shown."""


class _ReadAll(NamedTuple):
    """How all turns of a window read; its last turn keeps it for the next request."""

    turns: tuple[Turn, ...]
    texts: tuple[Exchange, ...]
    units: float
    """What is measured in them."""
    how: tuple[int, Callable[[str], float]]
    """Up to where answers are shortened, and the measure."""


class _Wording(NamedTuple):
    """How turns read in one request."""

    session: Session
    files: Files
    key: str
    """In a turn's memo, what it has of a conversation of this kind in this time zone."""
    shortened_to: int

    @classmethod
    def of(cls, session: Session, files: Files) -> _Wording:
        """Return how turns read in a request of this session, with these files."""
        key = f"{session.kind.value} {session.zone}"
        return cls(session, files, key, session.summary.shortened_to)

    def read(self, turn: Turn, before: float | None) -> Exchange:
        """Return how a turn reads if the message before it was sent at `before`.

        It stays with the turn, unless it depends on files.
        """
        shortened = turn.answer.position < self.shortened_to
        if self.files and turn.attachments:
            return self._read(turn, before, shortened=shortened)
        kept: _Read | None = turn.memo.get(self.key)
        if kept is None or kept.before != before or kept.shortened is not shortened:
            text = self._read(turn, before, shortened=shortened)
            kept = turn.memo[self.key] = _Read(text, before, shortened)
        return kept.text

    def read_all(self, turns: Sequence[Turn], measure: Callable[[str], float]) -> _ReadAll:
        """Return how turns read in a request without files.

        Of a window that has grown since its last request, only the new turns are read.
        """
        key, how = f"all {self.key}", (self.shortened_to, measure)
        kept = _ReadAll((), (), 0.0, how)
        for turn in turns[: -_NEW_TURNS - 1 : -1]:
            earlier: _ReadAll | None = turn.memo.pop(key, None)
            if earlier is not None and earlier.how == how and _begin(turns, earlier.turns):
                kept = earlier
                break
        read, new = len(kept.texts), turns[len(kept.texts) :]
        times = times_before(turns)[read:] if new else ()
        texts = [self.read(turn, before) for turn, before in zip(new, times, strict=True)]
        units = kept.units + sum([sum(text.units(measure)) for text in texts])
        whole = _ReadAll(tuple(turns), (*kept.texts, *texts), units, how)
        turns[-1].memo[key] = whole
        return whole

    def _read(self, turn: Turn, before: float | None, *, shortened: bool) -> Exchange:
        session = self.session
        lines = time_lines(turn.entries, before, session.zone)
        said = words_of(turn.entries, session.kind, self.files, session.zone, lines=lines)
        return Exchange(said, answer_of(turn.answer, shortened=shortened))


def _begin(turns: Sequence[Turn], first: Sequence[Turn]) -> bool:
    """Return whether these are the first of the turns: the same objects, in the same order."""
    return len(first) <= len(turns) and all(map(is_, first, turns))


def _newest_turns(
    turns: Sequence[Turn],
    wording: _Wording,
    counter: TokenCounter,
    room: int,
) -> tuple[tuple[Turn, ...], tuple[Exchange, ...], int]:
    """Return the newest turns that fit together, how each of them reads, and their tokens."""
    if turns and not wording.files:
        whole = wording.read_all(turns, counter.measure)
        size = counter.turn_tokens(whole.units, len(turns))
        if size <= room:  # nearly always
            return whole.turns, whole.texts, size
    texts: list[Exchange] = []
    used = 0
    before = reversed(times_before(turns))
    for turn, sent_before in zip(reversed(turns), before, strict=True):
        text = wording.read(turn, sent_before)
        size = counter.count_turn(text)
        if wording.files and turn.attachments:
            size += _media(turn.entries, wording.files)
        if used + size > room:
            break
        texts.append(text)
        used += size
    kept = tuple(turns[len(turns) - len(texts) :])
    if kept and len(kept) < len(turns):  # the first one says when it was, whatever was before it
        texts[-1] = wording.read(kept[0], None)
    return kept, tuple(reversed(texts)), used


def _sizes_of_new(
    new: Sequence[Entry], zone: tzinfo, counter: TokenCounter, files: Files
) -> Callable[[Entry], int]:
    """Return what returns the tokens of a new message, with the line of its time."""
    places = [entry.position for entry in new]
    lines = dict(zip(places, time_lines(new, None, zone), strict=True))

    def size(entry: Entry) -> int:
        text = tagged(entry, named=True, files=files) + lines[entry.position]
        return counter.count_message(text) + _media([entry], files)

    return size


def _media(entries: Sequence[Entry], files: Files) -> int:
    """Return the tokens of the images and PDFs."""
    sent = (file.id for entry in entries for file in entry.attachments)
    return sum(files[key].tokens for key in sent if key in files)


def _loaded(session: Session) -> tuple[Turn, ...]:
    """Return the turns that no summary covers."""
    start, turns = session.start, session.turns
    if not turns or turns[0].start >= start:  # nearly always
        return turns
    return tuple([turn for turn in turns if turn.start >= start])


def _recalled(
    session: Session, counter: TokenCounter, room: int
) -> tuple[tuple[Passage, ...], int]:
    """Return what is shown again, without the oldest that don't fit, and its tokens."""
    if not session.recalled:  # nearly always
        return (), 0
    frame = counter.count_message(recalled_text((), session.zone))

    def size(passage: Passage) -> int:
        return counter.count(passage_text(passage, session.zone)) + 1

    kept, used = _newest(session.recalled, size, int(room * RECALLED_SHARE) - frame)
    return (kept, used + frame) if kept else ((), 0)


def _summary_for(session: Session, strategy: Strategy) -> str:
    summary = session.summary
    is_gone = summary.withheld and not summary.segments
    return summary.text if strategy.shows_summary and not is_gone else ""


def _uncovered(session: Session, text: str) -> int:
    """Return how many messages only a summary stands for that is not shown."""
    if text:
        return 0
    missing = sum(len(turn.entries) for turn in session.missing)
    return session.start - session.reset_position - session.unread - missing


def _unloaded(session: Session, strategy: Strategy, loaded: tuple[Turn, ...]) -> range:
    """Return the positions that no summary covers and that were not loaded."""
    first_new = session.batch[0].position
    if max(first_new - strategy.lookback, session.since) <= session.start:
        return range(0)  # what is missing at the start was deleted
    return range(session.start, loaded[0].start if loaded else first_new)
