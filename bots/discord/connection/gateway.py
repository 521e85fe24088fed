"""The connection to Discord: discord.py's client, with no more intents than Discord grants.

Intents are fixed when a client identifies. If the one for message content is not granted (by the
application's flags, or by the gateway's close code 4014), another client connects without it.
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

from bots.connect_retry import retry_until_reached
from bots.discord.connection.client import Client
from bots.discord.faults import ODD, OUT_OF_REACH, Fault, fault_of, reason, retry_after
from bots.discord.hosts import api_hosts, file_hosts
from bots.discord.pace import keep_to_limits
from core.domain.clock import Backoff
from core.domain.errors import ChatbotError, OutOfReachError, PlatformError, SettingsError, broke

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from typing import TypeAlias

    from bots.discord.connection.client import EventListener, InteractionListener
    from bots.discord.pace import Pace
    from bots.outgoing import Hosts
    from bots.settings.settings import Settings
    from core.domain.clock import Clock

    _Connect: TypeAlias = Callable[..., Awaitable[aiohttp.ClientWebSocketResponse]]

log = logging.getLogger(__name__)

_REFUSED = "DISCORD_BOT_TOKEN is refused by Discord"
_CLOSED = {
    4004: "it does not accept DISCORD_BOT_TOKEN any more",
    4010: "CHATBOT_DISCORD_SHARDS and CHATBOT_DISCORD_SHARD_COUNT don't fit each other",
    4011: "the bot is on so many servers that it needs more shards (CHATBOT_DISCORD_SHARD_COUNT)",
    4012: "it no longer speaks this version of its gateway: a newer discord.py is needed",
    4013: "it does not know the intents that are asked for: a newer discord.py is needed",
}
"""Close codes after which a client must not reconnect (docs:
topics/opcodes-and-status-codes)."""
_BACKOFF = Backoff(first=1.0, cap=60.0, jitter=0.5)
"""Waits, in seconds, before a connection that broke is opened again."""
_LOGIN_SECONDS = 10.0
"""Seconds for one attempt to log in; discord.py would wait for minutes."""
_FAILURES = (discord.HTTPException, discord.RateLimited, aiohttp.ClientError, OSError)


class GatewayConnection:
    """Holds the one client that there is at a time, and replaces it when it has ended."""

    def __init__(self, settings: Settings, pace: Pace, clock: Clock, *, patience: float) -> None:
        """Create a client that is not logged in.

        Args:
            settings: Hold the token, the intents and the shards.
            pace: Listens to the answers of the client's calls.
            clock: Times the attempts to connect.
            patience: The most seconds that a call waits for one of Discord's rate limits.
        """
        self._settings = settings
        self._pace = pace
        self._clock = clock
        self._patience = patience
        self.hosts = api_hosts(settings.discord_base_url)
        self.file_hosts = file_hosts(settings.discord_base_url)
        self.reads_all: bool = settings.discord_message_content
        """Whether all messages come with their content, also those not addressed to the bot."""
        self.client = self._new_client()
        self._attached: Client | None = None

    async def open(self) -> None:
        """Log in, with the intents that are granted.

        Raises:
            SettingsError: The token is refused.
            OutOfReachError: Discord can't be reached.
        """
        await self._log_in()
        flags = self.client.application.flags if self.client.application else None
        granted = flags and (flags.gateway_message_content or flags.gateway_message_content_limited)
        if self.reads_all and not granted:
            await self._go_without_content()

    async def run(self, events: EventListener, interactions: InteractionListener) -> None:
        """Stay connected, and pass on what the gateway sends.

        Reconnects as often as it takes, and returns only by raising.

        Raises:
            PlatformError, SettingsError: The connection has ended for good; the text says why.
        """
        failures = 0
        while True:
            if self._attached is not self.client:
                self._attached = self.client
                interactions.attach(self.client)
            try:
                await retry_until_reached(lambda: self._connect(events, interactions), self._clock)
            except discord.PrivilegedIntentsRequired:
                if not self.reads_all:
                    raise PlatformError("Discord does not grant the bot's intents") from None
                await self._go_without_content()
            except discord.ConnectionClosed as closed:
                await self._keep_posting()
                raise PlatformError(_closed(closed.code)) from None
            except ChatbotError:
                raise
            except Exception as error:  # noqa: BLE001 - discord.py ends with what it can't parse
                log.error("Discord's connection broke and is opened again: %s", broke(error))  # noqa: TRY400
                failures += 1
                await self._clock.sleep(_BACKOFF.wait(failures))
                await retry_until_reached(self._replace_client, self._clock)

    async def leave(self) -> None:
        """Stop receiving events; calls may still be made."""
        for shard in self.client.shards.values():
            await shard.disconnect()

    async def close(self) -> None:
        """Log out."""
        await self.client.close()

    async def _connect(self, events: EventListener, interactions: InteractionListener) -> None:
        """Connect, and stay until that ends; raise `OutOfReachError` if it can't be done now."""
        try:
            shards, url, limits = await self._gateway()
            if limits["remaining"] < len(self._settings.discord_shards or range(shards)):
                minutes = limits["reset_after"] / 60_000
                raise OutOfReachError(
                    "The bot has connected too often: Discord lets it connect again in "
                    f"{minutes:.0f} minutes"
                )
            if self.hosts.find(url) is None:
                raise OutOfReachError("Discord's API names a gateway that is not Discord's")
            if self._settings.discord_base_url:
                DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)
            await self.client.connect_for(events, interactions)
        except (discord.GatewayNotFound, *_FAILURES) as error:
            raise _meaning(error.__cause__ or error) from None

    async def _gateway(self) -> tuple[int, str, dict[str, int]]:
        """Return the recommended shards, the gateway's address, and the limit on new sessions.

        Raises `OutOfReachError` if the answer can't have come from Discord.
        """
        try:
            shards, url, found = await self.client.http.get_bot_gateway()
            limits = {name: int(found[name]) for name in ("remaining", "reset_after")}
            return int(shards), str(yarl.URL(url)), limits
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise OutOfReachError(f"{OUT_OF_REACH}: {ODD} ({broke(error)})") from error

    async def _keep_posting(self) -> None:
        """Log in again, so that running turns can post: discord.py has closed its HTTP session."""
        try:
            await self._replace_client()
        except ChatbotError as error:
            log.info("running turns are left to other processes: %s", error)

    async def _replace_client(self) -> None:
        """Replace the client by a new one that is logged in."""
        await self.client.close()
        self.client = self._new_client()
        await self._log_in()

    async def _go_without_content(self) -> None:
        log.warning(
            "Discord has not granted the message content intent: the bot reads mentions, replies "
            "to it and direct messages. To let it follow its threads, turn the intent on in the "
            "developer portal."
        )
        self.reads_all = False
        await self._replace_client()

    def _new_client(self) -> Client:
        client = Client(self._settings, self._pace, content=self.reads_all)
        keep_to_limits(client.http, self._patience)
        client.http.ws_connect = _only_to(self.hosts, client.http.ws_connect)  # type: ignore[assignment, method-assign]
        return client

    async def _log_in(self) -> None:
        token = self._settings.discord_bot_token.get_secret_value()
        try:
            async with asyncio.timeout(_LOGIN_SECONDS):
                await self.client.login(token)
        except BaseException as error:
            await self.client.close()
            if isinstance(error, (discord.LoginFailure, *_FAILURES)):
                raise _meaning(error) from error
            if isinstance(error, Exception):  # discord.py takes any answer for Discord's
                raise OutOfReachError(f"{OUT_OF_REACH}: {ODD} ({broke(error)})") from error
            raise


