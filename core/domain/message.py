"""What people say: the one shape that every platform turns its events into. Pure."""

from __future__ import annotations

import codecs
from base64 import b32encode
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from core.domain.limits import LABEL, QUOTE_BYTES, QUOTES, QUOTES_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence


_TAG = 5
"""Letters and digits of a person's tag: among 1,000 people, two share one in 1.5 % of cases."""


class Kind(StrEnum):
    """The kind of conversation; memory and time to live are chosen by it."""

    TERMINAL = "terminal"
    DM = "dm"
    GROUP = "group"
    THREAD = "thread"


class Address(StrEnum):
    """To whom a message is addressed, as far as the message itself shows."""

    DIRECT = "direct"
    """It was sent where only the bot listens: in a DM or a terminal."""
    MENTIONED = "mentioned"
    """It mentions the bot."""
    REPLIED = "replied"
    """It replies to a message of the bot."""
    OTHERS = "others"
    """It mentions someone else, and not the bot."""
    NOBODY = "nobody"
    """It mentions no one."""


FOR_US = frozenset({Address.DIRECT, Address.MENTIONED, Address.REPLIED})
"""Messages that are addressed to the bot by themselves, so that their authors expect an answer."""


@dataclass(frozen=True, slots=True)
class ThreadKey:
    """The key of one conversation: the platform, the channel there, and the thread in it.

    Settings, cursors and rights belong to `place`: a channel, a DM, or a user's terminal.
    """

    platform: str
    channel: str
    thread: str

    def __post_init__(self) -> None:
        """Raise ValueError for an empty part: only a fault of a platform leads to such a key."""
        if not (self.platform and self.channel and self.thread):
            message = f"a thread key needs a platform, a place and a thread, not {self!r}"
            raise ValueError(message)

    def __str__(self) -> str:
        """Return the key as one line of text; different keys have different texts."""
        return _text(self.platform, self.channel, self.thread)

    @classmethod
    def parse(cls, text: str) -> ThreadKey:
        """Return the key whose `str` is this text; raise ValueError if there is none."""
        platform, place, thread = (unquote(p, errors="surrogatepass") for p in text.split(":"))
        return cls(platform, place, thread)


