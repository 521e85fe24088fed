"""Replies to commands; implements `core.commands.in_thread.CommandReplies`."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from typing_extensions import override

from bots.discord.faults import RefusedError
from bots.discord.ids import is_id
from bots.discord.inbound.events import NAME, ChannelInfo
from bots.discord.outbound import posting
from bots.discord.outbound.files_out import DEFAULT_LIMIT, parts_of
from bots.discord.outbound.format import notice
from bots.discord.outbound.permalinks import link_in
from bots.discord.outbound.post_keys import notice_nonce
from bots.discord.outbound.posting import Post
from bots.discord.ui import views
from bots.discord.ui.commands import help_text
from bots.discord.ui.refusals import why
from bots.settings import privacy
from core.commands.export.parts import about_parts
from core.commands.export.request import SEVERAL
from core.commands.export.writing import SO_FAR
from core.commands.in_thread import CommandReplies
from core.domain.message import ThreadKey
from core.store.keys import unique

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bots.discord.inbound.channels import Channels
    from bots.discord.outbound.platform import DiscordPlatform
    from bots.settings.settings import Settings
    from core.commands.export.writing import Progress, Tell
    from core.domain.errors import PlatformError
    from core.domain.message import Message

log = logging.getLogger(__name__)

_SENT = "Here is the conversation you asked for."
_SENT_SEVERAL = "Here are the conversations that you may have."
_OFFER_PIN = "Shall I remember that for good, word for word?"
_OFFERS = {
    "forget": "I ask before I forget anything. Press the button.",
    "memory": "Only you will see it. Press the button.",
    "reset": (
        "If this was meant for me: I ask before I reset a conversation, which is for everyone in "
        "it and removes its pins. Press the button."
    ),
}


class DiscordReplies(CommandReplies):
    """Replies to commands, outside of the conversation. Each may raise `PlatformError`."""

    def __init__(self, platform: DiscordPlatform, channels: Channels, settings: Settings) -> None:
        """Reply as the platform's bot; help and privacy are by the settings."""
        self.help = help_text(overhears=settings.overhear)
        self.privacy = privacy.short(settings, "discord")
        self._platform = platform
        self._channels = channels

    @override
    def linked(self, link: str) -> ThreadKey | None:
        """Return the thread of the message that a link leads to, if discord.py knows it."""
        found = link_in(link)
        if found is None:
            return None
        known = self._channels.known(found.channel) if found.guild else None
        channel = known if found.guild else ChannelInfo(id=found.channel)
        if channel is None:
            return None
        opened = channel.is_channel and self._channels.known(found.message) is not None
        return ThreadKey(NAME, channel.place, found.message) if opened else channel.whole

    # --- in a thread ----------------------------------------------------------------------------

    @override
    async def answer(self, message: Message, text: str, name: str, *, button: str = "") -> None:
        """Say something under a message, visible to all; once in all processes."""
        del name  # the text tells it from what else is said there
        view = views.offer(button, message.thread) if button else None
        await self._platform.say(message, text, view=view)

    @override
    async def offer(self, message: Message, word: str) -> None:
        """Post a button for a command under a message: its result is for one person."""
        view = views.offer(word, message.thread)
        await self._platform.say(message, _OFFERS[word], view=view)

    @override
    async def offer_pin(self, message: Message) -> None:
        """Offer a message's author to pin it: under it, once, and without a notification.

        Discord shows something to one person alone only in answer to a command of its own.
        """
        await self._platform.say(message, _OFFER_PIN, view=views.keep(message.id))

    async def announce(self, thread: ThreadKey, text: str, *, behind: str) -> None:
        """Say something in a thread, visible to all; once after the message with this id."""
        await self._platform.say_in(thread, text, behind=behind)

    # --- to one person --------------------------------------------------------------------------

    @override
    async def refuse(self, message: Message, text: str) -> None:
        """Say something to a message's author in a direct message, else under the message.

        Discord shows something to one person alone only in answer to a command of its own.
        """
        if is_id(message.author.id):
            try:
                return await self.tell(message.author.id, text)
            except RefusedError as refused:
                log.info("a refusal is said under the message: %s", refused)
        return await self._platform.say(message, text)

    async def tell(self, person: str, text: str) -> None:
        """Say something to a person in a direct message."""
        await self.give(person, text, ())

    @override
    async def send(self, person: str, file: Path) -> None:
        """Send a file to a person in a direct message, once."""
        parts = await asyncio.to_thread(parts_of, file, DEFAULT_LIMIT)
        comment = (_SENT_SEVERAL if file.stem == SEVERAL else _SENT) + about_parts(parts)
        await self.give(person, comment, parts)

    @override
    def progress(self, person: str) -> Tell:
        """Return what tells a person once that their export takes long."""
        told: list[str] = []

        async def tell(progress: Progress) -> None:
            if not told:
                told.append(person)
                await self.tell(person, SO_FAR.format(progress=progress))

        return tell

    @override
    def why(self, error: PlatformError) -> str:
        return why(error)

    async def give(self, person: str, text: str, files: Sequence[Path]) -> None:
        """Send a person a direct message, with files."""
        channel = await self._platform.direct_channel(person)
        nonce = notice_nonce(unique())
        post = Post(channel=channel, text=notice(text), nonce=nonce, silent=True)
        if files:
            await posting.send_files(self._platform.api, post, files)
        else:
            await posting.send(self._platform.api, post)
