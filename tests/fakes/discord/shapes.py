"""What Discord tells of its objects, in JSON."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, cast

from tests.fakes.discord.addresses import file_json
from tests.fakes.discord.model import DM, FORUM, POSTS_ONLY, VOICE

if TYPE_CHECKING:
    from tests.fakes.discord.model import (
        Channel,
        Guild,
        Json,
        Member,
        Message,
        Role,
        Thread,
        User,
    )
    from tests.fakes.discord.state import State


def time_text(seconds: float) -> str:
    """Return a time as Discord writes it."""
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return moment.isoformat(timespec="microseconds")


def user_json(user: User) -> Json:
    """Return a user."""
    found: Json = {
        "id": user.id,
        "username": user.name,
        "avatar": None,
        "discriminator": "0" if not user.bot else "0001",
        "public_flags": 0,
        "flags": 0,
        "global_name": user.global_name,
        "primary_guild": None,
    }
    return found | {"bot": True} if user.bot else found


def member_json(member: Member, *, user: bool = True) -> Json:
    """Return a member; without the user where it stands beside them."""
    found: Json = {
        "avatar": None,
        "banner": None,
        "communication_disabled_until": None,
        "flags": 0,
        "joined_at": time_text(member.joined),
        "nick": member.nick,
        "pending": False,
        "premium_since": None,
        "roles": list(member.roles),
        "mute": False,
        "deaf": False,
    }
    return found | {"user": user_json(member.user)} if user else found


def role_json(role: Role) -> Json:
    """Return a role."""
    found: Json = {
        "id": role.id,
        "name": role.name,
        "permissions": str(int(role.permissions)),
        "position": role.position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": bool(role.bot),
        "mentionable": role.mentionable,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }
    return found | {"tags": {"bot_id": role.bot}} if role.bot else found


def channel_json(channel: Channel, bot: str = "") -> Json:
    """Return a channel of any kind; a thread with the bot's own membership."""
    found: Json = {"id": channel.id, "type": channel.kind, "flags": 0}
    if channel.kind == DM:
        recipients = [user_json(user) for user in channel.recipients]
        return found | {"last_message_id": channel.last, "recipients": recipients}
    found |= {
        "guild_id": channel.guild,
        "name": channel.name,
        "parent_id": channel.parent or None,
        "last_message_id": channel.last,
        "rate_limit_per_user": channel.slowmode,
    }
    if channel.thread is not None:
        return found | _thread_json(channel, channel.thread, bot)
    found |= {
        "position": channel.position,
        "topic": channel.topic,
        "nsfw": False,
        "permission_overwrites": [
            {"id": o.id, "type": o.type, "allow": str(int(o.allow)), "deny": str(int(o.deny))}
            for o in channel.overwrites.values()
        ],
    }
    if channel.kind == VOICE:
        found |= {"bitrate": 64000, "user_limit": 0, "rtc_region": None}
    if channel.kind in POSTS_ONLY:
        tags = [tag_json(*each) for each in channel.tags.items()]
        found |= {"available_tags": tags, "default_reaction_emoji": None}
        found |= {"default_sort_order": None}
    if channel.kind == FORUM:
        found |= {"default_forum_layout": 0}
    return found


def tag_json(id_: str, name: str) -> Json:
    """Return a tag of a forum."""
    return {"id": id_, "name": name, "moderated": False, "emoji_id": None, "emoji_name": None}


def _thread_json(channel: Channel, thread: Thread, bot: str) -> Json:
    found: Json = {
        "owner_id": thread.owner,
        "thread_metadata": {
            "archived": thread.archived,
            "archive_timestamp": time_text(thread.archived_at or thread.created),
            "auto_archive_duration": thread.auto_archive,
            "locked": thread.locked,
            "create_timestamp": time_text(thread.created),
        },
        "message_count": len(channel.messages),
        "member_count": min(len(thread.members), 50),
        "total_message_sent": thread.total,
    }
    if thread.opened != 0.0:  # a post
        found["applied_tags"] = list(channel.tags)
    if bot in thread.members:
        found["member"] = thread_member_json(channel, bot)
    return found


