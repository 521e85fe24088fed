"""The Model port: a request in, a stream of text and one completion out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from core.domain.session import Usage


ImageType: TypeAlias = Literal["image/gif", "image/jpeg", "image/png", "image/webp"]
"""The types of images that Claude takes (Anthropic's documentation, "Vision")."""


class Block(NamedTuple):
    """A piece of a prompt; a tuple, since a request has hundreds, which are made in each turn."""

    text: str
    cache: bool = False
    """The prompt up to here stays the same in later requests: a cache breakpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture in a prompt."""

    name: str
    """What people call it; it stands in the message's words as well."""
    media_type: ImageType
    data: bytes = field(repr=False)
    cache: bool = False

    @property
    def text(self) -> str:
        """Return no words: it has none."""
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A PDF in a prompt."""

    name: str
    """What people call it; it stands in the message's words as well."""
    data: bytes = field(repr=False)
    cache: bool = False

    @property
    def text(self) -> str:
        """Return no words: what it has is known to who reads it."""
        return ""


Part: TypeAlias = Block | Image | Document
"""What a prompt is made of; a model that knows only words passes over the rest."""


def marked(part: Part, *, cache: bool = True) -> Part:
    """Return a part with a cache breakpoint behind it, or without."""
    return part._replace(cache=cache) if isinstance(part, Block) else replace(part, cache=cache)


class ModelMessage(NamedTuple):
    """What one side said; in a request, the sides alternate and the user's is first and last."""

    role: Literal["user", "assistant"]
    blocks: tuple[Part, ...]

    @property
    def text(self) -> str:
        """Return the text of all blocks."""
        return "\n".join(block.text for block in self.blocks if isinstance(block, Block))

    @property
    def media(self) -> tuple[Image | Document, ...]:
        """Return what is no text."""
        return tuple(block for block in self.blocks if not isinstance(block, Block))


class ShownMessage(NamedTuple):
    """What a person said, as a request shows it, but plain: without tags, names and escapes."""

    text: str
    """The message; of its files, the names, and the content of those that are text."""
    speaker: str = ""
    """Empty in conversations in which only one person talks."""
    overheard: bool = False


class Shown(NamedTuple):
    """What people said, as a request shows it; for a model that is no language model."""

    summary: str = ""
    earlier: tuple[ShownMessage, ...] = ()
    """The messages that are answered already, oldest first."""
    new: tuple[ShownMessage, ...] = ()
    """The messages to answer; of a request for a summary, those to summarize."""
    left_out: int = 0
    """How many earlier messages the request does not show."""


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
    """Tokens that the answer may have at most."""
    purpose: Purpose = Purpose.REPLY
    shown: Shown = field(default=Shown(), repr=False)
    """The same once more, as records."""

    @property
    def has_media(self) -> bool:
        """Tell whether there is more than text in it."""
        blocks = (block for message in self.messages for block in message.blocks)
        return not all(isinstance(block, Block) for block in blocks)


class StopReason(StrEnum):
    """Why an answer ended."""

    END = "end"
    LENGTH = "length"
    """It reached `max_tokens`: it is whole as far as it goes, and cut there."""
    REFUSAL = "refusal"
    """The model declined to go on."""
    STOPPED = "stopped"
    """A person told the bot to stop. No model reports this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """The end of an answer; the last item of a stream, and only of one that is whole."""

    stop: StopReason
    usage: Usage | None = None
    """None where the model reports none, which is no error."""


class Model(Protocol):
    """A model that answers in a stream."""

    @property
    def name(self) -> str:
        """Return what the model is called, for people."""
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[str | Completion, None]:
        """Yield the answer's text as it comes, then exactly one `Completion`.

        The text may be anything, and break off within a character: `retry.ask` cleans it.

        Raises `ModelBusyError` (ask again after a while), `ModelInterruptedError` (it broke off
        in the middle, with the text so far) or `ModelRefusedError` (it is of no use to ask
        again; `PromptRefusedError` where it is for what the request holds). The stream may be
        closed early; the call is then given up.
        """
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...
