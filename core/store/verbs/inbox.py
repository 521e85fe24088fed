"""The verbs for what people say: accept (and overhear), amend, requeue. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.domain import summary
from core.domain.admission import Admission, ThreadState, readmits
from core.domain.message import Kind
from core.domain.pins import following
from core.domain.session import Entry, Status
from core.store.header import Header
from core.store.values import Accepted
from core.store.verbs.rows import Tombstone, living
from core.store.verbs.turn import claim

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.domain.admission import AdmissionPolicy
    from core.domain.message import Attachment, Message, Quote
    from core.domain.settings import ScopeSettings
    from core.store.verbs.rows import Now, Rows

PEOPLE_LIMIT = 50
"""Speakers counted in a header; beyond one, the exact number does not matter."""
AGAIN = "!"
"""Appended to the id of a message that is requeued; no platform uses it in ids."""
_VERDICT_OF = {
    Status.ADDRESSED: Admission.ACCEPTED,
    Status.OVERHEARD: Admission.OVERHEARD,
    Status.DELETED: Admission.GONE,
}


def accept(rows: Rows, now: Now, message: Message, terms: AdmissionPolicy, token: str) -> Accepted:
    """Take a message in, once; see `Store.accept`."""
    known = _known(rows, now, message)
    if known is Admission.OVERHEARD and readmits(message) and _is_latest(rows, now, message):
        known = None
    verdict = known or _admit(rows, now, message, terms)
    if known is None and verdict is not Admission.IGNORED:
        for identity in message.identities:
            rows.put_seen(identity, verdict)
    work = claim(rows, now, token) if token and verdict is Admission.ACCEPTED else None
    shown = work or living(rows, now)
    muted = shown is not None and shown.settings.muted
    return Accepted(verdict=verdict, new=known is None, work=work, muted=muted)


def claim_once(rows: Rows, identity: str) -> bool:
    """Claim an identity that belongs to no message; see `Store.claim_once`."""
    if rows.seen(identity) is not None:
        return False
    rows.put_seen(identity, Admission.GONE)
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What an edit changes, or that a message is deleted; see `Store.amend`."""

    edited_at: float
    text: str | None
    attachments: tuple[Attachment, ...] | None = None
    quotes: tuple[Quote, ...] | None = None

    def applied(self, entry: Entry) -> Entry:
        """Return a message as the edit leaves it; deleted if nothing is left of it."""
        files = entry.attachments if self.attachments is None else self.attachments
        quotes = entry.quotes if self.quotes is None else self.quotes
        text = self.text
        if text is None or (text == "" and self.attachments == () and not quotes):
            return replace(
                entry,
                edited_at=self.edited_at,
                text="",
                attachments=(),
                quotes=(),
                status=Status.DELETED,
            )
        return replace(entry, edited_at=self.edited_at, text=text, attachments=files, quotes=quotes)


def amend(
    rows: Rows, now: Now, message: str, identities: tuple[str, ...], change: Amendment
) -> bool:
    """Change or delete a stored message; see `Store.amend`."""
    header = living(rows, now)
    copies = list(_copies(rows, message)) if header is not None else []
    if header is not None and header.pins:
        _amend_pins(rows, header, message, change)
    if header is None or not copies:
        if change.text is None:
            for identity in identities:
                rows.put_seen(identity, Admission.GONE)
        return False
    for entry in copies:
        is_newer = change.text is None or change.edited_at > entry.edited_at
        if entry.status is not Status.DELETED and is_newer:
            _change(rows, header, entry, change.applied(entry))
            header.revision = now.fresh
            rows.put_header(header)
    return True


def _amend_pins(rows: Rows, header: Header, message: str, change: Amendment) -> None:
    """Have the pins that came from a message follow its edit or deletion."""
    pins = following(header.pins, message, change.text, at=change.edited_at)
    if pins != header.pins:
        header.pins = pins
        rows.put_header(header)


def requeue(rows: Rows, now: Now, place: int) -> bool:
    """Put a buried message in again; see `Store.requeue`."""
    header = living(rows, now)
    entry = _entry_at(rows, place) if header is not None else None
    if header is None or entry is None:
        return False
    again = entry.id + AGAIN
    done = rows.place_of(again) is not None  # a retry, or it was listed once more since then
    if place not in header.buried:
        return done
    header.buried.remove(place)
    if not done:
        _append(rows, now, header, _again(entry, again))
    rows.put_header(header)
    return True


def configure(rows: Rows, now: Now, kind: Kind, settings: ScopeSettings, ttl: float) -> None:
    """Replace the thread's settings; see `Store.set_thread`."""
    header = living(rows, now) or begin(now, kind, ttl, reach=settings.reach)
    header.settings = settings
    header.touch(now.time)
    rows.put_header(header)


def _known(rows: Rows, now: Now, message: Message) -> Admission | None:
    for identity in message.identities:
        if (verdict := rows.seen(identity)) is not None:
            return verdict
    # An event may come under a new identity although its message is stored already.
    place = rows.place_of(message.id) if living(rows, now) is not None else None
    entry = None if place is None else _entry_at(rows, place)
    return None if entry is None else _VERDICT_OF[entry.status]


def _is_latest(rows: Rows, now: Now, message: Message) -> bool:
    """Return whether a message that was overheard is stored no newer, or not at all."""
    place = rows.place_of(message.id) if living(rows, now) is not None else None
    entry = None if place is None else _entry_at(rows, place)
    if entry is None:
        return True
    return entry.status is Status.OVERHEARD and message.edited_at >= entry.edited_at


