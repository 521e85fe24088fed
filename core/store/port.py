"""The Store port: the verbs that change and read everything the bot keeps.

Each verb on one thread is one atomic step. Callers may repeat it with the same arguments after a
lost reply and get the same answer, because clients retry by themselves. Verbs across threads
(`threads`, `sweep`, `revisions`) are resumable instead.

The lease's token decides who may write. The thread's `revision` decides whether what was read still
stands: it never repeats, and it changes with every edit, deletion, reset and erase.

Every verb raises `StoreError`: `StoreUnavailableError` when the store does not answer in time, and
`StoreRefusedError` when the store can't be used as it is.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Literal

from core.store.side_port import SidePort

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from typing_extensions import Unpack

    from core.domain.admission import AdmissionPolicy
    from core.domain.message import Attachment, Message, Quote, ThreadKey
    from core.domain.session import Answer, Record
    from core.store.values import (
        Accepted,
        Changed,
        Lease,
        NewSummary,
        NothingDue,
        Outcome,
        PendingAnswer,
        Refused,
        ThreadInfo,
        ThreadPage,
        Work,
    )

_PAGE = 200
"""Positions of a log, or threads, that are read at once: an entry may have 64 KB."""


class Store(SidePort):
    """Everything that is kept, for any number of processes at once.

    Attributes:
        lease_seconds: How long a lease lives without being renewed, by the store's own clock.
    """

    lease_seconds: float

    # --- a turn -----------------------------------------------------------------------------

    @abstractmethod
    async def accept(self, message: Message, policy: AdmissionPolicy, token: str = "") -> Accepted:
        """Take a message in, once, whatever its admission; needs no lease.

        Args:
            message: The message; one that has an identity seen before changes nothing, but one that
                was overheard, and by an edit addresses the bot, moves to the end of the log.
            policy: What becomes of it in each state of its thread, and the thread's limits.
            token: If given, claims the thread in the same step, provided that no lease is on it.

        Returns:
            The admission, the same for every repeat, and the thread's work if it was claimed. A
            retry with the same token returns the same lease.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def claim_once(self, platform: str, name: str) -> bool:
        """Claim a name for this process, so that only one of several does what the name stands for.

        A platform may send each replica the same event without any of them storing it as a
        message: a button, a command. The replica that claims the event's name handles it.

        Args:
            platform: The platform to which the name belongs.
            name: What is claimed; the store keeps a hash, for `core.store.keys.SEEN_SECONDS`.

        Returns:
            True for the first claim only. A retry of the first claim by the store's client, after
            a lost reply, returns True again.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def claim(self, thread: ThreadKey, token: str, *, early: bool = False) -> Work | None:
        """Take the lease on a thread that has work and no live lease.

        Opens a turn, or takes the open one over. Taking over a lease that ran out while another
        token held it counts as a death.

        Args:
            thread: The thread.
            token: The new lease's token; a lease with this token is returned again, with the
                thread as it is now.
            early: Also take a turn before the delay that `settle` gave it is over.

        Returns:
            The thread's work; None if there is none, or another token holds the lease.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def claim_any(
        self, platforms: Collection[str], token: str, excluded: Collection[ThreadKey] = ()
    ) -> Work | NothingDue:
        """Claim, of these platforms, the thread that has been due for the longest.

        Args:
            platforms: The platforms whose threads may be claimed.
            token: The new lease's token.
            excluded: Threads to skip, a few hundred at most.

        Returns:
            The thread's work, or how long it takes until a thread comes due.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def renew(
        self, lease: Lease, revision: str, preview: str = ""
    ) -> Literal["ok", "changed", "stopped"] | Refused:
        """Extend the lease, and keep the preview's id if there is one.

        Args:
            lease: The lease.
            revision: The thread's `revision` as it was read.
            preview: The platform's id of the turn's preview.

        Returns:
            `ok`: extended. `changed`: extended, but `revision` moved; `claim` with the same token
            returns the thread as it is now. `stopped`: extended, and a person asked the turn to
            end with what it has. `Refused`: the lease is lost.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def stop(self, thread: ThreadKey, turn: str) -> bool:
        """Ask the holder of a turn to end it with what it has; needs no lease.

        The holder's next `renew` returns `stopped`.

        Args:
            thread: The thread.
            turn: The turn's id.

        Returns:
            False if no such turn is open.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def commit(
        self, lease: Lease, revision: str, draft: PendingAnswer, preview: str = ""
    ) -> Answer | Changed | Refused:
        """Record the turn's answer behind the last position that it answers, and move `head`.

        An answer of kind buried also lists the messages that it answers for the operator.

        Args:
            lease: The lease on the open turn.
            revision: The thread's `revision` as it was read.
            draft: The answer.
            preview: The platform's id of the turn's preview.

        Returns:
            The answer as it is recorded: a retry, or a repeat by the same token and turn, has no
            effect. `Changed`: `revision` moved. `Refused`: the lease is lost.

        Raises:
            StoreError: See the module.
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

        Args:
            lease: The lease.
            outcome: Done counts and closes the turn. Handed back, untouched and failed leave it.
            posted: The ids of the posts that carry the answer.
            delay: Seconds after which a turn that is left comes due again.

        Returns:
            The next turn's work, under the same lease, if messages wait. `free`: the thread has
            no lease any more. `void`: the turn became void unknown to the worker (outcome done),
            and stays open until it is cleared. `Refused`: the lease is lost.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def compact(
        self, thread: ThreadKey, *, covers: int, revision: str, **made: Unpack[NewSummary]
    ) -> bool:
        """Replace the positions [0, to) by a summary for the model; needs no lease.

        Args:
            thread: The thread.
            covers: The position behind the last one that the summary covered when it was read.
            revision: The thread's `revision` as it was read.
            made: The new summary; its usage is added to the thread's, once.

        Returns:
            False if `covers` or `revision` moved: nothing changed. True again for a retry.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def amend(
        self,
        thread: ThreadKey,
        message: str,
        identities: tuple[str, ...],
        *,
        edited_at: float,
        text: str | None,
        attachments: tuple[Attachment, ...] | None = None,
        quotes: tuple[Quote, ...] | None = None,
    ) -> bool:
        """Change what a stored message says, or delete it; a deletion is final.

        The thread's `revision` changes, and a summary that covers the message becomes stale. If the
        message or one of its files is gone, the same step removes what the summary's segment for
        it says, or all of a summary that has no segments. If a segment says nothing, an edit is
        noted in it, and a deletion changes nothing.

        Args:
            thread: The thread.
            message: The message's id.
            identities: The identities under which a deleted message that arrives late is ignored.
            edited_at: The platform's time of the change; an edit that is not newer has no effect.
            text: The new text; None deletes. So does an edit that leaves no text, file or quote.
            attachments: The files that it has now; None keeps those that it had.
            quotes: The quotes, likewise.

        Returns:
            False if no such message is stored.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def erase(self, thread: ThreadKey, *, at: float, keep_log: bool = False) -> None:
        """Remove every trace of a thread but hashed event ids and a tombstone, or reset it.

        Messages sent before `at` are no longer admitted. An open turn becomes void, and its
        worker clears it. A reset does the same but keeps the log for `history`; messages
        sent after `at` keep waiting, and an open turn that answers one of them starts over.

        Args:
            thread: The thread.
            at: The platform's time of the request, in seconds since 1970. A reset no newer than
                the thread's last reset changes nothing, so that a repeated one does no harm.
            keep_log: Reset instead of erase.

        Raises:
            StoreError: See the module.
        """

    # --- reading ----------------------------------------------------------------------------

    @abstractmethod
    async def history(
        self, thread: ThreadKey, *, after: int = -1, limit: int = 200
    ) -> tuple[Record, ...]:
        """Return one page of a thread's log; `records` iterates over all of it.

        Args:
            thread: The thread.
            after: The position behind which the page begins.
            limit: The number of positions to read that hold a record.

        Returns:
            The records in order, deleted messages without their text; empty only at the end.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def read_at(self, thread: ThreadKey, positions: Collection[int]) -> tuple[Record, ...]:
        """Return the records at some positions, as they are now, in one round trip.

        Args:
            thread: The thread.
            positions: The positions, a hundred or so at most, in any order.

        Returns:
            The records in order, each once: the message at a position, and the answer right behind
            it. A deleted message is without its text. There is none from before the thread's last
            reset, and none of a thread that has expired or was erased.

        Raises:
            StoreError: See the module.
        """

    async def records(
        self, thread: ThreadKey, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[Record]:
        """Yield the records at the positions [start, stop) in order, read page by page.

        Args:
            thread: The thread.
            start: The first position.
            stop: The position behind the last one; None: to the end of the log.

        Raises:
            StoreError: See the module.
        """
        after = start - 1
        while stop is None or after < stop - 1:
            limit = _PAGE if stop is None else min(_PAGE, stop - 1 - after)
            page = await self.history(thread, after=after, limit=limit)
            for record in page:
                if stop is not None and record.position >= stop:
                    return
                yield record
            if not page:
                return
            after = page[-1].position

    @abstractmethod
    async def threads(
        self,
        *,
        person: str = "",
        channel: tuple[str, str] | None = None,
        after: str = "",
        limit: int = 100,
    ) -> ThreadPage:
        """Return one page of the threads that live; `all_threads` iterates over all of them.

        Args:
            person: Only threads in which this person spoke.
            channel: Only threads of this platform and channel.
            after: Where the page begins, as the page before it says.
            limit: How many threads the page holds at most.

        Raises:
            StoreError: See the module.
        """

    async def all_threads(
        self, *, person: str = "", channel: tuple[str, str] | None = None
    ) -> AsyncIterator[ThreadInfo]:
        """Yield the threads that live, in the order of their keys; the arguments as for `threads`.

        Raises:
            StoreError: See the module.
        """
        page = await self.threads(person=person, channel=channel, limit=_PAGE)
        while True:
            for info in page.threads:
                yield info
            if not page.after:
                return
            page = await self.threads(person=person, channel=channel, after=page.after, limit=_PAGE)

    @abstractmethod
    async def peek(self, thread: ThreadKey) -> Work | None:
        """Return a thread as `claim` would return it, with an empty lease; None if it is unknown.

        Raises:
            StoreError: See the module.
        """
