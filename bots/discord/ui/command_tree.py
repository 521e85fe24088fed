"""Registering the commands: with discord.py's client, and with Discord.

Discord allows 200 new commands a day and server (docs: interactions/application-commands). So they
are written only if they differ from what Discord has, and then by one process of all.
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any, TypeAlias

import discord
from discord import app_commands
from discord.app_commands import AppCommandContext, AppInstallationType, Choice

from bots.discord.inbound.events import NAME
from bots.discord.ui.commands import (
    COMMAND,
    DESCRIPTION,
    EXPORT_MENU,
    FORGET_MENU,
    FORMAT,
    FORMAT_DESCRIPTION,
    FORMATS,
    MESSAGE,
    MESSAGE_DESCRIPTION,
    PIN_MENU,
    SINCE,
    SINCE_DESCRIPTION,
    SUBCOMMANDS,
    TEXTS,
    UNTIL,
    UNTIL_DESCRIPTION,
    WHICH,
    WHICH_DESCRIPTION,
    WHICHES,
    WHY_MENU,
    Shape,
    is_synced,
)
from bots.discord.ui.runner import UNREADABLE
from core.commands.export.request import NO_DAYS, ExportFormat, ExportOf, requested
from core.domain.errors import ChatbotError, broke
from core.domain.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.discord.api import Api
    from bots.discord.connection.client import Client
    from bots.discord.ui.interactions import Interactions
    from core.domain.clock import Clock
    from core.store.port import Store

log = logging.getLogger(__name__)

Interaction: TypeAlias = discord.Interaction[Any]
"""discord.py evaluates the annotations of commands, so these names are needed at run time."""

_OUTDATED = "This command has changed. Please reload Discord (Ctrl+R) and try again."
_ATTEMPTS = 5
_WAIT = 10.0
"""Seconds after which the process that claimed it has written the commands, or never will."""


class ClientCommands:
    """Adds the commands to each client, and writes them to Discord: an `InteractionListener`."""

    def __init__(self, interactions: Interactions, api: Api, store: Store, clock: Clock) -> None:
        """Pass what people ask for to `interactions`.

        Args:
            interactions: Runs commands and button presses.
            api: Discord's REST API.
            store: Decides which process writes the commands.
            clock: Times how long the others wait for it.
        """
        self._interactions = interactions
        self._api = api
        self._store = store
        self._clock = clock
        self._tasks = Tasks("writing the commands")

    def attach(self, client: Client) -> None:
        """Add commands and buttons to a client, and let Discord have the commands."""
        tree = CommandTree(client, self._interactions)

        async def on_interaction(interaction: Interaction) -> None:
            if interaction.type is discord.InteractionType.component:
                await self._interactions.press(interaction)
            elif interaction.type is discord.InteractionType.modal_submit:
                await self._interactions.submit(interaction)

        client.event(on_interaction)
        self._tasks.start(sync(tree, self._api, self._store, self._clock))

    def unreadable(self, payload: Mapping[str, Any]) -> None:
        """Tell a person that what they pressed or typed can't be read."""
        self._interactions.runner.unread(payload)

    def reacted(self, payload: Mapping[str, Any], *, taken_back: bool) -> None:
        """Keep what a person thinks of an answer, by their reaction to it."""
        self._interactions.reacted(payload, taken_back=taken_back)

    async def close(self) -> None:
        """Stop writing the commands."""
        await self._tasks.close()


class CommandTree(app_commands.CommandTree[Any]):
    """`/chatbot`, and the entries in a message's menu."""

    def __init__(self, client: Client, interactions: Interactions) -> None:
        """Pass commands to `interactions`; a client has only one tree."""
        super().__init__(
            client,
            allowed_contexts=AppCommandContext(guild=True, dm_channel=True),
            allowed_installs=AppInstallationType(guild=True),
        )
        self._interactions = interactions
        self.add_command(_group(interactions))
        self.add_command(_menu(interactions, EXPORT_MENU, "export"))
        self.add_command(_menu(interactions, FORGET_MENU, "forget"))
        self.add_command(_menu(interactions, PIN_MENU, "pin"))
        self.add_command(_menu(interactions, WHY_MENU, "why"))

    async def on_error(
        self, interaction: Interaction, error: app_commands.AppCommandError, /
    ) -> None:
        """Log a failure by its kind alone, since its text may quote what people asked for."""
        known = (app_commands.CommandNotFound, app_commands.CommandSignatureMismatch)
        if isinstance(error, known):
            await self._interactions.runner.say(interaction, _OUTDATED)
            return
        log.error("a command failed: %s", broke(getattr(error, "original", error)))
        if not interaction.response.is_done():
            await self._interactions.runner.say(interaction, UNREADABLE)

    async def _call(self, interaction: Interaction) -> None:
        """Run a command; tell the person if its payload is not as Discord documents it."""
        try:
            await super()._call(interaction)
        except app_commands.AppCommandError:
            raise
        except Exception as error:  # noqa: BLE001 - a person waits for an answer
            log.error("a command can't be read: %s", broke(error))  # noqa: TRY400 - no text
            await self._interactions.runner.say(interaction, UNREADABLE)

    @property
    def wanted(self) -> list[dict[str, Any]]:
        """Return the commands as Discord takes them."""
        return [command.to_dict(self) for command in self.get_commands()]


