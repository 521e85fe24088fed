"""A summary of segments: what is changed in one leaves the others as they are, in every store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.domain.message import Attachment
from core.domain.session import Usage
from core.domain.summary import EDITS_LIMIT, Line, LineKind, Segment, dumped
from tests.builders import THREAD, begin, converse, finish, message, terms

if TYPE_CHECKING:
    from core.domain.summary import Summary
    from core.store.port import Store
    from core.store.values import Work
    from tests.contract.stores import Harness

NUTS = Line("Ann can't eat nuts \N{CHESTNUT}.", LineKind.LASTING)
FIRST = Segment(begin=0, end=2, lines=(NUTS, Line("Ann asks for a cake.")))
SECOND = Segment(begin=2, end=4)
THIRD = Segment(begin=4, end=5, lines=(Line("Ann likes it, 12-30s,1."),))


async def look(store: Store) -> Work:
    work = await store.peek(THREAD)
    assert work is not None
    return work


async def summed_up(store: Store, *segments: Segment) -> Summary:
    """Store these segments as the summary; return it as it is read."""
    work = await look(store)
    assert await store.compact(
        THREAD,
        covers=work.summary.covers,
        revision=work.revision,
        to=segments[-1].end,
        text=dumped(segments),
    )
    return (await look(store)).summary


async def edit(store: Store, number: int, text: str | None, stamp: float = 2000.0) -> Summary:
    known = await store.amend(THREAD, f"m{number}", (), edited_at=stamp, text=text)
    assert known
    return (await look(store)).summary


async def test_a_summary_is_read_as_its_segments_and_as_text(store: Store) -> None:
    """The lasting lines come first."""
    await converse(store, 1, 2, 3, 4, 5, 6)
    summary = await summed_up(store, FIRST, SECOND, THIRD)
    assert summary.segments == (FIRST, SECOND, THIRD)
    assert (summary.covers, summary.stale, summary.withheld) == (5, False, False)
    lines = summary.text.splitlines()
    assert [line.removeprefix("- ") for line in lines if line.startswith("- ")] == [
        NUTS.text,
        "Ann asks for a cake.",
        THIRD.lines[0].text,
    ]


async def test_an_edit_makes_its_segment_stale_and_leaves_all_lines(store: Store) -> None:
    """The others need no model."""
    await converse(store, 1, 2, 3, 4, 5, 6)
    before = await summed_up(store, FIRST, SECOND, THIRD)
    summary = await edit(store, 2, "better")
    assert [each.stale for each in summary.segments] == [True, False, False]
    assert (summary.text, summary.stale, summary.withheld) == (before.text, True, False)
    assert await edit(store, 2, "best", 2001.0) == summary


async def test_a_deletion_removes_the_lines_of_its_segment_alone(store: Store) -> None:
    """In the same step."""
    await converse(store, 1, 2, 3, 4, 5, 6)
    await summed_up(store, FIRST, SECOND, THIRD)
    await edit(store, 1, "better")
    summary = await edit(store, 2, None)
    gone = Segment(begin=0, end=2, withheld=True)
    assert summary.segments == (gone, SECOND, THIRD)
    assert (summary.text, summary.stale, summary.withheld) == (THIRD.lines[0].text, True, True)
    assert await edit(store, 1, None) == summary
    summary = await edit(store, 5, None)
    assert (summary.text, summary.segments[2].withheld) == ("", True)


async def test_a_file_that_is_gone_removes_the_lines_of_its_segment_alone(store: Store) -> None:
    """The lines may say what was in it."""
    for number in range(1, 7):
        file = Attachment(id=f"F{number}", name="a.txt", media_type="text/plain", size=9)
        await store.accept(message(number, attachments=(file,)), terms())
        work = await store.claim(THREAD, f"t{number}")
        assert work is not None
        await finish(store, work)
    await summed_up(store, FIRST, SECOND, THIRD)
    assert await store.amend(THREAD, "m5", (), edited_at=2000.0, text="text 5", attachments=())
    summary = (await look(store)).summary
    assert [each.withheld for each in summary.segments] == [False, False, True]
    assert NUTS.text in summary.text


async def test_where_nothing_is_said_an_edit_is_noted_and_a_deletion_is_not(store: Store) -> None:
    """There is nothing wrong in it, and nothing to remove."""
    await converse(store, 1, 2, 3, 4, 5, 6)
    before = await summed_up(store, FIRST, SECOND, THIRD)
    assert await edit(store, 3, None) == before
    summary = await edit(store, 4, "better")
    noted = Segment(begin=2, end=4, stale=True, edits=(3,))
    assert summary.segments == (FIRST, noted, THIRD)
    assert (summary.text, summary.stale, summary.withheld) == (before.text, True, False)
    assert await edit(store, 4, "best", 2001.0) == summary
    assert await edit(store, 4, None) == summary


async def test_no_more_edits_are_noted_than_a_rebuild_takes(store: Store) -> None:
    """So what is stored stays small."""
    count = EDITS_LIMIT + 2
    await converse(store, *range(1, count + 2))
    await summed_up(store, Segment(begin=0, end=count))
    for number in range(1, count + 1):
        summary = await edit(store, number, "better")
    assert summary.segments[0].edits == tuple(range(EDITS_LIMIT))


async def test_a_summary_that_is_rebuilt_in_part_stays_stale(store: Store) -> None:
    """The rest follows."""
    await converse(store, 1, 2, 3, 4, 5, 6)
    await summed_up(store, FIRST, SECOND, THIRD)
    await edit(store, 1, None)
    summary = await edit(store, 5, "better")
    gone, _, stale = summary.segments
    for _ in range(2):  # a retry is done
        assert await summed_up(store, FIRST, SECOND, stale)
    half = (await look(store)).summary
    assert (half.stale, half.withheld) == (True, False)
    assert (await summed_up(store, gone, SECOND, THIRD)).withheld
    done = await summed_up(store, FIRST, SECOND, THIRD)
    assert (done.stale, done.withheld) == (False, False)


async def test_a_line_that_is_corrected_is_back_while_its_correction_is_gone(store: Store) -> None:
    """What was taken back corrects nothing."""
    await converse(store, 1, 2, 3, 4, 5, 6)
    wrong = Line("The launch is on 5 May 2026.", LineKind.LASTING, corrected_at=4)
    summary = await summed_up(store, Segment(begin=0, end=2, lines=(wrong,)), SECOND, THIRD)
    assert wrong.text not in summary.text
    assert summary.segments[0].lines == (wrong,)
    assert wrong.text in (await edit(store, 5, None)).text


async def test_the_tokens_of_a_summary_are_counted_once(store: Store) -> None:
    """A retry counts nothing, and neither does a summary that is out of date."""
    await converse(store, 1, 2)
    work = await look(store)
    used = Usage(input=1000, output=20, cache_read=3, cache_write=4)
    (before,) = (await store.threads()).threads
    for _ in range(2):
        assert await store.compact(
            THREAD, covers=0, revision=work.revision, to=1, text="so far", usage=used
        )
    assert not await store.compact(
        THREAD, covers=0, revision=work.revision, to=2, text="other", usage=used
    )
    (info,) = (await store.threads()).threads
    assert info.usage == before.usage + used


async def test_a_reset_ends_what_segments_say(harness: Harness, store: Store) -> None:
    """And a turn afterwards begins none."""
    del harness
    await converse(store, 1, 2, 3, 4, 5, 6)
    await summed_up(store, FIRST, SECOND, THIRD)
    await store.erase(THREAD, at=1500.0, keep_log=True)
    summary = (await look(store)).summary
    assert (summary.text, summary.segments) == ("", ())
    assert (await edit(store, 1, None)).withheld is False


@pytest.mark.parametrize("number", range(1, 6))
async def test_a_turn_reads_what_an_amendment_left(store: Store, number: int) -> None:
    """A claim shows the same as `peek`."""
    await converse(store, 1, 2, 3, 4, 5)
    await summed_up(store, FIRST, SECOND, THIRD)
    left = await edit(store, number, None)
    work = await begin(store, 7)
    assert work.summary == left
