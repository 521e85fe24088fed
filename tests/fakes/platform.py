"""A chat platform in memory: strict about what a platform can't do, and faulty on demand."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.delivery.port import Capabilities, DeliveryTarget, FileContent, Form, Posted, PostKey
from core.domain.errors import (
    ContentRefusedError,
    FileGoneError,
    PostRefusedError,
    PostUnclearError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.delivery.port import Links
    from core.domain.errors import ChatbotError
    from core.domain.message import Attachment, ThreadKey
    from core.domain.session import Answer


@dataclass
class Shown:
    """A message of the bot that people see."""

    id: str
    key: PostKey
    text: str


@dataclass
class FakePlatform:
    """One channel's worth of messages, shared by every worker that is given it."""

    name: str = "fake"
    piece_length: int = 1000
    most_pieces: int = 0
    """Messages that an answer may have; one that needs more is a file as well. 0 is no limit."""
    previews: bool = True
    shown: list[Shown] = field(default_factory=list)
    finished: dict[str, tuple[Answer, tuple[str, ...]]] = field(default_factory=dict)
    edits: int = 0
    unclear: deque[str] = field(default_factory=deque)
    """For the posts to come, in order: '' is well, 'lost' loses the reply, 'never' the request."""
    refuse_edits: bool = False
    errors: deque[ChatbotError | None] = field(default_factory=deque)
    """What the posts to come fail with, in order; None is well."""
    refuses: set[Form] = field(default_factory=set)
    """Forms of a piece whose shape it does not take."""
    no_files: bool = False
    told: dict[str, str] = field(default_factory=dict)
    """By turn: what was said of it beside its answer."""
    taken_up: list[tuple[str, list[str]]] = field(default_factory=list)
    """The turns that were taken up again, and what stood on the platform when that was shown."""
    posts_ever: int = 0
    files: dict[str, bytes | Exception] = field(default_factory=dict)
    """What people sent, by the attachment's id; one that isn't here is gone."""
    forms: dict[str, str] = field(default_factory=dict)
    """What is returned instead of a file as it was sent, by the attachment's id."""
    fetched: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Files of which it was asked whether they are there."""
    doubt: Exception | None = None
    """Why that can't be said."""
    wait_seconds: float = math.inf
    """How long a person may be left without a word."""
    follows: Links | None = None
    """The links to its conversations."""

    def link_to(self, thread: ThreadKey, message: str, number: int) -> str:
        """Return an address made of the thread's name and the message's id."""
        return f"https://fake.example/{thread.thread}/{message}" if message else ""

    async def place_of(self, thread: ThreadKey) -> str:
        """Return the channel's key as its name."""
        return thread.channel

    @property
    def links(self) -> Links | None:
        """Return the links to its conversations."""
        return self.follows

    @property
    def capabilities(self) -> Capabilities:
        """Return what it can do: everything, at once."""
        return Capabilities(
            call_timeout=0.5,
            edit_interval=0,
            preview_after=0,
            previews=self.previews,
            wait_seconds=self.wait_seconds,
        )

    def texts(self) -> list[str]:
        """Return what people see, oldest first."""
        return [message.text for message in self.shown]

    def cut(self, text: str) -> tuple[int, ...]:
        """Cut after every so many characters."""
        step = self.piece_length
        cuts = [min(start + step, len(text)) for start in range(0, len(text), step)]
        return tuple(cuts[: self.most_pieces or None])

    def piece(self, text: str, cuts: Sequence[int], index: int) -> str:
        """Return one piece."""
        return text[cuts[index - 1] if index else 0 : cuts[index]]

    def parts(self, text: str, form: Form) -> tuple[str, ...]:
        """Cut after every so many characters; in small parts, after half as many."""
        step = self.piece_length // form
        return tuple(text[start : start + step] for start in range(0, len(text), step))

    async def post(self, where: DeliveryTarget, text: str, key: PostKey) -> str:
        """Post, whatever stands there already: it has no idempotency keys."""
        if self.errors:
            error = self.errors.popleft()
            if error is not None:
                raise error
        refused = self.no_files if key.is_file else key.form in self.refuses
        if refused and not key.is_preview:
            raise ContentRefusedError(f"{key.position} is of a wrong shape")
        fault = self.unclear.popleft() if self.unclear else ""
        if fault != "never":
            self.posts_ever += 1
            self.shown.append(Shown(id=f"p{self.posts_ever}", key=key, text=text))
        if fault:
            raise PostUnclearError("the connection was cut")
        assert key.turn == where.turn
        return self.shown[-1].id

    async def edit(self, where: DeliveryTarget, message: str, text: str, *, final: bool) -> None:
        """Replace a message's text."""
        found = next((shown for shown in self.shown if shown.id == message), None)
        if found is None or (self.refuse_edits and final):
            raise PostRefusedError("no such message")
        if final and Form.CUT in self.refuses:
            raise ContentRefusedError("an answer is of a wrong shape")
        self.edits += 1
        found.text = text

    async def delete(self, where: DeliveryTarget, message: str) -> None:
        """Take a message away."""
        self.shown = [shown for shown in self.shown if shown.id != message]

    async def read_back(self, where: DeliveryTarget) -> tuple[Posted, ...]:
        """Return our messages of the turn."""
        return tuple(
            Posted(shown.id, shown.key, shown.text)
            for shown in self.shown
            if (shown.key.thread, shown.key.turn) == (where.thread, where.turn)
        )

    async def fetch(self, thread: ThreadKey, attachment: Attachment) -> FileContent:
        """Return a file's bytes."""
        self.fetched.append(attachment.id)
        file = self.files.get(attachment.id, FileGoneError("it was deleted."))
        if isinstance(file, Exception):
            raise file
        return FileContent(file, self.forms.get(attachment.id, ""))

    async def is_unchanged(self, thread: ThreadKey, attachment: Attachment) -> bool:
        """Return whether a file is there as it was when it was fetched."""
        self.asked.append(attachment.id)
        if isinstance(self.doubt, Exception):
            raise self.doubt
        return isinstance(self.files.get(attachment.id), bytes)

    async def finish(self, where: DeliveryTarget, answer: Answer, posted: Sequence[str]) -> None:
        """Note that the answer is complete."""
        self.finished[where.turn] = (answer, tuple(posted))

    async def tell(self, where: DeliveryTarget, text: str) -> bool:
        """Note what was said, once for each turn."""
        self.told.setdefault(where.turn, text)
        return True

    async def working(self, where: DeliveryTarget, *, working: bool, again: bool = False) -> None:
        """Show nothing, but note a turn that is taken up again."""
        if again:
            self.taken_up.append((where.turn, self.texts()))
