"""Connections to the primary that the Sentinels name, and how the Sentinels are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.sentinel import (
    MasterNotFoundError,
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from core.store.redis.connecting.connection import Closing
from core.store.redis.connecting.errors import is_final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.store.redis.connecting.address import Hosts


class Managed(Closing, SentinelManagedConnection):
    """A connection to the primary, which it looks up again whenever the connection was cut.

    redis-py looks it up only before a call, and repeats the call at the same address. And a
    script's error wraps a replica's READONLY error, which is only recognizable by its text.
    """

    async def send_packed_command(self, *args: Any, **kwargs: Any) -> None:
        """Send a command to the current primary."""
        if not self.is_connected:
            await self.connect()  # type: ignore[no-untyped-call]
        await super().send_packed_command(*args, **kwargs)

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - redis-py's own
        """Read a reply."""
        try:
            return await super().read_response(*args, **kwargs)
        except ResponseError as error:
            if "READONLY" not in str(error):
                raise
            await self.disconnect()
            raise RedisConnectionError("the primary has become a replica") from error


class ManagedTLS(Managed, SentinelManagedSSLConnection):
    """The same, with TLS."""


class Sentinels(Sentinel):
    """The Sentinels of an address, all of which stay in use."""

    def __init__(self, hosts: Hosts, options: Mapping[str, object]) -> None:
        """Ask these hosts; `options` are those of the connections to them."""
        super().__init__(hosts, sentinel_kwargs=dict(options))  # type: ignore[no-untyped-call]

    async def discover_master(self, service_name: str) -> tuple[str, int]:
        """Return the primary's address; raise the refusal if all Sentinels refuse us.

        redis-py moves the Sentinel that answers to the front by swapping two items of a list that
        other calls iterate over: one Sentinel is then in it twice, and another one is never asked
        again nor closed. And it hides why a Sentinel gave no answer.
        """
        errors: list[Exception] = []
        for sentinel in (asked := tuple(self.sentinels)):
            try:
                known: Any = await sentinel.sentinel_masters()
            except (RedisConnectionError, RedisTimeoutError) as error:
                errors.append(error)
                continue
            state = known.get(service_name)
            if state and self.check_master_state(state, service_name):
                self.sentinels.sort(key=lambda each: each is not sentinel)
                return state["ip"], state["port"]
        refusals = [error for error in errors if is_final(error)]
        if refusals and len(errors) == len(asked):
            raise refusals[0]
        raise MasterNotFoundError(f"No master found for {service_name!r}")


class SentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """Connections to the current primary; also closes those to the Sentinels."""

    described = ""
    """The service and its Sentinels, without user and password."""

    async def aclose(self) -> None:
        """Close all connections."""
        await super().aclose()
        await self.sentinel_manager.aclose()
