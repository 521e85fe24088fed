"""The Platform port: what a turn needs of a chat platform, and nothing else.

A platform can't be fenced: a process that has lost its lease can still post. So every post carries
a key. The same key always means the same message, and `read_back` finds our messages of a turn by
their keys.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from core.domain.message import QuoteKind
from core.domain.session import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from core.domain.linked import Unread
    from core.domain.message import Attachment, Kind, Message, ThreadKey
    from core.domain.session import Answer
    from core.store.values import Work


AS_FILE = 1_000_000
"""The number of the piece that is a file with the whole answer; no answer has so many others."""


LEFT_OVER = "This is no answer: I stopped writing it here, and could not delete it."
"""Takes the place of an unfinished answer that the platform does not delete."""
HALF_STAYS = (
    "An unfinished text of mine stays above, because it can neither be deleted nor changed. "
    "It does not count; only my whole answer does."
)


class FileContent(NamedTuple):
    """What a platform has of a file."""

    data: bytes
    form: str = ""
    """What these bytes are if not the file as it was sent, as "Slack's smaller copy of it"."""
    name: str = ""
    """The file's name, if the platform states it here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTarget:
    """Where the messages of one turn go."""

    thread: ThreadKey
    kind: Kind
    turn: str
    """The turn's id; read-back looks only for our messages of this turn."""
    trigger: str
    """The platform's id of the message that is answered."""
    answer_in: str
    """The platform's thread or channel that the message's author expects the answer in."""
    at: float = 0.0
    """When that message was sent: the platform's Unix time."""
    reader: str = ""
    """The one person who talks in the thread; empty if there are several."""
    asker: str = ""
    """Who sent the message, prefixed with their platform's name; empty if the message is gone."""
    asked: str = ""
    """What the message that is answered says, for a title: its text, or else what it shows."""
    opens: bool = False
    """Whether this is the thread's first answer."""
    pieces: tuple[str, ...] = ()
    """The recorded answer as it is posted, for platforms that recognize a post by its text."""

    @property
    def asker_id(self) -> str:
        """Return the platform's own id of `asker`."""
        return self.asker.partition(" ")[2]


def target_of(work: Work) -> DeliveryTarget:
    """Return where the messages of a turn go, which its oldest message decides."""
    entries = (record for record in reversed(work.records) if isinstance(record, Entry))
    trigger = next((entry for entry in entries if entry.id == work.lease.turn), None)
    return DeliveryTarget(
        thread=work.lease.thread,
        kind=work.kind,
        turn=work.lease.turn,
        trigger=trigger.platform_id if trigger else work.lease.turn,
        answer_in=trigger.answer_in if trigger else "",
        at=trigger.sent_at if trigger else 0.0,
        reader=trigger.author.id if trigger and work.people <= 1 else "",
        asker=f"{work.lease.thread.platform} {trigger.author.id}" if trigger else "",
        asked=_said(trigger) if trigger else "",
        opens=work.head == 0,
    )


def _said(entry: Entry) -> str:
    shown = (quote.text for quote in entry.quotes if quote.kind is not QuoteKind.MISSING)
    return entry.text if entry.text.strip() else " ".join(shown)


def asker_of(message: Message) -> str:
    """Return who sent a message, in the form of `DeliveryTarget.asker`."""
    return f"{message.thread.platform} {message.author.id}"


class Form(IntEnum):
    """The form in which a piece of an answer is posted. If one is refused, the next is tried."""

    CUT = 0
    """As it was cut, in the platform's best shape."""
    PLAIN = 1
    """As plain text, in as many parts as that takes."""
    SMALL = 2
    """As plain text in small parts."""


Position: TypeAlias = tuple[int, int, int]
"""The piece, its form, and the part within that form. Positions sort in reading order."""


@dataclass(frozen=True, slots=True)
class PostKey:
    """The key under which a post is the same post again.

    A preview belongs to one lease (its `token`); a piece of the answer belongs to the turn.
    """

    thread: ThreadKey
    turn: str
    token: str = ""
    piece: int = -1
    form: Form = Form.CUT
    part: int = 0
    """The part of the piece, in a form that takes several."""

    @property
    def position(self) -> Position:
        """Return the post's position among the answer's posts."""
        return (self.piece, self.form, self.part)

    @property
    def is_preview(self) -> bool:
        """Return whether this is a preview's key."""
        return self.piece < 0

    @property
    def is_file(self) -> bool:
        """Return whether this is the key of the file with the whole answer."""
        return self.piece == AS_FILE


@dataclass(frozen=True, slots=True)
class Posted:
    """A message of ours that exists on the platform."""

    id: str
    key: PostKey
    text: str = ""
    """Its text, in the form that `Platform.piece` returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the platform can do, and how fast."""

    call_timeout: float
    """The most seconds that one call may take, the SDK's own retries included."""
    edit_interval: float
    """Seconds between two edits of a preview."""
    preview_after: float = 0.3
    """Seconds before the first preview; an answer that is ready sooner is posted in one call."""
    previews: bool = True
    """Whether a message can be shown while it is being written."""
    reads_back: bool = True
    """Whether our own messages can be found again; see `Platform.read_back`."""
    wait_seconds: float = math.inf
    """The most seconds that a person may wait without a reply, if less than in the settings."""
    formatting: str = ""
    """What the prompt says about the Markdown that people see there; one line."""