def thread_member_json(channel: Channel, user: str) -> Json:
    """Return a person's membership of a thread."""
    assert channel.thread is not None
    joined = time_text(channel.thread.members[user])
    return {"id": channel.id, "user_id": user, "join_timestamp": joined, "flags": 1}


def guild_json(guild: Guild) -> Json:
    """Return a guild without its channels and members."""
    nothing = (
        *("icon", "description", "home_header", "splash", "discovery_splash", "banner"),
        *("application_id", "afk_channel_id", "system_channel_id", "widget_channel_id"),
        *("max_presences", "vanity_url_code", "rules_channel_id", "safety_alerts_channel_id"),
        *("public_updates_channel_id", "incidents_data"),
    )
    zero = (
        *("system_channel_flags", "verification_level", "mfa_level", "explicit_content_filter"),
        *("premium_tier", "premium_subscription_count", "nsfw_level"),
    )
    return {
        "id": guild.id,
        "name": guild.name,
        "owner_id": guild.owner,
        "features": [],
        "region": "deprecated",
        "afk_timeout": 300,
        "widget_enabled": False,
        "roles": [role_json(role) for role in guild.roles.values()],
        "default_message_notifications": 0,
        "max_members": 500000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "preferred_locale": "en-US",
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "emojis": [],
        "stickers": [],
        **dict.fromkeys(nothing),
        **dict.fromkeys(zero, 0),
    }


def emoji_json(name: str) -> Json:
    """Return an emoji from the form in which routes name it: a character, or `name:id`."""
    text, _, number = name.partition(":")
    return {"id": number or None, "name": text}


def message_json(state: State, message: Message, *, nonce: bool = False) -> Json:
    """Return a message; with its nonce where Discord shows it."""
    found = _plain_json(state, message)
    reference = message.reference
    if reference and "message_id" in reference and message.kind in {19, 21}:
        place = state.channels.get(reference["channel_id"])
        meant = place.messages.get(reference["message_id"]) if place else None
        found["referenced_message"] = _plain_json(state, meant) if meant else None
    if nonce and message.nonce is not None:
        found["nonce"] = message.nonce
    altered = state.altered.get(message.id)
    return found if altered is None else cast("Json", altered(found))


def _plain_json(state: State, message: Message) -> Json:
    ephemeral = message.ephemeral
    found: Json = {
        "id": message.id,
        "channel_id": message.channel,
        "type": message.kind,
        "content": message.content,
        "author": user_json(message.author),
        "timestamp": time_text(message.created),
        "edited_timestamp": None if message.edited is None else time_text(message.edited),
        "flags": message.flags,
        "tts": False,
        "pinned": message.pinned,
        "mention_everyone": message.mention_everyone,
        "mentions": [user_json(state.users[user]) for user in message.mentions],
        "mention_roles": list(message.mention_roles),
        "attachments": [file_json(state, file, ephemeral=ephemeral) for file in message.files],
        "embeds": message.embeds,
        "components": message.components,
    }
    if message.reactions:
        found["reactions"] = [_reaction(state, *pair) for pair in message.reactions.items()]
    optional = {
        "message_reference": message.reference,
        "webhook_id": message.webhook,
        "application_id": message.application or message.webhook,
        "interaction_metadata": message.interaction,
    }
    found |= {name: value for name, value in optional.items() if value} | message.more
    thread = state.channels.get(message.id)
    if thread is not None and thread.parent == message.channel:
        found["thread"] = channel_json(thread, state.bot.id)
    return found


def _reaction(state: State, name: str, users: list[str]) -> Json:
    return {
        "emoji": emoji_json(name),
        "count": len(users),
        "count_details": {"burst": 0, "normal": len(users)},
        "burst_colors": [],
        "me_burst": False,
        "me": state.bot.id in users,
    }
