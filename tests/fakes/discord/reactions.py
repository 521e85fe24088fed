"""Reactions (docs: resources/message, "Create Reaction")."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.fakes.discord.call import Call, route
from tests.fakes.discord.errors import DiscordError
from tests.fakes.discord.messages import MESSAGE
from tests.fakes.discord.permissions import Permission
from tests.fakes.discord.shapes import user_json

if TYPE_CHECKING:
    from tests.fakes.discord.model import Channel, Json, Message

EMOJI = MESSAGE + "/reactions/{emoji_name}"
_CUSTOM, _WORD = re.compile(r"\w+:\d+"), re.compile(r"[\w:. -]*", re.ASCII)


def _found(call: Call, *needed: Permission) -> tuple[Channel, Message, str]:
    channel = call.channel(*needed)
    name = call.params["emoji_name"]
    if not _CUSTOM.fullmatch(name) and _WORD.fullmatch(name):
        raise DiscordError(10014)
    return channel, call.message(channel), name


@route("PUT", EMOJI + "/@me")
def react(call: Call) -> None:
    """React to a message."""
    channel, message, name = _found(call, Permission.READ_MESSAGE_HISTORY)
    if channel.thread is not None and channel.thread.archived:
        raise DiscordError(50083)
    if name not in message.reactions:
        call.need(channel, Permission.ADD_REACTIONS)
    call.discord.reacted(message, call.discord.bot, name)


@route("DELETE", EMOJI + "/@me")
def unreact(call: Call) -> None:
    """Take the bot's own reaction back."""
    _, message, name = _found(call)
    if call.discord.bot.id not in message.reactions.get(name, ()):
        raise DiscordError(10014)
    call.discord.reacted(message, call.discord.bot, name, removed=True)


@route("GET", EMOJI)
def who(call: Call) -> list[Json]:
    """List who reacted."""
    _, message, name = _found(call)
    return [user_json(call.discord.users[one]) for one in message.reactions.get(name, ())]
