"""The connection to Discord: discord.py's client, with no more intents than are granted.

Intents are fixed when a client identifies. Where the one for message content is not granted
(flags of the application, or the gateway's close code 4014), another client goes on without it.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bots.connect_retry import until_there
from bots.discord.api import ODD
from bots.discord.connection.buckets import keep_to_limits, look_seldom
from bots.discord.connection.client import Client
from bots.discord.faults import Fault, fault_of, retry_after, told
from bots.discord.hosts import api_hosts, file_hosts
from core.domain.errors import ChatbotError, OutOfReachError, PlatformError, SettingsError, broke
from core.models.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from typing import TypeAlias

    from bots.discord.connection.state import EventListener
    from bots.discord.pace import Pace
    from bots.hosts import Hosts
    from bots.settings.settings import Settings
    from core.domain.clock import Clock

    _Connect: TypeAlias = Callable[..., Awaitable[aiohttp.ClientWebSocketResponse]]

log = logging.getLogger(__name__)

OUT_OF_REACH = "Discord can't be reached (see https://discordstatus.com)"
_REFUSED = "DISCORD_BOT_TOKEN is refused by Discord"
_CLOSED = {
    4004: "it does not accept DISCORD_BOT_TOKEN any more",
    4010: "CHATBOT_DISCORD_SHARDS and CHATBOT_DISCORD_SHARD_COUNT don't fit each other",
    4011: "the bot is on so many servers that it needs more shards (CHATBOT_DISCORD_SHARD_COUNT)",
    4012: "it no longer speaks this version of its gateway: a newer discord.py is needed",
    4013: "it does not know the intents that are asked for: a newer discord.py is needed",
}
"""Close codes after which one may not come back (docs: topics/opcodes-and-status-codes)."""
_PAUSES = RetryPolicy(first_wait=1.0, longest_wait=60.0)
"""Seconds before a connection that broke is made once more."""
_LOGIN_SECONDS = 10.0
"""How long one try to log in may take; discord.py would wait for minutes."""
_FAILURES = (discord.HTTPException, discord.RateLimited, aiohttp.ClientError, OSError)


class GatewayConnection:
    """The one client that there is at a time."""

    def __init__(self, settings: Settings, pace: Pace, clock: Clock, *, patience: float) -> None:
        """Wait no longer than `patience` seconds for one of Discord's limits."""
        self.ears: EventListener
        """Who is told of what the gateway says; to be set before `run`."""
        self._settings = settings
        self._pace = pace
        self._clock = clock
        self._patience = patience
        self.listeners: list[Callable[[Client], object]] = []
        """What adds to a client before it connects: commands, views."""
        self.hosts = api_hosts(settings.discord_base_url)
        self.file_hosts = file_hosts(settings.discord_base_url)
        self.reads_all: bool = settings.discord_message_content
        """Whether messages come with their content, also those that are not for the bot."""
        self.client = self._made()
        self._listens: Client | None = None

    async def open(self) -> None:
        """Log in, with the intents that are granted.

        Raises `SettingsError` when the token is of no use, `OutOfReachError` when Discord is out
        of reach.
        """
        await self._login()
        flags = self.client.application.flags if self.client.application else None
        granted = flags and (flags.gateway_message_content or flags.gateway_message_content_limited)
        if self.reads_all and not granted:
            await self._do_without()

    async def run(self) -> None:
        """Hear what the gateway says; ends only when that is over for good.

        Raises `PlatformError` or `SettingsError` with a sentence on why.
        """
        failures = 0
        while True:
            self._listen()
            try:
                await until_there(self._begin, self._clock)
            except discord.PrivilegedIntentsRequired:
                if not self.reads_all:
                    raise PlatformError("Discord does not grant the bot's intents") from None
                await self._do_without()
            except discord.ConnectionClosed as closed:
                await self._keep_posting()
                raise PlatformError(_closed(closed.code)) from None
            except ChatbotError:
                raise
            except Exception as error:  # noqa: BLE001 - discord.py ends with what it can't make out
                log.error("Discord's connection is made once more, it broke: %s", broke(error))  # noqa: TRY400
                failures += 1
                await self._clock.sleep(_PAUSES.wait(failures, None))
                await until_there(self._renewed, self._clock)

    def _listen(self) -> None:
        """Let the client hear more than messages; one that connects once more does so already."""
        if self._listens is self.client:
            return
        self._listens = self.client
        for add in self.listeners:
            add(self.client)

    async def leave(self) -> None:
        """Hear nothing more; what has been begun may still be answered."""
        for shard in self.client.shards.values():
            await shard.disconnect()

    async def close(self) -> None:
        """Leave Discord."""
        await self.client.close()

    async def _begin(self) -> None:
        """Connect, and stay until that ends; raises `OutOfReachError` where it can't yet."""
        try:
            shards, url, limits = await self._gateway()
            if limits["remaining"] < len(self._settings.discord_shards or range(shards)):
                minutes = limits["reset_after"] / 60_000
                raise OutOfReachError(
                    f"Discord lets the bot connect in {minutes:.0f} minutes: it did so too often"
                )
            if self.hosts.find(url) is None:
                raise OutOfReachError("Discord's API names a gateway that is not Discord's")
            if self._settings.discord_base_url:
                DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)
            await self.client.connect()
        except (discord.GatewayNotFound, *_FAILURES) as error:
            raise _meaning(error.__cause__ or error) from None

    async def _gateway(self) -> tuple[int, str, dict[str, int]]:
        """Return the shards that Discord wants, its gateway, and how often it may be connected to.

        Raises `OutOfReachError` where an answer is none of Discord's.
        """
        try:
            shards, url, found = await self.client.http.get_bot_gateway()
            limits = {name: int(found[name]) for name in ("remaining", "reset_after")}
            return int(shards), str(yarl.URL(url)), limits
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise OutOfReachError(f"{OUT_OF_REACH}: {ODD} ({broke(error)})") from error

    async def _keep_posting(self) -> None:
        """Let answers be posted for a while, where discord.py has closed all that it had open."""
        try:
            await self._renewed()
        except ChatbotError as error:
            log.info("what is being answered is left to other processes: %s", error)

    async def _renewed(self) -> None:
        """Have another client, logged in, in the place of one that is closed."""
        await self.client.close()
        self.client = self._made()
        await self._login()

    async def _do_without(self) -> None:
        log.warning(
            "Discord has not granted the message content intent: the bot reads mentions, replies "
            "to it and direct messages. To let it follow its threads, turn the intent on in the "
            "developer portal."
        )
        self.reads_all = False
        await self._renewed()

    def _made(self) -> Client:
        client = Client(lambda: self.ears, self._settings, self._pace, content=self.reads_all)
        keep_to_limits(client.http, self._patience)
        look_seldom(client.http)
        client.http.ws_connect = _to_gateways_alone(client.http.ws_connect, self.hosts)  # type: ignore[assignment, method-assign]
        return client

    async def _login(self) -> None:
        token = self._settings.discord_bot_token.get_secret_value()
        try:
            async with asyncio.timeout(_LOGIN_SECONDS):
                await self.client.login(token)
        except BaseException as error:
            await self.client.close()
            if isinstance(error, (discord.LoginFailure, *_FAILURES)):
                raise _meaning(error) from error
            if isinstance(error, Exception):  # discord.py trusts that an answer is one of Discord's
                raise OutOfReachError(f"{OUT_OF_REACH}: {ODD} ({broke(error)})") from error
            raise


