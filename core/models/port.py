"""The Model port: a request goes in; a stream of text and one completion come out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from core.domain.session import Usage


ImageType: TypeAlias = Literal["image/gif", "image/jpeg", "image/png", "image/webp"]
"""The types of images that Claude takes (Anthropic's documentation, "Vision")."""


class Block(NamedTuple):
    """A piece of text in a prompt. A tuple, since each turn makes hundreds of them."""

    text: str
    cache: bool = False
    """A cache breakpoint: the prompt up to here stays the same in later requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image in a prompt."""

    name: str
    """The file's name, which the text of the message names as well."""
    media_type: ImageType
    data: bytes = field(repr=False)
    cache: bool = False

    @property
    def text(self) -> str:
        """Return an empty text."""
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A PDF in a prompt."""

    name: str
    """The file's name, which the text of the message names as well."""
    data: bytes = field(repr=False)
    cache: bool = False

    @property
    def text(self) -> str:
        """Return an empty text: only the model reads what is in it."""
        return ""


class Tool(NamedTuple):
    """Something that a model may ask the program to do."""

    name: str
    description: str
    schema: Mapping[str, object]
    """The JSON schema of its arguments, which is an object."""


class ToolCall(NamedTuple):
    """A model's call of a tool; each is followed by its result in the next message."""

    id: str
    name: str
    arguments: Mapping[str, object] | None
    """Whatever the model has written; None if it was no JSON object."""
    cache: bool = False

    @property
    def text(self) -> str:
        """Return an empty text."""
        return ""


class ToolResult(NamedTuple):
    """What came of a call."""

    id: str
    """That of the call."""
    text: str
    is_error: bool = False
    cache: bool = False


class Thought(NamedTuple):
    """What a model thought before a call, in a form of its own.

    It goes back unchanged before the call, in the same turn only; it is never stored or shown.
    """

    content: Mapping[str, object]
    cache: bool = False

    @property
    def text(self) -> str:
        """Return an empty text."""
        return ""


Part: TypeAlias = Block | Image | Document | ToolCall | ToolResult | Thought
"""A part of a prompt; a model that only reads text skips the others."""


class ModelMessage(NamedTuple):
    """What one side said. In a request, the sides alternate; the user is first and last."""

    role: Literal["user", "assistant"]
    blocks: tuple[Part, ...]

    @property
    def text(self) -> str:
        """Return the text of all blocks."""
        return "\n".join(block.text for block in self.blocks if isinstance(block, Block))

    @property
    def media(self) -> tuple[Image | Document, ...]:
        """Return the images and documents."""
        return tuple(block for block in self.blocks if isinstance(block, Image | Document))


class ShownQuote(NamedTuple):
    """What people see with a message and its author did not type, but plain."""

    text: str
    speaker: str = ""
    """Empty if it has no author, or the bot is its author."""


class ShownMessage(NamedTuple):
    """What a person said, as a request shows it, but plain: without tags and escapes."""

    text: str
    """What its author typed, and the content of its text files."""
    speaker: str = ""
    """Empty in conversations in which only one person talks."""
    overheard: bool = False
    quotes: tuple[ShownQuote, ...] = ()
    files: tuple[str, ...] = ()
    """The names of its files."""
    person: str = ""
    """A short text that tells people of one name apart; empty if `speaker` is."""
    day: str = ""
    """The day on which it was sent, as "Mon 2026-11-23", of a message to summarize."""


class Shown(NamedTuple):
    """What people said, as a request shows it, for a model that can't read prose."""

    summary: str = ""
    earlier: tuple[ShownMessage, ...] = ()
    """The messages that are answered already, oldest first."""
    new: tuple[ShownMessage, ...] = ()
    """The messages to answer; of a request for a summary, those to summarize."""
    left_out: int = 0
    """How many earlier messages the request does not show."""
    recalled: tuple[ShownMessage, ...] = ()
    """Messages from before `earlier` that are shown again, and those of linked conversations."""
    pins: tuple[ShownMessage, ...] = ()
    """What people pinned."""
    corrections: tuple[ShownMessage, ...] = ()
    """What people said is right, whatever was said before."""


class Purpose(StrEnum):
    """What a request is for."""

    REPLY = "reply"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One call of a model."""

    model: str
    system: tuple[Block, ...]
    messages: tuple[ModelMessage, ...]
    max_tokens: int
    """The most tokens that the answer may have."""
    purpose: Purpose = Purpose.REPLY
    tools: tuple[Tool, ...] = ()
    """Offered to a model that has tools. They stand first in what is cached."""
    may_call: bool = True
    """Whether the tools may be called; they are part of the prompt in any case."""
    cache_hour: bool = False
    """What is written to the cache lives for an hour, at a higher price, not for five minutes."""
    shown: Callable[[], Shown] = field(default=Shown, repr=False, compare=False)
    """Returns what people said in the messages, as plain records; most models never ask."""

    @property
    def has_media(self) -> bool:
        """Return whether it contains images or documents."""
        blocks = (block for message in self.messages for block in message.blocks)
        return any(isinstance(block, Image | Document) for block in blocks)


class StopReason(StrEnum):
    """Why an answer ended."""

    END = "end"
    LENGTH = "length"
    """It reached `max_tokens` and was cut off there."""
    REFUSAL = "refusal"
    """The model declined to answer, or to continue."""
    CALLS = "calls"
    """It waits for the results of its calls."""
    STOPPED = "stopped"
    """A person told the bot to stop. No model reports this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """The end of an answer: the last item of a stream, and only of a complete one."""

    stop: StopReason
    usage: Usage | None = None
    """None if the model reports none, which is no error."""
    calls: tuple[ToolCall, ...] = ()
    """Its calls, with `StopReason.CALLS`."""
    thoughts: tuple[Thought, ...] = ()
    """What goes back before the calls."""


class Model(Protocol):
    """A model that answers in a stream."""

    @property
    def name(self) -> str:
        """Return the model's name, for people."""
        ...

    @property
    def has_tools(self) -> bool:
        """Return whether the model can call the tools of a request."""
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[str | Completion, None]:
        """Yield the answer's text as it comes, then exactly one `Completion`.

        A piece of text may end within a character; `retry.ask` cleans the text. The caller may
        close the stream early, which cancels the call.

        Raises:
            ModelBusyError: Retry after a while.
            ModelInterruptedError: The answer broke off in the middle; the error has the text so
                far.
            ModelRefusedError: Retrying is useless. It is a `PromptRefusedError` if the content of
                the request is the reason.
        """
        ...

    async def count(self, request: ModelRequest) -> int | None:
        """Return the tokens of a request's prompt as the model counts them. Never fails.

        Returns None if the model can't tell, or not now and within a moment.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
