"""A loopback server that speaks the Messages API: as strict as the real one, and breaks on demand.

In a test:

    async with FakeClaude() as claude:
        claude.next(Refusal(529, "overloaded_error"), Talk("Hi.", then="cut"))
        model = ClaudeModel(claude.key, base_url=claude.url)

As a process of its own, for tests that kill things; its first line of output is its port:

    python -m tests.fakes.claude --port 0 --delay-per-chunk 0.05 --script echo
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from aiohttp import web

from core.models.catalog import known_models
from tests.fakes.claude_cache import CachedBlock, PromptCache, fault_in
from tests.fakes.claude_files import MediaError, check, check_all, data_of, tokens_of
from tests.fakes.claude_limits import WORDINGS, Limit, bytes_of
from tests.fakes.claude_tools import (
    TOOL_BLOCKS,
    ToolError,
    text_of_tool_block,
    unmarked,
)
from tests.fakes.claude_tools import validate as validate_tool_use
from tests.fakes.kit import process
from tests.fakes.kit.server import Loopback

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from types import TracebackType
    from typing import Self

Json: TypeAlias = dict[str, Any]

KEY = "sk-ant-fake-0123456789"
SIGNATURE = "c2lnbmVk"
_VERSIONS = {"2023-06-01", "2026-10-21"}
_REQUIRED = {"model", "messages", "max_tokens"}
_KNOWN = _REQUIRED | {
    *("cache_control", "container", "diagnostics", "inference_geo", "metadata", "output_config"),
    *("service_tier", "speed", "stop_sequences", "stream", "system", "thinking", "tool_choice"),
    "tools",
}
_COUNTED = {
    *("cache_control", "messages", "model", "output_config", "speed", "system", "thinking"),
    *("tool_choice", "tools"),
}
"""What the count of a prompt takes, by the SDK's `MessageCountTokensParams`."""
_REQUEST_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error instead of an answer."""

    status: int
    type: str = ""
    """Empty for an error that isn't the API's own, such as a proxy's page."""
    message: str = "No."
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    """What a gateway says instead, in a shape of its own."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool."""

    name: str
    input: Any
    """Its arguments; a text comes as it is, whether it is JSON or not."""
    id: str = "toolu_fake"


@dataclass(frozen=True, slots=True)
class Talk:
    """An answer, and how it ends."""

    text: str
    then: Literal["stop", "cut", "end", "error", "hang", "cut after stop", "stop, open"] = "stop"
    """`end` is a clean end without a stop reason, `cut` a reset of the connection; after `stop,
    open` it stays open behind `message_stop`, as behind some proxies."""
    pieces: tuple[str, ...] = ()
    """How the text comes, where that matters; a piece may end within a character, as JSON may."""
    stop_reason: str = "end_turn"
    usage: bool = True
    thinking: str = ""
    calls: tuple[Call, ...] = ()
    """Calls of tools after the text; the stop reason is `tool_use` then, if not another is set."""
    error: str = "overloaded_error"
    delay: float | None = None
    """Seconds before each chunk; the server's own where None."""
    gate: asyncio.Event | None = None
    """Opened by the test; the text comes first and the end after it."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A stream of these events, whatever they are: a gateway may send what no API should.

    Bytes come as they are, a `Pause` is waited for, and anything else comes as JSON.
    """

    events: tuple[Any, ...]
    named: bool = True
    """Each comes with the name of its event."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing, for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Whole:
    """A response with status 200 that is no stream."""

    body: Any
    media_type: str = "application/json"


Answer: TypeAlias = Refusal | Talk | Raw | Whole

FAULTS: dict[str, Answer] = {
    "hang": Talk("", then="hang"),
    "cut": Talk("It breaks off here", then="cut"),
    "end": Talk("It breaks off here", then="end"),
    "error": Talk("It breaks off here", then="error"),
    "overloaded": Refusal(529, "overloaded_error", "Overloaded"),
    "broken": Refusal(500, "api_error", "Internal server error"),
    "limited": Refusal(429, "rate_limit_error", headers={"retry-after": "1"}),
    "spent": Refusal(429, "rate_limit_error", code="enforced_spend_limit_reached"),
    "unauthorized": Refusal(401, "authentication_error", "invalid x-api-key"),
}


class InvalidError(Exception):
    """What the API says to a request that it doesn't take."""

    def __init__(
        self, message: str, *, status: int = 400, kind: str = "invalid_request_error"
    ) -> None:
        super().__init__(message)
        self.refusal = Refusal(status, kind, message)


