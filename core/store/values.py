"""The values that the store's verbs take and return: leases, work, drafts, lists."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NotRequired, TypeAlias, TypedDict

from core.domain.session import Answer, Usage
from core.domain.settings import Layers, effective

if TYPE_CHECKING:
    from core.domain.admission import Admission
    from core.domain.message import Kind, ThreadKey
    from core.domain.pins import Pin
    from core.domain.session import AnswerKind, Entry, Record
    from core.domain.settings import Effective, ScopeSettings
    from core.domain.summary import Summary
    from core.store.header import Header
    from core.store.verbs import Tombstone


Pinning: TypeAlias = Literal["pinned", "changed", "full", "gone"]
"""What became of a pin: it is there; other pins are there than the caller knew of; the thread holds
no more; or it is older than the thread's last reset or erase."""


class TurnState(StrEnum):
    """The state of an open turn."""

    OPEN = "open"
    COMMITTED = "committed"
    """Its answer is recorded and must be delivered."""
    VOID = "void"
    """Its thread was erased or reset: what was posted for it must be removed."""


class Outcome(StrEnum):
    """How a worker leaves a turn when it settles it."""

    DONE = "done"
    """The answer is delivered, or nothing is left to answer: close the turn."""
    CLEARED = "cleared"
    """The worker has removed what was posted for a void turn: close it."""
    UNDELIVERED = "undelivered"
    """The recorded answer could not be posted after repeated tries: close the turn, and list the
    messages that it answers for the operator."""
    HANDED_BACK = "handed back"
    """Leave the turn to the next worker, at once or after a delay; this try does not count."""
    UNTOUCHED = "untouched"
    """As handed back; in addition, this lease has left nothing on the platform."""
    FAILED = "failed"
    """The try failed in a way that the message may have caused: retry after a delay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to run one thread's turn for a while. Only `token` grants it."""

    thread: ThreadKey
    token: str
    turn: str
    """The turn's id: the id of the oldest message that waited when it was opened."""
    fence: int
    """The number of claims of the thread so far, to order logs by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A claimed thread: everything a turn needs, as of one instant."""

    lease: Lease
    revision: str
    kind: Kind
    state: TurnState
    tries: int
    """The number of this try; `core.store.header.OpenTurn` explains it and the next three."""
    deaths: int = 0
    leases: int = 1
    opened_at: float = 0
    preview: str = ""
    """The platform's id of the turn's preview, if known."""
    committed_by: str = ""
    """The token that committed the turn's answer."""
    cuts: tuple[int, ...] = ()
    """The offsets at which the committed answer is split into posts."""
    head: int
    next: int
    records: tuple[Record, ...]
    """The records at or behind `since`, in order."""
    since: int
    """Where `records` begins: `summary.covers`, or as far back as `AdmissionPolicy.reach`."""
    summary: Summary
    settings: ScopeSettings
    reset_position: int
    """The first position of the conversation: 0, or where it was last reset or erased."""
    seen_from: int
    """The first position that the model saw verbatim for the thread's last reply."""
    explained: bool
    """The thread has had its explanation of what ✂️ means."""
    refused: int
    """The number of messages refused as too many since the last reply."""
    renewed: bool
    """An earlier session of this thread expired; the next reply says so."""
    people: int
    pins: tuple[Pin, ...] = ()
    layers: Layers | None = None
    """The settings of all scopes, if they have been read for this turn; no verb fills this in."""

    def under(self, layers: Layers | None) -> Work:
        """Return this work with the settings of all scopes, if they have been read."""
        return self if layers is None else replace(self, layers=layers)

    @property
    def effective(self) -> Effective:
        """Return the settings that hold, as far as they have been read."""
        return effective(self.layers or Layers(self.settings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The result of `accept`."""

    verdict: Admission
    new: bool
    """False when an identity of the message was seen before."""
    work: Work | None = None
    muted: bool = False
    """The thread is muted; see `ScopeSettings`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The thread has another lease by now, or the turn is closed."""

    recorded: bool
    """This turn's answer is recorded."""
    mine: bool
    """The token that asks committed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The thread's `revision` moved, and the lease still holds: the thread as it is now."""

    work: Work


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingAnswer:
    """An answer that a worker commits."""

    last: int
    """The last position that it answers."""
    text: str
    kind: AnswerKind
    cuts: tuple[int, ...]
    usage: Usage | None = None
    trimmed: bool = False
    explain_trim: bool = False
    notes: tuple[str, ...] = ()
    seen_from: int = 0
    """The first position that the model saw verbatim."""
    refused: int = 0
    """How many refused messages this answer mentions."""
    recalled: tuple[int, ...] = ()
    """The positions of the earlier messages that the model was shown again."""
    searched: tuple[str, ...] = ()
    units: float = 0
    """This and the one before are those of `Answer`."""

    def recorded(self, lease: Lease, at: float) -> Answer:
        """Return the answer that this draft becomes when it is committed at this time."""
        return Answer(
            position=self.last,
            turn=lease.turn,
            token=lease.token,
            kind=self.kind,
            text=self.text,
            sent_at=at,
            usage=self.usage,
            trimmed=self.trimmed,
            explain_trim=self.explain_trim,
            notes=self.notes,
            recalled=self.recalled,
            searched=self.searched,
            units=self.units,
        )


class NewSummary(TypedDict):
    """What `compact` stores."""

    to: int
    """The position behind the last one that it covers."""
    text: str
    """As `core.domain.summary.dumped` writes it; any other text counts as one segment. A segment
    that is stale or withheld leaves the thread's summary so."""
    usage: NotRequired[Usage]
    """The tokens that it took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingDue:
    """Nothing can be claimed now."""

    seconds: float | None
    """Until the earliest thread with work comes due; None if no thread has work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadInfo:
    """One thread in a list, with the counters that analytics uses."""

    thread: ThreadKey
    kind: Kind
    turns: int
    """The number of turns settled with an answer since the session began."""
    usage: Usage = field(default_factory=Usage)
    started_at: float
    last_at: float
    """When the last message or answer came, by the store's clock."""
    people: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadPage:
    """A page of threads, and where the next page begins (empty: there is none)."""

    threads: tuple[ThreadInfo, ...]
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Buried:
    """A message whose turn was given up."""

    thread: ThreadKey
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """What a person did by an admin's right, or to settings; of what was said, it holds nothing."""

    id: str
    """Unique for each event, so that a retry is recognized."""
    what: Literal["export", "forget", "settings"]
    by: str
    """The platform's id of the person."""
    thread: ThreadKey
    at: float
    """Seconds since 1970."""
    about: str = ""
    """The scope and the fields that were changed, with their new values, but for instructions."""

    @property
    def name(self) -> str:
        """Return what orders events: the time, as text, and the id."""
        return f"{self.at:020.6f} {self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump:
    """A thread without its records. Times are seconds by the clock of the store it is in."""

    header: Header
    people: tuple[str, ...]
    """Everyone who spoke in it, in order; the header counts only so many."""
    trace: Tombstone | None
    time: float
    """When it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenEvent:
    """What became of an event; see `core.store.keys.SEEN_SECONDS`."""

    hash: str
    verdict: Admission
    expires: float
    near: str = ""
    """The partition that held it, of use to a store of the same kind; empty if there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTombstone:
    """What the store remembers of a thread beyond its end, under the hash of its name."""

    hash: str
    trace: Tombstone
    near: str = ""
    """As in `SeenEvent`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSettings:
    """The settings of a channel or a server, named as `core.store.keys.scopes` does."""

    name: str
    settings: ScopeSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """The position of a cursor."""

    name: str
    position: int


SideRecord: TypeAlias = SeenEvent | StoredTombstone | ChannelSettings | Cursor
