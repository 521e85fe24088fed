"""What people say: the one shape that every platform turns its events into. Pure."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from urllib.parse import quote, unquote


class Kind(StrEnum):
    """The kind of conversation; memory and time to live are chosen by it."""

    TERMINAL = "terminal"
    DM = "dm"
    GROUP = "group"
    THREAD = "thread"


class Address(StrEnum):
    """Whom a message is for, as far as the message itself tells."""

    DIRECT = "direct"
    """Said where only the bot listens: a DM, a terminal."""
    MENTIONED = "mentioned"
    """It names the bot."""
    REPLIED = "replied"
    """It replies to a message of the bot."""
    OTHERS = "others"
    """It names somebody, and not the bot."""
    NOBODY = "nobody"
    """It names nobody."""


FOR_US = frozenset({Address.DIRECT, Address.MENTIONED, Address.REPLIED})
"""What is for the bot by the message itself: its author is owed an answer."""


@dataclass(frozen=True, slots=True)
class ThreadKey:
    """The name of one conversation: which platform, which place there, which thread in it.

    `place` is what settings, cursors and rights hang on (a channel, a DM, a user's terminal).
    """

    platform: str
    place: str
    thread: str

    def __post_init__(self) -> None:
        """Refuse a part that is empty: such keys come from a platform's fault, never a person."""
        if not (self.platform and self.place and self.thread):
            message = f"a thread key needs a platform, a place and a thread, not {self!r}"
            raise ValueError(message)

    def __str__(self) -> str:
        """Return the key as one line of text; different keys never give the same text."""
        return _text(self.platform, self.place, self.thread)

    @classmethod
    def parse(cls, text: str) -> ThreadKey:
        """Return the key that `str` made this text of; ValueError when none did."""
        platform, place, thread = (unquote(p, errors="surrogatepass") for p in text.split(":"))
        return cls(platform, place, thread)


@lru_cache(maxsize=4096)  # a turn asks for it a dozen times
def _text(*parts: str) -> str:
    return ":".join(quote(part, safe="", errors="surrogatepass") for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who said it: the platform's id, and the name that others in the thread see."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that came with a message, by reference: it is fetched when its turn starts."""

    id: str
    """The platform's reference: all that it needs to find the file again, in any process."""
    name: str
    media_type: str
    """What it is said to be; what it is, is told by its content."""
    size: int
    """Bytes, as the platform states them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something a person said to the bot, or near it.

    Text and names are cleaned on the way in (see `clean`), so nothing further in has to
    expect characters that a store or a platform refuses.
    """

    thread: ThreadKey
    kind: Kind
    id: str
    """The platform's id of the message, unique in its thread."""
    identities: tuple[str, ...]
    """Every name under which the platform may deliver this message again."""
    author: Author
    text: str
    at: float
    """When it was said, by the platform's clock: seconds since 1970, UTC."""
    stamp: float = 0.0
    """When it was last edited, by the same clock; 0 if it never was."""
    address: Address = Address.DIRECT
    answer_in: str = ""
    """Where in the thread its answer belongs; messages that differ here get turns of their own."""
    attachments: tuple[Attachment, ...] = ()

    def __post_init__(self) -> None:
        """Clean what people wrote, and refuse a message that could not be told from its copy."""
        if not self.id or not self.identities:
            message = f"a message of {self.thread} needs an id and at least one identity"
            raise ValueError(message)
        object.__setattr__(self, "text", clean(self.text))
        name = clean(self.author.name)
        if name != self.author.name:
            object.__setattr__(self, "author", Author(id=self.author.id, name=name))
        if self.attachments:
            files = tuple(replace(file, name=clean(file.name)) for file in self.attachments)
            object.__setattr__(self, "attachments", files)


_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_UTF_16 = "utf-16-le"
"""In which a character beyond U+FFFF is the two halves (surrogates) that JSON writes as well."""


def clean(text: str) -> str:
    """Return the text with halves of a character joined, and U+FFFD for NUL and a lone half.

    PostgreSQL stores no NUL, and UTF-8 has no lone surrogate: both would fail far from here.
    """
    if not text.isascii():
        try:
            text.encode()  # cheap, and nearly all text passes
        except UnicodeEncodeError:
            text = text.encode(_UTF_16, "surrogatepass").decode(_UTF_16, "replace")
    return text.replace("\0", _REPLACEMENT)


class PieceCleaner:
    """Cleans a text that comes in pieces, as `clean` would clean the whole.

    A piece may end in the middle of a character; its first half waits for the second.
    """

    def __init__(self) -> None:
        """Hold nothing back yet."""
        self._decoder = codecs.getincrementaldecoder(_UTF_16)("replace")
        self._holds = False

    def take(self, piece: str) -> str:
        """Return what is sure by now: this piece, and what was held back before it."""
        if self._holds or not piece.isascii():
            piece = self._decoder.decode(piece.encode(_UTF_16, "surrogatepass"))
            self._holds = self._decoder.getstate()[0] != b""
        return piece.replace("\0", _REPLACEMENT) if "\0" in piece else piece

    def rest(self) -> str:
        """Return what is still held back: nothing, or U+FFFD for a half without its second."""
        return self._decoder.decode(b"", final=True)