def echo(request: Json) -> Answer:
    """Answer with the last thing that was said."""
    return Talk("You said: " + _text_of(request["messages"][-1]["content"]))


class FakeClaude:
    """The server; each call gets the next prepared answer, or else what the script says."""

    def __init__(
        self,
        script: Callable[[Json], Answer] = echo,
        *,
        port: int = 0,
        delay: float = 0.0,
        input_limit: int = 1_000_000,
        limit: Limit | None = None,
        cache_minimum: int = 0,
        counts: bool = True,
    ) -> None:
        self.key = KEY
        self.requests: list[Json] = []
        """Every body that was taken, in order."""
        self.headers: list[dict[str, str]] = []
        self.gone = asyncio.Event()
        """Set when a client hung up in the middle of an answer."""
        self._script = script
        self._answers: deque[Answer] = deque()
        self._delay = delay
        self.refused: list[Json] = []
        """Every body that was too large, in order."""
        self.limit = limit or Limit(input_limit, WORDINGS["Anthropic"])
        """What is taken, and what is said of more; a test may change it meanwhile."""
        self.counted: list[Json] = []
        """Every body whose tokens were asked for, in order."""
        self.count_refusal = None if counts else Refusal(404, message="Not Found")
        """What is said instead of a count; most gateways have no such endpoint."""
        self.cache = PromptCache(minimum=cache_minimum)
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/v1/messages", self._messages)
        app.router.add_post("/v1/messages/count_tokens", self._count_tokens)
        app.router.add_get("/calls", self._calls)
        # A client that hangs up cancels its handler, which is how it's noticed.
        self._server = Loopback(app, port, handler_cancellation=True)

    @property
    def url(self) -> str:
        """Where it is."""
        return self._server.url

    @property
    def port(self) -> int:
        """The port it got."""
        return self._server.port

    def next(self, *answers: Answer) -> None:
        """Prepare the next answers."""
        self._answers.extend(answers)

    async def __aenter__(self) -> Self:
        await self._server.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._server.stop()

    async def _calls(self, request: web.Request) -> web.Response:
        """Tell another process what was asked."""
        return web.json_response(self.requests)

    async def _count_tokens(self, request: web.Request) -> web.StreamResponse:
        """Count a prompt, of whatever size; it takes the same prompts as the other endpoint."""
        try:
            _authenticate(request, self.key)
            body = _parse(await request.read())
            self.counted.append(body)
            if self.count_refusal is not None:
                return _refuse(self.count_refusal)
            _validate({**body, "max_tokens": 1}, known=_COUNTED | _REQUIRED)
        except InvalidError as error:
            return _refuse(error.refusal)
        return web.json_response({"input_tokens": self.size(body)})

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        try:
            _authenticate(request, self.key)
            body = _parse(await request.read())
            _validate(body)
        except InvalidError as error:
            return _refuse(error.refusal)
        size = self.size(body)
        if (refused := self.limit.refuses(size, body["max_tokens"])) is not None:
            self.refused.append(body)
            status, said = refused
            return web.json_response(said, status=status, headers={"request-id": "req_fake"})
        tokens = self._usage(body)
        self.requests.append(body)
        self.headers.append({key.lower(): value for key, value in request.headers.items()})
        answer = self._answers.popleft() if self._answers else self._script(body)
        if isinstance(answer, Refusal):
            return _refuse(answer)
        if isinstance(answer, Raw | Whole):
            return await _play(request, answer)
        if not body.get("stream"):
            return web.json_response(_message(body, answer, tokens))
        return await self._stream(request, body, answer, tokens)

    async def _stream(
        self, request: web.Request, body: Json, talk: Talk, tokens: Json
    ) -> web.StreamResponse:
        headers = {"content-type": "text/event-stream; charset=utf-8", "request-id": "req_fake"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        try:
            async for name, data in self._events(body, talk, tokens):
                await response.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())
            while talk.then == "stop, open":
                await asyncio.sleep(0.05)
                await response.write(b'event: ping\ndata: {"type": "ping"}\n\n')
        except (asyncio.CancelledError, ConnectionError):
            self.gone.set()
            raise
        if talk.then.startswith("cut") and request.transport is not None:
            request.transport.abort()
        return response

    async def _events(
        self, body: Json, talk: Talk, tokens: Json
    ) -> AsyncIterator[tuple[str, Json]]:
        for event in _opening(body, talk, tokens):
            yield event
        for chunk in talk.pieces or re.findall(r"\S+\s*|\s+", talk.text):
            await asyncio.sleep(self._delay if talk.delay is None else talk.delay)
            yield _event(
                "content_block_delta", index=1, delta={"type": "text_delta", "text": chunk}
            )
        if talk.gate is not None:
            await talk.gate.wait()
        if talk.then == "hang":
            await asyncio.Event().wait()
        if talk.then == "error":
            yield _event("error", error={"type": talk.error, "message": "Sorry."})
        if "stop" in talk.then:
            for event in _ending(talk):
                yield event

    def _usage(self, body: Json) -> Json:
        """Count the prompt, and keep a cache of prefixes as the API does."""
        return self.cache.bill(body["model"], self._cached_blocks(body)).usage | {
            "output_tokens": 1
        }

    def _cached_blocks(self, body: Json) -> list[CachedBlock]:
        return [CachedBlock(_data_of(b), self._cost(b), _ttl_of(b)) for b in _blocks(body)]

    def size(self, body: Json) -> int:
        """Return the tokens of a prompt."""
        return sum(map(self._cost, _blocks(body)))

    def _cost(self, block: Json) -> int:
        if block["type"] in TOOL_BLOCKS:
            return max(1, round(self.limit.tokenizer(text_of_tool_block(block))))
        if block["type"] != "text":
            return tokens_of(block)
        return max(1, round(self.limit.tokenizer(block["text"])))


