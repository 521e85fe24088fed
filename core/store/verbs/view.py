"""A thread as a worker sees it. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.domain import summary
from core.store.header import NO_TURN
from core.store.values import Lease, TurnState, Work

if TYPE_CHECKING:
    from core.store.header import Header
    from core.store.verbs.rows import Now, Rows


def first_shown(header: Header) -> int:
    """Return the first position that a worker sees."""
    since = max(
        header.covers, header.reset_position, header.head - (header.settings.reach or header.reach)
    )
    if header.turn is not None and header.turn.state is TurnState.COMMITTED:
        return min(since, header.turn.last)
    return since


def show(rows: Rows, header: Header) -> Work:
    """Return the thread as a worker sees it."""
    turn = header.turn or NO_TURN
    since = first_shown(header)
    return Work(
        lease=Lease(thread=rows.thread, token=header.token, turn=turn.id, fence=header.fence),
        revision=header.revision,
        kind=header.kind,
        state=turn.state,
        tries=turn.tries,
        deaths=turn.deaths,
        leases=turn.leases,
        opened_at=turn.opened_at,
        preview=turn.preview,
        committed_by=turn.committed_by,
        cuts=turn.cuts,
        head=header.head,
        next=header.next,
        records=tuple(rows.records(since, header.next)),
        since=since,
        summary=summary.read(
            header.covers, header.summary, stale=header.stale, withheld=header.withheld
        ),
        settings=header.settings,
        reset_position=header.reset_position,
        seen_from=header.seen_from,
        explained=header.explained,
        refused=header.refused,
        renewed=header.renewed,
        people=len(header.people),
        pins=header.pins,
    )


def peek(rows: Rows, now: Now) -> Work | None:
    """Return the thread as `claim` would return it; change nothing. See `Store.peek`."""
    header = rows.header()
    if header is None or header.expires_at <= now.time:
        return None
    work = show(rows, header)
    return replace(work, lease=replace(work.lease, token=""))
