"""The scripted model: what it plays, and that it fails on a surprise."""

from __future__ import annotations

import asyncio

import pytest

from core.domain.errors import ModelBusyError
from core.domain.session import Usage
from core.models.port import Block, Completion, ModelMessage, ModelRequest, StopReason
from core.models.scripted import ScriptedModel


def a_request(text: str = "Hello") -> ModelRequest:
    """Make a request."""
    said = ModelMessage(role="user", blocks=(Block(text=text),))
    return ModelRequest(model="m", system=(), messages=(said,), max_tokens=10)


async def play(model: ScriptedModel, text: str = "Hello") -> list[str | Completion]:
    """Return all that one call yields."""
    return [item async for item in model.stream(a_request(text))]


async def test_plays_scripts_in_order() -> None:
    end = Completion(stop=StopReason.LENGTH, usage=Usage(output=1))
    model = ScriptedModel("one", ["t", 0.0, "wo"])
    model.add(["three", end])
    assert await play(model, "a") == ["one", Completion(stop=StopReason.END)]
    assert await play(model, "b") == ["t", "wo", Completion(stop=StopReason.END)]
    assert await play(model, "c") == ["three", end]
    assert [call.messages[0].text for call in model.calls] == ["a", "b", "c"]
    model.finish()


async def test_raises_what_is_prepared() -> None:
    model = ScriptedModel(["Hal", ModelBusyError("busy")])
    stream = model.stream(a_request())
    assert await anext(stream) == "Hal"
    with pytest.raises(ModelBusyError):
        await anext(stream)


async def test_waits_for_a_gate() -> None:
    gate = asyncio.Event()
    playing = asyncio.ensure_future(play(ScriptedModel([gate, "Hi."])))
    await asyncio.sleep(0.01)
    assert not playing.done()
    gate.set()
    assert (await playing)[0] == "Hi."


async def test_unexpected_call_fails_there_and_at_the_end() -> None:
    model = ScriptedModel("one")
    await play(model)
    with pytest.raises(AssertionError, match="unexpected call 2"):
        await play(model)
    with pytest.raises(AssertionError, match="1 unexpected"):
        model.finish()


def test_answer_nobody_asked_for_fails() -> None:
    with pytest.raises(AssertionError, match="1 answers not asked for"):
        ScriptedModel("one").finish()


async def test_replies_to_any_number_of_calls() -> None:
    model = ScriptedModel("first", reply=lambda request: request.messages[-1].text.upper())
    assert [(await play(model, text))[0] for text in "abc"] == ["first", "B", "C"]
    model.finish()


async def test_notes_what_was_given_up_and_closed() -> None:
    model = ScriptedModel(["Hal", "lo"], "Hi.")
    stream = model.stream(a_request())
    await anext(stream)
    await stream.aclose()
    await play(model)
    await model.close()
    assert model.given_up == 1
    assert model.closed
    model.finish()
