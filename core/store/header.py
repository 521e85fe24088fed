"""The header: the small record of a thread that nearly every verb reads and writes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from core.domain.session import Usage
from core.store.values import ThreadInfo, ThreadSettings, TurnState

if TYPE_CHECKING:
    from core.domain.message import Kind, ThreadKey


@dataclass(slots=True, kw_only=True)
class OpenTurn:
    """The turn that a thread is in."""

    id: str
    state: TurnState = TurnState.OPEN
    tries: int = 1
    """The number of this try: one more than those that failed by what the message may cause."""
    deaths: int = 0
    """Leases that ran out while they were held: a process that died, or that lost its store."""
    leases: int = 1
    """Leases that this turn has had, but for those that left nothing on the platform."""
    opened_at: float = 0
    """When it was opened, and then when its answer was recorded; 0 where that is not known."""
    preview: str = ""
    cuts: tuple[int, ...] = ()
    last: int = -1
    """Once committed: the place of its answer."""
    committed_by: str = ""


@dataclass(slots=True, kw_only=True)
class Header:
    """A thread's record; see `core.store.values.Work` for what the shared fields mean.

    Times are seconds by the store's own clock.
    """

    kind: Kind
    ttl: float
    reach: int
    rev: str
    started_at: float
    last_at: float
    expires: float = 0

    fence: int = 0
    token: str = ""
    until: float = 0
    due: float | None = None
    """When the thread may be claimed; None while it has no work."""
    turn: OpenTurn | None = None
    stopped: str = ""
    """The id of the last turn that somebody asked to end early."""

    next: int = 0
    head: int = 0
    line: int = 0
    waiting: int = 0
    """Entries from `head` on that are addressed and not deleted."""
    overheard: int = 0
    """Entries from `head` on that are overheard and not deleted."""
    refused: int = 0
    people: list[str] = field(default_factory=list)
    buried: list[int] = field(default_factory=list)
    settings: ThreadSettings = field(default_factory=ThreadSettings)

    covers: int = 0
    summary: str = ""
    stale: bool = False
    withheld: bool = False

    seen_from: int = 0
    explained: bool = False
    renewed: bool = False
    turns: int = 0
    """Turns settled with an answer; the bot takes part in a thread that was ever addressed."""
    taking_part: bool = False
    usage: Usage = field(default_factory=Usage)

    def copy(self) -> Header:
        """Return a header that can be changed without changing this one."""
        return replace(
            self,
            turn=replace(self.turn) if self.turn else None,
            people=list(self.people),
            buried=list(self.buried),
        )

    def is_held(self, now: float) -> bool:
        """Tell whether somebody holds a live lease."""
        return bool(self.token) and self.until > now

    def info(self, thread: ThreadKey) -> ThreadInfo:
        """Return what lists of threads say of this one."""
        return ThreadInfo(
            thread=thread,
            kind=self.kind,
            turns=self.turns,
            usage=self.usage,
            started_at=self.started_at,
            last_at=self.last_at,
            people=len(self.people),
            waiting=self.waiting,
        )

    def is_claimable(self, now: float, *, early: bool = False) -> bool:
        """Tell whether there is work that may be claimed; `early`, also what was left for later."""
        if self.due is None or self.is_held(now):
            return False
        return self.due <= now or (early and not self.token)

    def extend(self, now: float, lease_seconds: float) -> None:
        """Let the lease, and the session with it, live on from now."""
        self.until = self.due = now + lease_seconds
        self.touch(now)

    def free(self, due: float | None) -> None:
        """Give the lease up; the thread may be claimed at `due`, where it has work."""
        self.token = ""
        self.until = 0
        self.due = due

    def touch(self, now: float) -> None:
        """Renew the session's time to live."""
        self.last_at = now
        self.expires = now + self.ttl
