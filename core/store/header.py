"""The header: the small record of a thread that nearly every verb reads and writes. Pure.

`FIELDS` lists each value of a header under the name of its field in a Redis hash. The Lua scripts
get their defaults from it, so a new field is added here only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from core.domain.message import Kind
from core.domain.session import Usage
from core.domain.settings import ScopeSettings
from core.store.values import ThreadInfo, TurnState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.domain.message import ThreadKey
    from core.domain.pins import Pin

Flat: TypeAlias = str | float | bool


@dataclass(slots=True, kw_only=True)
class OpenTurn:
    """The open turn of a thread."""

    id: str
    state: TurnState = TurnState.OPEN
    tries: int = 1
    """The number of this try: one more than the tries that the message itself may have failed."""
    deaths: int = 0
    """Leases that ran out while they were held, because a process died or lost its store."""
    leases: int = 1
    """Leases that this turn has had, without those that left nothing on the platform."""
    opened_at: float = 0
    """When it was opened, and later when its answer was recorded; 0 if unknown."""
    preview: str = ""
    cuts: tuple[int, ...] = ()
    last: int = -1
    """Once committed: the position of its answer."""
    committed_by: str = ""


@dataclass(slots=True, kw_only=True)
class Header:
    """A thread's header; `core.store.values.Work` explains the fields that both have.

    Times are in seconds by the store's own clock.
    """

    kind: Kind
    ttl: float
    reach: int
    revision: str
    started_at: float
    last_at: float
    expires_at: float = 0

    fence: int = 0
    token: str = ""
    lease_until: float = 0
    due_at: float | None = None
    """When the thread may be claimed; None while it has no work."""
    turn: OpenTurn | None = None
    stopped: str = ""
    """The id of the last turn that a person asked to end early."""

    next: int = 0
    head: int = 0
    reset_position: int = 0
    waiting: int = 0
    """Addressed entries at or behind `head` that are not deleted."""
    overheard: int = 0
    """Overheard entries at or behind `head` that are not deleted."""
    refused: int = 0
    people: list[str] = field(default_factory=list)
    buried: list[int] = field(default_factory=list)
    settings: ScopeSettings = field(default_factory=ScopeSettings)
    pins: tuple[Pin, ...] = ()
    """What people asked the bot to remember word for word, in the order in which they did."""

    covers: int = 0
    summary: str = ""
    stale: bool = False
    withheld: bool = False

    seen_from: int = 0
    explained: bool = False
    renewed: bool = False
    turns: int = 0
    """Turns settled with an answer."""
    taking_part: bool = False
    """The bot takes part in a thread once a message in it was addressed to it."""
    usage: Usage = field(default_factory=Usage)

    def copy(self) -> Header:
        """Return a copy that shares nothing that can be changed."""
        return replace(
            self,
            turn=replace(self.turn) if self.turn else None,
            people=list(self.people),
            buried=list(self.buried),
        )

    def is_held(self, now: float) -> bool:
        """Return whether a live lease is on the thread."""
        return bool(self.token) and self.lease_until > now

    def info(self, thread: ThreadKey) -> ThreadInfo:
        """Return the thread's entry in lists of threads."""
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
        """Return whether there is work that may be claimed; with `early`, also before it is due."""
        if self.due_at is None or self.is_held(now):
            return False
        return self.due_at <= now or (early and not self.token)

    def extend(self, now: float, lease_seconds: float) -> None:
        """Extend the lease, and the session with it, from now."""
        self.lease_until = self.due_at = now + lease_seconds
        self.touch(now)

    def free(self, due: float | None) -> None:
        """Release the lease; the thread may be claimed at `due`, if it has work."""
        self.token = ""
        self.lease_until = 0
        self.due_at = due

    def touch(self, now: float) -> None:
        """Renew the session's time to live."""
        self.last_at = now
        self.expires_at = now + self.ttl


NO_TURN = OpenTurn(id="", tries=0)
"""Stands for the turn of a thread that has none."""


class Field(NamedTuple):
    """A value of a header in a store that keeps headers flat."""

    name: str
    """Its stored name, which never changes."""
    default: Flat
    """The value that is not stored; its type is the type of all values. `3,5,8` is a list."""
    part: Literal["header", "turn", "usage"] = "header"
    attribute: str = ""
    """Its name in Python, if it differs."""

    def of(self, header: Header) -> Flat:
        """Return the value of this field."""
        parts = {"header": header, "turn": header.turn or NO_TURN, "usage": header.usage}
        value = getattr(parts[self.part], self.attribute or self.name)
        if isinstance(value, list | tuple):
            return ",".join(map(str, value))
        return self.default if value is None else value

    def read(self, stored: Mapping[str, str]) -> Any:  # noqa: ANN401 - as its attribute is typed
        """Return the value of this field from its stored text."""
        text = stored.get(self.name)
        if text is None:
            return self.default
        return text == "1" if isinstance(self.default, bool) else type(self.default)(text)


FIELDS = (
    Field("kind", ""), Field("ttl", 0.0), Field("reach", 0), Field("rev", "", attribute="revision"),
    Field("started_at", 0.0), Field("last_at", 0.0), Field("expires", 0.0, attribute="expires_at"),
    Field("fence", 0), Field("token", ""),
    Field("until", 0.0, attribute="lease_until"), Field("due", 0.0, attribute="due_at"),
    Field("turn", "", "turn", "id"), Field("state", "open", "turn"), Field("tries", 0, "turn"),
    Field("deaths", 0, "turn"), Field("leases", 1, "turn"), Field("opened_at", 0.0, "turn"),
    Field("preview", "", "turn"), Field("cuts", "", "turn"), Field("last", -1, "turn"),
    Field("committed_by", "", "turn"), Field("stopped", ""),
    Field("next", 0), Field("head", 0), Field("line", 0, attribute="reset_position"),
    Field("waiting", 0),
    Field("overheard", 0), Field("refused", 0), Field("buried", ""),
    Field("covers", 0), Field("summary", ""), Field("stale", default=False),
    Field("withheld", default=False), Field("seen_from", 0), Field("explained", default=False),
    Field("renewed", default=False), Field("turns", 0), Field("taking_part", default=False),
    Field("input", 0, "usage"), Field("output", 0, "usage"),
    Field("cache_read", 0, "usage"), Field("cache_write", 0, "usage"),
)  # fmt: skip
"""All of a header but its people, pins and settings, which each store keeps in its own way."""


def flat(header: Header) -> dict[str, Flat]:
    """Return the values of a header by the names in `FIELDS`."""
    return {each.name: each.of(header) for each in FIELDS}


def from_flat(
    stored: Mapping[str, str],
    people: list[str],
    settings: ScopeSettings,
    pins: tuple[Pin, ...],
) -> Header:
    """Return the header whose values are stored under the names in `FIELDS`, as text."""
    parts: dict[str, dict[str, Any]] = {"header": {}, "turn": {}, "usage": {}}
    for each in FIELDS:
        parts[each.part][each.attribute or each.name] = each.read(stored)
    own, turn = parts["header"], parts["turn"]
    turn |= {"state": TurnState(turn["state"]), "cuts": tuple(_numbers(turn["cuts"]))}
    own |= {
        "kind": Kind(own["kind"]),
        "due_at": own["due_at"] or None,
        "buried": _numbers(own["buried"]),
        "turn": OpenTurn(**turn) if turn["id"] else None,
        "usage": Usage(**parts["usage"]),
    }
    return Header(**own, people=people, settings=settings, pins=pins)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")] if text else []
