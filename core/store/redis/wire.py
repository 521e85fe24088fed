"""Converting what goes to the scripts and what comes back. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from core.domain import summary
from core.domain.admission import Admission
from core.domain.message import Kind
from core.domain.session import NO_USAGE, Entry, Usage
from core.domain.settings import ScopeSettings
from core.store import codec
from core.store.header import FIELDS, flat, from_flat
from core.store.redis import pins, records
from core.store.values import (
    Lease,
    Pinning,
    Refused,
    ThreadInfo,
    TurnState,
    Work,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.domain.message import ThreadKey
    from core.domain.session import Record
    from core.store.header import Flat, Header
    from core.store.redis.connecting.client import Value
    from core.store.redis.windows import Windows

LETTERS = {verdict: verdict.value[0] for verdict in Admission}
"""The letter of each admission in the scripts."""
_VERDICTS = {letter.encode(): verdict for verdict, letter in LETTERS.items()}
_PINNINGS: dict[bytes, Pinning] = {
    b"pinned": "pinned",
    b"changed": "changed",
    b"full": "full",
    b"gone": "gone",
}
INFO = (
    "kind", "turns", "input", "output", "cache_read", "cache_write",
    "started_at", "last_at", "expires", "waiting",
)  # fmt: skip
"""The fields of a header in lists of threads; `info` takes them in this order."""
_OWN: dict[str, Flat] = {
    "v": 0, "listed": 0.0, "kept": 0.0, "call": "", "floor": 0,
    "settings": "", "settings_reach": 0, "muted": False, "pins": "",
}  # fmt: skip
"""What scripts keep in a header beside `core.store.header.FIELDS`: its version, until when the
indexes and the thread's keys live, the last call that released it, the first position that can
hold a record, the settings as JSON with the values that scripts need, and the pins."""
DEFAULTS: dict[str, Flat] = _OWN | {field.name: field.default for field in FIELDS}
"""The default of each field of a header's hash; scripts only store what differs."""


def numbers(places: Sequence[int]) -> str:
    """Return numbers as scripts keep them."""
    return ",".join(map(str, places))


def verdict(letter: bytes) -> Admission:
    """Return the admission for a letter from a script."""
    return _VERDICTS[letter]


def settings(text: bytes | None) -> ScopeSettings:
    """Return the settings in this text; None means the default."""
    return codec.load_settings(text) if text else ScopeSettings()


def work(thread: ThreadKey, token: str, reply: Sequence[Any], windows: Windows) -> Work:
    """Return the work that the scripts' `show` has sent, its records by way of `windows`."""
    revision, kind, turn, state, preview, committed_by, cuts, summed_up, chosen, pinned = map(
        _text, reply[:10]
    )
    stale, withheld, explained, renewed = map(bool, reply[10:14])
    (fence, tries, deaths, leases, head, following, since, covers, line, seen_from, refused,
     people, opened_at, kept) = reply[14:]  # fmt: skip
    return Work(
        lease=Lease(thread=thread, token=token, turn=turn, fence=fence),
        revision=revision,
        kind=Kind(kind),
        state=TurnState(state),
        tries=tries,
        deaths=deaths,
        leases=leases,
        opened_at=float(opened_at),
        preview=preview,
        committed_by=committed_by,
        cuts=tuple(map(int, cuts.split(","))) if cuts else (),
        head=head,
        next=following,
        records=windows.load(thread, kept),
        since=since,
        summary=summary.read(covers, summed_up, stale=stale, withheld=withheld),
        settings=codec.load_settings(chosen) if chosen else ScopeSettings(),
        reset_position=line,
        seen_from=seen_from,
        explained=explained,
        refused=refused,
        renewed=renewed,
        people=people,
        pins=pins.load(pinned),
    )


def compacted(to: int, text: str, usage: Usage = NO_USAGE) -> dict[str, Value]:
    """Return a summary as the arguments of `compact.lua`."""
    stale, withheld = summary.state_of(summary.loaded(text))
    used = (usage.input, usage.output, usage.cache_read, usage.cache_write)
    return {"to": to, "text": text, "stale": stale, "withheld": withheld, "usage": numbers(used)}


def redaction(several: Sequence[Record], revision: str, person: str) -> dict[str, Value]:
    """Return the arguments of `redact.lua`: the records by the names of their fields."""
    fields = [
        (f"{each.position}{'' if isinstance(each, Entry) else '~'}", records.dump(each))
        for each in several
    ]
    return {"records": json.dumps(fields, ensure_ascii=False), "seen": revision, "person": person}


def refused(reply: Sequence[bytes]) -> Refused:
    """Return the refusal of a verb that needs a lease."""
    return Refused(recorded=reply[1] == b"1", mine=reply[2] == b"1")


def pinning(reply: bytes) -> Pinning:
    """Return what became of a pin."""
    return _PINNINGS[reply]


def header(fields: Mapping[str, str], people: Sequence[str]) -> Header:
    """Return the header in these fields of a hash."""
    chosen = fields.get("settings", "")
    settings = codec.load_settings(chosen) if chosen else ScopeSettings()
    return from_flat(fields, list(people), settings, pins.load(fields.get("pins", "")))


def chosen(settings: ScopeSettings) -> dict[str, str | int | bool]:
    """Return settings as scripts keep them."""
    return {
        "settings": "" if settings == ScopeSettings() else codec.dump(settings),
        "reach": settings.reach,
        "muted": settings.muted,
    }


def fields(header: Header) -> dict[str, Flat]:
    """Return the fields of a hash for this header."""
    chosen = header.settings
    return flat(header) | {
        "v": codec.VERSION,
        "settings": "" if chosen == ScopeSettings() else codec.dump(chosen),
        "settings_reach": chosen.reach,
        "muted": chosen.muted,
        "pins": pins.field(header.pins),
    }


def info(thread: ThreadKey, fields: Sequence[bytes | None], people: int) -> ThreadInfo:
    """Return a thread's entry in lists; `fields` are those in `INFO`."""
    known = {name: value.decode() for name, value in zip(INFO, fields, strict=True) if value}
    return ThreadInfo(
        thread=thread,
        kind=Kind(known["kind"]),
        turns=int(known.get("turns", 0)),
        usage=Usage(**{name: int(known.get(name, 0)) for name in INFO[2:6]}),
        started_at=float(known["started_at"]),
        last_at=float(known["last_at"]),
        people=people,
        waiting=int(known.get("waiting", 0)),
    )


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogatepass")