async def _play(request: web.Request, raw: Raw | Whole) -> web.StreamResponse:
    if isinstance(raw, Whole):
        text = raw.body if isinstance(raw.body, str) else json.dumps(raw.body)
        return web.Response(text=text, content_type=raw.media_type)
    response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
    await response.prepare(request)
    for event in raw.events:
        if isinstance(event, Pause):
            await asyncio.sleep(event.seconds)
            continue
        name = event.get("type") if isinstance(event, dict) else "message_delta"
        head = f"event: {name}\n" if raw.named else ""
        data = event if isinstance(event, bytes) else json.dumps(event).encode()
        await response.write(f"{head}data: ".encode() + data + b"\n\n")
    return response


def _authenticate(request: web.Request, key: str) -> None:
    given = request.headers.get("x-api-key", request.headers.get("authorization", ""))
    if given.removeprefix("Bearer ") != key:
        raise InvalidError("invalid x-api-key", status=401, kind="authentication_error")
    if request.headers.get("anthropic-version") not in _VERSIONS:
        raise InvalidError("anthropic-version: is not a valid version")
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise InvalidError("content-type: must be application/json")


def _parse(data: bytes) -> Json:
    if len(data) > _REQUEST_BYTES:
        message = "Request exceeds the maximum size"
        raise InvalidError(message, status=413, kind="request_too_large")
    try:
        body = json.loads(data)
    except ValueError as error:
        raise InvalidError("The request body is not valid JSON") from error
    if not isinstance(body, dict):
        raise InvalidError("The request body is not an object")
    return body


