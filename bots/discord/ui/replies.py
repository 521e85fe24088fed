"""How the bot says what comes of a command; implements `core.commands.in_thread.Voice`."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from bots.discord.inbound.events import NAME, Spot
from bots.discord.outbound import posting
from bots.discord.outbound.files_out import DEFAULT_LIMIT, parts_of
from bots.discord.outbound.format import notice
from bots.discord.outbound.post_keys import notice_nonce
from bots.discord.outbound.posting import Post
from bots.discord.ui import views
from bots.discord.ui.refusals import why
from core.domain.message import ThreadKey
from core.store.keys import unique

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bots.discord.outbound.platform import DiscordPlatform
    from core.domain.errors import PlatformError
    from core.domain.message import Message

_LINK = re.compile(
    r"https://(?:(?:www|ptb|canary)\.)?discord(?:app)?\.com/channels/"
    r"(@me|\d{15,20})/(\d{15,20})(?:/(\d{15,20}))?/?",
    re.ASCII,
)
_SENT = "Here is the conversation you asked for."
_OFFERS = {
    "forget": "I ask before I forget anything. Press the button.",
    "memory": "Only you will see it. Press the button.",
}


class DiscordVoice:
    """Says things beside the conversation."""

    def __init__(self, platform: DiscordPlatform, *, overhears: bool) -> None:
        """Speak as the platform's bot; the help says whether it `overhears`."""
        self.help = views.help_text(overhears=overhears)
        self._platform = platform
        self._api = platform.api

    def linked(self, link: str) -> ThreadKey | None:
        """Return the thread of the message that a link leads to, as far as that is known here."""
        found = link_in(link)
        if found is None:
            return None
        guild, channel, message = found
        spot = self._platform.places.known(channel) if guild else Spot(channel=channel)
        if spot is None:
            return None
        opened = spot.is_channel and self._platform.places.known(message) is not None
        return ThreadKey(NAME, spot.place, message) if opened else spot.whole

    # --- in a thread ----------------------------------------------------------------------------

    async def answer(self, message: Message, text: str, name: str) -> None:
        """Say something under a message, for all; once, whoever says it."""
        del name  # the text tells it from what else is said there
        await self._platform.say(message, text)

    async def offer(self, message: Message, word: str) -> None:
        """Put a button for a command under a message: what it shows is for one person."""
        view = views.offer(word, message.thread)
        await self._platform.say(message, _OFFERS[word], view=view)

    async def announce(self, thread: ThreadKey, text: str, *, behind: str) -> None:
        """Say something in a thread, for all who are in it; once behind an id."""
        await self._platform.say_in(thread, text, behind=behind)

    # --- to one person --------------------------------------------------------------------------

    async def tell(self, person: str, text: str) -> None:
        """Say something to somebody alone."""
        await self.give(person, text, ())

    async def send(self, person: str, file: Path) -> None:
        """Put a file into somebody's direct messages, once."""
        await self.give(person, _SENT, await asyncio.to_thread(parts_of, file, DEFAULT_LIMIT))

    def why(self, error: PlatformError) -> str:
        """Return why something is refused for good; empty where it may work later."""
        return why(error)

    async def give(self, person: str, text: str, files: Sequence[Path]) -> None:
        """Say something to somebody in a direct message, with files; raises `PlatformError`."""
        dm = await self._platform.dm(person)
        nonce = notice_nonce(unique())
        made = Post(channel=dm, text=notice(text), nonce=nonce, silent=True)
        if files:
            await posting.post_files(self._api, made, files)
        else:
            await posting.post(self._api, made)


def link_in(text: str) -> tuple[str, str, str] | None:
    """Return server, channel and message of a link; the server is empty for direct messages."""
    found = _LINK.fullmatch(text.strip().strip("<>"))
    if found is None:
        return None
    return "" if found[1] == "@me" else found[1], found[2], found[3] or found[2]
