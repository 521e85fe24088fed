"""Titles of threads that change: what the bot knows of a thread goes with them.

A title is part of a post's opening message as the model sees it, and stands for what a thread is
on that was made from nothing.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from bots.discord.api import RefusedError
from bots.discord.inbound import events, history
from bots.discord.inbound.text import ids_in
from core.domain.payload import str_of
from core.domain.session import Entry, Status

if TYPE_CHECKING:
    from bots.discord.inbound.events import Spot
    from bots.discord.outbound.platform import DiscordPlatform
    from core.domain.message import Message
    from core.intake.intake import Intake
    from core.store.port import Store


class Titles:
    """Follows the titles of threads that the store knows."""

    def __init__(self, platform: DiscordPlatform, store: Store, intake: Intake) -> None:
        """Read as the platform's bot."""
        self._platform = platform
        self._store = store
        self._intake = intake

    async def changed(self, thread: str, guild: str) -> None:
        """Take in that a thread has another title, or other tags.

        Raises what the platform and the store do.
        """
        spot = await self._platform.places.spot(thread, guild)
        known = {entry.id: entry for entry in await self._first(spot)} if spot else {}
        if spot is None or not known:
            return
        for message in (await self._opening(spot), events.titled(spot, self._platform.me)):
            kept = known.get(message.id) if message else None
            if message and kept and kept.status is not Status.DELETED and kept.text != message.text:
                # Discord does not say when it was changed: after all that is known, and before
                # whatever comes.
                stamp = math.nextafter(max(kept.stamp, message.stamp), math.inf)
                await self._intake.edit(replace(message, stamp=stamp))

    async def _first(self, spot: Spot) -> list[Entry]:
        """Return what was said first in a thread, as far as it is kept."""
        page = await self._store.history(spot.whole)
        return [record for record in page if isinstance(record, Entry)]

    async def _opening(self, spot: Spot) -> Message | None:
        """Return the message that a post opens with, as it is now."""
        if not spot.is_post:
            return None
        try:
            found = await history.one(self._platform.api, spot.channel, spot.channel)
        except RefusedError:
            return None
        names = self._platform.places.names(spot.guild, ids_in(str_of(found, "content")))
        return events.said(found, spot, self._platform.me, names)
