"""The Claude adapter, through the real SDK and a real socket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import sys
import warnings
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from core.domain.errors import (
    ModelBusyError,
    ModelError,
    ModelInterruptedError,
    ModelRefusedError,
    PromptRefusedError,
    SettingsError,
)
from core.models.claude import ClaudeModel
from core.models.port import (
    Block,
    Completion,
    Document,
    Image,
    ModelMessage,
    ModelRequest,
    Part,
    StopReason,
)
from tests.elsewhere import Elsewhere
from tests.fakes.claude import KEY, FakeClaude, Raw, Refusal, Talk
from tests.paper import GIF, jpeg, pdf, png, webp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fakes.claude import Answer

MODEL = "claude-sonnet-5-5"
SECRET = "the prompt nobody else should read"


def a_request(
    *texts: str,
    model: str = MODEL,
    system: tuple[Block, ...] = (),
    cache: bool = False,
    max_tokens: int = 500,
) -> ModelRequest:
    """Make a request of what was said, by turns."""
    messages = (
        ModelMessage(
            role="assistant" if index % 2 else "user",
            blocks=(Block(text=text, cache=cache),),
        )
        for index, text in enumerate(texts or (SECRET,))
    )
    return ModelRequest(model=model, system=system, messages=tuple(messages), max_tokens=max_tokens)


@pytest.fixture
async def claude() -> AsyncIterator[FakeClaude]:
    async with FakeClaude() as server:
        yield server


@pytest.fixture
async def model(claude: FakeClaude) -> AsyncIterator[ClaudeModel]:
    model = ClaudeModel(claude.key, base_url=claude.url, read_timeout=5)
    yield model
    await model.close()


async def answer(model: ClaudeModel, request: ModelRequest) -> tuple[str, Completion]:
    """Read a whole answer."""
    items = [item async for item in model.stream(request)]
    assert isinstance(items[-1], Completion)
    return "".join(item for item in items if isinstance(item, str)), items[-1]


async def failure(claude: FakeClaude, model: ClaudeModel, fault: Answer) -> ModelError:
    """Return the error that comes of a fault."""
    claude.next(fault)
    with pytest.raises(ModelError) as caught:
        await answer(model, a_request())
    assert SECRET not in str(caught.value)
    assert claude.key not in str(caught.value)
    return caught.value


async def test_answer(claude: FakeClaude, model: ClaudeModel) -> None:
    claude.next(Talk("Hello, you two.", thinking="They are two, I think."))
    text, end = await answer(model, a_request("Hello"))
    assert text == "Hello, you two."
    assert end.stop is StopReason.END
    assert end.usage is not None
    assert end.usage.prompt > 0
    assert end.usage.output == 5


async def test_answer_comes_in_pieces(claude: FakeClaude, model: ClaudeModel) -> None:
    claude.next(Talk("one two", gate=(gate := asyncio.Event())))
    async with aclosing(model.stream(a_request())) as stream:
        assert await anext(stream) == "one "
        assert await anext(stream) == "two"
        gate.set()
        assert isinstance(await anext(stream), Completion)


async def test_request_on_the_wire(claude: FakeClaude, model: ClaudeModel) -> None:
    await answer(model, a_request("a", "b", "c"))
    body = claude.requests[0]
    assert body.keys() == {"model", "max_tokens", "messages", "stream"}
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert claude.headers[0]["anthropic-version"]


async def test_cache_breakpoints_on_the_wire(claude: FakeClaude, model: ClaudeModel) -> None:
    request = ModelRequest(
        model=MODEL,
        system=(Block(text="be kind", cache=True), Block(text="it is Monday")),
        messages=(
            ModelMessage(role="user", blocks=(Block(text="a"), Block(text="b", cache=True))),
            ModelMessage(role="assistant", blocks=(Block(text="c"),)),
            ModelMessage(role="user", blocks=(Block(text="d"),)),
        ),
        max_tokens=10,
    )
    first = (await answer(model, request))[1].usage
    second = (await answer(model, request))[1].usage
    mark = {"cache_control": {"type": "ephemeral"}}
    assert claude.requests[0]["system"] == [
        {"type": "text", "text": "be kind", **mark},
        {"type": "text", "text": "it is Monday"},
    ]
    assert claude.requests[0]["messages"][0]["content"] == [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b", **mark},
    ]
    assert json.dumps(claude.requests[0]).count("cache_control") == 2
    assert first is not None
    assert second is not None
    assert second.cache_read == first.cache_write > 0
    assert second.cache_write == 0


async def test_no_more_breakpoints_than_the_api_takes(
    claude: FakeClaude, model: ClaudeModel
) -> None:
    system = (Block(text="system", cache=True),)
    await answer(model, a_request(*"abcdefg", system=system, cache=True))
    body = claude.requests[0]
    assert "cache_control" in body["system"][0]
    marked = [m["content"][0]["text"] for m in body["messages"] if "cache" in str(m)]
    assert marked == ["e", "f", "g"]


@pytest.mark.parametrize("hour", [False, True])
async def test_all_breakpoints_ask_for_an_hour_or_none(
    claude: FakeClaude, model: ClaudeModel, *, hour: bool
) -> None:
    system = (Block(text="system", cache=True),)
    request = replace(a_request("a", system=system, cache=True), cache_hour=hour)
    await answer(model, request)
    body = claude.requests[0]
    marks = [body["system"][0]["cache_control"], body["messages"][0]["content"][0]["cache_control"]]
    assert marks == [{"type": "ephemeral", **({"ttl": "1h"} if hour else {})}] * 2


async def test_blank_blocks_are_left_out_and_their_breakpoints_kept(
    claude: FakeClaude, model: ClaudeModel
) -> None:
    blocks = (Block(text="a\ud800"), Block(text=" \n", cache=True))
    await answer(
        model,
        ModelRequest(
            model=MODEL,
            system=(Block(text=""),),
            messages=(ModelMessage(role="user", blocks=blocks),),
            max_tokens=10,
        ),
    )
    (block,) = claude.requests[0]["messages"][0]["content"]
    assert block == {"type": "text", "text": "a\ufffd", "cache_control": {"type": "ephemeral"}}
    assert "system" not in claude.requests[0]


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", StopReason.END),
        ("stop_sequence", StopReason.END),
        ("tool_use", StopReason.END),
        ("a reason of the future", StopReason.END),
        ("max_tokens", StopReason.LENGTH),
        ("model_context_window_exceeded", StopReason.LENGTH),
        ("pause_turn", StopReason.LENGTH),
        ("refusal", StopReason.REFUSAL),
    ],
)
async def test_stop_reasons(
    claude: FakeClaude, model: ClaudeModel, reason: str, stop: StopReason
) -> None:
    claude.next(Talk("Hi.", stop_reason=reason))
    assert (await answer(model, a_request()))[1].stop is stop


async def test_missing_usage_is_no_error(claude: FakeClaude, model: ClaudeModel) -> None:
    claude.next(Talk("Hi.", usage=False))
    assert await answer(model, a_request()) == ("Hi.", Completion(stop=StopReason.END, usage=None))


def a_stream(*events: object) -> Raw:
    """Make a stream with these events between the word "Hi" and its end."""
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta"}}
    return Raw(
        (
            {**delta, "delta": {"type": "text_delta", "text": "Hi"}},
            *events,
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
            {"type": "message_stop"},
        )
    )


ODD_EVENTS = {
    "no message": {"type": "message_start"},
    "a message of nothing": {"type": "message_start", "message": None},
    "usage of words": {"type": "message_start", "message": {"usage": "much"}},
    "no block": {"type": "content_block_start", "index": 0},
    "a block of words": {"type": "content_block_start", "index": 0, "content_block": "text"},
    "no delta": {"type": "content_block_delta", "index": 0},
    "a delta without text": {"type": "content_block_delta", "delta": {"type": "text_delta"}},
    "a text of nothing": {
        "type": "content_block_delta",
        "delta": {"type": "text_delta", "text": None},
    },
    "a text of numbers": {
        "type": "content_block_delta",
        "delta": {"type": "text_delta", "text": [1, 2]},
    },
    "a stop of several": {"type": "message_delta", "delta": {"stop_reason": ["end_turn"]}},
    "an end of nothing": {"type": "message_delta", "delta": None},
    "more tokens than a store counts": {
        "type": "message_delta",
        "usage": {"output_tokens": 10**30},
    },
    "fewer than none": {"type": "message_delta", "usage": {"output_tokens": -1}},
    "no event": [],
    "a number": 7,
}


@pytest.mark.parametrize("event", ODD_EVENTS.values(), ids=ODD_EVENTS)
async def test_an_event_of_another_shape_is_passed_over(
    claude: FakeClaude, model: ClaudeModel, event: object
) -> None:
    claude.next(a_stream(event))
    assert await answer(model, a_request()) == ("Hi", Completion(stop=StopReason.END))


@pytest.mark.parametrize("data", [b"{not json", b'{"text": "half \xf0\x9f\x98"}', b"<html>"])
async def test_what_is_no_json_may_be_so_each_time(
    claude: FakeClaude, model: ClaudeModel, data: bytes
) -> None:
    error = await failure(claude, model, Raw((data,)))
    assert isinstance(error, ModelInterruptedError)
    assert "can't be read" in str(error)
    later = await failure(claude, model, a_stream(data))
    assert isinstance(later, ModelInterruptedError)
    assert later.partial == "Hi"


BUSY = {
    "overloaded": (Refusal(529, "overloaded_error"), "overloaded"),
    "overloaded, as an event": (Talk("", then="error"), "overloaded"),
    "rate limit, as an event": (Talk("", then="error", error="rate_limit_error"), "rate limit"),
    "a fault of the API": (Refusal(500, "api_error"), "internal error"),
    "a fault with a misleading status": (Refusal(400, "api_error"), "internal error"),
    "too slow inside": (Refusal(504, "timeout_error"), "in time"),
    "in the way": (Refusal(409, "conflict_error"), "busy"),
    "a proxy's error": (Refusal(502, message="<html>"), "internal error"),
    "a proxy's timeout": (Refusal(408, message="<html>"), "in time"),
    "a proxy's limit": (Refusal(429, message="<html>"), "rate limit"),
    "a type of the future": (Refusal(503, "nap_error"), "internal error"),
    "too many at once": (
        Refusal(429, "rate_limit_error", "Number of concurrent connections has exceeded your rate"),
        "rate limit",
    ),
    "a cloud's rate": (
        Refusal(429, "ThrottlingException", "Too many tokens, please wait before trying again."),
        "rate limit",
    ),
    "cut before the first word": (Talk("", then="cut"), "unreachable"),
    "ended before the first word": (Talk("", then="end"), "broke off"),
}


@pytest.mark.parametrize(("fault", "words"), BUSY.values(), ids=BUSY)
async def test_busy(claude: FakeClaude, model: ClaudeModel, fault: Answer, words: str) -> None:
    error = await failure(claude, model, fault)
    assert isinstance(error, ModelBusyError)
    assert words in str(error)
    assert error.retry_after is None
    assert len(claude.requests) == 1  # the SDK retries nothing


WAITS = {
    "seconds": ({"retry-after": "7"}, 7),
    "less than one": ({"retry-after": "0.5"}, 0.5),
    "four minutes": ({"retry-after": "240"}, 240),
    "thousandths": ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
    "a date": (
        {"date": "Mon, 30 Nov 2026 10:00:00 GMT", "retry-after": "Mon, 30 Nov 2026 10:04:20 GMT"},
        260,
    ),
    "a date that is over": (
        {"date": "Mon, 30 Nov 2026 10:00:00 GMT", "retry-after": "Mon, 30 Nov 2026 09:00:00 GMT"},
        0,
    ),
    "less than nothing": ({"retry-after": "-1"}, None),
    "for ever": ({"retry-after": "inf"}, None),
    "no number": ({"retry-after": "nan"}, None),
    "words": ({"retry-after": "soon"}, None),
}


@pytest.mark.parametrize(("headers", "seconds"), WAITS.values(), ids=WAITS)
async def test_rate_limit(
    claude: FakeClaude, model: ClaudeModel, headers: dict[str, str], seconds: float | None
) -> None:
    said = "This request would exceed your rate limit of 30,000 input tokens per minute"
    error = await failure(claude, model, Refusal(429, "rate_limit_error", said, headers=headers))
    assert isinstance(error, ModelBusyError)
    assert error.retry_after == seconds


REFUSED = {
    "wrong key": (
        Refusal(401, "authentication_error"),
        "Claude refused the API key: check ANTHROPIC_API_KEY.",
    ),
    "a proxy's login": (Refusal(401, message="<html>"), "check ANTHROPIC_API_KEY"),
    "a proxy's own refusal": (Refusal(407, message="<html>"), "check HTTPS_PROXY"),
    "not allowed": (Refusal(403, "permission_error"), "may not use claude-sonnet-5-5"),
    "unknown model": (
        Refusal(404, "not_found_error", f"model: {MODEL}"),
        "no model called claude-sonnet-5-5; set CHATBOT_MODEL to one of claude-opus-5-5, claude-h",
    ),
    "unknown address": (Refusal(404, message="<html>"), "check ANTHROPIC_BASE_URL"),
    "no money": (Refusal(402, "billing_error"), "billing"),
    "no credit": (
        Refusal(400, "invalid_request_error", "Your credit balance is too low to use the API"),
        "billing",
    ),
    "own limit": (
        Refusal(400, "invalid_request_error", "You have reached your specified API usage limits."),
        "spend limit",
    ),
    "the tier's limit": (
        Refusal(429, "rate_limit_error", code="enforced_spend_limit_reached"),
        "spend limit",
    ),
    "too long": (
        Refusal(400, "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"),
        "too long for claude-sonnet-5-5",
    ),
    "too large": (Refusal(413, "request_too_large"), "too long"),
    "invalid": (Refusal(400, "invalid_request_error", f"messages.0: {SECRET}"), "(req_fake)"),
    "a gateway's login": (Refusal(401, "auth_error", "no api key"), "check ANTHROPIC_API_KEY"),
    "a region": (Refusal(403, "forbidden", "Request not allowed"), "(HTTP 403): check the account"),
    "a country": (Refusal(451, "unsupported_country"), "(HTTP 451): check the account"),
    "a gateway's own type": (Refusal(400, "BadRequestError", SECRET), "can't take this request"),
    "a proxy's refusal": (Refusal(422, message=SECRET), "can't take this request"),
}


@pytest.mark.parametrize(("fault", "words"), REFUSED.values(), ids=REFUSED)
async def test_refused(claude: FakeClaude, model: ClaudeModel, fault: Answer, words: str) -> None:
    error = await failure(claude, model, fault)
    assert isinstance(error, ModelRefusedError)
    assert words in str(error)


@pytest.mark.parametrize("then", ["cut", "end", "error"])
async def test_interrupted(claude: FakeClaude, model: ClaudeModel, then: str) -> None:
    fault = Talk("It breaks off", then=then)  # type: ignore[arg-type] # one of its literals
    error = await failure(claude, model, fault)
    assert isinstance(error, ModelInterruptedError)
    assert error.partial == "It breaks off"


async def test_cut_behind_the_last_word_is_a_whole_answer(
    claude: FakeClaude, model: ClaudeModel
) -> None:
    claude.next(Talk("It's all here.", then="cut after stop"))
    text, end = await answer(model, a_request())
    assert text == "It's all here."
    assert end.stop is StopReason.END


@pytest.mark.parametrize(("text", "error"), [("", ModelBusyError), ("Wait", ModelInterruptedError)])
async def test_silence(claude: FakeClaude, text: str, error: type[ModelError]) -> None:
    claude.next(Talk(text, then="hang"))
    model = ClaudeModel(claude.key, base_url=claude.url, read_timeout=0.2)
    with pytest.raises(error):
        await answer(model, a_request())
    await asyncio.wait_for(claude.gone.wait(), 5)
    await model.close()


async def test_nobody_there(unused_tcp_port: int) -> None:
    model = ClaudeModel("key", base_url=f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(ModelBusyError, match="is unreachable"):
        await answer(model, a_request())
    await model.close()


async def test_address_that_is_none() -> None:
    model = ClaudeModel("key", base_url="claude.example")
    with pytest.raises(ModelRefusedError, match="ANTHROPIC_BASE_URL"):
        await answer(model, a_request())
    await model.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_gets_neither_the_key_nor_the_conversation(status: int) -> None:
    async with (
        Elsewhere() as there,
        Elsewhere(redirect=f"{there.url}/v1/messages", status=status) as proxy,
    ):
        model = ClaudeModel(KEY, base_url=proxy.url)
        with pytest.raises(ModelRefusedError, match="redirects to another"):
            await answer(model, a_request())
        await model.close()
    assert len(proxy.asked) == 1
    assert there.asked == []


@pytest.mark.parametrize("way", ["close", "cancel"])
async def test_giving_up_closes_the_connection(
    claude: FakeClaude, model: ClaudeModel, way: str
) -> None:
    claude.next(Talk("Well, ", then="hang"))
    stream = model.stream(a_request())
    assert await anext(stream) == "Well, "
    if way == "cancel":
        reading = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
    await stream.aclose()
    await asyncio.wait_for(claude.gone.wait(), 5)


async def test_connection_is_used_again(claude: FakeClaude, model: ClaudeModel) -> None:
    ports = set()
    for _ in range(3):
        await answer(model, a_request())
        pool = model._client._client._transport._pool  # type: ignore[attr-defined]
        ports.add(id(pool.connections[0]))
        assert len(pool.connections) == 1
    assert len(ports) == 1


async def test_key_is_never_shown(
    claude: FakeClaude, model: ClaudeModel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await answer(model, a_request())
    await failure(claude, model, Refusal(401, "authentication_error"))
    assert len(caplog.records) > 0
    assert claude.key not in caplog.text
    assert claude.key not in repr(model) + str(model)


@pytest.mark.parametrize("key", ["", " sk", "sk\n", "sk\N{EM DASH}ant", "a\tb"])
def test_key_that_cannot_be_sent(key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        ClaudeModel(key)
    assert key == "" or key not in str(caught.value)


async def test_wrong_key(claude: FakeClaude) -> None:
    model = ClaudeModel("sk-ant-wrong", base_url=claude.url)
    with pytest.raises(ModelRefusedError, match="check ANTHROPIC_API_KEY"):
        await answer(model, a_request())
    await model.close()


async def test_unknown_model(claude: FakeClaude, model: ClaudeModel) -> None:
    with pytest.raises(ModelRefusedError, match="no model called claude-9"):
        await answer(model, a_request(model="claude-9"))


async def test_model_that_ends_soon_is_not_warned_of_with_each_call(
    claude: FakeClaude, model: ClaudeModel
) -> None:
    with warnings.catch_warnings(record=True) as caught:
        await answer(model, a_request(model="claude-sonnet-4-5"))
    assert caught == []


async def test_prompt_too_long_for_the_server() -> None:
    async with FakeClaude(input_limit=10) as claude:
        model = ClaudeModel(claude.key, base_url=claude.url)
        with pytest.raises(ModelRefusedError, match="too long for claude-sonnet-5-5"):
            await answer(model, a_request("word " * 100))
        await model.close()


async def test_fake_as_a_process_of_its_own() -> None:
    arguments = ("-m", "tests.fakes.claude", "--delay-per-chunk", "0.001")
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=pipe)
    assert server.stdout is not None
    port = int(await server.stdout.readline())
    model = ClaudeModel(KEY, base_url=f"http://127.0.0.1:{port}")
    text, end = await answer(model, a_request("Are you there?"))
    assert text == "You said: Are you there?"
    assert end.usage is not None
    assert end.usage.output > 0
    await model.close()
    server.terminate()
    await server.wait()


def with_media(*parts: Part) -> ModelRequest:
    """Make a request of one message."""
    message = ModelMessage(role="user", blocks=(*parts, Block(text="What is it?")))
    return ModelRequest(model=MODEL, system=(), messages=(message,), max_tokens=500)


async def test_images_and_pdfs_on_the_wire(claude: FakeClaude, model: ClaudeModel) -> None:
    images = (
        Image(name="a", media_type="image/png", data=png()),
        Image(name="b", media_type="image/jpeg", data=jpeg()),
        Image(name="c", media_type="image/gif", data=GIF),
        Image(name="d", media_type="image/webp", data=webp(9, 9)),
    )
    named = Document(name="plan.pdf", data=pdf(), cache=True)
    await answer(model, with_media(*images, named, Document(name="", data=pdf())))
    content = claude.requests[0]["messages"][0]["content"]
    assert [block["type"] for block in content] == ["image"] * 4 + ["document"] * 2 + ["text"]
    for part, block in zip(images, content, strict=False):
        data = base64.b64encode(part.data).decode()
        source = {"type": "base64", "media_type": part.media_type, "data": data}
        assert block == {"type": "image", "source": source}
    assert content[4]["source"]["media_type"] == "application/pdf"
    assert [block.get("title") for block in content[4:6]] == ["plan.pdf", "a PDF"]
    assert content[4]["cache_control"] == {"type": "ephemeral"}
    assert "cache_control" not in content[5]


@pytest.mark.parametrize(
    "part",
    [
        Image(name="a", media_type="image/png", data=jpeg()),
        Image(name="a", media_type="image/png", data=png()[:-9]),
        Image(name="a", media_type="image/png", data=png(8_001, 1)),
        Image(name="a", media_type="image/png", data=png(padding=4_000_000)),
        Document(name="a", data=b"%PDF-1.7"),
        Document(name="a", data=pdf(101)),
    ],
)
async def test_media_that_the_api_refuses_is_told_from_a_key_that_it_refuses(
    model: ClaudeModel, part: Part
) -> None:
    with pytest.raises(PromptRefusedError, match="can't take this request"):
        await answer(model, with_media(part))


async def test_a_request_of_too_many_bytes(model: ClaudeModel) -> None:
    papers = [Document(name="a", data=pdf(extra=b"%" * 13_000_000)) for _ in range(2)]
    with pytest.raises(PromptRefusedError, match="too long"):
        await answer(model, with_media(*papers))


async def test_what_is_no_fault_of_the_prompt(claude: FakeClaude, model: ClaudeModel) -> None:
    for fault in (
        Refusal(401, "authentication_error"),
        Refusal(400, "invalid_request_error", "Your credit balance is too low"),
        Refusal(404, "not_found_error"),
    ):
        assert type(await failure(claude, model, fault)) is ModelRefusedError
