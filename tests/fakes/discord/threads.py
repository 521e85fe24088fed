"""Threads and forum posts (docs: topics/threads; discord.md 2, "Threads")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.discord.call import Answer, Call, route
from tests.fakes.discord.compose import composed
from tests.fakes.discord.errors import DiscordError, invalid
from tests.fakes.discord.messages import MESSAGE
from tests.fakes.discord.model import (
    ANNOUNCEMENT,
    POSTS_ONLY,
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    TEXT,
    Channel,
)
from tests.fakes.discord.permissions import Permission
from tests.fakes.discord.shapes import message_json, thread_member_json, time_text

if TYPE_CHECKING:
    from tests.fakes.discord.model import Json

CHANNEL = "/channels/{channel_id}"
MEMBERS = CHANNEL + "/thread-members"
DURATIONS = (60, 1440, 4320, 10080)  # minutes (discord.md 2, "Threads")
P = Permission


def _options(call: Call) -> tuple[str, int]:
    """Return the name and how long it may be idle."""
    body = call.json
    name = str(body.get("name") or "").strip()
    if not 1 <= len(name) <= 100:
        raise invalid("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
    minutes = body.get("auto_archive_duration") or 1440
    if minutes not in DURATIONS:
        choices = "Value must be one of (60, 1440, 4320, 10080)."
        raise invalid("auto_archive_duration", "BASE_TYPE_CHOICES", choices)
    return name, minutes


def _room(call: Call, channel: Channel) -> None:
    guild = call.discord.guilds[channel.guild]
    if len(call.discord.threads(guild)) >= call.discord.thread_limit:
        raise DiscordError(160006)


@route("POST", MESSAGE + "/threads")
def start_from_message(call: Call) -> Answer:
    """Make a thread from a message; it takes the message's id."""
    channel = call.channel(P.CREATE_PUBLIC_THREADS)
    if channel.kind not in {TEXT, ANNOUNCEMENT}:
        raise DiscordError(50024)
    message = call.message(channel)
    name, minutes = _options(call)
    if message.id in call.discord.channels:
        raise DiscordError(160004)
    _room(call, channel)
    me = call.discord.bot
    made = call.discord.start_thread(me, channel, name, message, auto_archive=minutes)
    return Answer(201, call.discord.thread_json(made))


@route("POST", CHANNEL + "/threads")
def start(call: Call) -> Answer:
    """Make a thread without a message, or a post in a forum with its first one."""
    channel = call.channel()
    name, minutes = _options(call)
    if channel.kind in POSTS_ONLY:
        return _post(call, channel, name, minutes)
    if channel.kind not in {TEXT, ANNOUNCEMENT}:
        raise DiscordError(50024)
    kind = int(call.json.get("type") or PRIVATE_THREAD)
    private = kind == PRIVATE_THREAD
    call.need(channel, P.CREATE_PRIVATE_THREADS if private else P.CREATE_PUBLIC_THREADS)
    _room(call, channel)
    made = call.discord.start_thread(
        call.discord.bot, channel, name, kind=kind, auto_archive=minutes
    )
    return Answer(201, call.discord.thread_json(made))


def _post(call: Call, channel: Channel, name: str, minutes: int) -> Answer:
    call.need(channel, P.SEND_MESSAGES)
    body = call.json.get("message")
    if not isinstance(body, dict):
        raise invalid("message", "BASE_TYPE_REQUIRED", "This field is required")
    _room(call, channel)
    discord = call.discord
    # The first message has the thread's id; it is made for the forum, then moved in.
    message = composed(call, channel, body)
    made = discord.start_thread(
        discord.bot, channel, name, kind=PUBLIC_THREAD, auto_archive=minutes, id_=message.id
    )
    message.channel = made.id
    for file in message.files:
        file.channel = made.id
    discord.add(message)
    return Answer(201, discord.thread_json(made) | {"message": message_json(discord, message)})


@route("PATCH", CHANNEL)
def change(call: Call) -> Json:
    """Rename, archive, lock or bring back a thread."""
    channel = call.thread()
    body, thread = call.json, channel.thread
    assert thread is not None
    manages = call.may(channel, P.MANAGE_THREADS)
    owner = thread.owner == call.discord.bot.id
    if ({"locked", "rate_limit_per_user"} & body.keys() or thread.locked) and not manages:
        raise DiscordError(50013)
    if not manages and not owner and set(body) - {"archived"}:
        raise DiscordError(50013)
    if body.get("archived") and not (manages or owner):
        raise DiscordError(50013)
    if thread.archived and body.get("archived") is not False:
        raise DiscordError(50083)
    if body.get("name") is not None:
        channel.name = str(body["name"])
    thread.auto_archive = body.get("auto_archive_duration") or thread.auto_archive
    thread.locked = bool(body.get("locked", thread.locked))
    if body.get("archived") is False and thread.archived:
        call.discord.unarchive(channel)
    else:
        call.discord.archive_now(channel, archived=bool(body.get("archived", thread.archived)))
    return call.discord.thread_json(channel)