@lru_cache(maxsize=4096)  # a turn asks for it a dozen times
def _text(*parts: str) -> str:
    return ":".join(quote(part, safe="", errors="surrogatepass") for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """The author of a message: the platform's id, and the name that others in the thread see."""

    id: str
    name: str
    is_app: bool = False
    """It is a bot, an app or a webhook."""

    @property
    def tag(self) -> str:
        """Return a short text that tells people of one name apart; the same for an id always."""
        return tag_of(self.id)


@lru_cache(maxsize=1024)
def tag_of(id_: str) -> str:
    """Return the tag of the person with this id on the platform; see `Author.tag`."""
    digest = blake2b(id_.encode(errors="surrogatepass"), digest_size=5).digest()
    return b32encode(digest).decode().lower()[:_TAG]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A reference to a file that came with a message; it is fetched when its turn starts."""

    id: str
    """The platform's reference: all that any process needs to find the file."""
    name: str
    media_type: str
    """What the platform says that it is; what it really is, its content decides."""
    size: int
    """Bytes, as the platform reports them."""


class QuoteKind(StrEnum):
    """What people see with a message."""

    REPLY = "reply"
    """The message that this one replies to."""
    FORWARD = "forward"
    """A message that it forwards or shares."""
    PREVIEW = "preview"
    """What the platform shows of a link."""
    CARD = "card"
    """What an app shows: an attachment, embed, block or component, a poll, a sticker, a table."""
    TITLE = "title"
    """The title, and the tags, of the thread or post that it opens."""
    MISSING = "missing"
    """A word of the program: what was said before it, and could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Something that people see with a message, and that its author did not type."""

    kind: QuoteKind
    text: str
    author: str = ""
    """The name that people see; empty if there is none."""
    by_bot: bool = False
    """The bot itself said it."""
    place: str = ""
    """Where it was said, as people call it."""
    sent_at: float = 0.0
    """When it was said: seconds since 1970, UTC; 0 if that is unknown."""
    cut: int = 0
    """How many characters were left off at its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something that a person said to the bot, or in a conversation that it is part of.

    Text and names are cleaned when the message is created (see `clean`), so no other code has to
    expect characters that a store or a platform refuses.
    """

    thread: ThreadKey
    kind: Kind
    id: str
    """The platform's id of the message, unique in its thread."""
    identities: tuple[str, ...]
    """Every id under which the platform may deliver this message again."""
    author: Author
    text: str
    """What the author typed."""
    sent_at: float
    """When it was sent, by the platform's clock: seconds since 1970, UTC."""
    edited_at: float = 0.0
    """When it was last edited, by the same clock; 0 if it never was."""
    address: Address = Address.DIRECT
    answer_in: str = ""
    """Where in the thread its answer belongs; messages with different places get separate turns."""
    attachments: tuple[Attachment, ...] = ()
    quotes: tuple[Quote, ...] = ()
    """What people see with it beside its text and its files; cut to the limits of a message."""

    def __post_init__(self) -> None:
        """Clean what people wrote; raise ValueError for a message without an id or identities."""
        if not self.id or not self.identities:
            message = f"a message of {self.thread} needs an id and at least one identity"
            raise ValueError(message)
        object.__setattr__(self, "text", clean(self.text))
        name = clean(self.author.name)
        if name != self.author.name:
            object.__setattr__(self, "author", replace(self.author, name=name))
        if self.attachments:
            files = tuple(replace(file, name=clean(file.name)) for file in self.attachments)
            object.__setattr__(self, "attachments", files)
        if self.quotes:
            object.__setattr__(self, "quotes", _within_limits(self.quotes))


def _within_limits(quotes: Sequence[Quote]) -> tuple[Quote, ...]:
    """Return quotes cleaned, and cut to what a message may hold; the last says what else is cut."""
    left = QUOTES_BYTES
    kept: list[Quote] = []
    for each in quotes[:QUOTES]:
        text = clean(each.text)
        shown = text.encode()[: min(left, QUOTE_BYTES)].decode(errors="ignore")
        left -= len(shown.encode())
        kept.append(
            replace(
                each,
                text=shown,
                author=clean(each.author)[:LABEL],
                place=clean(each.place)[:LABEL],
                cut=each.cut + len(text) - len(shown),
            )
        )
    if rest := sum(len(each.text) + each.cut for each in quotes[QUOTES:]):
        kept[-1] = replace(kept[-1], cut=kept[-1].cut + rest)
    return tuple(kept)


_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_UTF_16 = "utf-16-le"
"""Here a character beyond U+FFFF is a pair of surrogates, as in JSON's escapes."""


def clean(text: str) -> str:
    """Return the text with surrogate pairs joined, and U+FFFD for NUL and for lone surrogates.

    PostgreSQL can't store NUL, and UTF-8 can't encode a lone surrogate: both would fail far from
    where they came in.
    """
    if not text.isascii():
        try:
            text.encode()  # cheap, and nearly all text passes
        except UnicodeEncodeError:
            text = text.encode(_UTF_16, "surrogatepass").decode(_UTF_16, "replace")
    return text.replace("\0", _REPLACEMENT)


class PieceCleaner:
    """Cleans a text that comes in pieces, as `clean` would clean all of it.

    A piece may end in the middle of a character; its first half waits for the second.
    """

    def __init__(self) -> None:
        """Start without anything held back."""
        self._decoder = codecs.getincrementaldecoder(_UTF_16)("replace")
        self._holds = False

    def take(self, piece: str) -> str:
        """Return the cleaned piece, with what was held back before it."""
        if self._holds or not piece.isascii():
            piece = self._decoder.decode(piece.encode(_UTF_16, "surrogatepass"))
            self._holds = self._decoder.getstate()[0] != b""
        return piece.replace("\0", _REPLACEMENT) if "\0" in piece else piece

    def rest(self) -> str:
        """Return what is still held back: nothing, or U+FFFD for half a character."""
        return self._decoder.decode(b"", final=True)