def _validate(body: Json, known: set[str] = _KNOWN) -> None:
    for name in _REQUIRED - body.keys():
        raise InvalidError(f"{name}: Field required")
    for name in body.keys() - known:
        raise InvalidError(f"{name}: Extra inputs are not permitted")
    if body["model"] not in known_models():
        raise InvalidError(f"model: {body['model']}", status=404, kind="not_found_error")
    if not isinstance(body["max_tokens"], int) or body["max_tokens"] < 1:
        raise InvalidError("max_tokens: must be a positive integer")
    _validate_messages(body["messages"])
    _validate_tools(body)
    _validate_blocks(body)
    if fault := fault_in([CachedBlock(b"", 0, _ttl_of(block)) for block in _blocks(body)]):
        raise InvalidError(fault)


def _validate_messages(messages: object) -> None:
    if not isinstance(messages, list) or not messages:
        raise InvalidError("messages: at least one message is required")
    for index, message in enumerate(messages):
        # The API itself would join two of the same side; we never mean to send that.
        expected = ("user", "assistant")[index % 2]
        if message.get("role") != expected:
            raise InvalidError(f"messages.{index}: role must be {expected}")
        if message.keys() != {"role", "content"} or not message["content"]:
            raise InvalidError(f"messages.{index}: must have a role and content, and only these")
    if messages[-1]["role"] != "user":
        raise InvalidError("This model does not support assistant message prefill.")


def _validate_part(block: Json, role: str) -> None:
    if block.get("type") in {"tool_use", "tool_result", "thinking"}:
        _validate_mark(block)
        return  # `_validate_tools` has looked at them
    if block.get("type") not in {"image", "document"}:
        _validate_block(block)
        return
    try:
        check(block, role)
    except MediaError as error:
        raise InvalidError(f"messages: {error}") from error
    _validate_mark(block)


def _validate_blocks(body: Json) -> None:
    for block in _blocks({"system": body.get("system"), "messages": []}):
        _validate_block(block)
    for message in body["messages"]:
        for block in _blocks({"messages": [message]}):
            _validate_part(block, message["role"])
    try:
        check_all(_blocks(body))
    except MediaError as error:
        raise InvalidError(str(error)) from error


def _validate_tools(body: Json) -> None:
    """Refuse what the API refuses of tools, their calls and results."""
    try:
        validate_tool_use(body, SIGNATURE)
    except ToolError as error:
        raise InvalidError(str(error)) from error


def _validate_block(block: Json) -> None:
    if block.get("type") != "text" or not block.keys() <= {"type", "text", "cache_control"}:
        raise InvalidError(f"content: not a text block: {sorted(block)}")
    if not isinstance(block["text"], str) or not block["text"].strip():
        raise InvalidError("messages: text content blocks must contain non-whitespace text")
    if any(0xD800 <= ord(char) < 0xE000 for char in block["text"]):
        raise InvalidError("The request body is not valid JSON: no low surrogate in string")
    _validate_mark(block)


def _validate_mark(block: Json) -> None:
    if block.get("cache_control", {"type": "ephemeral"}).get("type") != "ephemeral":
        raise InvalidError("cache_control: type must be ephemeral")


def _blocks(body: Json) -> Iterator[Json]:
    """Yield all blocks of a prompt in the order in which they are cached."""
    yield from ({"type": "tool", **tool} for tool in body.get("tools") or [])
    for content in (body.get("system") or [], *(m["content"] for m in body["messages"])):
        yield from [{"type": "text", "text": content}] if isinstance(content, str) else content


def _ttl_of(block: Json) -> str:
    """Return how long what is written at a block lives; empty if it has no breakpoint."""
    mark = block.get("cache_control")
    return "" if mark is None else str(mark.get("ttl", "5m"))


def _data_of(block: Json) -> bytes:
    """Return what a block is cached by: all of it but its breakpoint."""
    if "text" in block:
        return str(block["text"]).encode()
    return data_of(block) if "source" in block else json.dumps(unmarked(block)).encode()


def _text_of(content: str | list[Json]) -> str:
    if isinstance(content, str):
        return content
    return "".join(block.get("text", "") for block in content)


def _tokens(text: str) -> int:
    return max(1, round(bytes_of(text)))


