"""Claude, by Anthropic's SDK. The SDK retries nothing here: `core.models.retry` does."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import warnings
from contextlib import aclosing
from typing import TYPE_CHECKING, cast

import httpx2  # the SDK's transport: a stream that is cut raises its errors, not the SDK's
from anthropic import (
    AnthropicError,
    APIConnectionError,
    APIStatusError,
    AsyncAnthropic,
    AsyncStream,
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
    named,
)
from core.models.claude_errors import (
    BAD_ADDRESS,
    BAD_CERTIFICATE,
    BAD_KEY,
    BAD_PROXY,
    BROKE_OFF,
    LATE,
    NO_API,
    TOO_LONG,
    UNREACHABLE,
    UNREADABLE,
    Failure,
    failure_of,
    said_in,
    status_in,
    wait_of,
)
from core.models.claude_params import choice_of, prompt_of, tools_of
from core.models.claude_stream import (
    MOST_TOKENS,
    AnswerReader,
    ErrorEventError,
    Pace,
    field,
    texts_of,
)
from core.models.port import Completion, Model, StopReason
from core.models.refusal_words import words_of_its_own

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from anthropic.types import (
        MessageParam,
        RawMessageStreamEvent,
        TextBlockParam,
        ToolChoiceParam,
        ToolParam,
    )

    from core.models.claude_stream import SentEvent
    from core.models.port import ModelRequest

_FULL = "model_context_window_exceeded"
"""Prompt and answer together fill the context window."""

_STOPS = {
    "max_tokens": StopReason.LENGTH,
    _FULL: StopReason.LENGTH,
    "pause_turn": StopReason.LENGTH,  # only with tools of the server, which the bot does not use
    "refusal": StopReason.REFUSAL,
}
"""All others, including future ones, count as `end_turn`: the stream was complete."""
_THINKING = 100.0
"""Tokens that Claude thinks in a second at least, when it says nothing but pings."""
_READING = 20_000.0
"""Characters of a prompt that it reads in a second at least."""
_WRITING = 10.0
"""Tokens that it writes in a second at least; a slower stream only trickles."""

_COUNT_SECONDS = 3.0
"""The most that an exact count may delay an answer."""
_COUNT_PAUSE = 60.0
"""Seconds without counts after a failure."""
_COUNT_PAUSES = {400: 0.0, 413: 0.0, 404: 3600.0, 405: 3600.0, 501: 3600.0}
"""The same by the status of a refusal: of this request, or for lack of such an endpoint."""

log = logging.getLogger(__name__)


class ClaudeModel(Model):
    """Claude, over the Messages API."""

    name = "Claude"
    has_tools = True

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
        self._read_timeout = read_timeout
        self._count_from = 0.0
        """The loop's time before which no tokens are counted, after a failure."""
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
        reader = AnswerReader()
        try:
            async with (
                await self._create(request) as events,
                aclosing(self._texts(events.response, reader, request)) as texts,
            ):
                async for text in texts:
                    yield text
        except _FAULTS as error:
            if not reader.stop:  # cut after the last word: the answer is complete
                failure = _failure(error, reader.text, request)
                if isinstance(failure, ModelBusyError):
                    self._count_again_in(_COUNT_PAUSE)
                raise failure from error
        if reader.stop == _FULL and not reader.text:  # the prompt fit, but no answer
            whole = reader.usage.prompt + reader.usage.output if reader.usage else None
            sentence = TOO_LONG.format(model=request.model)
            raise PromptTooLargeError(sentence, size=whole, limit=whole)
        if not reader.stop:
            if reader.text:
                raise ModelInterruptedError(BROKE_OFF, partial=reader.text)
            raise ModelBusyError(BROKE_OFF)  # nothing was shown yet, so it is a plain retry
        yield reader.completion(_STOPS.get(reader.stop, StopReason.END))

    async def _texts(
        self, response: httpx2.Response, reader: AnswerReader, request: ModelRequest
    ) -> AsyncGenerator[str, None]:
        """Yield the texts of a response, also of one that is no stream.

        Raises:
            _NotTheApiError: It is a page, so something else is at this address.
        """
        kind = response.headers.get("content-type", "").lower()
        pace = self._pace(request)
        if "html" in kind:
            raise _NotTheApiError
        if "json" not in kind:
            events = AsyncStream.raw_events(response)
            async for text in texts_of(cast("AsyncGenerator[SentEvent]", events), reader, pace):
                yield text
            return
        async with asyncio.timeout(pace.whole):
            body = await response.aread()
        if text := reader.take_whole(json.loads(body)):
            yield text

    def _pace(self, request: ModelRequest) -> Pace:
        """Return how long this answer may take."""
        length = sum([len(block.text) for each in request.messages for block in each.blocks])
        silence = self._read_timeout + length / _READING + request.max_tokens / _THINKING
        return Pace(silence=silence, whole=silence + request.max_tokens / _WRITING)

    @override
    async def count(self, request: ModelRequest) -> int | None:
        """Return the tokens of a prompt, which costs nothing but a moment; see `Model.count`.

        The endpoint has rate limits of its own (Anthropic's documentation, "Token counting"), and
        most gateways lack it. After a failure, of an answer too, it is left alone for a while.
        """
        if asyncio.get_running_loop().time() < self._count_from:
            return None
        system, messages, tools, choice = _sent(request)
        try:
            async with asyncio.timeout(_COUNT_SECONDS):
                counted = await self._client.messages.count_tokens(
                    model=request.model,
                    system=system or omit,
                    messages=messages,
                    tools=tools or omit,
                    tool_choice=choice or omit,
                )
        except _FAULTS as error:
            status = error.status_code if isinstance(error, APIStatusError) else 0
            self._count_again_in(_COUNT_PAUSES.get(status, _COUNT_PAUSE))
            log.info("Claude did not count a request's tokens: %s, HTTP %d", named(error), status)
            return None
        size: object = counted.input_tokens  # a gateway may send anything
        return size if isinstance(size, int) and 0 < size <= MOST_TOKENS else None

    def _count_again_in(self, seconds: float) -> None:
        again = asyncio.get_running_loop().time() + seconds
        self._count_from = max(self._count_from, again)

    async def _create(self, request: ModelRequest) -> AsyncStream[RawMessageStreamEvent]:
        system, messages, tools, choice = _sent(request)
        return await self._client.messages.create(
            model=request.model,
            max_tokens=request.max_tokens,
            system=system or omit,
            messages=messages,
            tools=tools or omit,
            tool_choice=choice or omit,
            stream=True,
        )

    @override
    async def close(self) -> None:
        await self._client.close()


