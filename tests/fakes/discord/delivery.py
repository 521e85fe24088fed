"""The sessions of the bot, and what each of them is told."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from tests.fakes.discord.intents import Intent, wanted
from tests.fakes.kit.held import Held

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from tests.fakes.discord.faults import Faults
    from tests.fakes.discord.model import Channel, Json

LIFE = 180.0  # seconds a session can be resumed; Discord says "a few minutes" (discord.md 2)
KEPT = 10_000  # events a session can be told again


class Outlet(Protocol):
    """An open connection."""

    def send(self, frame: str) -> None:
        """Send one payload, in its own time."""

    def close(self, code: int) -> None:
        """Close it, once what was sent is out."""

    def abort(self) -> None:
        """Cut it."""


@dataclass(slots=True)
class Session:
    """One identified client; it outlives its connection by a while."""

    id: str
    shard: tuple[int, int]
    intents: Intent
    outlet: Outlet | None
    seq: int = 0
    gone: float | None = None
    """When its connection was lost."""
    resumes: int = 0
    altered: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    """By event: what makes it other than any documentation has it."""
    deaf: set[str] = field(default_factory=set)
    """Threads that were archived when it began, came back, and the bot isn't in."""
    kept: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=KEPT))

    def push(self, name: str, text: str) -> None:
        """Tell it of an event, or keep it for when it comes back."""
        self.seq += 1
        if name in self.altered:
            text = json.dumps(self.altered[name](json.loads(text)))
        frame = f'{{"op":0,"s":{self.seq},"t":"{name}","d":{text}}}'
        self.kept.append((self.seq, frame))
        if self.outlet is not None:
            self.outlet.send(frame)

    def forget(self, seq: int) -> None:
        """Drop what the client says that it has."""
        while self.kept and self.kept[0][0] <= seq:
            self.kept.popleft()

    def can_replay(self, seq: int) -> bool:
        """Return whether everything after this is still here."""
        first = self.kept[0][0] if self.kept else self.seq + 1
        return first <= seq + 1


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it was told."""

    name: str
    data: Json
    sessions: tuple[str, ...]


class Delivery:
    """Decides who is told what, and when."""

    def __init__(self, now: Callable[[], float], faults: Faults, chance: random.Random) -> None:
        self.sessions: dict[str, Session] = {}
        self.faults = faults
        self.told: list[Told] = []
        self.unheard: list[Told] | None = None
        """What the bot is not told of, as long as this is a list."""
        self.record = True
        self.life = LIFE
        self._now, self._chance = now, chance
        self._held: Held[Callable[[], None]] = Held()
        self._late: set[asyncio.TimerHandle] = set()

    @property
    def listeners(self) -> bool:
        """Return whether anybody might hear, now or when they come back."""
        return bool(self.sessions)

    @property
    def connected(self) -> list[Session]:
        """Return the sessions that are connected."""
        return [session for session in self.sessions.values() if session.outlet is not None]

    def alive(self, session: Session) -> bool:
        """Return whether a session is connected or can be resumed."""
        return session.gone is None or self._now() - session.gone <= self.life

    def tell(
        self,
        name: str,
        data: Json,
        guild: str,
        where: Channel | None,
        bare: Callable[[], Json] | None,
    ) -> None:
        """Tell each session that it concerns (discord.md 2, "Sharding")."""

        if self.unheard is not None:
            self.unheard.append(Told(name, data, ()))
            return

        def now() -> None:
            self._tell(name, data, guild, where, bare)

        message = name.startswith("MESSAGE_")
        if self._held.keeps(now):
            return
        if message and self.faults.shuffle:
            self._later(now)
        else:
            now()
            if message and self.faults.twice:
                now()

    def _later(self, act: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(2 if self.faults.twice else 1):
            wait = self._chance.uniform(0, self.faults.shuffle)
            self._late.add(loop.call_later(wait, act))

    def _tell(
        self,
        name: str,
        data: Json,
        guild: str,
        where: Channel | None,
        bare: Callable[[], Json] | None,
    ) -> None:
        told: list[str] = []
        texts: dict[bool, str] = {}
        for session in list(self.sessions.values()):
            if not self.alive(session):
                del self.sessions[session.id]
                continue
            if not self._concerns(session, name, guild, where):
                continue
            full = bare is None or bool(session.intents & Intent.MESSAGE_CONTENT)
            if full not in texts:
                texts[full] = json.dumps(data if full or bare is None else bare())
            session.push(name, texts[full])
            told.append(session.id)
        if self.record:
            self.told.append(Told(name, data, tuple(told)))

    def _concerns(self, session: Session, name: str, guild: str, where: Channel | None) -> bool:
        number, count = session.shard
        home = (int(guild) >> 22) % count if guild else 0
        if home != number or not wanted(name, session.intents, in_guild=bool(guild)):
            return False
        deaf = where is not None and where.id in session.deaf
        return not (deaf and name.startswith(("MESSAGE_", "TYPING_")))

    def deafen(self, thread: str) -> None:
        """Let no session hear what's said in a thread until the bot joins it (discord.md 2)."""
        for session in self.sessions.values():
            session.deaf.add(thread)

    def undeafen(self, thread: str) -> None:
        """Let all hear again."""
        for session in self.sessions.values():
            session.deaf.discard(thread)

    def hold(self) -> None:
        """Keep back what follows."""
        self._held.hold()

    def release(self, order: Sequence[int] | None = None) -> int:
        """Tell what was kept back, in this order if one is given; return how much it was."""
        released = self._held.release(order)
        for act in released:
            act()
        return len(released)

    def of(self, name: str) -> list[Told]:
        """Return what was told under one name."""
        return [told for told in self.told if told.name == name]

    def close(self) -> None:
        """Give up what's under way."""
        for handle in self._late:
            handle.cancel()
