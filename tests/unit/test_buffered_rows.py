"""The rows that were read ahead: a step is told what is missing, and sees its own changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.domain.admission import Admission
from core.domain.message import Author, Kind
from core.domain.session import Answer, AnswerKind, Entry
from core.store.header import Header
from core.store.verbs import Tombstone
from core.store.verbs.buffered_rows import BufferedRows, MissingError, Reads, Snapshot
from tests.builders import THREAD

if TYPE_CHECKING:
    from collections.abc import Callable


def entry(place: int) -> Entry:
    return Entry(
        position=place, id=f"m{place}", author=Author(id="U1", name="Ann"), text="x", sent_at=1.0
    )


def answer(place: int) -> Answer:
    return Answer(
        position=place, turn="m1", token="t", kind=AnswerKind.ANSWER, text="y", sent_at=1.0
    )


def header() -> Header:
    return Header(kind=Kind.THREAD, ttl=9, reach=9, revision="r", started_at=1, last_at=1, next=9)


def picture() -> Snapshot:
    return Snapshot(
        header=header(),
        spans=[(5, 7), (1, 3)],
        records={(1, 0): entry(1), (1, 1): answer(1), (5, 0): entry(5)},
        places={"m1": 1, "gone": None},
        seen={"event1": Admission.ACCEPTED, "event2": None},
    )


@pytest.mark.parametrize(
    ("read", "missing"),
    [
        (lambda rows: rows.records(0, 2), Reads(span=(0, 2))),
        (lambda rows: rows.records(1, 4), Reads(span=(3, 4))),
        (lambda rows: rows.records(1, 6), Reads(span=(3, 6))),
        (lambda rows: rows.records(6, 9), Reads(span=(7, 9))),
        (lambda rows: rows.place_of("m5"), Reads(messages=("m5",))),
        (lambda rows: rows.seen("event3"), Reads(identities=("event3",))),
        (lambda rows: rows.trace(), Reads(trace=True)),
    ],
)
def test_what_was_not_read_is_named(read: Callable[[BufferedRows], object], missing: Reads) -> None:
    with pytest.raises(MissingError) as caught:
        read(BufferedRows(THREAD, picture()))
    assert caught.value.reads == missing


def test_what_was_read_is_there() -> None:
    rows = BufferedRows(THREAD, picture())
    assert rows.records(1, 3) == [entry(1), answer(1)]
    assert rows.records(5, 7) == [entry(5)]
    assert rows.records(8, 8) == []
    assert (rows.place_of("m1"), rows.place_of("gone")) == (1, None)
    assert (rows.seen("event1"), rows.seen("event2")) == (Admission.ACCEPTED, None)
    assert not rows.changes


def test_a_step_sees_its_own_changes_and_the_picture_stays() -> None:
    kept = picture()
    rows = BufferedRows(THREAD, kept)
    rows.remove_entry(entry(1))
    rows.put_entry(entry(2))
    rows.put_seen("event2", Admission.FULL)
    rows.put_trace(Tombstone(expires=9))
    changed = rows.header()
    assert changed is not None
    changed.fence = 7
    assert rows.header() == header(), "a header counts once it is put"
    rows.put_header(changed)
    changed.fence = 8
    assert rows.records(1, 3) == [answer(1), entry(2)]
    assert (rows.place_of("m1"), rows.place_of("m2")) == (None, 2)
    assert (rows.seen("event2"), rows.trace()) == (Admission.FULL, Tombstone(expires=9))
    assert (rows.header() or header()).fence == 7
    assert kept == picture()
    rows.again()
    assert not rows.changes
    assert rows.place_of("m1") == 1


def test_after_all_is_removed_nothing_needs_to_be_read() -> None:
    rows = BufferedRows(THREAD, picture())
    rows.put_who("U1")
    rows.put_entry(entry(6))
    rows.remove(keep_header=False)
    rows.put_entry(entry(0))
    assert rows.header() is None
    assert rows.records(0, 9) == [entry(0)]
    assert (rows.place_of("m0"), rows.place_of("m1"), rows.place_of("any")) == (0, None, None)
    assert rows.changes.emptied
    assert (rows.changes.people, list(rows.changes.records)) == (set(), [(0, 0)])


@pytest.mark.parametrize(
    ("due", "token", "leaves"), [(None, "", False), (1.0, "", True), (1.0, "held", False)]
)
def test_work_that_anybody_may_claim_is_told(due: float | None, token: str, leaves: bool) -> None:
    rows = BufferedRows(THREAD, picture())
    left = header()
    left.due_at, left.token = due, token
    rows.put_header(left)
    assert rows.changes.leaves_work == leaves
    rows.remove(keep_header=False)
    assert not rows.changes.leaves_work
