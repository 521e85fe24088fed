"""The terminal as a platform: one person at a keyboard.

What stands in the thread's log is what a terminal shows, so posting means no more than looking
there. Only the preview comes straight from the turn, where this process runs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from core.delivery.port import Capabilities, PostKey
from core.domain.errors import ChatbotError, FileUnreadableError, PlatformError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.delivery.port import DeliveryTarget, Form, Posted
    from core.domain.message import Attachment, ThreadKey
    from core.domain.session import Answer

NAME = "terminal"
_PATIENCE = 60.0
"""Seconds: a person sits before it, or a script waits for the line."""


class Viewer(Protocol):
    """Who looks at a thread through this platform."""

    async def catch_up(self, thread: ThreadKey) -> None:
        """Show what is new in a thread's log, if it is the one that is looked at."""
        ...

    async def preview(self, thread: ThreadKey, turn: str, text: str) -> None:
        """Show as much of an answer as there is; the empty text takes it back."""
        ...

    async def working(self, thread: ThreadKey, *, working: bool) -> None:
        """Show that an answer is being made, or no longer is."""
        ...


class TerminalPlatform:
    """Implements `core.delivery.port.Platform`; see there."""

    name = NAME

    def __init__(self, viewer: Viewer | None = None, *, previews: bool = False) -> None:
        """Show to `viewer`; without one, answers stay in the log until somebody looks."""
        self.viewer = viewer
        self.capabilities = Capabilities(
            call_timeout=0.5,
            edit_interval=0.02,
            preview_after=0,
            previews=previews,
            reads_back=False,  # nothing stands anywhere but in the log
            wait_seconds=_PATIENCE,
        )

    def cut(self, text: str) -> tuple[int, ...]:
        """Return one piece: a terminal takes any length."""
        return (len(text),)

    def piece(self, text: str, cuts: Sequence[int], index: int) -> str:
        """Return the piece between two cuts."""
        start = cuts[index - 1] if index else 0
        return text[start : cuts[index]]

    def parts(self, text: str, form: Form) -> tuple[str, ...]:
        """Return the piece as it is: a terminal refuses no shape."""
        del form
        return (text,)

    async def post(self, where: DeliveryTarget, text: str, key: PostKey) -> str:
        """Show a preview; an answer is shown from the log, when it is finished."""
        if key.is_preview:
            await self._preview(where, text)
        return f"{key.turn}/{key.token or key.piece}"

    async def edit(self, where: DeliveryTarget, message: str, text: str, *, final: bool) -> None:
        """Show more of a preview."""
        del message
        if not final:
            await self._preview(where, text)

    async def delete(self, where: DeliveryTarget, message: str) -> None:
        """Take a preview back."""
        del message
        await self._preview(where, "")

    async def read_back(self, where: DeliveryTarget) -> tuple[Posted, ...]:
        """Return nothing: what was shown can't be taken back."""
        del where
        return ()

    async def fetch(self, thread: ThreadKey, attachment: Attachment) -> bytes:
        """Refuse: nobody can send a file here."""
        del thread, attachment
        raise FileUnreadableError("a terminal has no files")

    async def is_unchanged(self, thread: ThreadKey, attachment: Attachment) -> bool:
        """Tell whether a file is as it was; there are none in a terminal."""
        del thread, attachment
        return False

    async def finish(self, where: DeliveryTarget, answer: Answer, posted: Sequence[str]) -> None:
        """Show the answer: before the turn is settled, so that a kill between can't hide it."""
        del answer, posted
        if self.viewer is None:
            return
        try:
            await self.viewer.catch_up(where.thread)
        except ChatbotError as error:
            raise PlatformError(str(error)) from error

    async def tell(self, where: DeliveryTarget, text: str) -> bool:
        """Say nothing: what was not posted stands in the log, which is what is shown."""
        del where, text
        return False

    async def working(self, where: DeliveryTarget, *, working: bool) -> None:
        """Show that the bot works on this turn, or no longer does."""
        if self.viewer is not None:
            await self.viewer.working(where.thread, working=working)

    async def _preview(self, where: DeliveryTarget, text: str) -> None:
        if self.viewer is not None:
            await self.viewer.preview(where.thread, where.turn, text)
