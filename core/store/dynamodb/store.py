"""The store in a DynamoDB table: each verb one conditional transaction, with no clock but ours.

Times are those of the process's own clock: sessions, event ids and delays end by it, so the clocks
of all replicas have to agree to some seconds. Leases don't depend on that: see `LeaseObserver`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from typing_extensions import override

from core.store import verbs
from core.store.dynamodb import across, index, items, places
from core.store.dynamodb.address import parse
from core.store.dynamodb.beats import LeaseObserver
from core.store.dynamodb.client import PATIENCE, connect
from core.store.dynamodb.lookout import DueWorkPoller
from core.store.dynamodb.steps import Steps
from core.store.dynamodb.table import refuse_unfit, remarks
from core.store.dynamodb.transfer import DynamoTransfer
from core.store.keys import place_prefix
from core.store.values import NothingDue, ThreadSettings
from core.store.verbs.rows import living
from core.store.verbs.stepped import Prefetch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from aiobotocore.session import AioSession

    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.domain.session import Record
    from core.store.dynamodb.client import Table
    from core.store.values import AuditEvent, Buried, ThreadPage, Work
    from core.store.verbs.stepped import Result


class DynamoStore(DynamoTransfer):
    """Runs each verb as one transaction; `open` makes one."""

    def __init__(self, table: Table, clock: Clock, *, lease_seconds: float = 15) -> None:
        """Use this table from now on; its client is closed with the store."""
        self.lease_seconds = lease_seconds
        self.beats = LeaseObserver(clock, lease_seconds)
        self._table = table
        self._clock = clock
        self._lookout = DueWorkPoller(table, clock, self.beats)
        self.wake = self._lookout.wake
        self._steps = Steps(table, clock, self.beats, lease_seconds)
        self._steps.left_work = self.wake

    @classmethod
    async def open(
        cls,
        url: str,
        clock: Clock,
        *,
        lease_seconds: float = 15,
        patience: float = PATIENCE,
        session: AioSession | None = None,
    ) -> DynamoStore:
        """Return the store at a `dynamodb://` address, whose table is there already.

        `patience` is how many seconds a verb tries; the session knows the credentials, which are
        otherwise looked for where AWS's own programs look.

        Raises:
            SettingsError: The address can't be one.
            StoreRefusedError: There is no such table, or it can't be used as it is.
            StoreUnavailableError: AWS does not answer.
        """
        table = await connect(parse(url), session)
        table.patience = patience
        try:
            await refuse_unfit(table)
        except BaseException:
            await table.close()
            raise
        return cls(table, clock, lease_seconds=lease_seconds)

    # --- across threads -----------------------------------------------------------------------

    @override
    async def claim_any(
        self, platforms: Collection[str], token: str, besides: Collection[ThreadKey] = ()
    ) -> Work | NothingDue:
        later: list[float] = []
        for seconds, thread in await self._lookout.look(platforms, len(besides)):
            if thread in besides:
                continue
            if seconds > 0:
                later.append(seconds)
            elif (work := await self.claim(thread, token)) is not None:
                self._lookout.found()
                return work
        return NothingDue(seconds=min(later, default=None))

    @override
    async def threads(
        self,
        *,
        person: str = "",
        place: tuple[str, str] | None = None,
        after: str = "",
        limit: int = 100,
    ) -> ThreadPage:
        return await across.threads(
            self._table, self._clock.now(), person=person, place=place, after=after, limit=limit
        )

    @override
    async def buried(self, *, limit: int = 100) -> tuple[Buried, ...]:
        return await across.buried(self._table, self._clock.now(), limit)

    # --- one thread ---------------------------------------------------------------------------

    @override
    async def erase(self, thread: ThreadKey, *, at: float, keep_log: bool = False) -> None:
        """Remove every trace of a thread, or only draw a line under it.

        One transaction makes it true; what is left after that is found by no verb, and goes in
        batches, which any replica's sweep takes up where this one dies.
        """
        await super().erase(thread, at=at, keep_log=keep_log)
        if not keep_log:
            await across.clear_all(self._table, thread)

    @override
    async def history(
        self, thread: ThreadKey, *, after: int = -1, limit: int = 200
    ) -> tuple[Record, ...]:
        return await across.history(self._table, thread, self._clock.now(), after, limit)

    @override
    async def peek(self, thread: ThreadKey) -> Work | None:

        def show(rows: verbs.Rows, now: verbs.Now) -> Work | None:
            header = rows.header()
            if header is None or header.expires <= now.time:
                return None
            work = verbs.show(rows, header)
            return replace(work, lease=replace(work.lease, token=""))

        return await self._step(thread, show, Prefetch(records="window"))

    @override
    async def revs(self, threads: Sequence[ThreadKey]) -> tuple[str, ...]:
        return await across.revs(self._table, threads, self._clock.now())

    @override
    async def thread_settings(self, thread: ThreadKey) -> ThreadSettings:
        head = await across.head_of(self._table, thread, self._clock.now())
        return head.header.settings if head else ThreadSettings()

    # --- beside threads -----------------------------------------------------------------------

    @override
    async def place_settings(self, platform: str, place: str) -> ThreadSettings:
        return await places.settings(self._table, place_prefix(platform, place))

    @override
    async def set_place(self, platform: str, place: str, settings: ThreadSettings) -> None:
        await places.put_settings(self._table, place_prefix(platform, place), settings)

    @override
    async def cursor(self, name: str) -> int:
        return await places.cursor(self._table, name)

    @override
    async def advance(self, name: str, position: int) -> int:
        return await places.advance(self._table, name, position)

    @override
    async def audit(self, event: AuditEvent) -> None:
        await places.audit(self._table, self._clock.now(), event)

    @override
    async def audited(self, *, after: str = "", limit: int = 100) -> tuple[AuditEvent, ...]:
        return await places.audited(self._table, self._clock.now(), after, limit)

    # --- upkeep -------------------------------------------------------------------------------

    @override
    async def wait(self, platforms: Collection[str], seconds: float) -> None:
        await self._lookout.wait(platforms, seconds)

    @override
    async def sweep(self, limit: int = 100) -> int:
        """Remove up to `limit` things that have expired; DynamoDB itself removes event ids."""
        count = 0
        for partition, name in await index.ended(self._table, self._clock.now(), limit):
            if name.startswith(items.LEFT):
                await across.clear(self._table, partition, name.removeprefix(items.LEFT))
                count += 1
            else:
                thread = items.thread_of(partition)
                count += await self._step(thread, _sweep, Prefetch())
        return count

    @override
    async def check(self) -> tuple[str, ...]:
        await places.try_out(self._table)
        return await remarks(self._table)

    @override
    async def close(self) -> None:
        await self._table.close()

    # --- inside -------------------------------------------------------------------------------

    @override
    async def _step(
        self,
        thread: ThreadKey,
        verb: Callable[[verbs.Rows, verbs.Now], Result],
        ahead: Prefetch,
    ) -> Result:
        return await self._steps.run(thread, verb, ahead)

    @override
    async def _time(self) -> float:
        return self._clock.now()


def _sweep(rows: verbs.Rows, now: verbs.Now) -> bool:
    """Remove a session that has expired; of any other, note when to look again."""
    header = rows.header()
    if header is not None and living(rows, now) is not None:
        rows.put_header(header)
    return header is not None