def _take_out(rows: Rows, header: Header | None, message: Message) -> None:
    """Remove the entry of a message that is admitted again, for its new place or for good."""
    place = rows.place_of(message.id) if header is not None and readmits(message) else None
    entry = None if place is None else _entry_at(rows, place)
    if header is not None and entry is not None and entry.status is Status.OVERHEARD:
        rows.remove_entry(entry)
        header.overheard -= entry.position >= header.head
        rows.put_header(header)


def _admit(rows: Rows, now: Now, message: Message, terms: AdmissionPolicy) -> Admission:
    trace = rows.trace()
    if trace is not None and trace.line is not None and message.sent_at <= trace.line:
        return Admission.GONE
    header = living(rows, now)
    state = ThreadState(
        # After an erase, only the tombstone's line shows that the bot took part.
        taking_part=header.taking_part if header else trace is not None and trace.line is not None,
        muted=header is not None and header.settings.muted,
        alone=header is None or not set(header.people) - {message.author.id},
    )
    verdict = terms.admissions[state.index]
    if verdict is Admission.IGNORED:
        return verdict
    if verdict is Admission.GONE:
        _take_out(rows, header, message)
        return verdict
    if header is None:
        header = begin(now, message.kind, terms.ttl, reach=terms.reach)
        header.renewed = trace is not None and trace.line is None
    if verdict is Admission.ACCEPTED and header.waiting >= terms.waiting_limit:
        header.refused += 1
        rows.put_header(header)
        return Admission.FULL
    _take_out(rows, header, message)
    _take_in(rows, now, header, message, terms, verdict)
    return verdict


def begin(now: Now, kind: Kind, ttl: float, *, reach: int) -> Header:
    """Return the header of a new session."""
    return Header(
        kind=kind, ttl=ttl, reach=reach, revision=now.fresh, started_at=now.time, last_at=now.time
    )


def _take_in(
    rows: Rows,
    now: Now,
    header: Header,
    message: Message,
    terms: AdmissionPolicy,
    verdict: Admission,
) -> None:
    header.ttl, header.reach = terms.ttl, terms.reach
    if header.kind is Kind.THREAD and message.kind in {Kind.DM, Kind.GROUP}:
        header.kind = message.kind  # a backfill may not have known the kind
    overheard = verdict is Admission.OVERHEARD
    is_person = not (overheard and message.author.is_app)  # such an app is nobody to talk to
    if is_person and message.author.id not in header.people:
        rows.put_who(message.author.id)
        header.people = [*header.people, message.author.id][:PEOPLE_LIMIT]
    header.taking_part = header.taking_part or not overheard
    entry = Entry(
        position=header.next,
        id=message.id,
        author=message.author,
        text=message.text,
        sent_at=message.sent_at,
        status=Status.OVERHEARD if overheard else Status.ADDRESSED,
        answer_in=message.answer_in,
        edited_at=message.edited_at,
        attachments=message.attachments,
        quotes=message.quotes,
    )
    _append(rows, now, header, entry)
    if header.overheard > terms.overheard_limit:
        _drop_oldest_overheard(rows, header)
    rows.put_header(header)
    trace = rows.trace()
    rows.put_trace(
        Tombstone(
            line=trace.line if trace else None,
            expires=max(trace.expires if trace else 0, now.time + 2 * terms.ttl),
        )
    )


def _append(rows: Rows, now: Now, header: Header, entry: Entry) -> None:
    rows.put_entry(replace(entry, position=header.next))
    header.next += 1
    if entry.status is Status.OVERHEARD:
        header.overheard += 1
    else:
        header.waiting += 1
        header.due_at = now.time if header.due_at is None else header.due_at
    header.touch(now.time)


def _drop_oldest_overheard(rows: Rows, header: Header) -> None:
    kept = [
        record
        for record in rows.records(header.head, header.next)
        if isinstance(record, Entry) and record.status is not Status.DELETED
    ]
    oldest = next(entry for entry in kept if entry.status is Status.OVERHEARD)
    rows.remove_entry(oldest)
    header.overheard -= 1
    if kept[0] is oldest:  # keeps later searches from `head` short
        header.head = oldest.position + 1


def _entry_at(rows: Rows, place: int) -> Entry | None:
    return next((r for r in rows.records(place, place + 1) if isinstance(r, Entry)), None)


def _copies(rows: Rows, message: str) -> Iterator[Entry]:
    """Yield the message, and each copy of it that the operator requeued."""
    while (place := rows.place_of(message)) is not None:
        if (entry := _entry_at(rows, place)) is not None:
            yield entry
        message += AGAIN


def _change(rows: Rows, header: Header, before: Entry, entry: Entry) -> None:
    lost = entry.position < header.head and _loses_file(before, entry.attachments)
    rows.put_entry(replace(entry, lost_file=entry.lost_file or lost))
    is_gone = entry.status is Status.DELETED
    if is_gone:
        _forget_place(header, before)
    if header.reset_position <= entry.position < header.covers:
        gone = is_gone or lost
        stored, stale, withheld = summary.changed(header.summary, entry.position, removed=gone)
        header.summary = stored
        header.stale, header.withheld = header.stale or stale, header.withheld or withheld


def _again(entry: Entry, name: str) -> Entry:
    """Return the copy of a message that is requeued; no answer has covered it."""
    return replace(entry, id=name, requeued_from=entry.platform_id, lost_file=False)


def _loses_file(entry: Entry, files: tuple[Attachment, ...]) -> bool:
    return not {file.id for file in entry.attachments} <= {file.id for file in files}


def _forget_place(header: Header, entry: Entry) -> None:
    if entry.position in header.buried:
        header.buried.remove(entry.position)
    if entry.position < header.head:
        return
    header.waiting -= entry.status is Status.ADDRESSED
    header.overheard -= entry.status is Status.OVERHEARD
    if not header.waiting and header.turn is None:
        header.due_at = None
