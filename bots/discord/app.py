"""The bot on Discord: the client, how what people say gets here, and what goes with it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp

from bots.discord.api import Api
from bots.discord.connection.gateway import GatewayConnection, redirected
from bots.discord.inbound.audience import Audience
from bots.discord.inbound.catch_up import DiscordHistory
from bots.discord.inbound.events import NAME, Me, guild_of
from bots.discord.inbound.names import Names
from bots.discord.inbound.receive import Reception
from bots.discord.outbound.platform import DiscordPlatform
from bots.discord.pace import Pace
from bots.outgoing import Connector
from core.domain.errors import ChatbotError, PlatformError, broke
from core.intake.backfill import ThreadBackfill
from core.intake.catch_up import CatchUp
from core.intake.cursors import Cursors

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine
    from typing import Any

    from bots.discord.connection.client import Client
    from bots.settings.settings import Settings
    from core.commands.in_thread import ThreadCommands
    from core.domain.clock import Clock
    from core.domain.message import Message
    from core.intake.intake import Intake
    from core.store.port import Store
    from core.worker.worker import Worker

log = logging.getLogger(__name__)

_CALL_SECONDS = 8.0
_BEGIN_SECONDS = 15.0
"""How long the first session may take to begin before that is said."""
_PATIENCE = 0.75
"""What part of a call's time it may wait for one of Discord's limits."""


class Discord:
    """The bot on all the servers that it is on, as far as its shards go."""

    def __init__(
        self, settings: Settings, api: Api, platform: DiscordPlatform, clock: Clock
    ) -> None:
        """Hear nothing before `listening`."""
        self.settings = settings
        self.api = api
        self.clock = clock
        self.platform = platform
        self.listeners: list[Callable[[Client], object]] = api.link.listeners
        """What adds commands and views to a client, called before it hears anything."""
        self.closers: list[Callable[[], Coroutine[Any, Any, None]]] = []
        """What ends with the listening."""
        self.spoken: ThreadCommands | None = None
        """Hears the commands in what people say."""
        self.reception = Reception(
            platform, Names(api, clock), Audience.of(settings), settings, clock
        )
        self._ended: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def listening(
        self, store: Store, intake: Intake, worker: Worker
    ) -> AsyncGenerator[None, None]:
        """Hear what people say, for as long as the block lasts; and what they have said before."""
        settings, reception = self.settings, self.reception
        past = DiscordHistory(self.platform, reception, settings, self.clock)
        # Where nothing is overheard, a thread's title is known all the same.
        before = ThreadBackfill(past.before, store, intake, named=_as_it_is, wanted=True)
        name = f"{NAME}:{self.platform.me.user}"
        cursors = Cursors(store, self.clock, name, group=_group)
        reception.open(store, intake, before, cursors, worker.files)
        hours = settings.discord_catch_up_hours
        catch_up = CatchUp(NAME, past, store, intake, cursors, self.clock, hours=hours)
        reception.spoken, reception.catch_up = self.spoken, catch_up
        catching_up = asyncio.create_task(catch_up.forever())
        self.api.link.ears = reception
        self._ended = asyncio.create_task(self.api.link.run())
        try:
            await self._begun()
            yield
        finally:
            await _end(self._ended)
            await self.api.link.leave()
            await _end(catching_up)
            await catch_up.close()
            for close in self.closers:
                await close()
            await reception.close()
            await cursors.close()

    @property
    def described(self) -> str:
        """Return a line on how people's messages get here."""
        reach = "" if self.api.link.reads_all else ", without the message content intent"
        return f"Discord: connected as {self.api.link.client.user}{reach}"

    @property
    def connected(self) -> bool:
        """Tell whether people are heard at this moment, on all shards that have begun."""
        shards = self.api.link.client.shards.values()
        begun = self.reception.hears.is_set()
        return begun and bool(shards) and not any(shard.is_closed() for shard in shards)

    async def wait(self) -> int:
        """Return 1 when Discord has ended the connection for good; never before."""
        if self._ended is not None:
            await asyncio.wait({self._ended})
            error = None if self._ended.cancelled() else self._ended.exception()
            unforeseen = error is not None and not isinstance(error, ChatbotError)
            log.error("Discord is gone: %s", broke(error) if unforeseen and error else error)
        return 1

    async def _begun(self) -> None:
        """Wait until the first session has begun, or raise why there is none."""
        if self._ended is None:
            return
        hears = asyncio.create_task(self.reception.hears.wait())
        waiting = {hears, self._ended}
        begun = asyncio.FIRST_COMPLETED
        try:
            done, _ = await asyncio.wait(waiting, timeout=_BEGIN_SECONDS, return_when=begun)
            if not done:
                log.warning("Discord's gateway does not answer. It is tried until it does.")
                await asyncio.wait(waiting, return_when=begun)
        finally:
            hears.cancel()
        if self._ended.done():
            self._ended.result()


async def _as_it_is(message: Message) -> Message:
    """Return a message as it is: those that are read here have their authors' names."""
    return message


def _group(place: str) -> str:
    """Return what a place is heard together with: a server is on one shard."""
    return f"{guild_of(place) or 'dm'}/"


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


@asynccontextmanager
async def connected(settings: Settings, clock: Clock) -> AsyncGenerator[Discord, None]:
    """Be on Discord for as long as the block lasts.

    Raises `SettingsError` when the token is of no use, `OutOfReachError` when Discord is out of
    reach.
    """
    # It logs what people say when it is asked to, and each lost connection with its trace.
    logging.getLogger("discord").setLevel(logging.CRITICAL)
    with redirected(settings.discord_base_url):
        pace = Pace(clock)
        link = GatewayConnection(settings, pace, clock, patience=_CALL_SECONDS * _PATIENCE)
        api = Api(link, pace, clock, timeout=_CALL_SECONDS)
        async with aiohttp.ClientSession(connector=Connector(link.file_hosts)) as session:
            await link.open()
            platform = DiscordPlatform(
                api,
                _me(link, settings),
                session,
                clock,
                most_messages=settings.discord_answer_messages,
            )
            try:
                yield Discord(settings, api, platform, clock)
            finally:
                await platform.close()
                await link.close()


def _me(link: GatewayConnection, settings: Settings) -> Me:
    user = link.client.user
    if user is None:
        raise PlatformError("Discord does not say who the bot is")
    return Me(
        user=str(user.id),
        allow_bots=settings.discord_allow_bots,
        threads=settings.discord_answer_in == "thread",
    )
