"""The commands that people see, and keeping what Discord has of them as it should be.

Discord allows 200 new commands a day and server (docs: interactions/application-commands), so they
are written only where they differ from what it has, and then by one process of all.
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any, TypeAlias

import discord
from discord import app_commands
from discord.app_commands import AppCommandContext, AppInstallationType, Choice

from bots.discord.inbound.events import NAME
from bots.discord.setup.manifest import (
    COMMAND,
    DESCRIPTION,
    EXPORT_MENU,
    FORGET_MENU,
    FORMAT,
    FORMAT_DESCRIPTION,
    FORMATS,
    MESSAGE,
    MESSAGE_DESCRIPTION,
    SUBCOMMANDS,
    Shape,
    is_synced,
)
from bots.discord.ui.interactions import UNREAD
from core.commands.export import Form
from core.domain.errors import ChatbotError, broke

if TYPE_CHECKING:
    from bots.discord.api import Api
    from bots.discord.connection.client import Client
    from bots.discord.ui.interactions import Interactions
    from core.domain.clock import Clock
    from core.store.port import Store

log = logging.getLogger(__name__)

Interaction: TypeAlias = discord.Interaction[Any]
"""discord.py reads the annotations of commands, so these names are needed when it runs."""

_OUTDATED = "This command is not what it was. Please reload Discord (Ctrl+R) and try again."
_TRIES = 5
_WAIT = 10.0
"""Seconds after which whoever was first has written the commands, or never will."""


class Tree(app_commands.CommandTree[Any]):
    """`/chatbot` and the entries in the menu of a message."""

    def __init__(self, client: Client, counter: Interactions) -> None:
        """Hand in at `counter` what people ask for; a client has but one tree."""
        super().__init__(
            client,
            allowed_contexts=AppCommandContext(guild=True, dm_channel=True),
            allowed_installs=AppInstallationType(guild=True),
        )
        self._counter = counter
        self.add_command(_group(counter))
        self.add_command(_menu(counter, EXPORT_MENU, "export"))
        self.add_command(_menu(counter, FORGET_MENU, "forget"))

    async def on_error(
        self, interaction: Interaction, error: app_commands.AppCommandError, /
    ) -> None:
        """Note what failed, by its kind alone: what people asked for is nobody's business."""
        known = (app_commands.CommandNotFound, app_commands.CommandSignatureMismatch)
        if isinstance(error, known):
            await self._counter.say(interaction, _OUTDATED)
            return
        log.error("a command failed: %s", broke(getattr(error, "original", error)))
        if not interaction.response.is_done():
            await self._counter.say(interaction, UNREAD)

    async def _call(self, interaction: Interaction) -> None:
        """Do a command; where something in it is other than Discord says, the person hears so."""
        try:
            await super()._call(interaction)
        except app_commands.AppCommandError:
            raise
        except Exception as error:  # noqa: BLE001 - a person waits for a word
            log.error("a command can't be read: %s", broke(error))  # noqa: TRY400 - no text
            await self._counter.say(interaction, UNREAD)

    @property
    def wanted(self) -> list[dict[str, Any]]:
        """Return the commands as Discord takes them."""
        return [command.to_dict(self) for command in self.get_commands()]


async def sync(tree: Tree, api: Api, store: Store, clock: Clock) -> None:
    """Let Discord have the commands of this version; never raises.

    At most one process writes them, while none of those that have begun to dies.
    """
    try:
        await _sync(tree, api, store, clock)
    except ChatbotError as error:
        log.warning("Discord may not have the bot's commands as they are now: %s", error)
    except Exception as error:  # noqa: BLE001 - nobody waits for it
        log.error("Discord may not have the bot's commands as they are now: %s", broke(error))  # noqa: TRY400


async def _sync(tree: Tree, api: Api, store: Store, clock: Clock) -> None:
    application, wanted = tree.client.application_id or 0, tree.wanted
    for number in range(_TRIES):
        listed: object = await api.call(
            "list the commands", lambda: api.http.get_global_commands(application)
        )
        known = listed if isinstance(listed, list) else []
        found = [command for command in known if isinstance(command, dict)]
        if is_synced(found, wanted):
            return
        name = f"sync {application} {_hash(found)} {_hash(wanted)} {number}"
        if await store.claim_once(NAME, name):
            await api.call("write the commands", tree.sync)
            log.info("Discord has the bot's commands as they are now")
            return
        await clock.sleep(_WAIT)
    log.warning("Discord does not have the bot's commands as they are now")


def _hash(commands: list[dict[str, Any]]) -> str:
    text = "\n".join(sorted(Shape.of(command).text for command in commands))
    # The version is Discord's: what was written, removed and is to be written again is another.
    versions = ",".join(sorted(str(command.get("version", "")) for command in commands))
    return hashlib.sha256(f"{text}\n{versions}".encode()).hexdigest()[:16]


def _group(counter: Interactions) -> app_commands.Group:
    group = app_commands.Group(name=COMMAND, description=DESCRIPTION)
    for name, about in SUBCOMMANDS.items():
        group.add_command(_export(counter) if name == "export" else _plain(counter, name, about))
    return group


def _plain(counter: Interactions, word: str, about: str) -> app_commands.Command[Any, ..., None]:
    @app_commands.command(name=word, description=about)
    async def use(interaction: Interaction) -> None:
        await counter.slash(interaction, word)

    return use


def _export(counter: Interactions) -> app_commands.Command[Any, ..., None]:
    @app_commands.command(name="export", description=SUBCOMMANDS["export"])
    @app_commands.rename(form=FORMAT, link=MESSAGE)
    @app_commands.describe(form=FORMAT_DESCRIPTION, link=MESSAGE_DESCRIPTION)
    @app_commands.choices(form=[Choice(name=name, value=value) for name, value in FORMATS.items()])
    async def use(interaction: Interaction, form: str = Form.MARKDOWN, link: str = "") -> None:
        await counter.slash(interaction, "export", Form(form), link)

    return use


def _menu(counter: Interactions, name: str, word: str) -> app_commands.ContextMenu:
    async def use(interaction: Interaction, message: discord.Message) -> None:
        await counter.menu(interaction, word, message)

    return app_commands.ContextMenu(name=name, callback=use)
