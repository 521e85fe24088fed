"""The bot on Discord: its parts, and how they are connected."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import aiohttp

from bots.discord.api import Api
from bots.discord.connection.gateway import GatewayConnection, redirected
from bots.discord.inbound.audience import AccessLists, Audience
from bots.discord.inbound.catch_up import ChannelReader, DiscordHistory
from bots.discord.inbound.channels import Channels
from bots.discord.inbound.events import NAME, Me, guild_of
from bots.discord.inbound.names import Names
from bots.discord.inbound.receive import DiscordIntake, Reception
from bots.discord.inbound.shown.aids import AidLookup
from bots.discord.inbound.shown.polls import Polls
from bots.discord.inbound.threads import BotThreads
from bots.discord.outbound.platform import DiscordPlatform
from bots.discord.pace import Pace
from bots.discord.ui.answers import AnswerInteractions
from bots.discord.ui.command_tree import ClientCommands
from bots.discord.ui.directory import DiscordDirectory
from bots.discord.ui.interactions import Interactions
from bots.discord.ui.links import DiscordLinks
from bots.discord.ui.pins import PinInteractions
from bots.discord.ui.replies import DiscordReplies
from bots.discord.ui.runner import InteractionRunner
from bots.discord.ui.settings import SettingsInteractions
from bots.discord.ui.views import BUTTONS
from bots.outgoing import Connector
from bots.settings.discord import ids
from core.commands.answers import AnswerCommands
from core.commands.authorized import AuthorizedCommands
from core.commands.in_thread import ThreadCommands
from core.commands.settings.commands import SettingsCommands
from core.domain.admission import FollowUp
from core.domain.errors import PlatformError, described
from core.intake.catch_up import CatchUp, Cursors
from core.intake.intake import ThreadBackfill, gathered

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from bots.settings.settings import Settings
    from core.commands.commands import Commands
    from core.domain.clock import Clock
    from core.intake.intake import Intake
    from core.store.port import Store
    from core.worker.worker import Worker

log = logging.getLogger(__name__)

_CALL_SECONDS = 8.0
"""Seconds for one call of the REST API, all waits included."""
_PATIENCE = 0.75
"""The share of a call's time that it may wait for a rate limit."""
_SLOW_SECONDS = 15.0
"""Seconds without a first session after which the log says so."""


class Discord:
    """The bot on all the servers that its shards cover."""

    def __init__(
        self,
        settings: Settings,
        api: Api,
        platform: DiscordPlatform,
        clock: Clock,
        *,
        store: Store,
        commands: Commands,
    ) -> None:
        """Receive no events before `listening`."""
        self.settings = settings
        self.api = api
        self.clock = clock
        self.platform = platform
        channels, lists = platform.channels, AccessLists.of(settings)
        names = Names(api, clock)
        aids = AidLookup(api, channels, names, clock)
        self._audience = Audience(lists, channels, names, aids, platform.me)
        directory = DiscordDirectory(api, channels, settings.discord_admins, lists)
        platform.follow(DiscordLinks(directory, channels))
        authorized = AuthorizedCommands(
            directory,
            store,
            commands,
            clock,
            open_private=False,
            open_unseen=settings.admins_read_private,
        )
        replies = DiscordReplies(platform, channels, settings)
        pins = PinInteractions(authorized, directory, self._audience)
        answers = AnswerInteractions(
            AnswerCommands(authorized, store), store, api, channels, platform.me, clock
        )
        chosen = SettingsCommands(authorized, directory, commands.settings)
        self._runner = runner = InteractionRunner(api, channels, replies, authorized, store)
        self._interactions = Interactions(
            channels,
            directory,
            pins,
            answers,
            SettingsInteractions(chosen, channels),
            runner=runner,
            store=store,
        )
        self._client_commands = ClientCommands(self._interactions, api, store, clock)
        self._thread_commands = ThreadCommands(
            authorized, replies, chosen, store, clock, runner.soon
        )
        self._began = asyncio.Event()
        """Set once the first session has begun."""
        self._connection: asyncio.Task[None] | None = None
        self.reception: Reception

    @asynccontextmanager
    async def listening(
        self, store: Store, intake: Intake, worker: Worker
    ) -> AsyncGenerator[None, None]:
        """Receive events within the block, and read what was missed before it.

        Raises what `GatewayConnection.run` does, if that is before the first session.
        """
        settings, api, clock, platform = self.settings, self.api, self.clock, self.platform
        channels, audience = platform.channels, self._audience
        reader = ChannelReader(api, channels, audience, overhears=settings.overhear)
        # Without overhearing, a thread's title is read all the same.
        backfill = ThreadBackfill(partial(gathered, reader.before), store, intake, wanted=True)
        cursors = Cursors(store, clock, f"{NAME}:{platform.me.user}", group=_shard_group)
        messages = DiscordIntake(
            intake, self._thread_commands, backfill, cursors, worker.files, platform.say
        )
        history = DiscordHistory(
            api, channels, reader, settings, clock, offer=messages.offer, say=platform.say
        )
        hours = settings.discord_catch_up_hours
        catch_up = CatchUp(NAME, history, store, intake, cursors, clock, hours=hours)
        threads = BotThreads(
            api,
            channels,
            audience,
            store,
            intake,
            say_in=platform.say_in,
            follows=settings.follow_up is not FollowUp.MENTIONED,
        )
        self.reception = Reception(
            audience, messages, threads, Polls(api), catch_up, clock=clock, began=self._began
        )
        catching_up = asyncio.create_task(catch_up.forever())
        connection = self._connection = asyncio.create_task(
            api.gateway.run(self.reception, self._client_commands)
        )
        try:
            await _first_session(self._began, connection)
            yield
        finally:
            await _cancel(connection)
            await api.gateway.leave()
            await _cancel(catching_up)
            await catch_up.close()
            await self._client_commands.close()
            await self._runner.close()
            await self._thread_commands.close()
            await self.reception.close()
            await cursors.close()

    @property
    def described(self) -> str:
        """Return a line on how events arrive."""
        gateway = self.api.gateway
        limits = "" if gateway.reads_all else ", without the message content intent"
        return f"Discord: connected as {gateway.client.user}{limits}"

    @property
    def connected(self) -> bool:
        """Return whether events can arrive at this moment, on all shards that have begun."""
        shards = self.api.client.shards.values()
        open_ = bool(shards) and not any(shard.is_closed() for shard in shards)
        return self._began.is_set() and open_

    async def wait(self) -> int:
        """Return 1 once Discord has closed the connection for good; never before."""
        if self._connection is not None:
            await asyncio.wait({self._connection})
            cancelled = self._connection.cancelled()
            error = None if cancelled else self._connection.exception()
            log.error("Discord's connection has ended: %s", error and described(error))
        return 1


