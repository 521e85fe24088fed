"""The verbs of a turn: claim, renew, commit, settle; and compact, which needs no lease. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from core.domain import summary
from core.domain.session import NO_USAGE, Answer, AnswerKind, Entry, Status
from core.domain.settings import ScopeSettings
from core.store.header import OpenTurn
from core.store.values import (
    Changed,
    Lease,
    Outcome,
    PendingAnswer,
    Refused,
    TurnState,
    Work,
)
from core.store.verbs.rows import living
from core.store.verbs.view import show

if TYPE_CHECKING:
    from core.domain.session import Usage
    from core.store.header import Header
    from core.store.verbs.rows import Now, Rows

_CLOSING = {Outcome.DONE, Outcome.UNDELIVERED}
_LEAVING = {Outcome.HANDED_BACK, Outcome.UNTOUCHED, Outcome.FAILED}


def claim(rows: Rows, now: Now, token: str, *, early: bool = False) -> Work | None:
    """Take the lease if there is work and no live lease; see `Store.claim`."""
    header = living(rows, now)
    if header is None:
        return None
    if header.is_held(now.time) and header.token == token:
        return show(rows, header)
    if not header.is_claimable(now.time, early=early):
        return None
    if header.turn is None:
        open_turn(rows, header, now)
    elif header.token != token:  # a token continues its own lease that ran out, if no other took it
        header.turn.leases += 1
        header.turn.deaths += bool(header.token)
    header.fence += 1
    header.token = token
    header.extend(now.time, now.lease_seconds)
    rows.put_header(header)
    return show(rows, header)


def renew(
    rows: Rows, now: Now, lease: Lease, revision: str, preview: str
) -> Literal["ok", "changed", "stopped"] | Refused:
    """Extend the lease; see `Store.renew`."""
    header = living(rows, now)
    if header is None or header.turn is None or not _holds(header, lease):
        return _refused(rows, header, lease)
    header.extend(now.time, now.lease_seconds)
    if preview:
        header.turn.preview = preview
    rows.put_header(header)
    # A committed answer stands, whatever is edited or pressed afterwards.
    if header.turn.state is TurnState.COMMITTED:
        return "ok"
    if header.revision != revision:
        return "changed"
    return "stopped" if header.stopped == lease.turn else "ok"


def stop(rows: Rows, now: Now, turn: str) -> bool:
    """Ask this turn to end; see `Store.stop`."""
    header = living(rows, now)
    if header is None or header.turn is None or header.turn.id != turn:
        return False
    if header.turn.state is not TurnState.OPEN:
        return False
    header.stopped = turn
    rows.put_header(header)
    return True


def commit(
    rows: Rows, now: Now, lease: Lease, revision: str, draft: PendingAnswer, preview: str
) -> Answer | Changed | Refused:
    """Record the turn's answer; see `Store.commit`."""
    header = living(rows, now)
    if header is None or header.turn is None or not _holds(header, lease):
        return _refused(rows, header, lease)
    turn = header.turn
    header.extend(now.time, now.lease_seconds)
    if turn.state is TurnState.COMMITTED and turn.committed_by == lease.token:
        rows.put_header(header)
        return next(r for r in rows.records(turn.last, turn.last + 1) if isinstance(r, Answer))
    if turn.state is not TurnState.OPEN or header.revision != revision:
        rows.put_header(header)
        return Changed(work=show(rows, header))
    answer = draft.recorded(lease, now.time)
    _record(rows, header, draft, answer)
    turn.preview = preview or turn.preview
    rows.put_header(header)
    return answer


def settle(
    rows: Rows, now: Now, lease: Lease, outcome: Outcome, posted: tuple[str, ...], delay: float
) -> Work | Literal["free", "void"] | Refused:
    """Close the turn, or leave it to the next worker; see `Store.settle`."""
    header = living(rows, now)
    if header is None or header.turn is None or not _is_holder(header, lease):
        return _refused(rows, header, lease)
    header.extend(now.time, now.lease_seconds)
    if header.turn.id != lease.turn:  # a retry: the next turn is already open under this lease
        rows.put_header(header)
        return show(rows, header)
    if outcome in _CLOSING and header.turn.state is TurnState.VOID:
        rows.put_header(header)
        return "void"
    if outcome in _LEAVING:
        header.turn.tries += outcome is Outcome.FAILED
        header.turn.leases -= outcome is Outcome.UNTOUCHED
        header.free(now.time + delay)
        rows.put_header(header)
        return "free"
    if outcome is Outcome.UNDELIVERED:
        _bury(header, _answered(rows, header.turn))
    return _close(rows, now, header, posted)


