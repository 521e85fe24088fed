"""Lists of threads, what is due or has expired, and single records, read without scripts.

Every partition has its own indexes, so these reads are not atomic; each can be repeated.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.domain.message import ThreadKey
from core.domain.ratings import changed
from core.domain.session import Answer, Entry
from core.domain.settings import Layers
from core.store import codec
from core.store.keys import audit_start, channel_prefix, scopes
from core.store.redis import records, wire
from core.store.redis.scripts import encoded
from core.store.values import Buried, ThreadPage

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from core.domain.ratings import Opinion
    from core.domain.session import Record
    from core.domain.settings import ScopeSettings
    from core.store.redis.scripts import Calls
    from core.store.values import AuditEvent, ThreadInfo


class Lists:
    """The indexes of all partitions, read together."""

    def __init__(self, calls: Calls) -> None:
        """Read by means of these calls."""
        self._calls = calls
        self._many = calls.many
        self._run = calls.run
        self._run_on = calls.run_on
        self._names = calls.names

    async def firsts(
        self, keys: Sequence[str], limit: int
    ) -> tuple[float, list[tuple[float, str]]]:
        """Return the server's time, and the first members of these indexes by their scores."""
        now, answers = await self._many(
            [("ZRANGE", key, 0, limit - 1, "WITHSCORES") for key in keys]
        )
        found = [pair for answer in answers for pair in _scored(answer)]
        return now, sorted(found)

    async def rate(self, thread: ThreadKey, position: int, turn: str, opinion: Opinion) -> bool:
        """Read an answer, and replace it by one with this opinion; see `Store.rate`."""
        entries, field = self._names.of(thread)["entries"], f"{position}~"
        done = 0
        while done == 0:  # other people rate it at the same moment, and each time one succeeds
            before = await self._calls.ask(self._calls.client.hget(entries, field))
            answer = records.load(b"[" + before + b"]")[0] if before else None
            if not isinstance(answer, Answer) or answer.turn != turn:
                return False
            ratings = changed(answer.ratings, opinion)
            after = records.dump(replace(answer, ratings=ratings))
            same = ratings == answer.ratings
            done = await self._run(
                "swap", thread, place=position, before=before, after=before if same else after
            )
        return done > 0

    async def due(
        self, platforms: Collection[str], excluded: Collection[ThreadKey]
    ) -> tuple[float, list[tuple[float, ThreadKey]]]:
        """Return the server's time, and the threads of these platforms that come due first."""
        passed = {str(thread) for thread in excluded}
        now, firsts = await self.firsts(self._names.work(platforms), 1 + len(excluded))
        wanted = [(due, ThreadKey.parse(name)) for due, name in firsts if name not in passed]
        return now, wanted

    async def threads(
        self, *, person: str, channel: tuple[str, str] | None, after: str, limit: int
    ) -> ThreadPage:
        """Return one page of threads; see `Store.threads`."""
        prefix = channel_prefix(*channel) if channel else ""
        living: list[tuple[str, ThreadInfo]] = []
        while len(living) <= limit:
            keys = await self._candidates(person, prefix, after, limit + 1)
            if not keys:
                break
            living += await self._living(keys)
            after = keys[-1]
        page = living[:limit]
        more = page[-1][0] if len(living) > limit else ""
        return ThreadPage(threads=tuple(info for _, info in page), after=more)

    async def revisions(self, threads: Sequence[ThreadKey]) -> tuple[str, ...]:
        """Return the `revision` of each of these threads; empty for one that is not kept."""
        headers = [self._names.of(thread)["header"] for thread in threads]
        now, kept = await self._many([("HMGET", key, "rev", "expires") for key in headers])
        return tuple(
            revision.decode() if revision and expires and float(expires) > now else ""
            for revision, expires in kept
        )

    async def layers(self, thread: ThreadKey) -> Layers:
        """Return the settings of a thread, its channel and its server."""
        header = self._names.of(thread)["header"]
        places = [("GET", self._names.place_named(name)) for name in scopes(thread)]
        now, (kept, *found) = await self._many([("HMGET", header, "settings", "expires"), *places])
        chosen, expires = kept
        own = wire.settings(chosen if expires and float(expires) > now else None)
        return Layers(own, *map(wire.settings, found))

    async def read_at(self, thread: ThreadKey, positions: Collection[int]) -> tuple[Record, ...]:
        """Return the records at these positions; see `Store.read_at`."""
        keys = self._names.of(thread)
        slots = [(place, half) for place in sorted(set(positions)) for half in ("", "~")]
        if not slots:
            return ()
        fields = [f"{place}{half}" for place, half in slots]
        now, (header, kept) = await self._many(
            [
                ("HMGET", keys["header"], "expires", "line"),
                ("HMGET", keys["entries"], *fields),
            ]
        )
        expires, reset = (float(value or 0) for value in header)
        if expires <= now:
            return ()
        found = [
            json
            for json, (place, _) in zip(kept, slots, strict=True)
            if json is not None and place >= reset
        ]
        return records.load(b"[" + b",".join(found) + b"]")

    async def buried(self, limit: int) -> tuple[Buried, ...]:
        """Return messages whose turns were given up, in the order of their threads' names."""
        keys = self._names.everywhere("buried")
        _, answers = await self._many([("ZRANGE", key, 0, limit - 1) for key in keys])
        found: list[Buried] = []
        for name in sorted(name.decode() for answer in answers for name in answer):
            thread = ThreadKey.parse(name)
            entries = records.load(await self._run("buried", thread))
            found += [Buried(thread=thread, entry=e) for e in entries if isinstance(e, Entry)]
            if len(found) >= limit:
                break
        return tuple(found[:limit])

    async def ended(self, limit: int) -> list[ThreadKey]:
        """Return threads whose sessions may have expired."""
        now, found = await self.firsts(self._names.everywhere("ends"), limit)
        return [ThreadKey.parse(name) for ends, name in found[:limit] if ends <= now]

    async def audit(self, event: AuditEvent, limit: int) -> None:
        """Add an event to the audit log, which keeps so many; see `Store.audit`."""
        key, deed = {"audit": self._names.audit}, f"{event.name} {codec.dump(event)}"
        await self._run_on("audit", key, name=event.name, deed=deed, limit=limit)

    async def set_channel(self, platform: str, channel: str, settings: ScopeSettings) -> None:
        """Replace all of a channel's settings."""
        name = self._names.place(platform, channel)
        await self._many([("SET", name, codec.dump(settings))])

    async def advance(self, name: str, position: int) -> int:
        """Move a cursor, never back; return where it is."""
        key = {"cursor": self._names.cursor(name)}
        return int(await self._run_on("advance", key, position=max(position, 0)))

    async def audited(self, after: str, limit: int) -> tuple[AuditEvent, ...]:
        """Return the next events of the audit log that are not too old."""
        key, start = self._names.audit, f"({after}!" if after else "-"  # `!` sorts behind a space
        while True:
            words = ("ZRANGEBYLEX", key, start, "+", "LIMIT", 0, limit)
            now, (found,) = await self._many([words])
            oldest = audit_start(now).encode()
            events = [event for event in found if event > oldest]
            if events or not found:
                return tuple(codec.load_event(event.split(b" ", 2)[2]) for event in events)
            start = f"({audit_start(now)}"

    async def _candidates(self, person: str, prefix: str, after: str, limit: int) -> list[str]:
        """Return the next threads in the index, in order; some may have expired."""
        start = encoded(f"{person}\0") if person else b""
        low = b"(" + start + after.encode() if after >= prefix else b"[" + start + prefix.encode()
        high = b"(" + _behind(start + prefix.encode())
        if not (start or prefix):
            low, high = (low if after else b"-"), b"+"
        keys = self._names.everywhere("who" if person else "all")
        _, answers = await self._many(
            [("ZRANGEBYLEX", key, low, high, "LIMIT", 0, limit) for key in keys]
        )
        found = [member.removeprefix(start) for answer in answers for member in answer]
        # A person's id may hold a NUL, and so start like another id; a thread's name holds none.
        return sorted(name.decode() for name in found if b"\0" not in name)[:limit]

    async def _living(self, keys: list[str]) -> list[tuple[str, ThreadInfo]]:
        threads = [ThreadKey.parse(key) for key in keys]
        heads = [("HMGET", self._names.of(thread)["header"], *wire.INFO) for thread in threads]
        people = [("SCARD", self._names.of(thread)["people"]) for thread in threads]
        now, answers = await self._many([*heads, *people])
        rows = zip(keys, threads, answers[: len(keys)], answers[len(keys) :], strict=True)
        return [
            (key, wire.info(thread, fields, count))
            for key, thread, fields, count in rows
            if fields[0] is not None and float(fields[wire.INFO.index("expires")]) > now
        ]


def _behind(prefix: bytes) -> bytes:
    """Return the first text behind all texts with this prefix, which ends in ASCII."""
    return prefix[:-1] + bytes([prefix[-1] + 1]) if prefix else b"\xff"


def _scored(answer: Sequence[Any]) -> list[tuple[float, str]]:
    """Return (score, member) pairs; RESP2 and RESP3 return them in different shapes."""
    if answer and not isinstance(answer[0], bytes):
        return [(float(score), member.decode()) for member, score in answer]
    return [
        (float(score), member.decode())
        for member, score in zip(answer[::2], answer[1::2], strict=True)
    ]
