"""Claude, by Anthropic's SDK. The SDK retries nothing here: `core.models.retry` does."""

from __future__ import annotations

import warnings
from base64 import b64encode
from typing import TYPE_CHECKING, TypeAlias, cast

import httpx2  # the SDK's transport: a stream that is cut raises its errors, not the SDK's
from anthropic import (
    AnthropicError,
    APIConnectionError,
    APIStatusError,
    AsyncAnthropic,
    DefaultAsyncHttpxClient,
    Timeout,
    omit,
)
from typing_extensions import override

from core.domain.errors import (
    ModelBusyError,
    ModelError,
    ModelInterruptedError,
    ModelRefusedError,
    PromptTooLargeError,
    SettingsError,
)
from core.domain.message import clean
from core.domain.session import Usage
from core.models.claude_errors import (
    BAD_ADDRESS,
    BAD_KEY,
    BROKE_OFF,
    LATE,
    TOO_LONG,
    UNREACHABLE,
    UNREADABLE,
    Failure,
    failure_of,
    wait_of,
)
from core.models.port import Block, Completion, Image, Model, StopReason

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from anthropic import AsyncStream
    from anthropic.types import (
        Base64PDFSourceParam,
        DocumentBlockParam,
        ImageBlockParam,
        MessageParam,
        RawMessageStreamEvent,
        TextBlockParam,
    )

    from core.models.port import Document, ModelMessage, ModelRequest, Part

    Param: TypeAlias = TextBlockParam | ImageBlockParam | DocumentBlockParam

_BREAKPOINTS = 4
"""How many cache breakpoints the API accepts."""

_FULL = "model_context_window_exceeded"
"""Prompt and answer together fill the context window."""

_STOPS = {
    "max_tokens": StopReason.LENGTH,
    _FULL: StopReason.LENGTH,
    "pause_turn": StopReason.LENGTH,  # only with tools, which the bot does not use
    "refusal": StopReason.REFUSAL,
}
"""All others, including future ones, count as `end_turn`: the stream was complete."""


_LEAST_COUNT = 1_000
"""Smaller numbers in an error may be a status or a code."""
_MOST_TOKENS = 2**31 - 1
"""The largest count that a store can hold; a larger one is no valid report."""


class ClaudeModel(Model):
    """Claude, over the Messages API."""

    name = "Claude"

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str | None = None,
        connect_timeout: float = 5.0,
        read_timeout: float = 60.0,
    ) -> None:
        """Create the client without connecting.

        Args:
            api_key: Anthropic's key; it is never shown or logged.
            base_url: The address of the API, if it is neither Anthropic's nor ANTHROPIC_BASE_URL.
            connect_timeout: The most seconds to get a connection.
            read_timeout: The seconds of silence after which a call is cancelled; Claude sends pings
                while it thinks.

        Raises:
            SettingsError: The key has characters that no key has.
        """
        if not (api_key.isascii() and api_key.isprintable() and api_key.strip() == api_key != ""):
            # Such a key can't be sent, and the transport would quote it in its error.
            raise SettingsError(BAD_KEY)
        # `catalog` reports retirements once; the SDK would warn with every call.
        warnings.filterwarnings("ignore", r"The model '.*' is deprecated", DeprecationWarning)
        self._client = AsyncAnthropic(
            api_key=api_key,
            base_url=base_url,
            max_retries=0,
            # A redirect would forward the key and the conversation: the transport only drops the
            # header `Authorization` then, and the key is in another.
            http_client=DefaultAsyncHttpxClient(follow_redirects=False),
            timeout=Timeout(read_timeout, connect=connect_timeout, pool=connect_timeout),
        )

    @override
    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | Completion, None]:
        reading = _Reading()
        try:
            async with await self._create(request) as events:
                async for event in events:
                    if text := reading.take(event):
                        yield text
        except (AnthropicError, httpx2.HTTPError, httpx2.StreamError, OSError, ValueError) as error:
            if not reading.stop:  # cut after the last word: the answer is complete
                raise _failure(error, reading.text, request.model) from error
        if reading.stop == _FULL and not reading.text:  # the prompt fit, but no answer
            whole = reading.usage.prompt + reading.usage.output if reading.usage else None
            sentence = TOO_LONG.format(model=request.model)
            raise PromptTooLargeError(sentence, size=whole, limit=whole)
        if not reading.stop:
            if reading.text:
                raise ModelInterruptedError(BROKE_OFF, partial=reading.text)
            raise ModelBusyError(BROKE_OFF)  # nothing was shown yet, so it is a plain retry
        yield Completion(stop=_STOPS.get(reading.stop, StopReason.END), usage=reading.usage)

    async def _create(self, request: ModelRequest) -> AsyncStream[RawMessageStreamEvent]:
        system = cast("list[TextBlockParam]", _params(request.system))
        messages = _messages(request.messages)
        _limit_breakpoints(system, messages)
        return await self._client.messages.create(
            model=request.model,
            max_tokens=request.max_tokens,
            system=system or omit,
            messages=messages,
            stream=True,
        )

    @override
    async def close(self) -> None:
        await self._client.close()


