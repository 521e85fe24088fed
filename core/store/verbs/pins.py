"""The verbs for pins: pin, unpin. Pure; amend and erase change pins, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.pins import have_room
from core.store.verbs.inbox import PEOPLE_LIMIT, begin
from core.store.verbs.rows import living

if TYPE_CHECKING:
    from core.domain.message import Kind
    from core.domain.pins import Pin
    from core.store.values import Pinning
    from core.store.verbs.rows import Now, Rows


def pin(rows: Rows, now: Now, kind: Kind, pin: Pin, beside: tuple[str, ...], ttl: float) -> Pinning:
    """Keep a text word for word; see `Store.pin`."""
    header = living(rows, now)
    pins = header.pins if header else ()
    if any(each.id == pin.id for each in pins):
        return "pinned"
    trace = rows.trace()
    if trace is not None and trace.line is not None and pin.pinned_at <= trace.line:
        return "gone"
    if tuple(each.id for each in pins) != beside:
        return "changed"
    if not have_room(pins, pin.text):
        return "full"
    header = header or begin(now, kind, ttl, reach=0)
    header.pins = (*pins, pin)
    if pin.by.id not in header.people:
        rows.put_who(pin.by.id)
        header.people = [*header.people, pin.by.id][:PEOPLE_LIMIT]
    header.touch(now.time)
    rows.put_header(header)
    return "pinned"


def unpin(rows: Rows, now: Now, pins: tuple[str, ...]) -> None:
    """Remove pins; see `Store.unpin`."""
    header = living(rows, now)
    if header is None:
        return
    kept = tuple(each for each in header.pins if each.id not in pins)
    if kept != header.pins:
        header.pins = kept
        rows.put_header(header)
