"""Reads the events of one of Claude's answers: its text, how it ends, and what it cost.

The sources are Anthropic's documentation, "Streaming messages", for the events, and reports of
gateways that speak the same API. Events are read as plain JSON, since a gateway may leave out any
field, or give it another type.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from core.domain.message import clean
from core.domain.session import Usage
from core.models.port import Completion, StopReason, Thought, ToolCall

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

MOST_TOKENS = 2**31 - 1
"""The largest count that a store can hold; a larger one is no valid report."""
_TOKENS = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)
_CALL = "tool_use"
_THOUGHTS = ("thinking", "redacted_thinking")
_GROWING = {
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}
"""The field of a block that a delta extends, which is that of the delta, too."""
_DONE = "[DONE]"
"""The last line of OpenAI's streams, which gateways append to others as well."""
_ENDING = 2.0
"""Seconds from the stop reason until `message_stop`, which follows at once: by then the whole
answer is there."""
_CLOSING = 0.25
"""Seconds from `message_stop` until the connection ends its response, so that it can be used
again; a proxy may leave it open."""


class SentEvent(Protocol):
    """A server-sent event, as the SDK decodes it."""

    @property
    def event(self) -> str | None:
        """Return the event's name; None if it has none."""
        ...

    @property
    def data(self) -> str:
        """Return its data, which is JSON."""
        ...


class ErrorEventError(Exception):
    """The stream has an error in place of the rest of the answer."""

    def __init__(self, body: object) -> None:
        """Keep the error's body, as the API would have sent it with a status."""
        super().__init__("an error event")
        self.body = body


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long an answer may take, in seconds. Pings are no progress: a proxy sends them, too."""

    silence: float
    """The longest time without any event but pings."""
    whole: float
    """The longest time for the whole answer."""


class AnswerReader:
    """Reads the events of one answer."""

    def __init__(self) -> None:
        self.text = ""
        self.stop = ""
        """Why the answer ended; empty until it has."""
        self.ended = False
        """`message_stop` has come."""
        self._tokens: dict[str, int] = {}
        self._blocks: list[dict[str, Any]] = []
        """The blocks that are no text, in order, with what came of each."""

    def completion(self, stop: StopReason) -> Completion:
        """Return the end of the answer, for which the API has given this reason.

        Calls count unless the answer was cut off or declined; some gateways report calls with the
        reason of a plain answer.
        """
        calls = tuple(_call(block) for block in self._blocks if block["type"] == _CALL)
        if stop is not StopReason.END or not calls:
            return Completion(stop=stop, usage=self.usage)
        blocks = [block for block in self._blocks if block["type"] in _THOUGHTS]
        thoughts = tuple(Thought(_whole_characters(block)) for block in blocks)
        return Completion(stop=StopReason.CALLS, usage=self.usage, calls=calls, thoughts=thoughts)

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

    def take(self, event: object) -> str:
        """Read an event and return its text; unknown events are skipped.

        Raises:
            ErrorEventError: The event is an error. Gateways send theirs without a type.
        """
        kind, text = field(event, "type"), ""
        if kind == "content_block_delta":
            text = _text_in(field(event, "delta"), "text_delta")
            self._extend(field(event, "delta"))
        elif kind == "content_block_start":
            text = _text_in(field(event, "content_block"), "text")
            self._begin(field(event, "content_block"))
        elif kind == "message_start":
            self._count(field(event, "message", "usage"))
        elif kind == "message_delta":
            self._stop(field(event, "delta", "stop_reason"))
            self._count(field(event, "usage"))
        elif kind == "message_stop":
            self.ended = True
        elif kind == "error" or (kind is None and field(event, "error") is not None):
            raise ErrorEventError(event)
        self.text += text
        return text

    def take_whole(self, message: object) -> str:
        """Read an answer that is no stream, from a gateway that can't stream; return its text.

        Raises:
            ErrorEventError: It is an error.
        """
        if field(message, "error") is not None or field(message, "type") == "error":
            raise ErrorEventError(message)
        blocks = field(message, "content")
        texts = [_text_in(block, "text") for block in blocks] if isinstance(blocks, list) else []
        self.text = "".join(texts)
        for block in blocks if isinstance(blocks, list) else ():
            self._begin(block)
        self._stop(field(message, "stop_reason"))
        self._count(field(message, "usage"))
        return self.text

    def _begin(self, block: object) -> None:
        """Take the beginning of a block; deltas belong to the last one, since none overlap."""
        if field(block, "type") in {_CALL, *_THOUGHTS}:
            self._blocks.append({key: value for key, value in block.items() if value is not None})  # type: ignore[attr-defined]

    def _extend(self, delta: object) -> None:
        name = _GROWING.get(str(field(delta, "type")))
        more = field(delta, name) if name else None
        if name and isinstance(more, str) and self._blocks:
            self._blocks[-1][name] = str(self._blocks[-1].get(name, "")) + more

    def _stop(self, reason: object) -> None:
        self.stop = reason if isinstance(reason, str) and reason else self.stop

    def _count(self, usage: object) -> None:
        for kind in _TOKENS:
            tokens = field(usage, kind)
            if isinstance(tokens, int) and 0 <= tokens <= MOST_TOKENS:
                self._tokens[kind] = tokens


async def texts_of(
    events: AsyncGenerator[SentEvent, None], reader: AnswerReader, pace: Pace
) -> AsyncGenerator[str, None]:
    """Yield the text of each event until `message_stop`; leave the rest to the reader.

    The connection may stay open behind the end: that delays nothing.

    Raises:
        TimeoutError: Nothing but pings came for too long, or the answer takes too long.
        ValueError: An event is no JSON.
        ErrorEventError: An event is an error.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + pace.whole
    until = min(end, loop.time() + pace.silence)
    async with aclosing(events):
        while not reader.ended:
            async with asyncio.timeout_at(until):
                sent = await anext(events, None)
            if sent is None:
                return
            if sent.event == "ping" or not sent.data or sent.data == _DONE:
                continue
            if text := reader.take(_json(sent)):
                yield text
            until = min(end, loop.time() + (_ENDING if reader.stop else pace.silence))
        with suppress(Exception):  # whatever follows, the answer is complete
            async with asyncio.timeout(_CLOSING):
                while await anext(events, None) is not None:
                    pass