def compact(
    rows: Rows, now: Now, *, covers: int, revision: str, to: int, text: str, usage: Usage = NO_USAGE
) -> bool:
    """Replace the positions [0, to) by a summary; see `Store.compact`."""
    header = living(rows, now)
    if header is None:
        return False
    state = summary.state_of(summary.loaded(text))
    if (header.covers, header.summary, header.stale, header.withheld) == (to, text, *state):
        return True
    if (header.covers, header.revision) != (covers, revision) or not covers <= to <= header.head:
        return False
    header.covers = to
    header.summary = text
    header.stale, header.withheld = state
    header.usage += usage
    rows.put_header(header)
    return True


def open_turn(rows: Rows, header: Header, now: Now) -> None:
    """Open a turn for the oldest waiting message."""
    oldest = next(
        record
        for record in rows.records(header.head, header.next)
        if isinstance(record, Entry) and record.status is Status.ADDRESSED
    )
    header.turn = OpenTurn(id=oldest.id, opened_at=now.time)


def _record(rows: Rows, header: Header, draft: PendingAnswer, answer: Answer) -> None:
    assert header.turn is not None  # noqa: S101 - for the type checker: the caller has checked
    turn = header.turn
    answered = [r for r in rows.records(header.head, draft.last + 1) if isinstance(r, Entry)]
    addressed = [entry.position for entry in answered if entry.status is Status.ADDRESSED]
    rows.put_answer(answer)
    turn.state = TurnState.COMMITTED
    turn.tries, turn.opened_at = 1, answer.sent_at  # from here on they count the delivery
    turn.cuts = draft.cuts
    turn.last = draft.last
    turn.committed_by = answer.token
    header.head = draft.last + 1
    header.waiting -= len(addressed)
    header.overheard -= sum(entry.status is Status.OVERHEARD for entry in answered)
    header.refused = max(0, header.refused - draft.refused)
    header.seen_from = draft.seen_from
    header.explained = header.explained or draft.explain_trim
    header.renewed = False
    if draft.kind is AnswerKind.BURIED:
        _bury(header, addressed)


def _close(rows: Rows, now: Now, header: Header, posted: tuple[str, ...]) -> Work | Literal["free"]:
    assert header.turn is not None  # noqa: S101 - for the type checker: the caller has checked
    if header.turn.state is TurnState.COMMITTED:
        answer = _answer_of(rows, header, header.turn.id)
        if answer is not None:
            rows.put_answer(replace(answer, posted=posted))
            header.usage += answer.usage or type(header.usage)()
        header.turns += 1
    header.turn = None
    if header.waiting:
        open_turn(rows, header, now)
        rows.put_header(header)
        return show(rows, header)
    header.free(None)
    if (
        header.reset_position == header.next
        and not header.people
        and not header.pins
        and header.settings == ScopeSettings()
    ):
        rows.remove(keep_header=False)  # erased during the turn, and nothing came since
    else:
        rows.put_header(header)
    return "free"


def _answered(rows: Rows, turn: OpenTurn) -> list[int]:
    first = rows.place_of(turn.id)
    records = rows.records(turn.last if first is None else first, turn.last + 1)
    return [r.position for r in records if isinstance(r, Entry) and r.status is Status.ADDRESSED]


def _bury(header: Header, places: list[int]) -> None:
    """List positions for the operator, each once: a burial's notice may be undelivered too."""
    header.buried.extend(place for place in places if place not in header.buried)


def _holds(header: Header, lease: Lease) -> bool:
    turn = header.turn
    return turn is not None and turn.id == lease.turn and _is_holder(header, lease)


def _is_holder(header: Header, lease: Lease) -> bool:
    # The token of a free thread is empty, and so is the token of a lease from `peek`.
    return bool(lease.token) and header.token == lease.token


def _refused(rows: Rows, header: Header | None, lease: Lease) -> Refused:
    answer = _answer_of(rows, header, lease.turn) if header is not None else None
    return Refused(
        recorded=answer is not None, mine=answer is not None and answer.token == lease.token
    )


def _answer_of(rows: Rows, header: Header, turn: str) -> Answer | None:
    place = rows.place_of(turn)
    if place is None or place >= header.head:
        return None
    # The answer stands behind the turn's first message, or behind one that was answered with it:
    # the first answer from there belongs to the turn, or the turn has no answer.
    for record in rows.records(place, header.head):
        if isinstance(record, Answer):
            return record if record.turn == turn else None
    return None