async def sync(tree: CommandTree, api: Api, store: Store, clock: Clock) -> None:
    """Let Discord have the commands of this version; never raises.

    Only one process writes them, unless one that began to write has died.
    """
    try:
        await _sync(tree, api, store, clock)
    except ChatbotError as error:
        log.warning("Discord may not have the bot's current commands: %s", error)
    except Exception as error:  # noqa: BLE001 - nothing waits for it
        log.error("Discord may not have the bot's current commands: %s", broke(error))  # noqa: TRY400


async def _sync(tree: CommandTree, api: Api, store: Store, clock: Clock) -> None:
    application, wanted = tree.client.application_id or 0, tree.wanted
    for number in range(_ATTEMPTS):
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
            log.info("Discord has the bot's current commands")
            return
        await clock.sleep(_WAIT)
    log.warning("Discord does not have the bot's current commands")


def _hash(commands: list[dict[str, Any]]) -> str:
    text = "\n".join(sorted(Shape.of(command).text for command in commands))
    # Discord counts versions: commands that were removed and written again have another one.
    versions = ",".join(sorted(str(command.get("version", "")) for command in commands))
    return hashlib.sha256(f"{text}\n{versions}".encode()).hexdigest()[:16]


def _group(interactions: Interactions) -> app_commands.Group:
    group = app_commands.Group(name=COMMAND, description=DESCRIPTION)
    for name, about in SUBCOMMANDS.items():
        if name == "export":
            group.add_command(_export(interactions))
        else:
            make = _with_text if name in TEXTS else _plain
            group.add_command(make(interactions, name, about))
    return group


def _plain(
    interactions: Interactions, word: str, about: str
) -> app_commands.Command[Any, ..., None]:
    @app_commands.command(name=word, description=about)
    async def use(interaction: Interaction) -> None:
        await interactions.slash(interaction, word)

    return use


def _with_text(
    interactions: Interactions, word: str, about: str
) -> app_commands.Command[Any, ..., None]:
    option = TEXTS[word]

    async def use(interaction: Interaction, text: str = "") -> None:
        await interactions.slash(interaction, word, text=text)

    async def use_with(interaction: Interaction, text: str) -> None:
        await use(interaction, text)

    command: app_commands.Command[Any, ..., None] = app_commands.Command(
        name=word, description=about, callback=use_with if option.required else use
    )
    app_commands.rename(text=option.name)(command)
    return app_commands.describe(text=option.about)(command)


def _export(interactions: Interactions) -> app_commands.Command[Any, ..., None]:
    @app_commands.command(name="export", description=SUBCOMMANDS["export"])
    @app_commands.rename(form=FORMAT, link=MESSAGE, which=WHICH, since=SINCE, until=UNTIL)
    @app_commands.describe(
        form=FORMAT_DESCRIPTION,
        link=MESSAGE_DESCRIPTION,
        which=WHICH_DESCRIPTION,
        since=SINCE_DESCRIPTION,
        until=UNTIL_DESCRIPTION,
    )
    @app_commands.choices(form=_choices(FORMATS), which=_choices(WHICHES))
    async def use(
        interaction: Interaction,
        form: str = ExportFormat.MARKDOWN,
        link: str = "",
        which: str = ExportOf.THREAD,
        since: str = "",
        until: str = "",
    ) -> None:
        request = requested(which, form, since, until)
        if request is None:
            await interactions.runner.say(interaction, NO_DAYS)
        else:
            await interactions.slash(interaction, "export", request, link)

    return use


def _choices(values: Mapping[str, str]) -> list[Choice[str]]:
    return [Choice(name=name, value=value) for name, value in values.items()]


def _menu(interactions: Interactions, name: str, word: str) -> app_commands.ContextMenu:
    async def use(interaction: Interaction, message: discord.Message) -> None:
        await interactions.menu(interaction, word, message)

    return app_commands.ContextMenu(name=name, callback=use)
