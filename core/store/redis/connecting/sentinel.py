"""Connections to whichever server the Sentinels name, and how the Sentinels are asked."""

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
    """A connection to the primary: asks anew which one that is whenever it was cut.

    redis-py asks only before a call, and repeats the call at the same address. And a script's
    error wraps what a replica says of a write, so that it is known by its words alone.
    """

    async def send_packed_command(self, *args: Any, **kwargs: Any) -> None:
        """Send a command, to the primary as it is now."""
        if not self.is_connected:
            await self.connect()  # type: ignore[no-untyped-call]
        await super().send_packed_command(*args, **kwargs)

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - redis-py's own
        """Read an answer."""
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
    """The Sentinels of an address, all of which go on being asked."""

    def __init__(self, hosts: Hosts, options: Mapping[str, object]) -> None:
        """Ask at these hosts; `options` are those of the connections to them."""
        super().__init__(hosts, sentinel_kwargs=dict(options))  # type: ignore[no-untyped-call]

    async def discover_master(self, service_name: str) -> tuple[str, int]:
        """Return where the primary is; where none is found as all refuse us, say that they do.

        redis-py puts the one that answers first by exchanging two places of the list that other
        calls go through meanwhile: one Sentinel is then in it twice, and another one never asked
        again nor closed. And it does not tell why a Sentinel gave no answer.
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
    """Connections to whichever server the Sentinels name; closes what it asks them by, too."""

    described = ""
    """The service and its Sentinels, as people may see them."""

    async def aclose(self) -> None:
        """Close all connections."""
        await super().aclose()
        await self.sentinel_manager.aclose()
