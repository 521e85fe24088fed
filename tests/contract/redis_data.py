"""What a test may do to the data in a Redis, from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.store.redis.connecting.client import command
from core.store.redis.connecting.cluster import Cluster

if TYPE_CHECKING:
    from core.domain.message import ThreadKey
    from core.store.redis.connecting.client import Client

TIMES = ("started_at", "last_at", "expires", "until", "due", "listed", "kept")
_READ = {
    b"hash": ("HGETALL",),
    b"zset": ("ZRANGE", 0, -1),
    b"set": ("SMEMBERS",),
    b"string": ("GET",),
}


async def age(client: Client, seconds: float) -> None:
    """Let this much time pass: move every time that is kept back by it."""
    for key in await names(client):
        await _move(client, key, seconds)
        left = await command(client, "PTTL", key)
        if left >= 0:
            await command(client, "PEXPIRE", key, max(0, int(left - seconds * 1000)))


async def expire_lease(client: Client, thread: ThreadKey) -> None:
    """Let the lease on a thread run out, and nothing else."""
    (header,) = (key for key in await names(client) if key.endswith(f"}}h:{thread}"))
    index = header.partition("}")[0] + f"}}work:{thread.platform}"
    await command(client, "HSET", header, "until", 1, "due", 1)
    await command(client, "ZADD", index, 1, str(thread))


async def everything(client: Client) -> list[str]:
    """Return all keys and values."""
    found = []
    for key in await names(client):
        first, *rest = _READ[await command(client, "TYPE", key)]
        found += [key, repr(await command(client, first, key, *rest))]
    return found


async def remains(client: Client) -> list[str]:
    """Name each key but those of the settings of channels and cursors."""
    kept = ("chatbot:place:", "chatbot:cursor:")
    return [key for key in await names(client) if not key.startswith(kept)]


async def time(client: Client) -> float:
    """Return the server's time."""
    seconds, micros = await command(client, "TIME")
    return int(seconds) + int(micros) / 1_000_000


async def names(client: Client) -> list[str]:
    """Return all keys, in order."""
    if not isinstance(client, Cluster):
        return sorted(key.decode() for key in await command(client, "KEYS", "*"))
    found: list[bytes] = []
    for node in client.get_primaries():
        found += await client.execute_command("KEYS", "*", target_nodes=node)
    return sorted(key.decode() for key in found)


async def _move(client: Client, key: str, seconds: float) -> None:
    if "}h:" in key:
        for field in TIMES:
            value = float(await command(client, "HGET", key, field) or 0)
            if value:
                await command(client, "HSET", key, field, value - seconds)
    elif key.endswith(":audit"):
        for deed in await command(client, "ZRANGE", key, 0, -1):
            at, rest = deed.decode().split(" ", 1)
            await command(client, "ZREM", key, deed)
            await command(client, "ZADD", key, 0, f"{float(at) - seconds:020.6f} {rest}")
    elif "}work:" in key or key.endswith("}ends"):
        for member in await command(client, "ZRANGE", key, 0, -1):
            await command(client, "ZINCRBY", key, -seconds, member)
