"""The terminal as a platform: one person at a keyboard.

A terminal shows a thread's log, so to post an answer means to read the log. Only previews come
straight from the turn, if this process runs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from typing_extensions import override

from core.delivery.port import Capabilities, Platform, PostKey
from core.domain.errors import ChatbotError, FileUnreadableError, PlatformError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.delivery.port import DeliveryTarget, FileContent, Form, Posted
    from core.domain.message import Attachment, ThreadKey
    from core.domain.session import Answer

NAME = "terminal"
_PATIENCE = 60.0
"""Seconds that a person at a keyboard, or a script, waits for a reply."""


class Viewer(Protocol):
    """What shows the threads of this platform."""

    async def catch_up(self, thread: ThreadKey) -> None:
        """Show what is new in a thread's log, if that thread is on screen."""
        ...

    async def preview(self, thread: ThreadKey, turn: str, text: str) -> None:
        """Show the part of an answer that exists so far; an empty text withdraws it."""
        ...

    async def working(self, thread: ThreadKey, *, working: bool) -> None:
        """Show that the bot is writing an answer, or no longer is."""
        ...


class TerminalPlatform(Platform):
    """Shows turns on a terminal."""

    name = NAME

    def __init__(self, viewer: Viewer, *, previews: bool) -> None:
        """Show answers, and previews if `previews`, by `viewer`."""
        self._viewer = viewer
        self._capabilities = Capabilities(
            call_timeout=0.5,
            edit_interval=0.02,
            preview_after=0,
            previews=previews,
            reads_back=False,  # only the log has our messages
            wait_seconds=_PATIENCE,
            formatting="plain text: a terminal shows Markdown as it is written.",
        )

    @property
    @override
    def capabilities(self) -> Capabilities:
        return self._capabilities

    @override
    async def place_of(self, thread: ThreadKey) -> str:
        del thread
        return "a terminal"

    @property
    @override
    def links(self) -> None:
        """Return None: a terminal's threads have no links."""
        return None

    @override
    def cut(self, text: str) -> tuple[int, ...]:
        return (len(text),)

    @override
    def piece(self, text: str, cuts: Sequence[int], index: int) -> str:
        start = cuts[index - 1] if index else 0
        return text[start : cuts[index]]

    @override
    def parts(self, text: str, form: Form) -> tuple[str, ...]:
        return (text,)

    @override
    def link_to(self, thread: ThreadKey, message: str, number: int) -> str:
        return f"message {number}"

    @override
    async def post(self, target: DeliveryTarget, text: str, key: PostKey) -> str:
        if key.is_preview:
            await self._preview(target, text)
        return f"{key.turn}/{key.token or key.piece}"

    @override
    async def edit(self, target: DeliveryTarget, message: str, text: str, *, final: bool) -> None:
        if not final:
            await self._preview(target, text)

    @override
    async def delete(self, target: DeliveryTarget, message: str) -> None:
        await self._preview(target, "")

    @override
    async def read_back(self, target: DeliveryTarget) -> tuple[Posted, ...]:
        return ()

    @override
    async def fetch(self, thread: ThreadKey, attachment: Attachment) -> FileContent:
        raise FileUnreadableError("a terminal has no files")

    @override
    async def is_unchanged(self, thread: ThreadKey, attachment: Attachment) -> bool:
        return False

    @override
    async def finish(self, target: DeliveryTarget, answer: Answer, posted: Sequence[str]) -> None:
        # The log has the answer, and the turn is not settled yet: a kill now can't hide it.
        try:
            await self._viewer.catch_up(target.thread)
        except ChatbotError as error:
            raise PlatformError(str(error)) from error

    @override
    async def tell(self, target: DeliveryTarget, text: str) -> bool:
        return False  # the log, which the terminal shows, has what could not be posted

    @override
    async def working(self, target: DeliveryTarget, *, working: bool, again: bool = False) -> None:
        await self._viewer.working(target.thread, working=working)

    async def _preview(self, target: DeliveryTarget, text: str) -> None:
        await self._viewer.preview(target.thread, target.turn, text)
