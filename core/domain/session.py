"""A conversation as it is remembered: entries, turns, the summary, and what is always true of them.

A thread's log is a sequence of places. A message takes the next place and never moves; the
answer to it, or to several, stands right behind the last place it answers. The summary stands
for the places [0, covers), the window is [covers, head), and from head on messages wait.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from core.domain.message import Attachment, Author, Kind, ThreadKey


class Status(StrEnum):
    """What a stored message is to the bot."""

    ADDRESSED = "addressed"
    OVERHEARD = "overheard"
    DELETED = "deleted"


class AnswerKind(StrEnum):
    """What stands as the answer of a turn."""

    ANSWER = "answer"
    NOTICE = "notice"
    """The bot's own words: why there is no answer, or only part of one."""
    BURIED = "buried"
    """A notice that the turn was given up; its messages are listed for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens that one model call was billed for, as the model reports them."""

    input: int = 0
    """Input that was neither read from the cache nor written to it."""
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    @property
    def prompt(self) -> int:
        """Return the tokens of the whole prompt, however they were billed."""
        return self.input + self.cache_read + self.cache_write

    def __add__(self, other: Usage) -> Usage:
        """Return both together."""
        return Usage(
            input=self.input + other.input,
            output=self.output + other.output,
            cache_read=self.cache_read + other.cache_read,
            cache_write=self.cache_write + other.cache_write,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A person's message at its place in the log."""

    place: int
    id: str
    author: Author
    text: str
    at: float
    status: Status = Status.ADDRESSED
    answer_in: str = ""
    stamp: float = 0
    """The platform's time of its last edit; a change with an older stamp is out of date."""
    attachments: tuple[Attachment, ...] = ()
    requeued_from: str = ""
    """The platform's id, where the operator put a message in again under an id of its own."""
    lost_file: bool = False
    """A file was taken out of it after it was answered: the answer may tell what was in it."""

    @property
    def platform_id(self) -> str:
        """Return the id under which the platform knows the message."""
        return self.requeued_from or self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the bot said, right behind the last place that it answers."""

    place: int
    """The last place that it answers."""
    turn: str
    token: str
    """The lease under which it was committed."""
    kind: AnswerKind
    text: str
    at: float
    usage: Usage | None = None
    trimmed: bool = False
    """The model saw less of the conversation word for word than at the reply before."""
    explain_trim: bool = False
    """It is the thread's first such reply, so it comes with a line on what that means."""
    notes: tuple[str, ...] = ()
    """Lines of the bot's own that go with the answer and that the model does not see again."""
    posted: tuple[str, ...] = ()
    """The platform's ids of the messages that carry it, once delivered."""

    @property
    def is_bare(self) -> bool:
        """Tell whether nothing goes with its text."""
        return not (self.notes or self.trimmed or self.explain_trim)


Record: TypeAlias = Entry | Answer


class Turn(NamedTuple):
    """One exchange that is over: what was said, and the answer to it."""

    entries: tuple[Entry, ...]
    answer: Answer

    @property
    def start(self) -> int:
        """Return the first place of the turn."""
        return self.entries[0].place if self.entries else self.answer.place

    @property
    def end(self) -> int:
        """Return the first place after the turn."""
        return self.answer.place + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What stands for the places [0, covers)."""

    covers: int
    text: str
    stale: bool = False
    """Something it covers was edited or deleted since; it wants to be made anew."""
    withheld: bool = False
    """Something it covered was deleted, and its text with that: it has to be made again."""


LEFT_OUT = "This answer is not shown, because a file that it was about was removed."


def turns_of(records: Iterable[Record]) -> tuple[tuple[Turn, ...], tuple[Entry, ...]]:
    """Group records, in order, into the turns that are over and the messages after them.

    Deleted messages are left out; a turn whose every message was deleted keeps its answer. The
    answer to a message that has lost a file is left out too, with a line in its place.
    """
    turns: list[Turn] = []
    open_entries: list[Entry] = []
    lost = False
    for record in records:
        if isinstance(record, Answer):
            turns.append(Turn(tuple(open_entries), _left_out(record) if lost else record))
            open_entries, lost = [], False
            continue
        lost = lost or record.lost_file
        if record.status is not Status.DELETED:
            open_entries.append(record)
    return tuple(turns), tuple(open_entries)


def without_answers_about(turns: tuple[Turn, ...], gone: Collection[str]) -> tuple[Turn, ...]:
    """Return turns as if the files with these ids had been taken out of their messages."""

    def is_about(turn: Turn) -> bool:
        return any(file.id in gone for entry in turn.entries for file in entry.attachments)

    return tuple(
        [Turn(turn.entries, _left_out(turn.answer)) if is_about(turn) else turn for turn in turns]
    )


def _left_out(answer: Answer) -> Answer:
    return replace(answer, kind=AnswerKind.NOTICE, text=LEFT_OUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A thread as one turn sees it: the summary, the turns after it, and what is to be answered."""

    thread: ThreadKey
    kind: Kind
    summary: Summary
    turns: tuple[Turn, ...]
    """Whole turns only, oldest first; the first of them is the oldest that was loaded."""
    batch: tuple[Entry, ...]
    """What is answered now, in order, with what was overheard on the way."""
    line: int
    """The first place of the conversation."""
    seen_from: int
    """The first place that the model saw word for word at the last reply."""
    people: int
    since: int = 0
    """The first place that was loaded, or one before it."""
    files_from: int = 0
    """The first place whose files are shown; those before it are only named."""
    rev: str = ""
    """The thread's `rev` when it was read."""

    @property
    def start(self) -> int:
        """Return the first place that no summary covers."""
        return max(self.summary.covers, self.line)

    @property
    def last(self) -> int:
        """Return the last place that is answered."""
        return self.batch[-1].place


def whole_turns(turns: tuple[Turn, ...], *, since: int, start: int) -> tuple[Turn, ...]:
    """Return the turns without the first, where loading may have cut into it.

    `since` is the first place that was loaded, `start` the first place there is to load.
    """
    return turns[1:] if since > start else turns


def next_batch(waiting: tuple[Entry, ...], *, alone: bool) -> tuple[Entry, ...]:
    """Return the messages that the next answer is for, with what was overheard between them.

    They are the oldest addressed message and those behind it that want their answer in the same
    place. `alone` takes the oldest by itself, since one of them may be what makes turns fail.
    """
    end = 0
    wanted: str | None = None
    for index, entry in enumerate(waiting):
        if entry.status is not Status.ADDRESSED:
            continue
        if wanted is not None and (alone or entry.answer_in != wanted):
            break
        wanted = entry.answer_in
        end = index + 1
    return waiting[:end]
