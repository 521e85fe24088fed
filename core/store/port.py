"""The Store port: the verbs by which everything that is kept is changed and read.

Each verb on one thread is one atomic step. It may be retried with the same arguments after a
lost reply and then gives the same answer, because clients retry by themselves. Verbs across
threads (`threads`, `sweep`, `stats`) are resumable instead.

Who may write is decided by the lease (its token); whether what was read still stands by `rev`,
a value that never repeats and that changes with every edit, deletion, reset and erase.

Every verb raises `StoreUnavailableError` when the store does not answer in time, and
`StoreRefusedError` when it can't be used as it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from core.session import Usage

if TYPE_CHECKING:
    from collections.abc import Collection

    from core.admission import Terms, Verdict
    from core.message import Kind, Message, ThreadKey
    from core.session import AnswerKind, Entry, Record, Summary


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
    """Shutting down: the turn stays for the next worker, and this was no failed try."""
    FAILED = "failed"
    """A try that failed: as if the lease had run out, but with the delay that the worker names."""


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
    """How often this turn was claimed, this time included."""
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
    """The first place that `records` could hold: `summary.covers`, or later by `Terms.reach`."""
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

    verdict: Verdict
    new: bool
    """False when an identity of the message was seen before."""
    work: Work | None = None


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
class Draft:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
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


class Store(ABC):
    """Everything that is kept, for any number of processes at once.

    `lease_seconds` is how long a lease lives without being renewed, by the store's own clock.
    """

    lease_seconds: float

    # --- a turn -----------------------------------------------------------------------------

    @abstractmethod
    async def accept(self, message: Message, terms: Terms, token: str = "") -> Accepted:
        """Take a message in, once, whatever becomes of it; needs nothing.

        An identity seen before changes nothing and answers the same verdict. With a token, a
        thread that nobody holds is claimed in the same step, and the answer carries its work;
        a retry with the same token answers the same lease.
        """

    @abstractmethod
    async def claim(self, thread: ThreadKey, token: str) -> Work | None:
        """Take the lease on a thread that has work and that nobody holds; else None.

        Opens a turn, or takes the open one over with `tries` + 1. A live lease with this very
        token is answered again, as the thread is now, with `tries` as they are.
        """

    @abstractmethod
    async def claim_any(self, platforms: Collection[str], token: str) -> Work | Idle:
        """Claim, of these platforms, the thread that has been due for the longest."""

    @abstractmethod
    async def renew(
        self, lease: Lease, rev: str, preview: str = ""
    ) -> Literal["ok", "changed"] | Refused:
        """Extend the lease, and keep the preview's id when one is given.

        `changed`: extended too, but `rev` moved; `claim` with the same token tells how it is.
        """

    @abstractmethod
    async def commit(
        self, lease: Lease, rev: str, draft: Draft, preview: str = ""
    ) -> Literal["committed"] | Changed | Refused:
        """Record the turn's answer behind the last place that it answers, and move `head`.

        Needs the lease, an open turn and `rev` as it was read. Kind buried also lists the
        messages that it answers for the operator. A retry, or a repeat by the same token and
        turn, answers `committed` without effect.
        """

    @abstractmethod
    async def settle(
        self,
        lease: Lease,
        outcome: Outcome,
        *,
        posted: tuple[str, ...] = (),
        delay: float = 0,
    ) -> Work | Literal["free", "void"] | Refused:
        """Close the turn, or leave it to the next worker.

        Done: counts the turn, keeps the ids of the messages that carry the answer, and closes
        it. Where messages wait, the next turn is open in the same step under the same lease,
        and its work is the answer; else the thread is free. A turn that became void, which the
        worker did not know (outcome done), answers `void` and stays open until it is cleared.
        Handed back: free at once. Failed: due again after `delay` seconds.
        """

    @abstractmethod
    async def compact(
        self, thread: ThreadKey, *, covers: int, rev: str, to: int, text: str
    ) -> bool:
        """Let a summary stand for the places [0, to), if `covers` and `rev` are as they were.

        Needs no lease. False: it is out of date, and nothing changed. True again for a retry.
        """

    @abstractmethod
    async def amend(
        self,
        thread: ThreadKey,
        message: str,
        identities: tuple[str, ...],
        *,
        stamp: float,
        text: str | None,
    ) -> bool:
        """Change a stored message's text, or delete it (`text` None); deletion is final.

        `stamp` is the platform's time of the change: one no newer than the last has no effect.
        The thread's `rev` changes, and a summary that covers the message is stale, and withheld
        after a deletion. False: no such message is known; a deletion is remembered by the
        identities, so that the message is not admitted when it arrives late.
        """

    @abstractmethod
    async def erase(self, thread: ThreadKey, *, at: float, keep_log: bool = False) -> None:
        """Remove every trace of a thread, but hashed event ids and a tombstone.

        Messages said before `at` (the platform's time, seconds since 1970) are not admitted
        again. An open turn becomes void and is cleared by its worker. With `keep_log` this is a
        reset: the same line is drawn, and the log stays for `history`.
        """

    # --- reading ----------------------------------------------------------------------------

    @abstractmethod
    async def history(
        self, thread: ThreadKey, *, after: int = -1, limit: int = 200
    ) -> tuple[Record, ...]:
        """Return the records of the next `limit` places behind place `after`, in order.

        Empty only at the end of the log. Deleted messages are in it, without their text.
        """

    @abstractmethod
    async def threads(
        self,
        *,
        person: str = "",
        place: tuple[str, str] | None = None,
        after: str = "",
        limit: int = 100,
    ) -> ThreadPage:
        """List threads: those a person spoke in, those of a (platform, place), or all."""

    @abstractmethod
    async def peek(self, thread: ThreadKey) -> Work | None:
        """Return a thread as `claim` would show it, without taking it; None when unknown.

        The lease in it is empty and good for nothing.
        """

    # --- the operator -----------------------------------------------------------------------

    @abstractmethod
    async def buried(self, *, limit: int = 100) -> tuple[Buried, ...]:
        """List messages whose turns were given up, oldest thread first."""

    @abstractmethod
    async def requeue(self, thread: ThreadKey, place: int) -> bool:
        """Let a buried message wait again, at the end of its thread; False when it is none."""

    # --- settings and cursors -----------------------------------------------------------------

    @abstractmethod
    async def thread_settings(self, thread: ThreadKey) -> ThreadSettings:
        """Return what was set for this thread."""

    @abstractmethod
    async def set_thread(
        self, thread: ThreadKey, kind: Kind, settings: ThreadSettings, *, ttl: float
    ) -> None:
        """Set this thread's settings, as a whole; they end with its session (see `Terms.ttl`)."""

    @abstractmethod
    async def place_settings(self, platform: str, place: str) -> ThreadSettings:
        """Return what was set for a place."""

    @abstractmethod
    async def set_place(self, platform: str, place: str, settings: ThreadSettings) -> None:
        """Set a place's settings, as a whole."""

    @abstractmethod
    async def cursor(self, name: str) -> int:
        """Return how far catch-up has come at a place; 0 when nowhere yet."""

    @abstractmethod
    async def advance(self, name: str, position: int) -> int:
        """Move a cursor to `position`, never back; return where it stands."""

    # --- upkeep -------------------------------------------------------------------------------

    @abstractmethod
    async def wait(self, platforms: Collection[str], seconds: float) -> None:
        """Return when work may be claimable, or after `seconds`. A hint: wakes may be lost."""

    @abstractmethod
    async def sweep(self, limit: int = 100) -> int:
        """Remove up to `limit` things that have expired; return how many there were."""

    @abstractmethod
    async def check(self) -> tuple[str, ...]:
        """Try the store out; return a sentence for each thing the operator should know.

        Raises when the store can't be used at all.
        """

    @abstractmethod
    async def close(self) -> None:
        """Give back connections and files. No other verb may be called after it."""
