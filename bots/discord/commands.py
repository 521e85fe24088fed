"""Commands on Discord. `register` adds all of it to the bot before it listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bots.discord.directory import DiscordDirectory
from bots.discord.remember import Remember
from core.desk import Desk

if TYPE_CHECKING:
    from bots.discord.app import Discord
    from core.commands import Commands
    from core.store.port import Store


def register(bot: Discord, store: Store, commands: Commands) -> None:
    """Let people command the bot; to be called before it listens."""
    platform = bot.platform
    desk = Desk(DiscordDirectory(bot.api), store, commands, bot.clock, open_private=False)
    remember = Remember(desk, platform.places)
    platform.remember = remember.view
    bot.listeners.append(remember.listen)
