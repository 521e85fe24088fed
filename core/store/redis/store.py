"""The Redis store: the verbs of the port, each one script on the server."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Literal, Self

from typing_extensions import override

from core.domain.message import ThreadKey
from core.store.keys import once, unique
from core.store.redis import records, wire
from core.store.redis.checks import sentences
from core.store.redis.client import connect, disconnect
from core.store.redis.reading import PATIENCE
from core.store.redis.transfer import RedisTransfer
from core.store.values import Accepted, Changed, NothingDue, Outcome, Refused

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from core.domain.admission import AdmissionPolicy
    from core.domain.message import Attachment, Message
    from core.domain.session import Answer
    from core.store.values import Lease, PendingAnswer, Work


class RedisStore(RedisTransfer):
    """Keeps everything in one Redis; any number of processes may share it."""

    @classmethod
    def from_url(cls, url: str, *, lease_seconds: float = 15, patience: float = PATIENCE) -> Self:
        """Return a store at a `redis://` or `rediss://` address; it connects when it is used.

        Raises:
            SettingsError: The address can't be one.
        """
        return cls(connect(url), lease_seconds=lease_seconds, patience=patience)

    # --- a turn -----------------------------------------------------------------------------

    @override
    async def accept(self, message: Message, terms: AdmissionPolicy, token: str = "") -> Accepted:
        letter, new, work, muted = await self._run(
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
            admissions="".join(wire.LETTERS[verdict] for verdict in terms.admissions),
            kind=message.kind,
            ttl=terms.ttl,
            reach=terms.reach,
            waiting_limit=terms.waiting_limit,
            overheard_limit=terms.overheard_limit,
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
        return bool(await self._run("once", thread, (identity,), call=_call()))

    @override
    async def claim(self, thread: ThreadKey, token: str, *, early: bool = False) -> Work | None:
        reply = await self._run("claim", thread, token=token, lease=self.lease_seconds, early=early)
        return self._work(thread, token, reply) if reply else None

    @override
    async def claim_any(
        self, platforms: Collection[str], token: str, besides: Collection[ThreadKey] = ()
    ) -> Work | NothingDue:
        keys = self._names.work(platforms)
        passed = {str(thread) for thread in besides}
        while True:
            now, firsts = await self._lists.firsts(keys, 1 + len(besides))
            wanted = [(due, thread) for due, thread in firsts if thread not in passed]
            for due, thread in wanted:
                if due > now:
                    return NothingDue(seconds=due - now)
                work = await self.claim(ThreadKey.parse(thread), token)
                if work is not None:
                    return work
            if not wanted:
                return NothingDue(seconds=None)

    @override
    async def renew(
        self, lease: Lease, rev: str, preview: str = ""
    ) -> Literal["ok", "changed", "stopped"] | Refused:
        reply = await self._as_holder("renew", lease, rev=rev, preview=preview)
        if reply[0] == b"refused":
            return _refused(reply)
        if reply[0] == b"changed":
            return "changed"
        return "stopped" if reply[0] == b"stopped" else "ok"

    @override
    async def stop(self, thread: ThreadKey, turn: str) -> bool:
        return bool(await self._run("stop", thread, turn=turn))

    @override
    async def commit(
        self, lease: Lease, rev: str, draft: PendingAnswer, preview: str = ""
    ) -> Answer | Changed | Refused:
        answer = draft.recorded(lease, 0)
        reply = await self._as_holder(
            "commit",
            lease,
            rev=rev,
            preview=preview,
            last=draft.last,
            answer=records.answer(answer),
            kind=records.letter(draft.kind),
            cuts=wire.numbers(draft.cuts),
            seen_from=draft.seen_from,
            refused=draft.refused,
            explain=draft.explain_trim,
        )
        if reply[0] == b"refused":
            return _refused(reply)
        if reply[0] == b"changed":
            return Changed(work=self._work(lease.thread, lease.token, reply[1]))
        return records.committed(answer, reply[1])

    @override
    async def settle(
        self, lease: Lease, outcome: Outcome, *, posted: tuple[str, ...] = (), delay: float = 0
    ) -> Work | Literal["free", "void"] | Refused:
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
            return self._work(lease.thread, lease.token, reply[1])
        return "void" if reply[0] == b"void" else "free"

    @override
    async def compact(
        self, thread: ThreadKey, *, covers: int, rev: str, to: int, text: str
    ) -> bool:
        return bool(await self._run("compact", thread, covers=covers, rev=rev, to=to, text=text))

    @override
    async def amend(
        self,
        thread: ThreadKey,
        message: str,
        identities: tuple[str, ...],
        *,
        stamp: float,
        text: str | None,
        attachments: tuple[Attachment, ...] | None = None,
    ) -> bool:
        reply = await self._run(
            "amend",
            thread,
            identities,
            id=message,
            stamp=stamp,
            deleted=text is None,
            text=text or "",
            files="" if attachments is None else records.files(attachments),
            rev=unique(),
        )
        if reply and (text is None or attachments is not None):
            self._rewrites.want(self._names.of(thread)["header"])
        if reply:
            self._changed(thread)
        return bool(reply)

    @override
    async def erase(self, thread: ThreadKey, *, at: float, keep_log: bool = False) -> None:
        await self._run("erase", thread, at=at, keep_log=keep_log, rev=unique())
        self._windows.forget(thread)
        if not keep_log:
            self._rewrites.want(self._names.of(thread)["header"])
        self._changed(thread)

    # --- upkeep -------------------------------------------------------------------------------

    @override
    async def wait(self, platforms: Collection[str], seconds: float) -> None:
        del platforms  # one channel for all: a wake that is not for them costs one look
        await self._wakes.wait(seconds)

    @override
    async def sweep(self, limit: int = 100) -> int:
        """Take up to `limit` threads that have ended out of the indexes; all else expires."""
        ended = await self._lists.ended(limit)
        return sum([await self._run("sweep", thread) for thread in ended])

    @override
    async def check(self) -> tuple[str, ...]:
        told: tuple[str, ...] = await self._ask(sentences(self._client, self._at))
        return told

    @override
    async def close(self) -> None:
        await self._wakes.close()
        await self._rewrites.close()
        await disconnect(self._client)


def _call() -> str:
    """Return a name for one call, by which a script knows the call's retry from a repeat."""
    return secrets.token_hex(8)


def _refused(reply: Sequence[bytes]) -> Refused:
    return Refused(recorded=reply[1] == b"1", mine=reply[2] == b"1")
