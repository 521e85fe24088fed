"""What the operator should know of a Redis before trusting it with conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.exceptions import ResponseError

from core.domain.errors import StoreRefusedError
from core.store.redis.connecting.client import command, has_failover
from core.store.redis.connecting.cluster import Cluster
from core.store.redis.connecting.servers import primary
from core.store.redis.rewrite import REFUSED, may_rewrite

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from core.store.redis.connecting.client import Client
    from core.store.redis.connecting.servers import At

OLDEST = (6, 2)
_FORBIDDEN = (
    "The Redis at {at} does not let us read its version and configuration (INFO, CONFIG GET): "
    "make sure that it is 6.2 or later, that it writes an append-only file, and that its "
    "maxmemory-policy is noeviction."
)
_FORGETS = (
    "The Redis at {at} writes nothing to disk: when it restarts, every conversation is lost. "
    "Set appendonly yes."
)
_SNAPSHOTS = (
    "The Redis at {at} writes snapshots only: what was said since the last one is lost when it "
    "is killed. Set appendonly yes."
)
_EVICTS = (
    "The Redis at {at} may throw conversations away when its memory is full (maxmemory-policy "
    "{policy}): set it to noeviction."
)
_ALONE = (
    "A primary of the Redis at {at} has no replica: when it fails, its conversations are "
    "unavailable until it is back."
)
_SPLITS = (
    "The Redis at {at} takes writes that no replica has: a primary that is cut off loses them at "
    "the failover. Set min-replicas-to-write 1 and min-replicas-max-lag 10."
)


async def sentences(client: Client, at: str) -> tuple[str, ...]:
    """Try the server out; return a sentence for each thing the operator should know.

    Raises:
        StoreRefusedError: The server is too old.
        RedisError: The server can't be used; see `explained`.
    """
    await command(client, "PING")
    said: dict[str, None] = {}
    if isinstance(client, Cluster):
        for node in client.get_primaries():
            own = (str(node.host), int(node.port))
            said |= dict.fromkeys(await _of_server(client, at, own, target_nodes=node))
    else:
        await _try_password(client)
        said |= dict.fromkeys(await _of_server(client, at, await primary(client)))
    return tuple(said)


async def _of_server(client: Client, at: str, own: At, **target: Any) -> tuple[str, ...]:
    try:
        info: dict[str, Any] = await client.info("server", **target)
        _refuse_old(str(info.get("redis_version", "0")), at)
        settings = await _settings(client, **target)
        said = _about(settings, at)
        if settings.get("appendonly") == "yes" and not await may_rewrite(client, own):
            said += (REFUSED.format(at=at),)
        if has_failover(client):
            said += _about_failover(await client.info("replication", **target), settings, at)
    except ResponseError:
        return (_FORBIDDEN.format(at=at),)
    return said


async def _try_password(client: Redis) -> None:
    """Raise an error for a password if the server has none; the handshake accepts any."""
    kwargs = client.connection_pool.connection_kwargs
    password = kwargs.get("password")
    if password and not kwargs.get("username"):
        await command(client, "AUTH", password)


def _refuse_old(version: str, at: str) -> None:
    numbers = [int(part) for part in version.split(".")[:2] if part.isdigit()]
    if tuple(numbers) < OLDEST:
        sentence = f"the Redis at {at} is version {version}: use 6.2 or later, or Valkey"
        raise StoreRefusedError(sentence)


async def _settings(client: Client, **target: Any) -> dict[str, str]:
    settings: dict[str, str] = {}
    for name in ("appendonly", "save", "maxmemory-policy", "min-replicas-to-write"):
        found = await client.config_get(name, **target)
        settings |= {_text(key): _text(value) for key, value in found.items()}
    return settings


def _about(settings: dict[str, str], at: str) -> tuple[str, ...]:
    said = []
    if settings.get("appendonly") != "yes":
        said.append((_SNAPSHOTS if settings.get("save") else _FORGETS).format(at=at))
    policy = settings.get("maxmemory-policy", "noeviction")
    if policy != "noeviction":
        said.append(_EVICTS.format(at=at, policy=policy))
    return tuple(said)


def _about_failover(info: dict[str, Any], settings: dict[str, str], at: str) -> tuple[str, ...]:
    if not info.get("connected_slaves"):
        return (_ALONE.format(at=at),)
    if settings.get("min-replicas-to-write", "0") == "0":
        return (_SPLITS.format(at=at),)
    return ()


def _text(value: str | bytes | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""