@route("PUT", MEMBERS + "/@me")
def join(call: Call) -> None:
    """Join a thread that isn't archived."""
    channel = call.thread()
    if channel.thread is not None and channel.thread.archived:
        raise DiscordError(50083)
    call.discord.join_thread(channel, call.discord.bot)


@route("DELETE", MEMBERS + "/@me")
def leave(call: Call) -> None:
    """Leave a thread."""
    channel = call.thread()
    if channel.thread is not None and channel.thread.archived:
        raise DiscordError(50083)
    call.discord.leave_thread(channel, call.discord.bot)


@route("PUT", MEMBERS + "/{user_id}")
def add(call: Call) -> None:
    """Add a person to a thread."""
    channel = call.thread(P.SEND_MESSAGES_IN_THREADS)
    if channel.thread is not None and channel.thread.archived:
        raise DiscordError(50083)
    user = call.discord.users.get(call.params["user_id"])
    if user is None:
        raise DiscordError(10013)
    call.discord.join_thread(channel, user)


@route("GET", MEMBERS)
def members(call: Call) -> list[Json]:
    """List who is in a thread."""
    channel = call.thread()
    assert channel.thread is not None
    return [thread_member_json(channel, user) for user in channel.thread.members]


@route("GET", MEMBERS + "/{user_id}")
def member(call: Call) -> Json:
    """Return a person's membership."""
    channel = call.thread()
    user = call.params["user_id"].replace("@me", call.discord.bot.id)
    assert channel.thread is not None
    if user not in channel.thread.members:
        raise DiscordError(10007)
    return thread_member_json(channel, user)


def listed(call: Call, threads: list[Channel], *, more: bool = False) -> Json:
    """Return threads with the bot's own memberships."""
    me = call.discord.bot.id
    mine = [t for t in threads if t.thread and me in t.thread.members]
    return {
        "threads": [call.discord.thread_json(thread) for thread in threads],
        "members": [thread_member_json(thread, me) for thread in mine],
        "has_more": more,
    }


@route("GET", "/guilds/{guild_id}/threads/active")
def active(call: Call) -> Json:
    """List a guild's active threads that the bot may see, newest first."""
    found = [
        thread
        for thread in call.discord.threads(call.guild())
        if call.discord.may(call.discord.bot, thread) & P.VIEW_CHANNEL
    ]
    return listed(call, sorted(found, key=lambda thread: -int(thread.id)))


def _archived(call: Call, kinds: tuple[int, ...], *, joined: bool = False) -> Json:
    channel = call.channel(P.READ_MESSAGE_HISTORY)
    limit, before = call.number("limit", 50, 100), call.query.get("before", "")
    found = [
        thread
        for thread in call.discord.channels.values()
        if thread.parent == channel.id and thread.thread and thread.thread.archived
        if thread.kind in kinds
        if not joined or call.discord.bot.id in thread.thread.members
    ]
    if before:  # a time, or for one's own private threads an id (docs: "List … Archived Threads")
        found = [t for t in found if (int(t.id) < int(before) if joined else _when(t) < before)]
    found.sort(key=(lambda t: t.id) if joined else _when, reverse=True)
    return listed(call, found[:limit], more=len(found) > limit)


def _when(thread: Channel) -> str:
    assert thread.thread is not None
    return time_text(thread.thread.archived_at)


@route("GET", CHANNEL + "/threads/archived/public")
def archived_public(call: Call) -> Json:
    """List archived public threads of a channel, the latest archived first."""
    return _archived(call, (10, PUBLIC_THREAD))


@route("GET", CHANNEL + "/threads/archived/private")
def archived_private(call: Call) -> Json:
    """List archived private threads of a channel; only for who manages threads."""
    call.channel(P.MANAGE_THREADS)
    return _archived(call, (PRIVATE_THREAD,))


@route("GET", CHANNEL + "/users/@me/threads/archived/private")
def archived_own(call: Call) -> Json:
    """List archived private threads that the bot is in."""
    return _archived(call, (PRIVATE_THREAD,), joined=True)