def _event(name: str, **data: Any) -> tuple[str, Json]:
    return name, {"type": name, **data}


def _opening(body: Json, talk: Talk, tokens: Json) -> Iterator[tuple[str, Json]]:
    """Yield what comes before the text, with a thinking block as the current models send it."""
    message = _message(body, talk, tokens) | {"content": [], "stop_reason": None}
    if not talk.usage:
        del message["usage"]
    yield _event("message_start", message=message)
    if not talk.text and talk.then != "stop":  # it breaks before its first word
        return
    block = {"type": "thinking", "thinking": "", "signature": ""}
    yield _event("content_block_start", index=0, content_block=block)
    yield _event("ping")
    thought = {"type": "thinking_delta", "thinking": talk.thinking or "Hm."}
    yield _event("content_block_delta", index=0, delta=thought)
    signature = {"type": "signature_delta", "signature": SIGNATURE}
    yield _event("content_block_delta", index=0, delta=signature)
    yield _event("content_block_stop", index=0)
    if talk.text or not talk.calls:
        yield _event("content_block_start", index=1, content_block={"type": "text", "text": ""})


def _ending(talk: Talk) -> Iterator[tuple[str, Json]]:
    """Yield what comes after the text."""
    if talk.text or not talk.calls:
        yield _event("content_block_stop", index=1)
    yield from _calls(talk)
    usage = {"usage": {"output_tokens": _tokens(talk.text)}} if talk.usage else {}
    delta = {"stop_reason": _stop_reason(talk), "stop_sequence": None}
    yield _event("message_delta", delta=delta, **usage)
    if talk.then.startswith("stop"):
        yield _event("message_stop")


def _calls(talk: Talk) -> Iterator[tuple[str, Json]]:
    """Yield the calls after the text, their arguments in pieces (Anthropic's documentation,
    "Streaming messages", "Input JSON delta")."""
    for index, call in enumerate(talk.calls, start=2 if talk.text else 1):
        block = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        yield _event("content_block_start", index=index, content_block=block)
        written = call.input if isinstance(call.input, str) else json.dumps(call.input)
        for start in range(0, len(written), 7):
            delta = {"type": "input_json_delta", "partial_json": written[start : start + 7]}
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)


def _text_block(talk: Talk) -> list[Json]:
    return [{"type": "text", "text": talk.text}] if talk.text or not talk.calls else []


def _call_block(call: Call) -> Json:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": call.input}


def _stop_reason(talk: Talk) -> str:
    plain = talk.stop_reason == "end_turn"
    return "tool_use" if talk.calls and plain else talk.stop_reason


def _message(body: Json, talk: Talk, tokens: Json) -> Json:
    return {
        "id": "msg_fake",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [*_text_block(talk), *map(_call_block, talk.calls)],
        "stop_reason": _stop_reason(talk),
        "stop_sequence": None,
        "usage": tokens | {"output_tokens": _tokens(talk.text)},
    }


def _refuse(refusal: Refusal) -> web.Response:
    headers = {"request-id": "req_fake"} | refusal.headers
    if refusal.body is not None:
        return web.json_response(refusal.body, status=refusal.status, headers=headers)
    if not refusal.type:
        return web.Response(status=refusal.status, text=refusal.message, headers=headers)
    error: Json = {"type": refusal.type, "message": refusal.message}
    if refusal.code:
        error["details"] = {"error_code": refusal.code}
    body = {"type": "error", "error": error, "request_id": "req_fake"}
    return web.json_response(body, status=refusal.status, headers=headers)


def main() -> None:
    """Serve until interrupted."""
    parser = process.options("A fake of the Claude API.")
    parser.add_argument("--delay-per-chunk", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--script", choices=["echo", *FAULTS], default="echo")
    options = parser.parse_args()
    fault = FAULTS.get(options.script)
    chosen = echo if fault is None else lambda _: fault
    process.run(FakeClaude(chosen, port=options.port, delay=options.delay_per_chunk))


if __name__ == "__main__":
    main()
