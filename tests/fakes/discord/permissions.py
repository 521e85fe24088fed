"""Who may do what where (docs: topics/permissions)."""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fakes.discord.model import Channel, Guild


class Permission(IntFlag):
    """Discord's bits, those that matter here."""

    KICK_MEMBERS = 1 << 1
    BAN_MEMBERS = 1 << 2
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    MANAGE_ROLES = 1 << 28
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38


P = Permission
ALL, NOTHING = ~Permission(0), Permission(0)

# What @everyone may do in a new guild, as far as it matters here.
EVERYONE = (
    P.ADD_REACTIONS
    | P.VIEW_CHANNEL
    | P.SEND_MESSAGES
    | P.EMBED_LINKS
    | P.ATTACH_FILES
    | P.READ_MESSAGE_HISTORY
    | P.USE_APPLICATION_COMMANDS
    | P.CREATE_PUBLIC_THREADS
    | P.CREATE_PRIVATE_THREADS
    | P.SEND_MESSAGES_IN_THREADS
)


def permissions(guild: Guild, user: str, channel: Channel | None = None) -> Permission:
    """Return what a member may do; `channel` is a thread's parent where it's about a thread."""
    member = guild.members.get(user)
    if member is None:
        return NOTHING
    if guild.owner == user:
        return ALL
    found = guild.roles[guild.id].permissions
    for role in member.roles:
        found |= guild.roles[role].permissions
    if found & P.ADMINISTRATOR:
        return ALL
    if channel is not None:
        found = _overwritten(found, channel, guild.id, member.roles, user)
        if not found & P.VIEW_CHANNEL:  # without it nothing else holds (docs: implicit permissions)
            return NOTHING
    return found


def _overwritten(
    found: Permission, channel: Channel, everyone: str, roles: list[str], user: str
) -> Permission:
    """Apply a channel's overwrites: everyone's, the roles' together, then the member's own."""
    for group in ([everyone], roles, [user]):
        applied = [channel.overwrites[one] for one in group if one in channel.overwrites]
        for overwrite in applied:
            found &= ~overwrite.deny
        for overwrite in applied:
            found |= overwrite.allow
    return found
