"""What is wrong with the bot's setup on Discord: token, intents, commands, permissions, limits.

The doctor logs in and reads; it does not connect to the gateway, and changes nothing. Calls that
post are tried out by `tests.live.discord`.
"""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import discord

from bots.discord.connection.gateway import redirected
from bots.discord.faults import ODD, STATUS_PAGE, Fault, fault_of, reason, retry_after
from bots.discord.hosts import api_hosts
from bots.discord.setup.manifest import PERMISSIONS, invite_url
from bots.discord.ui.commands import commands, is_synced
from bots.ops.finding import fine, note, wrong
from bots.outgoing import Connector
from bots.settings.discord import ids
from core.domain.errors import broke

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator

    from bots.ops.finding import Finding
    from bots.settings.settings import Settings
    from core.domain.clock import Clock

ABOUT = "Discord"
_PORTAL = "discord.com/developers/applications"
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_OTHERS = {
    r"\d{15,20}": "an id",
    r"[0-9a-f]{64}": "the application's public key",
    r"[\w-]{32}": "a client secret",
}
"""What else the portal shows that people take for the token."""
_NEW_TOKEN = f"Set it to the bot's token: {_PORTAL}, your application, Bot, Reset Token."
_NETWORK = "Check the network, any proxy, and CHATBOT_DISCORD_BASE_URL if it is set."
_PASSES = f"Change nothing here. Check {STATUS_PAGE}, and run the doctor again later."
_REPAIRS = {
    Fault.ADDRESS: (
        "Check CHATBOT_DISCORD_BASE_URL: it has to end with /api/v10. Without it, the bot uses "
        "https://discord.com/api/v10."
    ),
    Fault.REFUSED: "Look up the code at discord.com/developers/docs, Opcodes and Status Codes.",
}
_A_MINUTE = 60.0
_PATIENCE = 5.0
"""The most seconds to wait for a rate limit; a longer one is reported."""
_FAILURES = (discord.DiscordException, aiohttp.ClientError, OSError)
_GUILDS = 50
"""Servers that are checked, of those that the bot is on."""
_FEW_STARTS = 50
"""Connections left in a day below which the doctor warns."""
_TALKED_IN = (
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.forum,
    discord.ChannelType.media,
)