class _Reading:
    """Reads the events of one answer."""

    def __init__(self) -> None:
        self.text = ""
        self.stop = ""
        self._tokens: dict[str, int] = {}

    @property
    def usage(self) -> Usage | None:
        """Return the last report of each kind of token; None if there was none."""
        if not self._tokens:
            return None
        return Usage(
            input=self._tokens.get("input_tokens", 0),
            output=self._tokens.get("output_tokens", 0),
            cache_read=self._tokens.get("cache_read_input_tokens", 0),
            cache_write=self._tokens.get("cache_creation_input_tokens", 0),
        )

    def take(self, event: RawMessageStreamEvent) -> str:
        """Read an event and return its text; thinking and tools are skipped.

        The SDK validates nothing that it receives: a field may be missing or of another type than
        its annotations say.
        """
        kind, text = _field(event, "type"), ""
        if kind == "message_start":
            self._count(_field(event, "message", "usage"))
        elif kind == "content_block_start":
            text = _text_in(_field(event, "content_block"), "text")
        elif kind == "content_block_delta":
            text = _text_in(_field(event, "delta"), "text_delta")
        elif kind == "message_delta":
            reason = _field(event, "delta", "stop_reason")
            self.stop = reason if isinstance(reason, str) and reason else self.stop
            self._count(_field(event, "usage"))
        self.text += text
        return text

    def _count(self, usage: object) -> None:
        for kind in (
            "input_tokens",
            "output_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
        ):
            tokens = _field(usage, kind)
            if isinstance(tokens, int) and 0 <= tokens <= _MOST_TOKENS:
                self._tokens[kind] = tokens


def _field(thing: object, *names: str) -> object:
    """Return a nested attribute; None if there is none."""
    for name in names:
        thing = getattr(thing, name, None)
    return thing


def _text_in(part: object, kind: str) -> str:
    """Return the text of a part of this type; empty if it has another type or no text."""
    text = _field(part, "text") if _field(part, "type") == kind else None
    return text if isinstance(text, str) else ""


def _messages(messages: Iterable[ModelMessage]) -> list[MessageParam]:
    return [
        {"role": "user", "content": _params(message.blocks)}
        if message.role == "user"
        else {"role": "assistant", "content": _params(message.blocks)}
        for message in messages
    ]


def _params(parts: Iterable[Part]) -> list[Param]:
    """Return the parts as the API expects them, without blank ones, which it refuses."""
    params: list[Param] = []
    for part in parts:
        if not isinstance(part, Block):
            params.append(_media(part))
        elif part.text.strip():
            params.append(_text(part))
        if params and part.cache:
            params[-1]["cache_control"] = {"type": "ephemeral"}
    return params


def _text(block: Block) -> TextBlockParam:
    return {"type": "text", "text": clean(block.text)}


def _media(part: Image | Document) -> ImageBlockParam | DocumentBlockParam:
    data = b64encode(part.data).decode()
    if isinstance(part, Image):
        kind = part.media_type
        return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}
    pdf: Base64PDFSourceParam = {"type": "base64", "media_type": "application/pdf", "data": data}
    return {"type": "document", "source": pdf, "title": clean(part.name) or "a PDF"}


def _limit_breakpoints(system: list[TextBlockParam], messages: list[MessageParam]) -> None:
    """Keep the first breakpoint, which survives a compaction, and the last three."""
    blocks: list[Param] = [*system]
    for message in messages:
        blocks.extend(cast("list[Param]", message["content"]))
    marked = [block for block in blocks if "cache_control" in block]
    for block in marked[1 : 1 - _BREAKPOINTS]:
        del block["cache_control"]


def _failure(error: Exception, text: str, model: str) -> ModelError:
    """Return an error of the SDK or the transport as an error of ours."""
    if text:
        return ModelInterruptedError(BROKE_OFF, partial=text)
    if isinstance(error, APIStatusError):
        return failure_of(
            Failure(
                status=error.status_code,
                type=error.type or "",
                code=error.error_code or "",
                said=_said(error.body),
                retry_after=wait_of(error.response.headers),
                number=error.request_id or "",
            ),
            model,
        )
    if isinstance(error, ValueError):  # invalid JSON or UTF-8, perhaps each time
        return ModelInterruptedError(UNREADABLE, partial="")
    cause = error.__cause__ if isinstance(error, APIConnectionError) else error
    if isinstance(cause, httpx2.UnsupportedProtocol | httpx2.InvalidURL):
        return ModelRefusedError(BAD_ADDRESS)
    return ModelBusyError(LATE if isinstance(cause, httpx2.TimeoutException) else UNREACHABLE)


def _said(body: object) -> str:
    """Return all texts and numbers of an error's body: gateways have fields of their own."""
    if isinstance(body, dict):
        pairs = cast("dict[object, object]", body).items()
        parts = [f"{key}: {value}" if _is_count(value) else _said(value) for key, value in pairs]
    elif isinstance(body, list):
        parts = [_said(value) for value in cast("list[object]", body)]
    else:
        parts = [body] if isinstance(body, str) else []
    return " ".join(filter(None, parts))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value >= _LEAST_COUNT
