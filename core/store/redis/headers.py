"""A thread's header, as the scripts keep it and as all other stores do. Pure.

The scripts keep a field per value, flat, and leave out what says the default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.domain.message import Kind
from core.domain.session import Usage
from core.store import codec
from core.store.header import Header, OpenTurn
from core.store.redis import wire
from core.store.values import ThreadSettings, TurnState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PEOPLE_LIMIT = 50
"""The same as in `core.store.verbs.inbox`, and in the scripts."""
_TEXTS = ("rev", "token", "stopped", "summary")
_TIMES = ("ttl", "started_at", "last_at", "expires", "until")
_COUNTS = (
    "reach", "fence", "next", "head", "line", "waiting", "overheard", "refused", "covers",
    "seen_from", "turns",
)  # fmt: skip
_MARKS = ("stale", "withheld", "explained", "renewed", "taking_part")
_USAGE = ("input", "output", "cache_read", "cache_write")


def load(fields: Mapping[str, str], people: Sequence[str]) -> Header:
    """Return the header that these fields of a hash stand for."""
    found: dict[str, Any] = {name: fields.get(name, "") for name in _TEXTS}
    found |= {name: float(fields.get(name, 0)) for name in _TIMES}
    found |= {name: int(fields.get(name, 0)) for name in _COUNTS}
    found |= {name: fields.get(name) == "1" for name in _MARKS}
    chosen = fields.get("settings", "")
    return Header(
        **found,
        kind=Kind(fields["kind"]),
        due=float(fields.get("due", 0)) or None,
        turn=_turn(fields) if fields.get("turn") else None,
        people=list(people),
        buried=_numbers(fields.get("buried", "")),
        settings=codec.load_settings(chosen) if chosen else ThreadSettings(),
        usage=Usage(**{name: int(fields.get(name, 0)) for name in _USAGE}),
    )


def dump(header: Header) -> dict[str, Any]:
    """Return the fields of the hash that stands for this header."""
    chosen, turn = header.settings, header.turn
    own = {name: getattr(header, name) for name in (*_TEXTS, *_TIMES, *_COUNTS, *_MARKS)}
    own |= {name: getattr(header.usage, name) for name in _USAGE}
    if turn is not None:
        own |= {
            "turn": turn.id,
            "state": turn.state.value,
            "tries": turn.tries,
            "deaths": turn.deaths,
            "leases": turn.leases,
            "opened_at": turn.opened_at,
            "preview": turn.preview,
            "cuts": wire.numbers(turn.cuts),
            "last": turn.last,
            "committed_by": turn.committed_by,
        }
    return own | {
        "v": codec.VERSION,
        "kind": header.kind.value,
        "due": header.due or 0,
        "buried": wire.numbers(header.buried),
        "settings": "" if chosen == ThreadSettings() else codec.dump(chosen),
        "settings_reach": chosen.reach,
        "muted": chosen.muted,
    }


def _turn(fields: Mapping[str, str]) -> OpenTurn:
    return OpenTurn(
        id=fields["turn"],
        state=TurnState(fields.get("state", TurnState.OPEN)),
        tries=int(fields.get("tries", 0)),
        deaths=int(fields.get("deaths", 0)),
        leases=int(fields.get("leases", 1)),
        opened_at=float(fields.get("opened_at", 0)),
        preview=fields.get("preview", ""),
        cuts=tuple(_numbers(fields.get("cuts", ""))),
        last=int(fields.get("last", -1)),
        committed_by=fields.get("committed_by", ""),
    )


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")] if text else []
