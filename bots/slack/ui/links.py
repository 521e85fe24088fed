"""Links to other threads in Slack's messages; implements `core.delivery.port.Links`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from bots.slack.outbound.permalinks import link_in, link_to, links_in
from core.delivery.port import Links
from core.domain.linked import Unread

if TYPE_CHECKING:
    from bots.slack.inbound.events import Me
    from bots.slack.ui.directory import SlackDirectory
    from core.domain.message import ThreadKey


class SlackLinks(Links):
    """The permalinks of one workspace."""

    def __init__(self, directory: SlackDirectory, me: Me) -> None:
        """Ask the directory who can read what."""
        self._directory = directory
        self._me = me

    @override
    def links_in(self, text: str) -> tuple[str, ...]:
        url = self._me.url
        found = links_in(text, url, in_organisation=bool(self._me.enterprise))
        links = [link_to(url, each.channel, each.ts, each.root) for each in found]
        return tuple(filter(None, links))

    @override
    async def threads_at(self, link: str) -> tuple[ThreadKey, ...]:
        """Return the thread of the link's message; a direct message is one, with all in it."""
        found = link_in(link)
        return (self._directory.thread_at(found.channel, found.root),) if found else ()

    @override
    async def why_not(self, person: str, there: ThreadKey, here: ThreadKey) -> Unread | None:
        directory = self._directory
        listens = await directory.listens_to(person, there)
        if not (listens and await directory.can_read(person, there)):
            return Unread.NOT_THEIRS
        return None if await directory.all_can_read(there, here) else Unread.NOT_FOR_ALL
