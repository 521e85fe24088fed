"""Commands on Discord: after a slash, in a message's menu, by a button, or said in a thread.

`register` adds all of it to the bot before it listens.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import discord

from bots.discord.inbound.audience import Audience
from bots.discord.ui import views
from bots.discord.ui.command_tree import Tree, sync
from bots.discord.ui.directory import DiscordDirectory
from bots.discord.ui.interactions import Interactions
from bots.discord.ui.replies import DiscordVoice
from core.commands.authorized import AuthorizedCommands
from core.commands.in_thread import ThreadCommands

if TYPE_CHECKING:
    from bots.discord.app import Discord
    from bots.discord.connection.client import Client
    from core.commands.commands import Commands
    from core.store.port import Store


def register(bot: Discord, store: Store, commands: Commands) -> None:
    """Let people command the bot; to be called before it listens."""
    settings, clock, platform = bot.settings, bot.clock, bot.platform
    directory = DiscordDirectory(bot.api, settings.discord_admins, Audience.of(settings))
    desk = AuthorizedCommands(
        directory,
        store,
        commands,
        clock,
        open_private=False,
        open_unseen=settings.admins_read_private,
    )
    voice = DiscordVoice(platform, overhears=settings.overhear)
    counter = Interactions(desk, voice, directory, platform, store, clock)
    syncing: set[asyncio.Task[None]] = set()

    def listen(client: Client) -> None:
        tree = Tree(client, counter)

        async def on_interaction(interaction: discord.Interaction[Any]) -> None:
            if interaction.type is discord.InteractionType.component:
                await counter.press(interaction)

        client.event(on_interaction)
        client.unread = counter.unread
        task = asyncio.create_task(sync(tree, bot.api, store, clock))
        syncing.add(task)
        task.add_done_callback(syncing.discard)

    async def close() -> None:
        for task in syncing:
            task.cancel()
        if syncing:
            await asyncio.wait(syncing)

    platform.remember = views.remember
    bot.listeners.append(listen)
    bot.spoken = ThreadCommands(desk, voice, store, settings.ttl, clock, counter.soon)
    bot.closers += [close, counter.close, bot.spoken.close]
