"""A conversation as it is stored: entries, answers and turns.

A thread's log is a sequence of positions (`place`). A message takes the next position and never
moves. The answer to it, or to several messages, stands right after the last position that it
answers. The summary stands for the positions [0, covers), the positions [covers, head) are
answered, and from `head` on messages are waiting.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable
    from datetime import tzinfo

    from core.domain.linked import Linked
    from core.domain.message import Attachment, Author, Kind, Quote, ThreadKey
    from core.domain.pins import Pin
    from core.domain.ratings import Rating
    from core.domain.summary import Summary


class Status(StrEnum):
    """How the bot treats a stored message."""

    ADDRESSED = "addressed"
    OVERHEARD = "overheard"
    DELETED = "deleted"


class AnswerKind(StrEnum):
    """What the answer of a turn is."""

    ANSWER = "answer"
    NOTICE = "notice"
    """A sentence of the bot itself: why there is no answer, or only part of one."""
    BURIED = "buried"
    """A notice that the turn was given up; the operator can list and requeue its messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The tokens that one model call was billed for, as the model reports them."""

    input: int = 0
    """Input tokens that were neither read from the cache nor written to it."""
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    @property
    def prompt(self) -> int:
        """Return the tokens of the prompt, however they were billed."""
        return self.input + self.cache_read + self.cache_write

    def __add__(self, other: Usage) -> Usage:
        """Return the sum."""
        return Usage(
            input=self.input + other.input,
            output=self.output + other.output,
            cache_read=self.cache_read + other.cache_read,
            cache_write=self.cache_write + other.cache_write,
        )


NO_USAGE = Usage()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A person's message at its position in the log."""

    position: int
    id: str
    author: Author
    text: str
    sent_at: float
    status: Status = Status.ADDRESSED
    answer_in: str = ""
    edited_at: float = 0
    """The platform's time of the last edit; a change with an older time is out of date."""
    attachments: tuple[Attachment, ...] = ()
    requeued_from: str = ""
    """The platform's id, if the operator requeued the message under a new id."""
    lost_file: bool = False
    """A file was removed from it after it was answered, so the answer may say what was in it."""
    quotes: tuple[Quote, ...] = ()

    @property
    def length(self) -> int:
        """Return the characters of its text and its quotes."""
        quoted = sum([len(quote.text) for quote in self.quotes]) if self.quotes else 0
        return len(self.text) + quoted

    @property
    def platform_id(self) -> str:
        """Return the platform's id of the message."""
        return self.requeued_from or self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the bot said, right after the last position that it answers."""

    position: int
    """The last position that it answers."""
    turn: str
    token: str
    """The token of the lease under which it was committed."""
    kind: AnswerKind
    text: str
    sent_at: float
    usage: Usage | None = None
    trimmed: bool = False
    """The model saw less of the conversation word for word than at the reply before."""
    explain_trim: bool = False
    """It is the first such reply in the thread, so a line explains what that means."""
    notes: tuple[str, ...] = ()
    """Lines of the bot itself that go with the answer; the model does not see them again."""
    posted: tuple[str, ...] = ()
    """The platform's ids of the posts that carry it, once it is delivered."""
    recalled: tuple[int, ...] = ()
    """The positions of the earlier messages that the model was shown again for it, in order."""
    searched: tuple[str, ...] = ()
    """What the model searched the conversation for, a line for each search."""
    units: float = 0
    """What our token counter measured in the prompts that `usage` counts; 0 if that is not known.

    `usage.prompt / units` is how many tokens a unit has in this conversation.
    """
    ratings: tuple[Rating, ...] = ()
    """What people think of it, one each."""

    @property
    def is_bare(self) -> bool:
        """Return whether it is nothing but its text."""
        return not (self.notes or self.trimmed or self.explain_trim)


Record: TypeAlias = Entry | Answer


class _Exchange(NamedTuple):
    entries: tuple[Entry, ...]
    answer: Answer


class Turn(_Exchange):
    """A finished exchange: what people said, and the answer to it.

    It never changes, so what was worked out of it stays with it: see `memo`.
    """

    @cached_property
    def memo(self) -> dict[Hashable, Any]:
        """Hold what was worked out of this turn, by all else that it depends on."""
        return {}

    @property
    def start(self) -> int:
        """Return the first position of the turn."""
        return self.entries[0].position if self.entries else self.answer.position

    @property
    def end(self) -> int:
        """Return the first position after the turn."""
        return self.answer.position + 1

    @cached_property
    def length(self) -> int:
        """Return the characters of all that was said."""
        return len(self.answer.text) + sum([entry.length for entry in self.entries])

    @cached_property
    def attachments(self) -> tuple[Attachment, ...]:
        """Return the files of all its messages, in order."""
        return tuple([file for entry in self.entries for file in entry.attachments])


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What was said long ago and is shown again, word for word, since a new message is about it."""

    position: int
    who: str
    """The author's name; empty if the bot said it."""
    person: str = ""
    """The author's tag, which tells people of one name apart."""
    when: float
    text: str
    """The whole message, or its best passages, with `[...]` between them."""
    file: str = ""
    """The name of the file that came with the message, if the text stands in that."""
    whole: bool = True
    by_bot: bool = False
    platform_id: str = ""
    """The platform's id of the message; empty for an answer that was not delivered."""


LEFT_OUT = "This answer is not shown, because a file that it was about was removed."
DECLINED = "The model declined to continue here."
"""The note with an answer that the model declined to finish: people see the answer, but no later
prompt does (Anthropic's documentation, "Streaming refusals": reset the context)."""
REFUSED = "The model declined to answer this."
"""The notice in place of an answer that the model declined to begin."""
_WITHHELD = "(a message that the model declined to answer)"