async def examined(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    """Yield what the doctor finds on Discord."""
    del clock
    token = settings.discord_bot_token.get_secret_value()
    if not token:
        yield note(ABOUT, "not set up: DISCORD_BOT_TOKEN is not set")
        return
    kind = other_than_token(token)
    if kind:
        yield wrong(ABOUT, f"DISCORD_BOT_TOKEN holds {kind}", _NEW_TOKEN)
        return
    try:
        async with logged_in(settings) as client:
            yield fine(ABOUT, f"DISCORD_BOT_TOKEN works: {client.user}")
            async for finding in _as_bot(client, settings):
                yield finding
    except _FAILURES as error:
        yield _failed(error)
    except Exception as error:  # noqa: BLE001 - discord.py takes any answer for Discord's
        yield wrong(ABOUT, f"Discord can't be reached: {ODD} ({broke(error)})", _NETWORK)


@asynccontextmanager
async def logged_in(settings: Settings) -> AsyncGenerator[discord.Client, None]:
    """Provide a client that is logged in, without the gateway; raises what its `login` does."""
    with redirected(settings.discord_base_url):
        client = discord.Client(
            connector=Connector(api_hosts(settings.discord_base_url), limit=0),
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
        )
        client.http.max_ratelimit_timeout = _PATIENCE  # else it waits for any time
        try:
            await client.login(settings.discord_bot_token.get_secret_value())
            yield client
        finally:
            await client.close()


def _failed(error: Exception) -> Finding:
    """Return what is wrong if Discord could not be asked."""
    fault = fault_of(error)
    if fault is Fault.TOKEN:
        return wrong(ABOUT, "DISCORD_BOT_TOKEN is refused: Discord does not know it", _NEW_TOKEN)
    if fault is Fault.LIMITED:
        again = f"Run the doctor again in {retry_after(error) or _A_MINUTE:.0f} seconds."
        return note(ABOUT, "Discord is asked too often, so the rest was not checked", again)
    if fault is Fault.OUTAGE:
        return wrong(ABOUT, f"Discord can't be reached: {reason(error)}", _PASSES)
    return wrong(ABOUT, f"Discord can't be reached: {reason(error)}", _REPAIRS.get(fault, _NETWORK))


def other_than_token(text: str) -> str:
    """Return what a text is, if its form is not that of a bot's token; else an empty text."""
    if _TOKEN.fullmatch(text):
        return ""
    kinds = (kind for shape, kind in _OTHERS.items() if re.fullmatch(shape, text, re.ASCII))
    return next(kinds, "something that is not a Discord token")


async def _as_bot(client: discord.Client, settings: Settings) -> AsyncIterator[Finding]:
    application = client.application
    if application is None:
        return
    info: dict[str, Any] = {**await client.http.application_info()}
    for finding in (
        *_intents(application.flags, str(application.id), wanted=settings.discord_message_content),
        *_setup(info, str(application.id)),
    ):
        yield finding
    for finding in await _gateway(client, settings):
        yield finding
    for proxy in sorted(ids(settings.discord_proxies)):
        yield await _proxy(client, proxy, str(application.id))
    listed = await client.http.get_global_commands(application.id)
    yield _commands([dict(command) for command in listed])
    yield fine(ABOUT, f"to add it to a server: {invite_url(str(application.id))}")
    async for finding in _guilds(client, str(application.id)):
        yield finding


def _intents(
    flags: discord.ApplicationFlags, application: str, *, wanted: bool
) -> Iterator[Finding]:
    """Yield how the intents that are granted differ from those that the bot uses."""
    page = f"{_PORTAL}/{application}/bot, Privileged Gateway Intents"
    granted = flags.gateway_message_content or flags.gateway_message_content_limited
    if not wanted:
        text = "it runs without the message content intent, as CHATBOT_DISCORD_MESSAGE_CONTENT says"
        yield note(ABOUT, f"{text}: it reads mentions, replies to it and direct messages")
    elif granted:
        yield fine(ABOUT, "the message content intent is granted")
    else:
        text = (
            "the message content intent is off, so it runs in limited mode: it reads mentions, "
            "replies to it and direct messages, and does not follow its threads"
        )
        yield note(ABOUT, text, f"Turn it on at {page}.")
    more = {
        "presence": flags.gateway_presence or flags.gateway_presence_limited,
        "server members": flags.gateway_guild_members or flags.gateway_guild_members_limited,
        "message content": granted and not wanted,
    }
    idle = [name for name, on in more.items() if on]
    if idle:
        text = f"it does not need these privileged intents: {', '.join(idle)}"
        yield note(ABOUT, text, f"Turn them off at {page}.")


def _setup(info: dict[str, Any], application: str) -> Iterator[Finding]:
    """Yield which settings of the application keep the bot from receiving or from being invited."""
    page = f"{_PORTAL}/{application}"
    if info.get("interactions_endpoint_url"):
        text = (
            "an Interactions Endpoint URL is set, so commands and buttons go there, not to the bot"
        )
        yield wrong(ABOUT, text, f"Remove it at {page}/information.")
    if info.get("bot_require_code_grant"):
        text = "it requires an OAuth2 code grant, so its invitation does not work"
        yield wrong(ABOUT, text, f"Turn that off at {page}/bot.")


async def _proxy(client: discord.Client, proxy: str, application: str) -> Finding:
    """Return whether an app that may post for people can be one.

    The user of an application's bot has the id of the application, except for some old ones (docs:
    topics/oauth2, "Bot vs User Accounts"); a webhook has no user.
    """
    name = f"CHATBOT_DISCORD_PROXIES: {proxy}"
    if proxy == application:
        return wrong(ABOUT, f"{name} is this bot itself", "Remove it.")
    try:
        user = await client.fetch_user(int(proxy))
    except discord.NotFound:
        return note(ABOUT, f"{name} is the id of no bot; it may be a webhook or an old application")
    if user.bot:
        return fine(ABOUT, f"{name} is {user.name}, which may post for people")
    fix = "Set it to the id of the application or of the webhook that posts for people."
    return wrong(ABOUT, f"{name} is a person", fix)


async def _gateway(client: discord.Client, settings: Settings) -> list[Finding]:
    """Return how often the bot may still connect, and on how many shards it should run."""
    shards, _, limits = await client.http.get_bot_gateway()
    found = []
    used, left, total = settings.discord_shard_count or shards, limits["remaining"], limits["total"]
    text = f"it may connect {left} more times today, of {total}"
    hours = limits["reset_after"] / 3_600_000
    fix = f"Find out why it connects so often; the count restarts in {hours:.1f} hours."
    if left < used:
        found.append(wrong(ABOUT, f"{text}, and needs {used} to start", fix))
    else:
        found.append(note(ABOUT, text, fix) if left < _FEW_STARTS else fine(ABOUT, text))
    if used < shards:
        text = f"Discord recommends {shards} shards, and CHATBOT_DISCORD_SHARD_COUNT says {used}"
        found.append(note(ABOUT, text, "Raise it in all processes, or remove it."))
    return found


def _commands(found: list[dict[str, Any]]) -> Finding:
    if is_synced(found, commands()):
        return fine(ABOUT, "Discord has its current commands")
    what = "does not have its current commands" if found else "has none of its commands"
    return note(ABOUT, f"Discord {what}", "Start the bot; it writes them when it starts.")


async def _guilds(client: discord.Client, application: str) -> AsyncIterator[Finding]:
    """Yield which permissions the bot lacks on its servers, and in which channels that it sees."""
    count = 0
    async for listed in client.fetch_guilds(limit=_GUILDS):
        count += 1
        guild = await client.fetch_guild(listed.id, with_counts=False)
        me = await guild.fetch_member(client.user.id if client.user else 0)
        held = me.guild_permissions
        for name in _missing(held):
            fix = f"Give it to its role, or add it again by {invite_url(application)}."
            yield wrong(ABOUT, f"on {guild.name} it lacks {name} ({PERMISSIONS[name][1]})", fix)
        for channel in await guild.fetch_channels():
            there = channel.permissions_for(me)
            if channel.type in _TALKED_IN and there.view_channel:
                lacks = [name for name in _missing(there) if name not in _missing(held)]
                if lacks:
                    text = f"in #{channel.name} on {guild.name} it lacks {', '.join(lacks)}"
                    yield note(
                        ABOUT, text, "Allow them for its role there, if people are to talk to it."
                    )
    if count:
        yield fine(ABOUT, f"it is on {count}{' or more' if count == _GUILDS else ''} server(s)")
    else:
        fix = f"Add it to one by {invite_url(application)}."
        yield note(ABOUT, "it is on no server, so people can only send it direct messages", fix)


def _missing(held: discord.Permissions) -> list[str]:
    return [name for name in PERMISSIONS if not getattr(held, name.lower())]