def _json(sent: SentEvent) -> object:
    """Return the event's data; an error may also be plain text, or lack its own frame."""
    try:
        event: object = json.loads(sent.data)
    except ValueError:
        if sent.event != "error":
            raise
        event = sent.data
    if sent.event == "error" and field(event, "error") is None:
        return {"type": "error", "error": event}
    if sent.event and isinstance(event, dict):
        event.setdefault("type", sent.event)
    return event


def field(thing: object, *names: str) -> Any:  # noqa: ANN401 - whatever the JSON has there
    """Return a nested value of a JSON object; None if there is none."""
    for name in names:
        thing = thing.get(name) if isinstance(thing, dict) else None
    return thing


def _call(block: dict[str, Any]) -> ToolCall:
    """Return a call; its arguments are None unless they are a JSON object."""
    given: object = block.get("input")
    try:
        if written := block.get(_GROWING["input_json_delta"]):
            given = json.loads(clean(written))
        arguments = _whole_characters(given) if isinstance(given, dict) else None
    except (ValueError, RecursionError):
        arguments = None
    name, number = clean(str(block.get("name"))), clean(str(block.get("id")))
    return ToolCall(id=number, name=name, arguments=arguments)


def _whole_characters(block: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON object with halves of characters joined or replaced in all its texts.

    A model writes half an emoji now and then, and no request that shows it again could be encoded.
    """
    whole: dict[str, Any] = json.loads(clean(json.dumps(block, ensure_ascii=False)))
    return whole


def _text_in(part: object, kind: str) -> str:
    """Return the text of a part of this type; empty if it has another type or no text."""
    text = field(part, "text") if field(part, "type") == kind else None
    return text if isinstance(text, str) else ""
