"""The Redis store: the verbs of the port, each one script on the server."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING, Any, Literal, Self

from core.message import ThreadKey
from core.session import Entry
from core.store import codec
from core.store.keys import unique
from core.store.port import (
    Accepted,
    Buried,
    Changed,
    Idle,
    Outcome,
    Refused,
    Store,
    ThreadPage,
    ThreadSettings,
)
from core.store.redis import records, wire
from core.store.redis.checks import sentences
from core.store.redis.client import address, connect
from core.store.redis.errors import FAILURES, explained
from core.store.redis.lists import Lists
from core.store.redis.names import Names
from core.store.redis.scripts import script
from core.store.redis.wake import Listener

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Sequence

    from redis.asyncio import Redis

    from core.admission import Terms
    from core.message import Kind, Message
    from core.session import Record
    from core.store.port import Draft, Lease, Work
    from core.store.redis.scripts import Value

PATIENCE = 20.0
"""Seconds after which a verb gives up on a Redis that hangs, however often it was retried."""


class RedisStore(Store):
    """Keeps everything in one Redis; any number of processes may share it."""

    def __init__(
        self,
        client: Redis,
        *,
        lease_seconds: float = 15,
        names: Names | None = None,
        patience: float = PATIENCE,
    ) -> None:
        """Use this client from now on; it is closed with the store."""
        self.lease_seconds = lease_seconds
        self._client = client
        self._at = address(client)
        self._names = names or Names()
        self._patience = patience
        self._lists = Lists(client, self._names, self._ask)
        self._listener = Listener(client, self._names.wake)

    @classmethod
    def from_url(cls, url: str, *, lease_seconds: float = 15, patience: float = PATIENCE) -> Self:
        """Return a store at a `redis://` or `rediss://` address; it connects when it is used.

        Raises:
            SettingsError: The address can't be one.
        """
        return cls(connect(url), lease_seconds=lease_seconds, patience=patience)

    # --- a turn -----------------------------------------------------------------------------

    async def accept(self, message: Message, terms: Terms, token: str = "") -> Accepted:
        """Take a message in, once, whatever becomes of it."""
        letter, new, work = await self._run(
            "accept",
            message.thread,
            message.identities,
            token=token,
            lease=self.lease_seconds,
            call=_call(),
            id=message.id,
            author=message.author.id,
            at=message.at,
            entry=records.entry(message),
            verdicts="".join(wire.LETTERS[verdict] for verdict in terms.verdicts),
            kind=message.kind,
            ttl=terms.ttl,
            reach=terms.reach,
            waiting_limit=terms.waiting_limit,
            overheard_limit=terms.overheard_limit,
        )
        return Accepted(
            verdict=wire.verdict(letter),
            new=new == b"1",
            work=wire.work(message.thread, token, work) if work else None,
        )

    async def claim(self, thread: ThreadKey, token: str) -> Work | None:
        """Take the lease on a thread that has work and that nobody holds; else None."""
        reply = await self._run("claim", thread, token=token, lease=self.lease_seconds)
        return wire.work(thread, token, reply) if reply else None

    async def claim_any(self, platforms: Collection[str], token: str) -> Work | Idle:
        """Claim, of these platforms, the thread that has been due for the longest."""
        keys = self._names.work(platforms)
        while True:
            now, firsts = await self._lists.firsts(keys, 1)
            for due, name in firsts:
                if due > now:
                    return Idle(seconds=due - now)
                work = await self.claim(ThreadKey.parse(name), token)
                if work is not None:
                    return work
            if not firsts:
                return Idle(seconds=None)

    async def renew(
        self, lease: Lease, rev: str, preview: str = ""
    ) -> Literal["ok", "changed"] | Refused:
        """Extend the lease, and keep the preview's id when one is given."""
        reply = await self._as_holder("renew", lease, rev=rev, preview=preview)
        if reply[0] == b"refused":
            return _refused(reply)
        return "changed" if reply[0] == b"changed" else "ok"

    async def commit(
        self, lease: Lease, rev: str, draft: Draft, preview: str = ""
    ) -> Literal["committed"] | Changed | Refused:
        """Record the turn's answer behind the last place that it answers."""
        reply = await self._as_holder(
            "commit",
            lease,
            rev=rev,
            preview=preview,
            last=draft.last,
            answer=records.answer(lease, draft),
            kind=draft.kind,
            cuts=wire.numbers(draft.cuts),
            seen_from=draft.seen_from,
            refused=draft.refused,
            explain=draft.explain_trim,
        )
        if reply[0] == b"refused":
            return _refused(reply)
        if reply[0] == b"changed":
            return Changed(work=wire.work(lease.thread, lease.token, reply[1]))
        return "committed"

    async def settle(
        self, lease: Lease, outcome: Outcome, *, posted: tuple[str, ...] = (), delay: float = 0
    ) -> Work | Literal["free", "void"] | Refused:
        """Close the turn, or leave it to the next worker."""
        reply = await self._as_holder(
            "settle",
            lease,
            call=_call(),
            outcome=outcome,
            posted=json.dumps(posted) if posted else "",
            delay=delay,
        )
        if reply[0] == b"refused":
            return _refused(reply)
        if reply[0] == b"work":
            return wire.work(lease.thread, lease.token, reply[1])
        return "void" if reply[0] == b"void" else "free"

    async def compact(
        self, thread: ThreadKey, *, covers: int, rev: str, to: int, text: str
    ) -> bool:
        """Let a summary stand for the places [0, to), if nothing moved."""
        return bool(await self._run("compact", thread, covers=covers, rev=rev, to=to, text=text))

    async def amend(
        self,
        thread: ThreadKey,
        message: str,
        identities: tuple[str, ...],
        *,
        stamp: float,
        text: str | None,
    ) -> bool:
        """Change a stored message's text, or delete it."""
        reply = await self._run(
            "amend",
            thread,
            identities,
            id=message,
            stamp=stamp,
            deleted=text is None,
            text=text or "",
            rev=unique(),
        )
        return bool(reply)

    async def erase(self, thread: ThreadKey, *, at: float, keep_log: bool = False) -> None:
        """Remove every trace of a thread, or only draw a line under it."""
        await self._run("erase", thread, at=at, keep_log=keep_log, rev=unique())

    # --- reading ----------------------------------------------------------------------------

    async def history(
        self, thread: ThreadKey, *, after: int = -1, limit: int = 200
    ) -> tuple[Record, ...]:
        """Return the records of the next places behind place `after`, in order."""
        return records.load(await self._run("history", thread, after=after, limit=limit))

    async def threads(
        self,
        *,
        person: str = "",
        place: tuple[str, str] | None = None,
        after: str = "",
        limit: int = 100,
    ) -> ThreadPage:
        """List threads: those a person spoke in, those of a (platform, place), or all."""
        return await self._lists.threads(person=person, place=place, after=after, limit=limit)

    async def peek(self, thread: ThreadKey) -> Work | None:
        """Return a thread as `claim` would show it, without taking it."""
        reply = await self._run("peek", thread)
        return wire.work(thread, "", reply) if reply else None

    # --- the operator -----------------------------------------------------------------------

    async def buried(self, *, limit: int = 100) -> tuple[Buried, ...]:
        """List messages whose turns were given up."""
        found: list[Buried] = []
        for thread in await self._lists.buried_threads(limit):
            entries = records.load(await self._run("buried", thread))
            found += [Buried(thread=thread, entry=e) for e in entries if isinstance(e, Entry)]
            if len(found) >= limit:
                break
        return tuple(found[:limit])

    async def requeue(self, thread: ThreadKey, place: int) -> bool:
        """Let a buried message wait again, at the end of its thread."""
        return bool(await self._run("requeue", thread, place=place))

    # --- settings and cursors -----------------------------------------------------------------

    async def thread_settings(self, thread: ThreadKey) -> ThreadSettings:
        """Return what was set for this thread."""
        work = await self.peek(thread)
        return work.settings if work else ThreadSettings()

    async def set_thread(
        self, thread: ThreadKey, kind: Kind, settings: ThreadSettings, *, ttl: float
    ) -> None:
        """Set this thread's settings, as a whole."""
        await self._run(
            "configure",
            thread,
            rev=unique(),
            kind=kind,
            ttl=ttl,
            settings=codec.dump(settings) if settings != ThreadSettings() else "",
            reach=settings.reach,
            muted=settings.muted,
        )

    async def place_settings(self, platform: str, place: str) -> ThreadSettings:
        """Return what was set for a place."""
        return wire.settings(await self._ask(self._client.get(self._names.place(platform, place))))

    async def set_place(self, platform: str, place: str, settings: ThreadSettings) -> None:
        """Set a place's settings, as a whole."""
        name = self._names.place(platform, place)
        await self._ask(self._client.set(name, codec.dump(settings)))

    async def cursor(self, name: str) -> int:
        """Return how far catch-up has come at a place."""
        return int(await self._ask(self._client.get(self._names.cursor(name))) or 0)

    async def advance(self, name: str, position: int) -> int:
        """Move a cursor, never back; return where it stands."""
        words = script("advance").words(
            {"cursor": self._names.cursor(name)}, (), {"position": max(position, 0)}
        )
        return int(await self._ask(script("advance").run(self._client, words)))

    # --- upkeep -------------------------------------------------------------------------------

    async def wait(self, platforms: Collection[str], seconds: float) -> None:
        """Return when work may be claimable, or after `seconds`."""
        del platforms  # one channel for all: a wake that is not for them costs one look
        await self._listener.wait(seconds)

    async def sweep(self, limit: int = 100) -> int:
        """Take up to `limit` threads that have ended out of the indexes; all else expires."""
        ended = await self._lists.ended(limit)
        return sum([await self._run("sweep", thread) for thread in ended])

    async def check(self) -> tuple[str, ...]:
        """Try the store out; return a sentence for each thing the operator should know."""
        told: tuple[str, ...] = await self._ask(sentences(self._client, self._at))
        return told

    async def close(self) -> None:
        """Give back the connections."""
        await self._listener.close()
        await self._client.aclose()

    # --- inside -------------------------------------------------------------------------------

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
        words = script(verb).words(self._names.of(thread), seen, args)
        return await self._ask(script(verb).run(self._client, words))

    async def _ask(self, request: Awaitable[Any]) -> Any:  # noqa: ANN401 - what Redis answers
        try:
            async with asyncio.timeout(self._patience):
                return await request
        except FAILURES as error:
            raise explained(error, self._at) from error


def _call() -> str:
    """Return a name for one call, by which a script knows the call's retry from a repeat."""
    return secrets.token_hex(8)


def _refused(reply: Sequence[bytes]) -> Refused:
    return Refused(recorded=reply[1] == b"1", mine=reply[2] == b"1")
