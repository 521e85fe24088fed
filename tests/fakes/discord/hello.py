"""How a session begins: who may, and what it is told first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.fakes.discord.intents import KNOWN, PRIVILEGED, Intent
from tests.fakes.discord.model import THREADS
from tests.fakes.discord.permissions import Permission
from tests.fakes.discord.shapes import channel_json, guild_json, member_json, time_text, user_json

if TYPE_CHECKING:
    from tests.fakes.discord.delivery import Session
    from tests.fakes.discord.events import Announcer
    from tests.fakes.discord.model import Guild, Json

MOST_GUILDS = 2500  # per shard (discord.md 2, "Sharding")
_CONTENT_LIMITED, _MEMBERS_LIMITED = 1 << 19, 1 << 15  # docs: resources/application, flags


class RefusalError(Exception):
    """A connection that is closed with a code (docs: topics/opcodes-and-status-codes)."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


def identified(discord: Announcer, data: Json) -> tuple[tuple[int, int], Intent]:
    """Check an IDENTIFY and return its shard and intents.

    Raises:
        RefusalError: 4004 for a wrong token, 4010 for a shard that isn't, 4011 for too few shards,
            4013 for intents that aren't, 4014 for those that aren't granted.
    """
    if data.get("token") != discord.token:
        raise RefusalError(4004)
    given = data.get("intents")
    if not isinstance(given, int) or given & ~KNOWN:
        raise RefusalError(4013)
    intents = Intent(given)
    if intents & PRIVILEGED & ~discord.granted:
        raise RefusalError(4014)
    number, count = data.get("shard") or (0, 1)
    if not 0 <= number < count:
        raise RefusalError(4010)
    if len(discord.guilds) > MOST_GUILDS * count:
        raise RefusalError(4011)
    return (number, count), intents


def flags(discord: Announcer) -> int:
    """Return the application's flags: which privileged intents it has."""
    content = _CONTENT_LIMITED if discord.granted & Intent.MESSAGE_CONTENT else 0
    return content | (_MEMBERS_LIMITED if discord.granted & Intent.GUILD_MEMBERS else 0)


def ready(discord: Announcer, session: Session, guilds: list[Guild], url: str) -> str:
    """Return the payload of READY: all guilds are still unavailable in it."""
    return json.dumps(
        {
            "v": 10,
            "user": user_json(discord.bot) | {"mfa_enabled": False, "verified": True},
            "session_type": "normal",
            "session_id": session.id,
            "resume_gateway_url": url,
            "private_channels": [],
            "presences": [],
            "guilds": [{"id": guild.id, "unavailable": True} for guild in guilds],
            "shard": list(session.shard),
            "application": {"id": discord.bot.id, "flags": flags(discord)},
        }
    )


def guild_create(discord: Announcer, guild: Guild) -> Json:
    """Return a guild with its channels, active threads and, without more intents, the bot."""
    threads = [t for t in discord.threads(guild) if _visible(discord, t.id)]
    me = guild.members[discord.bot.id]
    return guild_json(guild) | {
        "joined_at": time_text(me.joined),
        "large": len(guild.members) > 250,
        "unavailable": False,
        "member_count": len(guild.members),
        "voice_states": [],
        "members": [member_json(me)],
        "channels": [channel_json(c) for c in guild.channels.values() if c.kind not in THREADS],
        "threads": [channel_json(thread, discord.bot.id) for thread in threads],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def _visible(discord: Announcer, thread: str) -> bool:
    return bool(discord.may(discord.bot, thread) & Permission.VIEW_CHANNEL)


def members_chunk(discord: Announcer, session: Session, data: Json) -> str:
    """Return the members asked for (docs: events/gateway-events, "Request Guild Members")."""
    guild = discord.guilds[str(data["guild_id"])]
    query, wanted, limit = data.get("query"), data.get("user_ids"), data.get("limit") or 1000
    if query == "" and not session.intents & Intent.GUILD_MEMBERS:
        raise RefusalError(4014)
    found = list(guild.members.values())
    if wanted is not None:
        wanted = [str(user) for user in (wanted if isinstance(wanted, list) else [wanted])]
        found = [member for member in found if member.user.id in wanted]
    elif query:
        found = [m for m in found if (m.nick or m.user.name).lower().startswith(query.lower())]
    body: Json = {
        "guild_id": guild.id,
        "members": [member_json(member) for member in found[:limit]],
        "chunk_index": 0,
        "chunk_count": 1,
        "not_found": [],
    }
    return json.dumps(body | ({"nonce": data["nonce"]} if data.get("nonce") else {}))
