"""The button under the first ✂️ of a thread: what is remembered, for whoever presses it alone.

Its id never changes and says nothing of the thread, so it works after a restart and in every
process: the thread is where it stands.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import discord

from bots.discord import format as shape
from core.errors import ChatbotError, DeniedError

if TYPE_CHECKING:
    from bots.discord.client import Client
    from bots.discord.places import Places
    from core.desk import Desk

log = logging.getLogger(__name__)

REMEMBER = "chatbot:remember"
_LABEL = "What I remember"
_FAILED = "That did not work just now. Please try again in a minute."
_MESSAGES = 5
_MORE = "… and more; the export has all of it."


class Remember:
    """Answers the button."""

    def __init__(self, desk: Desk, places: Places) -> None:
        """Show what `desk` lets somebody see."""
        self._desk = desk
        self._places = places

    def listen(self, client: Client) -> None:
        """Answer on this client."""
        client.add_view(self.view())

    def view(self) -> discord.ui.View:
        """Return the button."""
        view = discord.ui.View(timeout=None)
        view.add_item(_Button(self))
        return view

    async def show(self, interaction: discord.Interaction[Any]) -> None:
        """Show what is remembered where the button stands; at once that it will be.

        Discord waits for three seconds (docs: interactions/receiving-and-responding).
        """
        await interaction.response.defer(ephemeral=True, thinking=True)
        try:
            lines = await self._lines(interaction)
        except DeniedError as denied:
            lines = [str(denied)]
        except ChatbotError as error:
            log.warning("what is remembered could not be shown: %s", error)
            lines = [_FAILED]
        for text in pages(lines):
            await interaction.followup.send(
                text, ephemeral=True, allowed_mentions=discord.AllowedMentions.none()
            )

    async def _lines(self, interaction: discord.Interaction[Any]) -> list[str]:
        channel, guild = str(interaction.channel_id), str(interaction.guild_id or "")
        spot = await self._places.spot(channel, guild)
        if spot is None:
            return [_FAILED]
        return await self._desk.remembered(str(interaction.user.id), spot.whole)


class _Button(discord.ui.Button[discord.ui.View]):
    def __init__(self, remember: Remember) -> None:
        super().__init__(label=_LABEL, custom_id=REMEMBER, style=discord.ButtonStyle.secondary)
        self._remember = remember

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        await self._remember.show(interaction)


def pages(lines: list[str]) -> list[str]:
    """Return lines as a few messages."""
    text = "\n".join(lines)
    cuts = shape.cut(text, _MESSAGES)
    shown = [shape.piece(text, cuts, index) for index in range(len(cuts))]
    return shown if cuts[-1] == len(text) else [*shown, _MORE]
