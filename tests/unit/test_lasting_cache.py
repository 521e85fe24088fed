"""What lasts of a summary is read from the vendor's cache after a fold, too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from core.domain.summary import Line, LineKind, Segment, Summary, dumped, lasting_ends, read
from core.memory.plan import plan
from core.memory.strategies.marks import Marks
from core.memory.strategies.registry import strategy_named
from core.models.claude import ClaudeModel
from core.models.retry import RetryPolicy, ask
from core.prompt.prompt import reply_request
from core.prompt.summary import summary_blocks, summary_text
from tests.clocks import ManualClock
from tests.fakes.claude import FakeClaude
from tests.prompts import shown_in
from tests.talk import RULER, SCENE, session, turns

if TYPE_CHECKING:
    from core.models.port import Block, ModelRequest

REX = Line("Rex is Ann's dog.", LineKind.LASTING)
TEA = Line("Ann drinks tea, never coffee.", LineKind.LASTING)
BUS = Line("Bob takes the bus.", LineKind.LASTING)
RAIN, SUN = Line("It rains."), Line("The sun shines.")
OLD = (Segment(begin=0, end=4, lines=(REX, TEA, RAIN)),)
NEW = (*OLD, Segment(begin=4, end=6, lines=(BUS, SUN)))


def summary_of(*segments: Segment) -> Summary:
    end = segments[-1].end
    return read(end, dumped(segments), stale=False, withheld=False)


def texts(blocks: tuple[Block, ...]) -> list[str]:
    return [block.text for block in blocks]


def request_with(summary: Summary, strategy: str = "hybrid") -> ModelRequest:
    talk = session(turns("hello", start=summary.covers), "now?", summary=summary)
    seen = plan(talk, strategy_named(strategy), budget=100_000, counter=RULER, fixed=0)
    return reply_request(seen, talk, SCENE, system="", model="m", max_tokens=9)


def test_a_summary_is_cut_behind_the_lasting_lines_of_each_segment() -> None:
    before, after = summary_of(*OLD), summary_of(*NEW)
    assert lasting_ends(before) == (3,)
    assert lasting_ends(after) == (3, 4)
    old, new = (summary_blocks(each.text, lasting_ends(each)) for each in (before, after))
    assert old[0] == new[0]._replace(cache=True)
    assert [block.cache for block in new] == [False, True, False]
    assert [text.splitlines()[-1] for text in texts(new)] == [
        f"- {TEA.text}",
        f"- {BUS.text}",
        "</chat_summary>",
    ]


@pytest.mark.parametrize(
    "segments",
    [
        OLD,
        NEW,
        (Segment(begin=0, end=4, lines=(RAIN,)),),
        (Segment(begin=0, end=4, lines=(REX,)),),
        (*NEW, Segment(begin=6, end=9, lines=(REX, SUN))),
        (Segment(begin=0, end=4, lines=(REX._replace(corrected_at=4),)), NEW[1]),
        (Segment(begin=0, end=4), *NEW[1:]),
    ],
)
def test_the_blocks_of_a_summary_are_its_text(segments: tuple[Segment, ...]) -> None:
    summary = summary_of(*segments)
    blocks = summary_blocks(summary.text, lasting_ends(summary), rebuilding=True)
    assert "".join(texts(blocks)) == summary_text(summary.text, rebuilding=True)
    assert all(texts(blocks))
    assert sum(block.cache for block in blocks) == bool(LINES_LAST & set(summary.text.split("\n")))
    shown = shown_in(request_with(summary))
    assert shown.summary == summary.text


LINES_LAST = {f"- {line.text}" for line in (REX, TEA, BUS)}


def test_a_summary_of_an_earlier_version_is_one_block() -> None:
    summary = Summary(covers=4, text="Rex is a dog.\n- He barks.")
    assert lasting_ends(summary) == ()
    assert len(request_with(summary).messages[0].blocks) == 2


def test_words_like_the_titles_cut_nothing() -> None:
    odd = Line("What was going on:", LineKind.LASTING)
    summary = summary_of(Segment(begin=0, end=4, lines=(odd, REX, RAIN)))
    blocks = summary_blocks(summary.text, lasting_ends(summary))
    assert "".join(texts(blocks)) == summary_text(summary.text)
    assert lasting_ends(summary) == (3,)


def test_no_request_has_more_breakpoints_than_the_vendor_takes() -> None:
    request = request_with(summary_of(*NEW))
    blocks = [*request.system, *(block for one in request.messages for block in one.blocks)]
    assert sum(block.cache for block in blocks) == 4


@pytest.mark.parametrize("strategy", ["window", "summary"])
def test_where_each_request_begins_anew_nothing_of_the_summary_is_written(strategy: str) -> None:
    request = request_with(summary_of(*NEW), strategy)
    blocks = [block for one in request.messages for block in one.blocks]
    assert not any(block.cache for block in blocks)


async def test_after_a_fold_the_vendor_reads_the_system_prompt_and_what_lasts() -> None:
    clock = ManualClock()
    many = tuple(Line(f"Fact {number} is kept for long.", LineKind.LASTING) for number in range(40))
    old = (Segment(begin=0, end=4, lines=(*many, RAIN)),)
    new = (*old, Segment(begin=4, end=6, lines=(BUS, SUN)))
    async with FakeClaude() as claude:
        model = ClaudeModel(claude.key, base_url=claude.url)
        reads = []
        for segments in (old, new, new):
            answered = await ask(
                model,
                replace(request_with(summary_of(*segments)), model="claude-sonnet-5-5"),
                clock=clock,
                policy=RetryPolicy(),
                show=lambda _: None,
            )
            assert answered.usage is not None
            reads.append(answered.usage.cache_read)
        await model.close()
    system = claude.requests[1]["system"][0]["text"]
    lead = claude.requests[0]["messages"][0]["content"][0]["text"]
    assert reads[0] == 0
    assert reads[1] == pytest.approx((len(system) + len(lead)) / 2.83, rel=0.05)
    assert reads[2] > reads[1]


def test_a_long_minimum_keeps_no_more_turns_than_it_takes() -> None:
    sizes = [320] * 10
    bare = Marks.fitting(sizes, cache_minimum=4_096)
    known = Marks.fitting(sizes, cache_minimum=4_096, system=1_200, lead=1_100)
    assert 1_200 + 1_100 + known.low - 320 / 2 >= 4_096
    assert known.low < bare.low
    assert known.high < bare.high
    assert Marks.fitting(sizes, cache_minimum=4_096, system=9_000).low == 4 * 320