def _meaning(error: BaseException) -> ChatbotError:
    """Return as an error of ours why the API could not be reached."""
    fault = fault_of(error)
    if fault is Fault.TOKEN:
        return SettingsError(_REFUSED)
    if fault is Fault.LIMITED:
        text = f"Discord can't be reached for a while, since it is asked too often: {reason(error)}"
        return OutOfReachError(text, retry_after=retry_after(error))
    return OutOfReachError(f"{OUT_OF_REACH}: {reason(error)}")


def _closed(code: int) -> str:
    """Return why Discord has closed the connection for good."""
    why = _CLOSED.get(code, "see its close codes")
    return f"Discord has closed the connection for good, code {code}: {why}"


def _only_to(hosts: Hosts, connect: _Connect) -> _Connect:
    """Return a `connect` that connects to Discord's own gateways only.

    The first frame that a gateway gets holds the bot's token, and a session is resumed at the
    address that the gateway has named. If that is not Discord's, the default gateway is used: it
    resumes the session or begins another.
    """

    async def ws_connect(url: str, *, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
        if hosts.find(url) is None:
            log.warning("Discord names a gateway that is not Discord's; the default one is used.")
            url = str(DiscordWebSocket.DEFAULT_GATEWAY.with_query(yarl.URL(url).query))
        return await connect(url, compress=compress)

    return ws_connect


@contextmanager
def redirected(base_url: str) -> Iterator[None]:
    """Let discord.py call another address inside the block; it keeps one for the whole process."""
    base, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    if base_url:
        Route.BASE = base_url
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = base, gateway
