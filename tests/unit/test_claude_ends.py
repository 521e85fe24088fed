"""How one of Claude's answers ends: at `message_stop`, and at the latest after a while."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from core.domain.errors import ModelBusyError, ModelError, ModelInterruptedError
from core.models.claude import ClaudeModel
from core.models.claude_stream import AnswerReader, Pace, texts_of
from core.models.port import Completion, StopReason
from tests.fakes.claude import FakeClaude, Pause, Raw, Talk
from tests.unit.test_claude import a_request, answer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from core.models.claude_stream import SentEvent

PING = {"type": "ping"}
HI = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hi"}}
STOP = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
END = {"type": "message_stop"}
WHOLE = ("Hi", Completion(stop=StopReason.END))


@pytest.fixture
async def claude() -> AsyncIterator[FakeClaude]:
    async with FakeClaude() as server:
        yield server


async def reads(claude: FakeClaude, raw: Raw | Talk) -> tuple[str, Completion]:
    """Read an answer with a model that is soon out of patience."""
    claude.next(raw)
    model = ClaudeModel(claude.key, base_url=claude.url, read_timeout=0.4)
    try:
        return await answer(model, a_request(max_tokens=1))
    finally:
        await model.close()


async def test_a_connection_that_stays_open_delays_nothing(claude: FakeClaude) -> None:
    async with asyncio.timeout(1.5):
        text, end = await reads(claude, Talk("It's all here.", then="stop, open"))
    assert (text, end.stop) == ("It's all here.", StopReason.END)
    await asyncio.wait_for(claude.gone.wait(), 5)


@pytest.mark.parametrize(
    "behind",
    [
        (END, Pause(30)),
        (END, *[PING, Pause(0.1)] * 50),
        (END, {"type": "error", "error": {"type": "overloaded_error"}}),
        (END, b"not json"),
        (END, HI),
        (Pause(30),),
        (PING, Pause(0.2)) * 50,
    ],
    ids=["silence", "pings", "an error", "rubbish", "more", "no end", "pings and no end"],
)
async def test_what_is_behind_the_end_changes_nothing(
    claude: FakeClaude, behind: tuple[object, ...]
) -> None:
    async with asyncio.timeout(4):
        assert await reads(claude, Raw((HI, STOP, *behind))) == WHOLE


async def test_a_stream_of_pings_has_a_bound(claude: FakeClaude) -> None:
    with pytest.raises(ModelBusyError, match="in time"):
        async with asyncio.timeout(3):
            await reads(claude, Raw((PING, Pause(0.1)) * 100))


async def test_pings_in_mid_answer_have_a_bound(claude: FakeClaude) -> None:
    with pytest.raises(ModelInterruptedError) as caught:
        async with asyncio.timeout(3):
            await reads(claude, Raw((HI, *(PING, Pause(0.1)) * 100)))
    assert caught.value.partial == "Hi"


async def test_an_answer_that_trickles_has_a_bound(claude: FakeClaude) -> None:
    with pytest.raises(ModelInterruptedError) as caught:
        async with asyncio.timeout(3):
            await reads(claude, Raw((HI, Pause(0.1)) * 100))
    assert caught.value.partial.startswith("HiHi")


async def test_thinking_is_progress(claude: FakeClaude) -> None:
    thought = {"type": "content_block_delta", "delta": {"type": "thinking_delta"}}
    assert await reads(claude, Raw((*(thought, Pause(0.1)) * 3, HI, STOP, END))) == WHOLE


async def test_thoughts_that_never_end_have_a_bound(claude: FakeClaude) -> None:
    thought = {"type": "content_block_delta", "delta": {"type": "thinking_delta"}}
    with pytest.raises(ModelBusyError, match="in time"):
        async with asyncio.timeout(3):
            await reads(claude, Raw((thought, Pause(0.1)) * 100))


@pytest.mark.parametrize("events", [(), (PING,), (HI,), (HI, {"type": "content_block_stop"})])
async def test_an_end_without_a_stop_reason_is_an_interruption(
    claude: FakeClaude, events: tuple[object, ...]
) -> None:
    with pytest.raises(ModelError, match="broke off"):
        await reads(claude, Raw(events))


async def test_a_reader_that_leaves_closes_the_events() -> None:
    closed = asyncio.Event()

    async def events() -> AsyncGenerator[SentEvent, None]:
        try:
            await asyncio.Event().wait()
            yield None  # type: ignore[misc] # it never gets here
        finally:
            closed.set()

    with pytest.raises(TimeoutError):
        await anext(texts_of(events(), AnswerReader(), Pace(silence=0.01, whole=9)))
    assert closed.is_set()
