"""What a platform has to offer so that the day can be played on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.message import ThreadKey
    from core.store.port import Store
    from tests.e2e.program import Running


@dataclass(frozen=True, slots=True)
class Paper:
    """A file as a person has it on their disk."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One message of the bot's as everybody in its place sees it now."""

    text: str
    """What it says, without the lines under it; as Markdown, and whole."""
    notes: tuple[str, ...] = ()
    """The small lines under it."""
    scissors: bool = False
    """It has the mark of a reply for which the model saw less than before."""
    explained: bool = False
    """It comes with what that mark means, and with the button to see what is remembered."""
    growing: bool = False
    """It is still being written, as far as the platform shows that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A file that the bot sent."""

    seen_by: frozenset[str]
    """The people who can see it."""
    name: str
    text: str


class Stage(Protocol):
    """A platform with three people, a room that they share with the bot, and their DMs with it.

    People and threads go by names. A thread whose name is a person's is that person's DM with the
    bot; any other is in the room, and begins with the first thing that is said in it, wherever the
    platform wants that to be said. People only do what they could do on the platform.

    What people say comes with a number (`#7`), which the stage passes on as it is. What is returned
    for a message is the stage's own, and is only handed back to it.
    """

    platform: str
    """The platform's name in thread keys."""
    words: frozenset[str]
    """What people can tell the bot there: of `export`, `forget`, `quiet`, `reset`, `stop`.

    Where a word is not in it, nobody calls what does that.
    """

    def settings(self) -> dict[str, str]:
        """Return what the program needs in its environment to find the platform."""

    async def joined(self, running: Running, store: Store) -> None:
        """Wait until the program that was just started hears what people say; it stores it here."""

    def key(self, thread: str) -> ThreadKey:
        """Return the name under which a thread is kept."""

    # What people do. Each returns when the platform has done all that it does by itself.

    async def say(
        self, who: str, thread: str, text: str, *, mention: bool, files: Sequence[Paper]
    ) -> Any:
        """Say something, and name the bot in it where `mention` says so."""

    async def edit(self, said: Any, text: str) -> None:
        """Change what was said; return when the bot has taken that in."""

    async def delete(self, said: Any) -> None:
        """Delete what was said; return when the bot has taken that in."""

    async def command(self, who: str, thread: str, word: str) -> str:
        """Give a command in a thread; return what the bot said to it there."""

    async def stop(self, who: str, thread: str) -> None:
        """Let the bot stop answering, by whatever the platform has for that."""

    async def memory(self, who: str, thread: str) -> str:
        """Press the button under an explained ✂️; return what only this person then sees."""

    async def export(self, who: str, thread: str, form: str) -> Sent:
        """Ask for a thread as a file (`md` or `json`); return what came."""

    async def forget(self, who: str) -> None:
        """Let the bot forget one's DM, with whatever it asks first; return when it says so."""

    async def heard(self) -> None:
        """Wait until the bot has taken in all that people did, or could not."""

    # What can be seen.

    def shown(self, thread: str) -> list[Shown]:
        """Return the bot's messages in a thread as they stand now, oldest first.

        In a DM that is all that it ever said there, but for files.
        """

    def notices(self) -> list[str]:
        """Return how messages begin that the bot sends beside its answers, asked or not."""

    def working(self, thread: str) -> bool:
        """Return whether people see that the bot works on an answer there."""
