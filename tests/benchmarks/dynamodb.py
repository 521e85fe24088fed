"""A DynamoDB to measure: moto's server, what AWS would charge on it, and a fast way to fill it."""

from __future__ import annotations

import contextlib
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from core.domain.clock import SystemClock
from core.store.dynamodb import DynamoStore, make_table
from core.store.dynamodb.connecting.address import parse
from core.store.dynamodb.connecting.client import Table, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from core.domain.message import ThreadKey
    from core.domain.session import Record
    from core.store.values import Dump
    from tests.dynamodb_server import DynamoServer
    from tests.dynamodb_units import Bill

_COLUMNS = (
    "turns before",
    "requests (before the model)",
    "bytes up + down",
    "read units",
    "write units, table + indexes",
    "CPU of our own process",
)


def units(bill: Bill) -> dict[str, float]:
    """Return a bill as figures."""
    return {
        "requests": bill.requests,
        "read_units": bill.read,
        "write_units": bill.write,
        "index_units": bill.index,
    }


class Unasked(Table):
    """A table whose transactions are put past moto: each of their items, on no condition."""

    def __init__(self, table: Table, server: DynamoServer) -> None:
        super().__init__(table.client, AsyncExitStack(), parse(server.url(table.name)))
        self._server = server

    async def transact(self, steps: Sequence[dict[str, Any]], token: str) -> bool:
        self._server.fill(self.name, [step["Put"]["Item"] for step in steps if "Put" in step])
        return True


class Filling(DynamoStore):
    """Loads a thread with the very items that the store makes, a portion in one transaction."""

    async def load(
        self, thread: ThreadKey, records: Sequence[Record], *, first: bool, dump: Dump | None
    ) -> None:
        people = dump.people if dump else ()
        await self._load(thread, records, people, first=first, dump=dump)


@contextlib.asynccontextmanager
async def filling(server: DynamoServer, name: str) -> AsyncIterator[DynamoStore]:
    """Make a table, and hand out a store that only fills it."""
    address = parse(server.url(name))
    await make_table(address, server.session)
    table = await connect(address, server.session)
    yield Filling(Unasked(table, server), SystemClock())
    await table.close()


def table(results: dict[str, Any]) -> str:
    """Return what a turn costs there, behind so many others, as Markdown."""
    found = {int(size): told for size, told in results.items() if size.isdigit()}
    flat = results["flat"]
    for size in (name.rpartition("_")[2] for name in flat if name.startswith("counts_")):
        cpu = {"own_cpu_p50_ms": flat[f"own_cpu_p50_ms_{size}"]}
        found[int(size)] = flat[f"counts_{size}"] | cpu
    lines = [
        "DynamoDB's times above are those of moto, which imitates it. Counted, a turn takes:",
        "",
        f"| {' | '.join(_COLUMNS)} |",
        "|---" * len(_COLUMNS) + "|",
    ]
    for size, told in sorted(found.items()):
        lines.append(
            f"| {size:,} | {told['requests']} ({told['round_trips_before_model']}) "
            f"| {told['bytes_up']:,} + {told['bytes_down']:,} | {told['read_units']:g} "
            f"| {told['write_units']} + {told['index_units']} | {told['own_cpu_p50_ms']:.1f} ms |"
        )
    return "\n".join(lines)
