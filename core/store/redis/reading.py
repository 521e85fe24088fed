"""What the verbs of the Redis store are called through, and those that only read or set."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from core.domain.session import Entry
from core.store import codec, keys
from core.store.port import Store
from core.store.redis import records, wire
from core.store.redis.cancel import heeding
from core.store.redis.client import where_is
from core.store.redis.errors import FAILURES, explained
from core.store.redis.lists import Lists
from core.store.redis.names import Names
from core.store.redis.rewrite import Rewrites
from core.store.redis.scripts import script
from core.store.redis.wake import Listener
from core.store.redis.windows import Windows
from core.store.values import Buried, ThreadPage, ThreadSettings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from core.domain.message import Kind, ThreadKey
    from core.domain.session import Record
    from core.store.redis.client import Client
    from core.store.redis.scripts import Value
    from core.store.values import AuditEvent, Lease, Work

PATIENCE = 20.0
"""Seconds after which a verb gives up on a Redis that hangs, however often it was retried."""


class RedisReading(Store):
    """The half of the store beside the turns; see `core.store.redis.store`."""

    def __init__(
        self,
        client: Client,
        *,
        lease_seconds: float = 15,
        names: Names | None = None,
        patience: float = PATIENCE,
    ) -> None:
        """Use this client from now on; it is closed with the store."""
        self.lease_seconds = lease_seconds
        self._client = client
        self._at = where_is(client)
        self._names = names or Names()
        self._patience = patience
        self._windows = Windows(later=_later)
        self._lists = Lists(client, self._names, self._ask)
        self._wakes = Listener(client, self._names.wake).wakes
        self._rewrites = Rewrites(client, self._at)

    # --- reading ----------------------------------------------------------------------------

    @override
    async def history(
        self, thread: ThreadKey, *, after: int = -1, limit: int = 200
    ) -> tuple[Record, ...]:
        return records.load(await self._run("history", thread, after=after, limit=limit))

    @override
    async def threads(
        self,
        *,
        person: str = "",
        place: tuple[str, str] | None = None,
        after: str = "",
        limit: int = 100,
    ) -> ThreadPage:
        return await self._lists.threads(person=person, place=place, after=after, limit=limit)

    @override
    async def peek(self, thread: ThreadKey) -> Work | None:
        reply = await self._run("peek", thread)
        return self._work(thread, "", reply) if reply else None

    @override
    async def revs(self, threads: Sequence[ThreadKey]) -> tuple[str, ...]:
        headers = [self._names.of(thread)["header"] for thread in threads]
        now, kept = await self._lists.many([("HMGET", key, "rev", "expires") for key in headers])
        return tuple(
            rev.decode() if rev and expires and float(expires) > now else ""
            for rev, expires in kept
        )

    # --- the operator -----------------------------------------------------------------------

    @override
    async def buried(self, *, limit: int = 100) -> tuple[Buried, ...]:
        found: list[Buried] = []
        for thread in await self._lists.buried_threads(limit):
            entries = records.load(await self._run("buried", thread))
            found += [Buried(thread=thread, entry=e) for e in entries if isinstance(e, Entry)]
            if len(found) >= limit:
                break
        return tuple(found[:limit])

    @override
    async def requeue(self, thread: ThreadKey, place: int) -> bool:
        return bool(await self._run("requeue", thread, place=place))

    @override
    async def audit(self, deed: AuditEvent) -> None:
        args: dict[str, Value] = {
            "deed": f"{deed.name} {codec.dump(deed)}",
            "limit": keys.AUDIT_LIMIT,
        }
        words = script("audit").words({"audit": self._names.audit}, (), args)
        await self._ask(script("audit").run(self._client, words))

    @override
    async def audited(self, *, after: str = "", limit: int = 100) -> tuple[AuditEvent, ...]:
        return await self._lists.deeds(after, limit)

    # --- settings and cursors -----------------------------------------------------------------

    @override
    async def thread_settings(self, thread: ThreadKey) -> ThreadSettings:
        header = self._names.of(thread)["header"]
        now, (kept,) = await self._lists.many([("HMGET", header, "settings", "expires")])
        chosen, expires = kept
        return wire.settings(chosen if expires and float(expires) > now else None)

    @override
    async def set_thread(
        self, thread: ThreadKey, kind: Kind, settings: ThreadSettings, *, ttl: float
    ) -> None:
        await self._run(
            "configure",
            thread,
            rev=keys.unique(),
            kind=kind,
            ttl=ttl,
            settings=codec.dump(settings) if settings != ThreadSettings() else "",
            reach=settings.reach,
            muted=settings.muted,
        )

    @override
    async def place_settings(self, platform: str, place: str) -> ThreadSettings:
        return wire.settings(await self._ask(self._client.get(self._names.place(platform, place))))

    @override
    async def set_place(self, platform: str, place: str, settings: ThreadSettings) -> None:
        name = self._names.place(platform, place)
        await self._ask(self._client.set(name, codec.dump(settings)))

    @override
    async def cursor(self, name: str) -> int:
        return int(await self._ask(self._client.get(self._names.cursor(name))) or 0)

    @override
    async def advance(self, name: str, position: int) -> int:
        words = script("advance").words(
            {"cursor": self._names.cursor(name)}, (), {"position": max(position, 0)}
        )
        return int(await self._ask(script("advance").run(self._client, words)))

    # --- inside -------------------------------------------------------------------------------

    def _work(self, thread: ThreadKey, token: str, reply: Sequence[Any]) -> Work:
        return wire.work(thread, token, reply, self._windows)

    async def _as_holder(self, verb: str, lease: Lease, **args: Value) -> Any:  # noqa: ANN401
        holder: dict[str, Value] = {
            "token": lease.token,
            "turn": lease.turn,
            "lease": self.lease_seconds,
        }
        return await self._run(verb, lease.thread, (), **holder, **args)

    async def _run(
        self, verb: str, thread: ThreadKey, identities: Sequence[str] = (), /, **args: Value
    ) -> Any:  # noqa: ANN401 - what the script answers
        seen = self._names.seen(thread, identities)
        called = script(verb)
        return await self._ask(
            called.run(self._client, called.words(self._names.of(thread), seen, args))
        )

    async def _ask(self, request: Awaitable[Any]) -> Any:  # noqa: ANN401 - what Redis answers
        try:
            async with asyncio.timeout(self._patience):
                return await heeding(request)
        except FAILURES as error:
            raise explained(error, self._at) from error


def _later(seconds: float, call: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, call)