async def _first_session(began: asyncio.Event, connection: asyncio.Task[None]) -> None:
    """Wait until the first session has begun, or raise why there can be none."""
    beginning = asyncio.create_task(began.wait())
    waiting = {beginning, connection}
    first = asyncio.FIRST_COMPLETED
    try:
        done, _ = await asyncio.wait(waiting, timeout=_SLOW_SECONDS, return_when=first)
        if not done:
            log.warning("Discord's gateway does not answer; retrying.")
            await asyncio.wait(waiting, return_when=first)
    finally:
        beginning.cancel()
    if connection.done():
        connection.result()


def _shard_group(place: str) -> str:
    """Return which channels are heard together: those of a server, which is on one shard."""
    return f"{guild_of(place) or 'dm'}/"


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


@asynccontextmanager
async def connected(
    settings: Settings, clock: Clock, store: Store, commands: Commands
) -> AsyncGenerator[Discord, None]:
    """Provide the bot on Discord within the block.

    Raises:
        SettingsError: The token is refused.
        OutOfReachError: Discord can't be reached.
    """
    # Its log quotes people at some levels, and has a traceback for each lost connection.
    logging.getLogger("discord").setLevel(logging.CRITICAL)
    with redirected(settings.discord_base_url):
        pace = Pace(clock)
        gateway = GatewayConnection(settings, pace, clock, patience=_CALL_SECONDS * _PATIENCE)
        api = Api(gateway, pace, clock, timeout=_CALL_SECONDS)
        async with aiohttp.ClientSession(connector=Connector(gateway.file_hosts)) as session:
            await gateway.open()
            platform = DiscordPlatform(
                api,
                Channels(api, clock),
                _who_am_i(gateway, settings),
                session,
                clock,
                most_messages=settings.discord_answer_messages,
                buttons=BUTTONS,
            )
            try:
                yield Discord(settings, api, platform, clock, store=store, commands=commands)
            finally:
                await platform.close()
                await gateway.close()


def _who_am_i(gateway: GatewayConnection, settings: Settings) -> Me:
    user = gateway.client.user
    if user is None:
        raise PlatformError("Discord does not say who the bot is")
    return Me(
        user=str(user.id),
        allow_bots=settings.discord_allow_bots,
        proxies=ids(settings.discord_proxies),
        threads=settings.discord_answer_in == "thread",
    )
