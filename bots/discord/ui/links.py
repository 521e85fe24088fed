"""Links to other threads in Discord's messages; implements `core.delivery.port.Links`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from bots.discord.ids import is_id
from bots.discord.inbound.events import NAME, guild_of, place_of
from bots.discord.outbound.permalinks import link_in, link_to, links_in
from core.delivery.port import Links
from core.domain.linked import Unread
from core.domain.message import ThreadKey

if TYPE_CHECKING:
    from bots.discord.inbound.channels import Channels
    from bots.discord.ui.directory import DiscordDirectory


class DiscordLinks(Links):
    """The links to messages, threads and channels of Discord."""

    def __init__(self, directory: DiscordDirectory, channels: Channels) -> None:
        """Look channels up, and ask the directory who can read them."""
        self._directory = directory
        self._channels = channels

    @override
    def links_in(self, text: str) -> tuple[str, ...]:
        links = [link_to(each.guild, each.channel, each.message) for each in links_in(text)]
        return tuple(filter(None, links))

    @override
    async def threads_at(self, link: str) -> tuple[ThreadKey, ...]:
        """Return the thread of the link's message, or the one that was opened from it."""
        found = link_in(link)
        if found is None:
            return ()
        if not found.guild:
            return (ThreadKey(NAME, place_of("", found.channel), found.channel),)
        channel = await self._channels.find(found.channel, found.guild)
        if channel is None or channel.guild != found.guild:
            return ()
        return (channel.whole,) if found.message == channel.id else channel.keys(found.message)

    @override
    async def why_not(self, person: str, there: ThreadKey, here: ThreadKey) -> Unread | None:
        directory = self._directory
        if not is_id(person):  # an app posts for them, and who they are is unknown
            return Unread.NOT_THEIRS
        if not guild_of(there.channel):
            own = await directory.is_own_dm(person, there)
            return Unread.NOT_FOR_ALL if own else Unread.NOT_THEIRS
        listens = directory.is_ours(there) and await directory.listens_to(person, there)
        if not (listens and await directory.can_read(person, there)):
            return Unread.NOT_THEIRS
        return None if await directory.all_can_read(there, here) else Unread.NOT_FOR_ALL
