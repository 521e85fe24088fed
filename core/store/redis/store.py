"""The Redis store: each verb on a thread is one script on the server."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Literal, Self

from typing_extensions import Unpack, override

from core.store import keys
from core.store.keys import call_name, once, unique
from core.store.port import Store
from core.store.redis import records, transfer, wire
from core.store.redis.connecting.checks import sentences
from core.store.redis.connecting.client import connect
from core.store.redis.lists import Lists
from core.store.redis.names import Names
from core.store.redis.pins import addition, amended, removal
from core.store.redis.rewrite import Rewrites
from core.store.redis.scripts import Calls
from core.store.redis.wake import Listener
from core.store.redis.windows import Windows
from core.store.values import (
    Accepted,
    Buried,
    Changed,
    NothingDue,
    Outcome,
    Refused,
    ThreadPage,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence

    from core.domain.admission import AdmissionPolicy
    from core.domain.message import Attachment, Kind, Message, Quote, ThreadKey
    from core.domain.pins import Pin
    from core.domain.ratings import Opinion
    from core.domain.session import Answer, Record
    from core.domain.settings import Layers, ScopeSettings
    from core.store.redis.connecting.client import Client, Value
    from core.store.values import (
        AuditEvent,
        Dump,
        Lease,
        NewSummary,
        PendingAnswer,
        Pinning,
        SideRecord,
        Work,
    )

PATIENCE = 20.0
"""Seconds after which a verb gives up on a Redis that hangs, however often it was retried."""


class RedisStore(Store):
    """Keeps everything in one Redis, which any number of processes may share."""

    def __init__(
        self,
        client: Client,
        *,
        lease_seconds: float = 15,
        names: Names | None = None,
        patience: float = PATIENCE,
    ) -> None:
        """Take a client, which is closed with the store."""
        self.lease_seconds = lease_seconds
        self._client = client
        self._names = names or Names()
        self._calls = Calls(client, self._names, patience)
        self._lists = Lists(self._calls)
        self._windows = Windows(later=_later)
        self._wakes = Listener(client, self._names.wake).wakes
        self._rewrites = Rewrites(client, self._calls.at)

    @classmethod
    def from_url(cls, url: str, *, lease_seconds: float = 15, patience: float = PATIENCE) -> Self:
        """Return a store at a `redis://` or `rediss://` address; it connects when it is used.

        Raises:
            SettingsError: The address is invalid.
        """
        return cls(connect(url), lease_seconds=lease_seconds, patience=patience)

    # --- a turn -----------------------------------------------------------------------------

    @override
    async def accept(self, message: Message, policy: AdmissionPolicy, token: str = "") -> Accepted:
        letter, new, work, muted = await self._calls.run(
            "accept",
            message.thread,
            message.identities,
            token=token,
            lease=self.lease_seconds,
            call=call_name(),
            id=message.id,
            author=message.author.id,
            app=int(message.author.is_app),
            at=message.sent_at,
            again=records.again(message),
            entry=records.entry(message),
            admissions="".join(wire.LETTERS[verdict] for verdict in policy.admissions),
            kind=message.kind,
            ttl=policy.ttl,
            reach=policy.reach,
            waiting_limit=policy.waiting_limit,
            overheard_limit=policy.overheard_limit,
        )
        return Accepted(
            verdict=wire.verdict(letter),
            new=new == b"1",
            work=self._work(message.thread, token, work) if work else None,
            muted=bool(muted),
        )

    @override
    async def claim_once(self, platform: str, name: str) -> bool:
        thread, identity = once(platform, name)
        return bool(await self._calls.run("once", thread, (identity,), call=call_name()))

    @override
    async def claim(self, thread: ThreadKey, token: str, *, early: bool = False) -> Work | None:
        said: dict[str, Value] = {"lease": self.lease_seconds, "early": early}
        reply = await self._calls.run("claim", thread, token=token, **said)
        return self._work(thread, token, reply) if reply else None

    @override
    async def claim_any(
        self, platforms: Collection[str], token: str, excluded: Collection[ThreadKey] = ()
    ) -> Work | NothingDue:
        while True:
            now, wanted = await self._lists.due(platforms, excluded)
            for due, thread in wanted:
                if due > now:
                    return NothingDue(seconds=due - now)
                work = await self.claim(thread, token)
                if work is not None:
                    return work
            if not wanted:
                return NothingDue(seconds=None)

    @override
    async def renew(
        self, lease: Lease, revision: str, preview: str = ""
    ) -> Literal["ok", "changed", "stopped"] | Refused:
        reply = await self._as_holder("renew", lease, rev=revision, preview=preview)
        if reply[0] == b"refused":
            return wire.refused(reply)
        if reply[0] == b"changed":
            return "changed"
        return "stopped" if reply[0] == b"stopped" else "ok"

    @override
    async def stop(self, thread: ThreadKey, turn: str) -> bool:
        is_open = bool(await self._calls.run("stop", thread, turn=turn))
        return self._stopping(thread, turn, is_open=is_open)

    @override
    async def commit(
        self, lease: Lease, revision: str, draft: PendingAnswer, preview: str = ""
    ) -> Answer | Changed | Refused:
        reply = await self._as_holder(
            "commit",
            lease,
            rev=revision,
            preview=preview,
            last=draft.last,
            answer=records.answer(draft, lease),
            kind=records.letter(draft.kind),
            cuts=wire.numbers(draft.cuts),
            seen_from=draft.seen_from,
            refused=draft.refused,
            explain=draft.explain_trim,
        )
        if reply[0] == b"refused":
            return wire.refused(reply)
        if reply[0] == b"changed":
            return Changed(work=self._work(lease.thread, lease.token, reply[1]))
        return records.committed(draft, lease, reply[1])

    @override
    async def settle(
        self, lease: Lease, outcome: Outcome, *, posted: tuple[str, ...] = (), delay: float = 0
    ) -> Work | Literal["free", "void"] | Refused:
        reply = await self._as_holder(
            "settle",
            lease,
            call=call_name(),
            outcome=outcome,
            posted=json.dumps(posted) if posted else "",
            delay=delay,
        )
        if reply[0] == b"refused":
            return wire.refused(reply)
        if reply[0] == b"work":
            return self._work(lease.thread, lease.token, reply[1])
        return "void" if reply[0] == b"void" else "free"

    @override
    async def compact(
        self, thread: ThreadKey, *, covers: int, revision: str, **made: Unpack[NewSummary]
    ) -> bool:
        said = {"covers": covers, "rev": revision, **wire.compacted(**made)}
        return bool(await self._calls.run("compact", thread, **said))

    @override
    async def amend(
        self,
        thread: ThreadKey,
        message: str,
        identities: tuple[str, ...],
        *,
        edited_at: float,
        text: str | None,
        attachments: tuple[Attachment, ...] | None = None,
        quotes: tuple[Quote, ...] | None = None,
    ) -> bool:
        reply = await self._calls.run(
            "amend",
            thread,
            identities,
            id=message,
            stamp=edited_at,
            **records.amendment(text, attachments, quotes),
            pins=amended(text),
            rev=unique(),
        )
        if reply and (text is None or attachments is not None):
            self._rewrites.want(self._names.of(thread)["header"])
        if reply:
            self._changed(thread)
        return bool(reply == 1)

    @override
    async def erase(self, thread: ThreadKey, *, at: float, keep_log: bool = False) -> None:
        await self._calls.run("erase", thread, at=at, keep_log=keep_log, rev=unique())
        self._windows.forget(thread)
        if not keep_log:
            self._rewrites.want(self._names.of(thread)["header"])
        self._changed(thread)

    @override
    async def redact(
        self, thread: ThreadKey, records: Sequence[Record], *, revision: str, person: str = ""
    ) -> bool:
        said = wire.redaction(records, revision, person)
        if done := bool(await self._calls.run("redact", thread, **said, rev=unique())):
            self._windows.forget(thread)
            self._rewrites.want(self._names.of(thread)["header"])
            self._changed(thread)
        return done

    # --- reading ----------------------------------------------------------------------------

    @override
    async def history(
        self, thread: ThreadKey, *, after: int = -1, limit: int = 200
    ) -> tuple[Record, ...]:
        return records.load(await self._calls.run("history", thread, after=after, limit=limit))

    @override
    async def read_at(self, thread: ThreadKey, positions: Collection[int]) -> tuple[Record, ...]:
        return await self._lists.read_at(thread, positions)

    @override
    async def threads(
        self,
        *,
        person: str = "",
        channel: tuple[str, str] | None = None,
        after: str = "",
        limit: int = 100,
    ) -> ThreadPage:
        return await self._lists.threads(person=person, channel=channel, after=after, limit=limit)

    @override
    async def peek(self, thread: ThreadKey) -> Work | None:
        return await self.claim(thread, "")

    @override
    async def revisions(self, threads: Sequence[ThreadKey]) -> tuple[str, ...]:
        return await self._lists.revisions(threads)

    @override
    async def buried(self, *, limit: int = 100) -> tuple[Buried, ...]:
        return await self._lists.buried(limit)

    @override
    async def requeue(self, thread: ThreadKey, place: int) -> bool:
        return bool(await self._calls.run("requeue", thread, place=place))

    @override
    async def audit(self, event: AuditEvent) -> None:
        await self._lists.audit(event, keys.AUDIT_LIMIT)

    @override
    async def audited(self, *, after: str = "", limit: int = 100) -> tuple[AuditEvent, ...]:
        return await self._lists.audited(after, limit)

    # --- settings and cursors -----------------------------------------------------------------

    @override
    async def layers(self, thread: ThreadKey) -> Layers:
        return await self._lists.layers(thread)

    @override
    async def set_thread(
        self, thread: ThreadKey, kind: Kind, settings: ScopeSettings, *, ttl: float
    ) -> None:
        chosen = wire.chosen(settings)
        await self._calls.run("configure", thread, rev=unique(), kind=kind, ttl=ttl, **chosen)

    @override
    async def pin(
        self, thread: ThreadKey, kind: Kind, pin: Pin, *, beside: tuple[str, ...], ttl: float
    ) -> Pinning:
        said = addition(pin, beside)
        reply = await self._calls.run("pin", thread, **said, kind=kind, ttl=ttl, rev=unique())
        return wire.pinning(reply)

    @override
    async def unpin(self, thread: ThreadKey, pins: tuple[str, ...]) -> None:
        await self._calls.run("pin", thread, **removal(pins))
        self._rewrites.want(self._names.of(thread)["header"])

    @override
    async def rate(self, thread: ThreadKey, position: int, turn: str, opinion: Opinion) -> bool:
        return await self._lists.rate(thread, position, turn, opinion)

    @override
    async def set_channel(self, platform: str, channel: str, settings: ScopeSettings) -> None:
        await self._lists.set_channel(platform, channel, settings)

    @override
    async def cursor(self, name: str) -> int:
        return int(await self._calls.ask(self._client.get(self._names.cursor(name))) or 0)

    @override
    async def advance(self, name: str, position: int) -> int:
        return await self._lists.advance(name, position)

    # --- upkeep -------------------------------------------------------------------------------

    @override
    async def wait(self, platforms: Collection[str], seconds: float) -> None:
        del platforms  # one channel for all platforms: a wake for another one costs one look
        await self._wakes.wait(seconds)

    @override
    async def sweep(self, limit: int = 100) -> int:
        """Remove up to `limit` expired threads from the indexes; all else expires by itself."""
        ended = await self._lists.ended(limit)
        return sum([await self._calls.run("sweep", thread) for thread in ended])

    @override
    async def check(self) -> tuple[str, ...]:
        return tuple(await self._calls.ask(sentences(self._client, self._calls.at)))

    @override
    async def close(self) -> None:
        await self._wakes.close()
        await self._rewrites.close()
        await self._calls.close()

    # --- migration ----------------------------------------------------------------------------

    @override
    async def dump(self, thread: ThreadKey) -> Dump | None:
        return await transfer.dump(self._calls, thread)

    @override
    async def load(
        self, thread: ThreadKey, records: Sequence[Record], *, first: bool, dump: Dump | None
    ) -> None:
        await transfer.load(self._calls, thread, records, first=first, dump=dump)

    @override
    def side_records(self) -> AsyncIterator[tuple[SideRecord, ...]]:
        return transfer.side_records(self._calls)

    @override
    async def keep(self, side_records: Sequence[SideRecord]) -> None:
        await transfer.keep(self._calls, side_records)

    # --- inside -------------------------------------------------------------------------------

    def _work(self, thread: ThreadKey, token: str, reply: Sequence[Any]) -> Work:
        return wire.work(thread, token, reply, self._windows)

    async def _as_holder(self, verb: str, lease: Lease, **args: Value) -> Any:  # noqa: ANN401
        args |= {"token": lease.token, "turn": lease.turn, "lease": self.lease_seconds}
        return await self._calls.run(verb, lease.thread, (), **args)


def _later(seconds: float, call: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, call)
