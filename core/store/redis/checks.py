"""What the operator should know of a Redis before trusting it with conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.exceptions import ResponseError

from core.errors import StoreRefusedError
from core.store.redis.scripts import command

if TYPE_CHECKING:
    from redis.asyncio import Redis

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


async def sentences(client: Redis, at: str) -> tuple[str, ...]:
    """Try the server out; return a sentence for each thing the operator should know.

    Raises:
        StoreRefusedError: It is too old.
        RedisError: It can't be used; see `explained`.
    """
    await command(client, "PING")
    await _try_password(client)
    try:
        info: dict[str, Any] = await client.info("server")
        _refuse_old(str(info.get("redis_version", "0")), at)
        settings = await _settings(client)
    except ResponseError:
        return (_FORBIDDEN.format(at=at),)
    return _about(settings, at)


async def _try_password(client: Redis) -> None:
    """Refuse a password where none is set; the handshake itself takes any."""
    kwargs = client.connection_pool.connection_kwargs
    password = kwargs.get("password")
    if password and not kwargs.get("username"):
        await command(client, "AUTH", password)


def _refuse_old(version: str, at: str) -> None:
    numbers = [int(part) for part in version.split(".")[:2] if part.isdigit()]
    if tuple(numbers) < OLDEST:
        sentence = f"the Redis at {at} is version {version}: use 6.2 or later, or Valkey"
        raise StoreRefusedError(sentence)


async def _settings(client: Redis) -> dict[str, str]:
    settings: dict[str, str] = {}
    for name in ("appendonly", "save", "maxmemory-policy"):
        found = await client.config_get(name)
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


def _text(value: str | bytes | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""