class Grouped(NamedTuple):
    """Records as `turns_of` groups them."""

    turns: tuple[Turn, ...] = ()
    waiting: tuple[Entry, ...] = ()
    lost: bool = False
    """One of those that wait has lost a file."""

    def with_more(self, records: Iterable[Record]) -> Grouped:
        """Return this and the records that follow it."""
        turns: list[Turn] = []
        waiting, lost = [*self.waiting], self.lost
        for record in records:
            if isinstance(record, Answer):
                answer = _kept(record) if record.notes else record  # most answers have none
                turns.append(Turn(tuple(waiting), _left_out(record) if lost else answer))
                waiting, lost = [], False
                continue
            lost = lost or record.lost_file
            if record.status is not Status.DELETED:
                waiting.append(record)
        return Grouped((*self.turns, *turns), tuple(waiting), lost)


class Window(tuple[Record, ...]):  # noqa: SLOT001 - it holds more than its records
    """Records in order, which a store keeps parsed from turn to turn, and how they are grouped.

    What follows is grouped alone. So the turns before it are the same objects, and what was worked
    out of them is still there.
    """

    grouped = Grouped()

    def with_more(self, records: tuple[Record, ...]) -> Window:
        """Return this and the records that follow it."""
        longer = Window((*self, *records))
        longer.grouped = self.grouped.with_more(records)
        return longer


def turns_of(records: Iterable[Record]) -> tuple[tuple[Turn, ...], tuple[Entry, ...]]:
    """Group records, in order, into finished turns and the messages after them.

    Deleted messages are left out; a turn whose every message was deleted keeps its answer. The
    answer to a message that has lost a file is left out too, with a line in its place, and so is an
    answer that the model declined to finish.
    """
    grouped = records.grouped if isinstance(records, Window) else Grouped().with_more(records)
    return grouped.turns, grouped.waiting


def without_answers_about(turns: tuple[Turn, ...], gone: Collection[str]) -> tuple[Turn, ...]:
    """Return turns as if the files with these ids had been removed from their messages."""

    def is_about(turn: Turn) -> bool:
        return any(file.id in gone for entry in turn.entries for file in entry.attachments)

    return tuple(
        [Turn(turn.entries, _left_out(turn.answer)) if is_about(turn) else turn for turn in turns]
    )


def without_declined(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Return turns without the words of messages that the model declined to answer."""

    def without_words(entry: Entry) -> Entry:
        return replace(entry, text=_WITHHELD, attachments=())

    return tuple(
        [
            Turn(tuple(map(without_words, turn.entries)), turn.answer)
            if turn.answer.kind is AnswerKind.NOTICE and turn.answer.text in {DECLINED, REFUSED}
            else turn
            for turn in turns
        ]
    )


def _left_out(answer: Answer) -> Answer:
    return replace(answer, kind=AnswerKind.NOTICE, text=LEFT_OUT)


def _kept(answer: Answer) -> Answer:
    """Return an answer as later prompts show it."""
    if DECLINED not in answer.notes:
        return answer
    return replace(answer, kind=AnswerKind.NOTICE, text=DECLINED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A thread as one turn sees it: the summary, the turns after it, and the messages to answer."""

    thread: ThreadKey
    kind: Kind
    summary: Summary
    turns: tuple[Turn, ...]
    """Whole turns, oldest first, as far back as they were loaded."""
    batch: tuple[Entry, ...]
    """The messages to answer now, in order, and what was overheard between them."""
    reset_position: int
    """The first position of the conversation."""
    seen_from: int
    """The first position that the model saw word for word at the last reply."""
    people: int
    since: int = 0
    """The first position that was loaded, or one before it."""
    files_from: int = 0
    """The first position whose files are shown; earlier files are only named."""
    revision: str = ""
    """The thread's revision when it was read."""
    pins: tuple[Pin, ...] = ()
    """The pins that are shown."""
    place: str = ""
    """What people call the channel or thread; empty if it has no name."""
    formatting: str = ""
    """What Markdown people see there."""
    zone: tzinfo = UTC
    """The time zone of the people."""
    missing: tuple[Turn, ...] = ()
    """Turns of the parts of the summary that are being rebuilt, as far as they were loaded."""
    unread: int = 0
    """How many positions of such parts were not loaded."""
    recalled: tuple[Passage, ...] = ()
    """What was said before all that is shown, and bears on the new messages; oldest first."""
    linked: tuple[Linked, ...] = ()
    """The links to other conversations in the new messages."""

    @property
    def start(self) -> int:
        """Return the first position that no summary covers."""
        return max(self.summary.covers, self.reset_position)

    @property
    def last(self) -> int:
        """Return the last position to answer."""
        return self.batch[-1].position


def whole_turns(turns: tuple[Turn, ...], *, since: int, start: int) -> tuple[Turn, ...]:
    """Return the turns, without the first one if loading may have cut into it.

    `since` is the first position that was loaded, `start` the first one that could be loaded.
    """
    return turns[1:] if since > start else turns


def next_batch(waiting: tuple[Entry, ...], *, alone: bool) -> tuple[Entry, ...]:
    """Return the messages that the next turn answers, with what was overheard between them.

    They are the oldest message that is addressed to the bot, and those after it whose answers
    belong in the same place. `alone` takes only the oldest, because one of the messages may be what
    makes turns fail.
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
    return waiting[:end]  # the same tuple, if it is all of it