def _meaning(error: BaseException) -> ChatbotError:
    """Return what it means that the API could not be asked."""
    fault = fault_of(error)
    if fault is Fault.TOKEN:
        return SettingsError(_REFUSED)
    if fault is Fault.LIMITED:
        seconds = retry_after(error)
        said = f"Discord can't be reached for a while, since it is asked too often: {told(error)}"
        return OutOfReachError(said, retry_after=seconds)
    return OutOfReachError(f"{OUT_OF_REACH}: {told(error)}")


def _closed(code: int) -> str:
    """Return why Discord has ended the connection for good, in words."""
    why = _CLOSED.get(code, "see its close codes")
    return f"Discord has closed the connection for good, code {code}: {why}"


def _to_gateways_alone(connect: _Connect, hosts: Hosts) -> _Connect:
    """Return what connects to Discord's own gateways, where `connect` goes anywhere.

    The first thing that a gateway is sent is the bot's token, and where a session is resumed is
    what the gateway has said. Where that is not Discord's, the usual gateway is asked: it resumes
    the session or begins another.
    """

    async def ws_connect(url: str, *, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
        if hosts.find(url) is None:
            log.warning("Discord names a gateway that is not Discord's; the usual one is asked.")
            url = str(DiscordWebSocket.DEFAULT_GATEWAY.with_query(yarl.URL(url).query))
        return await connect(url, compress=compress)

    return ws_connect


@contextmanager
def redirected(base_url: str) -> Iterator[None]:
    """Let discord.py speak to another address for as long as the block lasts; it has but one."""
    base, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    if base_url:
        Route.BASE = base_url
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = base, gateway
