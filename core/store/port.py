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

from abc import abstractmethod
from typing import TYPE_CHECKING, Literal

from core.store.audit import AuditLog
from core.store.migration.transfer import Transfer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from core.domain.admission import AdmissionPolicy
    from core.domain.message import Attachment, Kind, Message, ThreadKey
    from core.domain.session import Record
    from core.store.values import (
        Accepted,
        Buried,
        Changed,
        Lease,
        NothingDue,
        Outcome,
        PendingAnswer,
        Refused,
        ThreadPage,
        ThreadSettings,
        Work,
    )


_PING = "ping"
"""The cursor that `ping` moves."""


class Store(AuditLog, Transfer):
    """Everything that is kept, for any number of processes at once.

    `lease_seconds` is how long a lease lives without being renewed, by the store's own clock.
    """

    lease_seconds: float
    _listeners: tuple[Callable[[ThreadKey], object], ...] = ()

    def on_change(self, call: Callable[[ThreadKey], object]) -> None:
        """Make a call whenever this process has edited, deleted, reset or erased in a thread.

        What others change is told by `revs`.
        """
        self._listeners = (*self._listeners, call)

    def _changed(self, thread: ThreadKey) -> None:
        for call in self._listeners:
            call(thread)

    # --- a turn -----------------------------------------------------------------------------

    @abstractmethod
    async def accept(self, message: Message, terms: AdmissionPolicy, token: str = "") -> Accepted:
        """Take a message in, once, whatever becomes of it; needs nothing.

        An identity seen before changes nothing and answers the same verdict. With a token, a
        thread that nobody holds is claimed in the same step, and the answer carries its work;
        a retry with the same token answers the same lease.
        """

    @abstractmethod
    async def claim(self, thread: ThreadKey, token: str, *, early: bool = False) -> Work | None:
        """Take the lease on a thread that has work and that nobody holds; else None.

        Opens a turn, or takes the open one over: with one more death, if its lease ran out while
        another held it. A lease with this very token is answered again, as the thread is now.
        `early` takes a turn also that was left for later (`settle` with a delay), before its time.
        """

    @abstractmethod
    async def claim_any(
        self, platforms: Collection[str], token: str, besides: Collection[ThreadKey] = ()
    ) -> Work | NothingDue:
        """Claim, of these platforms, the thread that has been due for the longest.

        Those in `besides`, a few hundred at most, are passed over as if they were not there.
        """

    @abstractmethod
    async def renew(
        self, lease: Lease, rev: str, preview: str = ""
    ) -> Literal["ok", "changed", "stopped"] | Refused:
        """Extend the lease, and keep the preview's id when one is given.

        `changed`: extended too, but `rev` moved; `claim` with the same token tells how it is.
        `stopped`: extended too, and somebody asked for the turn to end with what has come.
        """

    @abstractmethod
    async def stop(self, thread: ThreadKey, turn: str) -> bool:
        """Ask whoever runs this turn to end it with what has come; needs no lease.

        Their next `renew` tells them. False: no such turn is open.
        """

    @abstractmethod
    async def commit(
        self, lease: Lease, rev: str, draft: PendingAnswer, preview: str = ""
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
        Handed back, untouched or failed: free, and due again after `delay` seconds.
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
        attachments: tuple[Attachment, ...] | None = None,
    ) -> bool:
        """Change a stored message's text, or delete it (`text` None); deletion is final.

        `attachments` are the files that it has now; None leaves those that it had. An edit that
        leaves neither a text nor a file deletes as well. `stamp` is the platform's time of the
        change: an edit no newer than the last has no effect.
        The thread's `rev` changes, and a summary that covers the message is stale. Where the
        message or a file of it is gone, the summary's text goes in the same step: it is withheld.
        False: no such message is known; a deletion is remembered by the identities, so that the
        message is not admitted when it arrives late.
        """

    @abstractmethod
    async def erase(self, thread: ThreadKey, *, at: float, keep_log: bool = False) -> None:
        """Remove every trace of a thread, but hashed event ids and a tombstone.

        Messages said before `at` (the platform's time, seconds since 1970) are not admitted
        again. An open turn becomes void and is cleared by its worker. With `keep_log` this is a
        reset: the same line is drawn, and the log stays for `history`. What waits and was said
        after `at` waits still, and an open turn that answers it begins anew. A reset at or before
        the thread's line changes nothing, so that one that was heard again harms nothing.
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

    @abstractmethod
    async def revs(self, threads: Sequence[ThreadKey]) -> tuple[str, ...]:
        """Return the `rev` of each of these threads; empty for one that is not kept (any more).

        It is one read for all of them, or for each hundred or so.
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
        """Set all of this thread's settings; they end with its session (`AdmissionPolicy.ttl`)."""

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

    async def ping(self, at: float) -> None:
        """Write the time, in seconds since 1970, to see whether the store takes writes now.

        A store that answers reads alone, as a read-only replica does, takes in no message.
        """
        await self.advance(_PING, int(at))

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
