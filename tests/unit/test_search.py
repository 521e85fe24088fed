"""The arguments of the model's search, and the calls in the streams of the API and of gateways."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.memory.recall.recall import Search
from core.models.claude_stream import AnswerReader
from core.models.port import StopReason, ToolCall
from core.turn.search import ArgumentError, line_of, search_of
from tests.fakes.claude_tools import ToolError, validate

BERLIN = ZoneInfo("Europe/Berlin")
VALUES = st.none() | st.text() | st.integers() | st.lists(st.text()) | st.booleans()
ARGUMENTS = st.none() | st.dictionaries(
    st.sampled_from(["words", "who", "from", "to", "x"]) | st.text(), VALUES
)


def test_days_are_those_of_the_people() -> None:
    found = search_of({"words": "nuts", "from": "2026-03-29", "to": "2026-03-29"}, BERLIN)
    assert found == Search(
        words="nuts",
        since=datetime(2026, 3, 29, tzinfo=BERLIN).timestamp(),
        until=datetime(2026, 3, 30, tzinfo=BERLIN).timestamp(),
    )
    assert found.since is not None
    assert found.until is not None
    assert found.until - found.since == 23 * 3600  # the clocks went forward


def test_a_time_behind_a_day_does_not_count() -> None:
    with_time = search_of({"who": "Ann", "to": "2026-03-29T12:30:00Z"}, BERLIN)
    assert with_time == search_of({"who": "Ann", "to": "2026-03-29"}, BERLIN)


@given(arguments=ARGUMENTS)
def test_whatever_the_model_writes_is_a_search_or_an_error_in_words(
    arguments: dict[str, object] | None,
) -> None:
    try:
        search = search_of(arguments, BERLIN)
    except ArgumentError as error:
        said = str(error)
        assert 10 < len(said) < 300
        return
    assert len(search.words) <= 300
    assert len(search.who) <= 100
    assert len(line_of(arguments or {})) <= 200
    assert "\n" not in line_of(arguments or {})


def test_a_line_says_what_was_looked_for() -> None:
    given_ = {"words": "nuts\nand celery", "who": "Ann", "from": "2026-03-01", "to": None}
    assert line_of(given_) == '"nuts and celery", by Ann, from 2026-03-01'


START: dict[str, object] = {"type": "tool_use", "id": "t1", "name": "search", "input": {}}


def read(*events: object) -> AnswerReader:
    reader = AnswerReader()
    for event in events:
        reader.take(event)
    return reader


def delta(**fields: object) -> dict[str, object]:
    return {"type": "content_block_delta", "index": 1, "delta": fields}


def begun(block: dict[str, object]) -> dict[str, object]:
    return {"type": "content_block_start", "index": 1, "content_block": block}


def test_arguments_come_in_pieces() -> None:
    pieces = ('{"words"', ': "nü', 'sse"}')
    reader = read(
        begun(START), *(delta(type="input_json_delta", partial_json=each) for each in pieces)
    )
    end = reader.completion(StopReason.END)
    assert end.stop is StopReason.CALLS
    assert end.calls == (ToolCall("t1", "search", {"words": "nüsse"}),)


@pytest.mark.parametrize("written", ["{", '"nuts"', "[1]", "null", "\ud800"])
def test_arguments_that_are_no_object_are_none(written: str) -> None:
    reader = read(begun(START), delta(type="input_json_delta", partial_json=written))
    assert reader.completion(StopReason.END).calls[0].arguments is None


def test_a_gateway_may_send_arguments_at_once_or_the_whole_answer() -> None:
    block = {**START, "input": {"words": "nuts"}}
    calls = (ToolCall("t1", "search", {"words": "nuts"}),)
    assert read(begun(block)).completion(StopReason.END).calls == calls
    reader = AnswerReader()
    text = reader.take_whole({"content": [{"type": "text", "text": "Hm."}, block]})
    assert (text, reader.completion(StopReason.END).calls) == ("Hm.", calls)


@pytest.mark.parametrize("stop", [StopReason.LENGTH, StopReason.REFUSAL])
def test_a_call_that_was_cut_off_is_none(stop: StopReason) -> None:
    end = read(begun(START)).completion(stop)
    assert (end.stop, end.calls, end.thoughts) == (stop, (), ())


def test_thinking_is_kept_whole_for_the_way_back() -> None:
    reader = read(
        begun({"type": "thinking", "thinking": "", "signature": ""}),
        delta(type="thinking_delta", thinking="Hm"),
        delta(type="thinking_delta", thinking="m."),
        delta(type="signature_delta", signature="c2ln"),
        begun({"type": "redacted_thinking", "data": "xyz"}),
        begun(START),
    )
    thoughts = [dict(each.content) for each in reader.completion(StopReason.END).thoughts]
    assert thoughts == [
        {"type": "thinking", "thinking": "Hmm.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "xyz"},
    ]
    assert reader.text == ""


CALL = {"type": "tool_use", "id": "t1", "name": "search", "input": {}}
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "x"}]}
TEXT = {"type": "text", "text": "x"}
TOOL = {"name": "search", "description": "Searches.", "input_schema": {"type": "object"}}


def body(said: list[object], then: list[object], **more: object) -> dict[str, object]:
    messages = [
        {"role": "user", "content": [TEXT]},
        {"role": "assistant", "content": said},
        {"role": "user", "content": then},
    ]
    return {"tools": [TOOL], "messages": messages, **more}


def test_the_fake_takes_what_the_api_takes() -> None:
    validate(body([THOUGHT, CALL], [RESULT], tool_choice={"type": "none"}), "s")
    validate(body([TEXT], [TEXT], tools=None), "s")


REFUSED = {
    "a call without its result": body([THOUGHT, CALL], [TEXT]),
    "a result behind text": body([THOUGHT, CALL], [TEXT, RESULT]),
    "a result without its call": body([TEXT], [RESULT]),
    "another result": body([THOUGHT, CALL], [{**RESULT, "tool_use_id": "t2"}]),
    "an empty result": body([THOUGHT, CALL], [{**RESULT, "content": [{**TEXT, "text": " "}]}]),
    "no thinking": body([CALL], [RESULT]),
    "thinking behind the call": body([CALL, THOUGHT], [RESULT]),
    "other thinking": body([{**THOUGHT, "signature": "t"}, CALL], [RESULT]),
    "no arguments": body([THOUGHT, {**CALL, "input": "x"}], [RESULT]),
    "no tools": body([THOUGHT, CALL], [RESULT], tools=None),
    "no name": body([TEXT], [TEXT], tools=[{**TOOL, "name": "a b"}]),
    "no schema": body([TEXT], [TEXT], tools=[{**TOOL, "input_schema": {}}]),
    "twice": body([TEXT], [TEXT], tools=[TOOL, TOOL]),
    "no such choice": body([TEXT], [TEXT], tool_choice={"type": "never"}),
    "a choice among none": body([TEXT], [TEXT], tools=None, tool_choice={"type": "auto"}),
}


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_the_fake_refuses_what_the_api_refuses(refused: dict[str, object]) -> None:
    with pytest.raises(ToolError):
        validate(refused, "s")
