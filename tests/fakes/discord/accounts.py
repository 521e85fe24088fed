"""The bot itself, other users, guilds and channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.discord.call import Call, route
from tests.fakes.discord.errors import DiscordError
from tests.fakes.discord.hello import flags
from tests.fakes.discord.model import DM, THREADS
from tests.fakes.discord.permissions import Permission
from tests.fakes.discord.shapes import channel_json, guild_json, member_json, role_json, user_json

if TYPE_CHECKING:
    from tests.fakes.discord.model import Json


@route("GET", "/gateway/bot")
def gateway_bot(call: Call) -> Json:
    """Say where the gateway is, and how many shards to use."""
    return {
        "url": call.gateway.url,
        "shards": call.gateway.shards,
        "session_start_limit": {
            "total": call.gateway.starts,
            "remaining": max(0, call.gateway.starts - len(call.gateway.identified)),
            "reset_after": 86_400_000,
            "max_concurrency": call.gateway.concurrency,
        },
    }


@route("GET", "/users/@me")
def me(call: Call) -> Json:
    """Return the bot's user."""
    return user_json(call.discord.bot) | {"mfa_enabled": True, "locale": "en-US", "verified": True}


@route("GET", "/users/@me/guilds")
def my_guilds(call: Call) -> list[Json]:
    """List the bot's guilds."""
    me = call.discord.bot.id
    return [
        {
            "id": guild.id,
            "name": guild.name,
            "icon": None,
            "banner": None,
            "owner": False,
            "permissions": "0",
            "features": [],
        }
        for guild in call.discord.guilds.values()
        if me in guild.members
    ]


@route("POST", "/users/@me/channels")
def open_dm(call: Call) -> Json:
    """Open a DM with a person; the one there is if there is one."""
    user = call.discord.users.get(str(call.json.get("recipient_id")))
    if user is None or user is call.discord.bot:
        raise DiscordError(50007 if user else 10013)
    return channel_json(call.discord.dm(user))


@route("GET", "/users/{user_id}")
def user(call: Call) -> Json:
    """Return anybody."""
    found = call.discord.users.get(call.params["user_id"])
    if found is None:
        raise DiscordError(10013)
    return user_json(found)


def _application(call: Call) -> Json:
    discord = call.discord
    owner = discord.users[discord.home.owner]
    nothing = ("icon", "type", "interactions_endpoint_url", "role_connections_verification_url")
    return {
        "id": discord.bot.id,
        "name": discord.bot.name,
        "description": "",
        "summary": "",
        "bot": user_json(discord.bot),
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": flags(discord),
        "flags_new": str(flags(discord)),
        "redirect_uris": [],
        "owner": user_json(owner),
        "approximate_guild_count": len(discord.guilds),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": [],
        **dict.fromkeys(nothing),
    }


route("GET", "/oauth2/applications/@me")(_application)
route("GET", "/applications/@me")(_application)


@route("GET", "/guilds/{guild_id}")
def guild(call: Call) -> Json:
    """Return a guild."""
    found = call.guild()
    counts = {"approximate_member_count": len(found.members), "approximate_presence_count": 1}
    return guild_json(found) | (counts if call.query.get("with_counts") else {})


@route("GET", "/guilds/{guild_id}/channels")
def guild_channels(call: Call) -> list[Json]:
    """List a guild's channels, without threads."""
    found = call.guild().channels.values()
    return [channel_json(channel) for channel in found if channel.kind not in THREADS]


@route("GET", "/guilds/{guild_id}/roles")
def roles(call: Call) -> list[Json]:
    """List a guild's roles."""
    return [role_json(role) for role in call.guild().roles.values()]


@route("GET", "/guilds/{guild_id}/members")
def members(call: Call) -> list[Json]:
    """List a guild's members; needs the members intent (docs: "List Guild Members")."""
    found = call.guild()
    if not flags(call.discord) & (1 << 15):
        raise DiscordError(50001)
    limit, after = call.number("limit", 1, 1000), int(call.query.get("after", "0"))
    ids = sorted(int(user) for user in found.members if int(user) > after)[:limit]
    return [member_json(found.members[str(user)]) for user in ids]


@route("GET", "/guilds/{guild_id}/members/{user_id}")
def member(call: Call) -> Json:
    """Return a member."""
    found = call.guild().members.get(call.params["user_id"])
    if found is None:
        raise DiscordError(10007 if call.params["user_id"] in call.discord.users else 10013)
    return member_json(found)


@route("GET", "/channels/{channel_id}")
def channel(call: Call) -> Json:
    """Return a channel, a thread or a DM."""
    return channel_json(call.channel(), call.discord.bot.id)


@route("DELETE", "/channels/{channel_id}")
def close(call: Call) -> Json:
    """Delete a channel or a thread, or close a DM."""
    found = call.channel()
    if found.kind == DM:
        return channel_json(found)
    thread = found.kind in THREADS
    call.need(found, Permission.MANAGE_THREADS if thread else Permission.MANAGE_CHANNELS)
    body = channel_json(found, call.discord.bot.id)
    call.discord.drop_channel(found)
    return body
