"""The Platform port: what the turn needs of a chat platform, and nothing else.

A platform can't be fenced, so every post carries a key. The same key always means the same
message, and `read_back` finds our messages of a turn again by their keys.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.message import Attachment, Kind, ThreadKey
    from core.domain.session import Answer


AS_FILE = 1_000_000
"""The number of the piece that is a file with the whole answer; no answer has so many others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTarget:
    """Where the messages of one turn go."""

    thread: ThreadKey
    kind: Kind
    turn: str
    """The turn's id; read-back looks for our messages of this turn only."""
    trigger: str
    """The platform's id of the message that is answered."""
    answer_in: str
    at: float = 0.0
    """When that message was said: the platform's Unix time."""
    reader: str = ""
    """The one person who talks in the thread; empty where several do."""
    asker: str = ""
    """Who said what is answered, with their platform's name before it; empty if that is gone."""
    asked: str = ""
    """What the message that is answered says, for a title."""
    opens: bool = False
    """Nothing was answered in the thread before."""
    pieces: tuple[str, ...] = ()
    """The recorded answer as it is posted, for platforms that know a post by what it says."""

    @property
    def asker_id(self) -> str:
        """Return the platform's own id of `asker`."""
        return self.asker.partition(" ")[2]


class Form(IntEnum):
    """In what form a piece of an answer is posted; the next one where the platform refuses one."""

    CUT = 0
    """As it was cut, in the platform's best shape."""
    PLAIN = 1
    """As plain text, in as many parts as that takes."""
    SMALL = 2
    """As plain text in small parts."""


Slot: TypeAlias = tuple[int, int, int]
"""Which piece, in which form, and which part of it there; in the order in which people read."""


@dataclass(frozen=True, slots=True)
class PostKey:
    """The name under which a post is the same post again.

    A preview belongs to one lease (its `token`); a piece of the answer belongs to the turn.
    """

    thread: ThreadKey
    turn: str
    token: str = ""
    piece: int = -1
    form: Form = Form.CUT
    part: int = 0
    """Which part of the piece it is, in a form that takes several."""

    @property
    def slot(self) -> Slot:
        """Return its place among the answer's posts."""
        return (self.piece, self.form, self.part)

    @property
    def is_preview(self) -> bool:
        """Tell whether it names a preview."""
        return self.piece < 0

    @property
    def is_file(self) -> bool:
        """Tell whether it names the file with the whole answer."""
        return self.piece == AS_FILE


@dataclass(frozen=True, slots=True)
class Posted:
    """A message of ours that stands on the platform."""

    id: str
    key: PostKey
    text: str = ""
    """What it says, in the form that `Platform.piece` gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the platform can do, and how fast."""

    call_timeout: float
    """Seconds that one call may take at most, the SDK's own retries included."""
    edit_interval: float
    """Seconds between two edits of a preview."""
    preview_after: float = 0.3
    """Seconds before the first preview: an answer ready by then is posted in one call."""
    previews: bool = True
    """Whether a message can be shown while it is still being written."""
    reads_back: bool = True
    wait_seconds: float = math.inf
    """How long a person may be left without a word, if that is less than the settings say."""


class Platform(Protocol):
    """One chat platform. Each call raises `PlatformError` when it comes to nothing."""

    @property
    def name(self) -> str:
        """Return the name that the platform's thread keys begin with."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """Return what the platform can do."""
        ...

    def cut(self, text: str) -> tuple[int, ...]:
        """Return the ends of the pieces that an answer is posted in; the last is its length.

        Where that would be too many messages, the last end comes before: then people get these
        pieces and, behind them, the whole answer as a file, posted as the piece `AS_FILE`.
        """
        ...

    def piece(self, text: str, cuts: Sequence[int], index: int) -> str:
        """Return one piece as it is posted. The same arguments always give the same piece."""
        ...

    def parts(self, text: str, form: Form) -> tuple[str, ...]:
        """Return a piece as texts that can be posted as plain text, in this form.

        The same arguments always give the same parts.
        """
        ...

    async def post(self, where: DeliveryTarget, text: str, key: PostKey) -> str:
        """Post a message under its key, or a file with this text (`key.is_file`); return its id.

        A form other than `Form.CUT` is posted as plain text, with nothing whose shape could be
        refused. Empty is the id of a piece that was posted and has been deleted since.

        Raises:
            PostUnclearError: It may have been posted all the same.
            PlatformBusyError: It can't be posted now; waiting helps.
            ContentRefusedError: It is refused for what is in it or for its shape.
            PostRefusedError: It can't be posted there, however long one waits.
        """
        ...

    async def edit(self, where: DeliveryTarget, message: str, text: str, *, final: bool) -> None:
        """Replace the whole text of a message of ours; `final` marks the answer itself.

        Raises what `post` does: `PostRefusedError` when the message can't be edited any more. And
        `StoppedByUserError` when a person has told the platform that a preview is enough.
        """
        ...

    async def delete(self, where: DeliveryTarget, message: str) -> None:
        """Take a message of ours away; one that is gone already is no error.

        Raises `PostRefusedError` when it stays, however long one waits.
        """
        ...

    async def read_back(self, where: DeliveryTarget) -> tuple[Posted, ...]:
        """Return our messages of this turn, oldest first.

        Raises `ReadBackRefusedError` when the platform does not let us look.
        """
        ...

    async def fetch(self, thread: ThreadKey, attachment: Attachment) -> bytes:
        """Return a file that came with a message of the thread, whole and as it was sent.

        Raises `FileGoneError` when it was removed, and `FileUnreadableError` when it is not for us
        or has more than `limits.FILE_BYTES` bytes, of which no more than that are read. How long it
        may take is up to who asks.
        """
        ...

    async def is_unchanged(self, thread: ThreadKey, attachment: Attachment) -> bool:
        """Tell whether a file that was fetched is still there as it was; cheaper than to fetch it.

        False where that can't be told. Raises `PlatformError` where it can't be asked now.
        """
        ...

    async def finish(self, where: DeliveryTarget, answer: Answer, posted: Sequence[str]) -> None:
        """Do what goes with a delivered answer: its notes, the ✂️ when it is `trimmed`.

        It posts nothing for an answer that `is_bare`. `posted` are the messages with the answer's
        text; a file with the whole is not among them.
        May be called again for the same answer after a crash, and must look the same then.
        """
        ...

    async def tell(self, where: DeliveryTarget, text: str) -> bool:
        """Say a sentence about a turn: where its answer belongs, else to who asked, alone.

        It is said once, no matter which process says it. Returns whether it was said; never raises.
        """
        ...

    async def working(self, where: DeliveryTarget, *, working: bool) -> None:
        """Show that the bot works on this turn, or no longer does. Never raises."""
        ...