class Links(Protocol):
    """Port: links to conversations on a platform, and who may follow them at this moment."""

    def links_in(self, text: str) -> tuple[str, ...]:
        """Return the links to messages and threads in a text, in their usual form, each once.

        Makes no call. Links to another workspace are left out, and so are those that this platform
        has not made.
        """
        ...

    async def threads_at(self, link: str) -> tuple[ThreadKey, ...]:
        """Return the conversations that a link of `links_in` may lead to, the likeliest first.

        There are none if the platform shows the bot nothing there. Raises `PlatformError` if it
        can't be asked now.
        """
        ...

    async def why_not(self, person: str, there: ThreadKey, here: ThreadKey) -> Unread | None:
        """Return why a conversation may not be read for an answer; None if it may.

        The platform is asked each time, and no right of an admin counts. Raises `PlatformError` if
        it can't be asked now.

        Args:
            person: The platform's id of the person who posted the link.
            there: The conversation that it leads to.
            here: The conversation that it was posted in, where the answer will stand.
        """
        ...


class Platform(Protocol):
    """One chat platform. Each call raises `PlatformError` if it fails."""

    @property
    def name(self) -> str:
        """Return the name that the platform's thread keys begin with."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """Return what the platform can do."""
        ...

    @property
    def links(self) -> Links | None:
        """Return the links to its conversations; None if it has none."""
        ...

    def cut(self, text: str) -> tuple[int, ...]:
        """Return the ends of the pieces that an answer is posted in; the last is its length.

        If that would be too many messages, the last end comes earlier: people then get these
        pieces followed by the whole answer as a file, posted as the piece `AS_FILE`.
        """
        ...

    def piece(self, text: str, cuts: Sequence[int], index: int) -> str:
        """Return one piece as it is posted. The same arguments always return the same piece."""
        ...

    def parts(self, text: str, form: Form) -> tuple[str, ...]:
        """Return a piece split into texts that can be posted as plain text, in this form.

        The same arguments always return the same parts.
        """
        ...

    async def place_of(self, thread: ThreadKey) -> str:
        """Return what people call the channel or thread, for the model.

        Returns an empty text for a direct message, and if the name is not known. Never raises.
        """
        ...

    def link_to(self, thread: ThreadKey, message: str, number: int) -> str:
        """Return the address of a message of this thread; empty if it has none.

        Where messages have no addresses, but are numbered, words with its number are returned.
        `message` is its id, empty if that is unknown; `number` counts the thread's messages from 1.
        """
        ...

    async def post(self, target: DeliveryTarget, text: str, key: PostKey) -> str:
        """Post a message under its key, or a file with this text (`key.is_file`); return its id.

        A form other than `Form.CUT` is posted as plain text, with nothing whose shape could be
        refused. The id is empty for a piece that was posted and has been deleted since.

        Raises:
            PostUnclearError: It may have been posted nevertheless.
            PlatformBusyError: It can't be posted now; waiting helps.
            ContentRefusedError: It is refused for its content or its shape.
            PostRefusedError: It can't be posted there, however long one waits.
        """
        ...

    async def edit(self, target: DeliveryTarget, message: str, text: str, *, final: bool) -> None:
        """Replace the whole text of a message of ours; `final` marks the answer itself.

        Raises what `post` does, with `PostRefusedError` if the message can't be edited any more,
        and `StoppedByUserError` if a person has told the platform that a preview is enough.
        """
        ...

    async def delete(self, target: DeliveryTarget, message: str) -> None:
        """Delete a message of ours; do nothing if it is gone already.

        If the platform refuses for good, the message says `LEFT_OVER` instead. Raises
        `PostRefusedError` if that is refused as well.
        """
        ...

    async def read_back(self, target: DeliveryTarget) -> tuple[Posted, ...]:
        """Return our messages of this turn, oldest first.

        Raises `ReadBackRefusedError` if the platform does not let us read them.
        """
        ...

    async def fetch(self, thread: ThreadKey, attachment: Attachment) -> FileContent:
        """Return a file that came with a message of the thread, whole and as it was sent.

        If it is too large, or of a kind that models don't take, and the platform has another form
        of it (a smaller picture, a transcript), that is returned instead, and is said to be so.
        Sets no time limit; the caller does. Reads at most `limits.FILE_BYTES` bytes.

        Raises:
            FileGoneError: It was removed.
            FileUnreadableError: The bot may not read it, or it is larger than that.
        """
        ...

    async def is_unchanged(self, thread: ThreadKey, attachment: Attachment) -> bool:
        """Return whether a file is still there as it was fetched; cheaper than fetching it.

        Returns False if the platform can't say. Raises `PlatformError` if it can't be asked now.
        """
        ...

    async def finish(self, target: DeliveryTarget, answer: Answer, posted: Sequence[str]) -> None:
        """Add what goes with a delivered answer: its notes, and the ✂️ if it is `trimmed`.

        Posts nothing for an answer that `is_bare`. `posted` are the messages with the answer's
        text, without the file that holds all of it. May be called again for the same answer after
        a crash, and must then have the same result.
        """
        ...

    async def tell(self, target: DeliveryTarget, text: str) -> bool:
        """Post a sentence about a turn where its answer belongs, or else privately to its asker.

        It is posted once, whichever process asks for it. Returns whether it was; never raises.
        """
        ...

    async def working(self, target: DeliveryTarget, *, working: bool, again: bool = False) -> None:
        """Show that the bot works on this turn, or that it no longer does. Never raises.

        `again` is for a turn that another worker has left: it is shown at once, and in words if the
        platform has any.
        """
        ...


def copies(found: Iterable[Posted]) -> list[Posted]:
    """Return every copy of each piece except the oldest."""
    oldest: dict[Position, Posted] = {}
    pieces = [posted for posted in found if not posted.key.is_preview]
    return [each for each in pieces if oldest.setdefault(each.key.position, each) is not each]
