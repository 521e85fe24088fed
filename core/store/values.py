"""What goes into the store's verbs and comes out of them: leases, work, drafts, lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from core.domain.session import Answer, Usage

if TYPE_CHECKING:
    from typing import Literal

    from core.domain.admission import Admission
    from core.domain.message import Kind, ThreadKey
    from core.domain.session import AnswerKind, Entry, Record, Summary


class TurnState(StrEnum):
    """How far an open turn is."""

    OPEN = "open"
    COMMITTED = "committed"
    """Its answer is recorded and has to be delivered."""
    VOID = "void"
    """Its thread was erased or reset: what was posted for it has to be taken back."""


class Outcome(StrEnum):
    """How a worker leaves a turn when it settles it."""

    DONE = "done"
    """Delivered, or nothing was left to answer: the turn is closed."""
    CLEARED = "cleared"
    """The turn was void, as the worker knew, and what was posted for it is gone: closed."""
    UNDELIVERED = "undelivered"
    """Its answer is recorded but could not be posted, time and again: closed as done, and the
    messages that it answers are listed for the operator."""
    HANDED_BACK = "handed back"
    """Left to the next worker, at once or after a delay: this was no failed try."""
    UNTOUCHED = "untouched"
    """As handed back, and this lease has left nothing on the platform that a next one looks for."""
    FAILED = "failed"
    """A try that failed by what the message itself may have caused: due again after a delay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to run one thread's turn for a while. Only `token` decides."""

    thread: ThreadKey
    token: str
    turn: str
    """The turn's id: the id of the oldest message that waited when it was first claimed."""
    fence: int
    """Counts the thread's claims; for order in logs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A claimed thread: all that a turn needs, as it was at one instant."""

    lease: Lease
    rev: str
    kind: Kind
    state: TurnState
    tries: int
    """The number of this try; see `core.store.header.OpenTurn` for this and the next three."""
    deaths: int = 0
    leases: int = 1
    opened_at: float = 0
    preview: str = ""
    """The platform's id of the turn's preview, where one is known."""
    committed_by: str = ""
    """The token that committed the turn's answer."""
    cuts: tuple[int, ...] = ()
    """Where the committed answer is cut into pieces."""
    head: int
    next: int
    records: tuple[Record, ...]
    """What is kept from `since` on, in order."""
    since: int
    """The first place that `records` can hold: `summary.covers`, or `AdmissionPolicy.reach`."""
    summary: Summary
    settings: ThreadSettings
    line: int
    """The first place of the conversation: 0, or where it was last reset or erased."""
    seen_from: int
    """The first place that the model saw word for word at the thread's last reply."""
    explained: bool
    """The thread has had its line on what ✂️ means."""
    refused: int
    """Messages refused as too many since the last reply."""
    renewed: bool
    """An earlier session of this thread expired; the next reply says so."""
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadSettings:
    """What people set for one thread or one place; empty means the default."""

    strategy: str = ""
    reach: int = 0
    """The places that the strategy needs; it is stored with it, since the store can't know."""
    muted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The answer to `accept`."""

    verdict: Admission
    new: bool
    """False when an identity of the message was seen before."""
    work: Work | None = None
    muted: bool = False
    """The thread is muted; see `ThreadSettings`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The lease is not the thread's any more, or the turn is closed."""

    recorded: bool
    """This turn's answer is recorded."""
    mine: bool
    """It was committed under the very token that asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The thread's `rev` moved, and the turn is still this lease's: here is how it is now."""

    work: Work


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingAnswer:
    """An answer as a worker commits it."""

    last: int
    """The last place that it answers."""
    text: str
    kind: AnswerKind
    cuts: tuple[int, ...]
    usage: Usage | None = None
    trimmed: bool = False
    explain_trim: bool = False
    notes: tuple[str, ...] = ()
    seen_from: int = 0
    """The first place that the model saw word for word."""
    refused: int = 0
    """How many refused messages this answer tells about."""

    def recorded(self, lease: Lease, at: float) -> Answer:
        """Return the answer that this draft becomes when it is committed at this time."""
        return Answer(
            place=self.last,
            turn=lease.turn,
            token=lease.token,
            kind=self.kind,
            text=self.text,
            at=at,
            usage=self.usage,
            trimmed=self.trimmed,
            explain_trim=self.explain_trim,
            notes=self.notes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingDue:
    """Nothing can be claimed now."""

    seconds: float | None
    """Until the earliest thread with work comes due; None when no thread has any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadInfo:
    """One thread in a list, with the counters that analytics is made of."""

    thread: ThreadKey
    kind: Kind
    turns: int
    """Turns settled with an answer since the session began."""
    usage: Usage = field(default_factory=Usage)
    started_at: float
    last_at: float
    """When something was last said or answered, by the store's clock."""
    people: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadPage:
    """Some threads of a list, and where the next page begins (empty: there is none)."""

    threads: tuple[ThreadInfo, ...]
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Buried:
    """A message whose turn was given up."""

    thread: ThreadKey
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """What somebody did to a conversation that they reached as an admin, in ids alone."""

    id: str
    """Made once for each deed, so that one that is kept again is known."""
    what: Literal["export", "forget"]
    by: str
    """The platform's id of the person."""
    thread: ThreadKey
    at: float
    """Seconds since 1970."""

    @property
    def name(self) -> str:
        """Return what deeds are in order by: the time, as text, and the id."""
        return f"{self.at:020.6f} {self.id}"