def _sent(
    request: ModelRequest,
) -> tuple[list[TextBlockParam], list[MessageParam], list[ToolParam], ToolChoiceParam | None]:
    """Return the parts of a request under the SDK's types."""
    system, messages = prompt_of(request)
    return (
        cast("list[TextBlockParam]", system),
        cast("list[MessageParam]", messages),
        cast("list[ToolParam]", tools_of(request)),
        cast("ToolChoiceParam", choice_of(request)) if request.tools else None,
    )


class _NotTheApiError(Exception):
    """What is at this address is a web page."""


_FAULTS = (
    AnthropicError,
    ErrorEventError,
    _NotTheApiError,
    httpx2.HTTPError,
    httpx2.StreamError,
    OSError,
    ValueError,
)
"""All that a call may raise, also while its answer arrives."""


def _failure(error: Exception, text: str, request: ModelRequest) -> ModelError:
    """Return an error of the SDK, the transport or the stream as an error of ours."""
    if text:
        return ModelInterruptedError(BROKE_OFF, partial=text)
    if isinstance(error, APIStatusError):
        return _reported(error.body, error.status_code, error.response.headers, request)
    if isinstance(error, ErrorEventError):
        return _reported(error.body, status_in(error.body), {}, request)
    if isinstance(error, ValueError):  # invalid JSON or UTF-8, perhaps each time
        return ModelInterruptedError(UNREADABLE, partial="")
    cause = error.__cause__ if isinstance(error, APIConnectionError) else error
    return _unreached(cause)


def _unreached(cause: BaseException | None) -> ModelError:
    if isinstance(cause, _NotTheApiError):
        return ModelRefusedError(NO_API.format(what="it answers with a web page"))
    if isinstance(cause, httpx2.UnsupportedProtocol | httpx2.InvalidURL):
        return ModelRefusedError(BAD_ADDRESS)
    if isinstance(cause, httpx2.TimeoutException | TimeoutError):
        return ModelBusyError(LATE)
    if isinstance(cause, httpx2.ProxyError):
        return ModelBusyError(BAD_PROXY)
    return ModelBusyError(BAD_CERTIFICATE if _is_of_certificates(cause) else UNREACHABLE)


def _is_of_certificates(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


def _reported(
    body: object, status: int, headers: Mapping[str, str], request: ModelRequest
) -> ModelError:
    """Return the error that a body reports, and log in the API's own words what it says."""
    kind, code = field(body, "error", "type"), field(body, "error", "details", "error_code")
    asked = [part.text or getattr(part, "name", "") for m in request.messages for part in m.blocks]
    failure = Failure(
        status=status,
        type=kind if isinstance(kind, str) else "",
        code=code if isinstance(code, str) else "",
        said=said_in(body),
        retry_after=wait_of(headers),
        number=headers.get("request-id", ""),
    )
    error = failure_of(failure, request.model)
    message = field(body, "error", "message")
    error.said = words_of_its_own(message if isinstance(message, str) else failure.said, asked)
    passes = isinstance(error, ModelBusyError | PromptTooLargeError)  # and `generate` says so
    level = logging.INFO if passes else logging.WARNING
    what = " ".join(filter(None, (f"HTTP {status}", named(kind or "-"), failure.number)))
    log.log(level, "Claude refuses a request (%s): %s", what, error.said or "it does not say why")
    return error
