"""A conversation that is moved from store to store, again and again, is none the worse for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from core.store.values import SeenEvent, StoredTombstone
from tests.builders import OTHER, THREAD
from tests.contract.stores import LEASE_SECONDS, STORES
from tests.properties.store_machine import StoreMachine
from tests.properties.test_store_machine import LEFT_OUT

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from core.domain.message import ThreadKey
    from core.store.port import Store
    from core.store.values import Dump, SideRecord
    from core.store.verbs import Tombstone
    from tests.contract.stores import Harness

KINDS = sorted(STORES.keys() - LEFT_OUT)


class MovingMachine(StoreMachine):
    """The same as for one store, which at any moment may become another.

    Leases that live are moved as well, so that its holder goes on with it. The program
    never does that (see `core.store.migration.migrate`); here it shows that nothing else is
    lost either.
    """

    def __init__(
        self, open_kind: Callable[[str], AbstractAsyncContextManager[Harness]], first: str
    ) -> None:
        self.open_kind = open_kind
        self.kind = first
        self.freed = False
        super().__init__(lambda: open_kind(first))

    @rule(
        kind=st.sampled_from(KINDS),
        portion=st.sampled_from([1, 2, 100]),
        cut_off=st.booleans(),
        free=st.booleans(),
    )
    def move(self, *, kind: str, portion: int, cut_off: bool, free: bool) -> None:
        """Everything is moved to an empty store of another kind, perhaps at the second try."""
        if kind == self.kind:
            return
        # Leases end by what a process has seen there, so a new one can't know when.
        if free or "dynamodb" in {kind, self.kind}:
            self.pass_time(seconds=LEASE_SECONDS + 1)
            self.free_all()
        self.run(self._move(kind, portion, cut_off=cut_off))

    def free_all(self) -> None:
        """Let nobody hold anything in the model, as a move has it in the store."""
        self.freed = True
        for header in self.model.headers.values():
            if header.token:
                header.free(header.due_at)

    async def _move(self, kind: str, portion: int, *, cut_off: bool) -> None:
        context = self.open_kind(kind)
        harness = await context.__aenter__()
        stores = [await harness.store() for _ in range(2)]
        later = await harness.time() - await self.harness.time()
        for thread in (THREAD, OTHER):
            if cut_off:
                await self._move_thread(thread, stores[0], portion, later, until=1)
            await self._move_thread(thread, stores[1], portion, later)
        async for batch in self.stores[0].side_records():
            await stores[0].keep([shifted_aside(record, later) for record in batch])
        await self.context.__aexit__(None, None, None)
        self.kind, self.context, self.harness, self.stores = kind, context, harness, stores
        self.freed = False

    async def _move_thread(
        self, thread: ThreadKey, target: Store, portion: int, later: float, until: int = 9999
    ) -> None:
        dump = await self.stores[0].dump(thread)
        if dump is None:
            return
        records = await self.stores[0].history(thread)
        places = sorted({record.position for record in records})
        starts = range(0, max(len(places), 1), portion)
        for number, start in enumerate(starts[:until], 1):
            wanted = set(places[start : start + portion])
            is_last = number == len(starts)
            await target.load(
                thread,
                [record for record in records if record.position in wanted],
                first=start == 0,
                dump=self.moved(dump, later) if is_last else None,
            )

    def moved(self, dump: Dump, later: float) -> Dump:
        """Return a dump as it is written."""
        dump = shifted(dump, later)
        if self.freed and dump.header.token:
            dump.header.free(dump.header.due_at)
        return dump


def shifted(dump: Dump, later: float) -> Dump:
    """Return a dump for a store whose clock is ahead by so much."""
    header = dump.header.copy()
    header.started_at += later
    header.last_at += later
    header.expires_at += later
    header.lease_until += later if header.lease_until else 0
    header.due_at = None if header.due_at is None else header.due_at + later
    trace = dump.trace and shifted_trace(dump.trace, later)
    return replace(dump, header=header, trace=trace, time=dump.time + later)


def shifted_trace(trace: Tombstone, later: float) -> Tombstone:
    return replace(trace, expires=trace.expires + later)


def shifted_aside(record: SideRecord, later: float) -> SideRecord:
    if isinstance(record, SeenEvent):
        return replace(record, expires=record.expires + later)
    if isinstance(record, StoredTombstone):
        return replace(record, trace=shifted_trace(record.trace, later))
    return record


@pytest.mark.timeout(24 * 3600)  # the nightly profile takes its time
def test_whatever_comes_while_it_moves_from_store_to_store(
    request: pytest.FixtureRequest,
) -> None:
    def open_kind(name: str) -> AbstractAsyncContextManager[Harness]:
        return STORES[name](request)

    # An eighth of what one store gets: each of them has shown by itself that it does its verbs.
    run_state_machine_as_test(
        lambda: MovingMachine(open_kind, "memory"),  # type: ignore[arg-type]  # it only has to be called
        settings=settings(
            phases=(Phase.generate, Phase.shrink),
            max_examples=settings().max_examples // 8,
        ),
    )
