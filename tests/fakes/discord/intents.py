"""What a session hears (docs: events/gateway, "List of Intents")."""

from __future__ import annotations

from enum import IntFlag


class Intent(IntFlag):
    """Discord's bits."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_MODERATION = 1 << 2
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15
    GUILD_MESSAGE_POLLS = 1 << 24
    DIRECT_MESSAGE_POLLS = 1 << 25


I = Intent  # noqa: E741 -- the table below is read by column
PRIVILEGED = I.GUILD_MEMBERS | I.GUILD_PRESENCES | I.MESSAGE_CONTENT
KNOWN = (1 << 26) - 1 & ~(1 << 17 | 1 << 18 | 1 << 19 | 1 << 22 | 1 << 23)

# Which intent an event needs: in guilds, and in DMs.
_NEEDS: dict[str, tuple[Intent, Intent]] = {
    "GUILD_MEMBER_ADD": (I.GUILD_MEMBERS, Intent(0)),
    "GUILD_MEMBER_REMOVE": (I.GUILD_MEMBERS, Intent(0)),
    "GUILD_BAN_ADD": (I.GUILD_MODERATION, Intent(0)),
    "GUILD_BAN_REMOVE": (I.GUILD_MODERATION, Intent(0)),
    "TYPING_START": (I.GUILD_MESSAGE_TYPING, I.DIRECT_MESSAGE_TYPING),
    "INTERACTION_CREATE": (Intent(0), Intent(0)),
    "GUILD_MEMBER_UPDATE": (Intent(0), Intent(0)),  # one's own is always told of
}
_FAMILIES: tuple[tuple[str, tuple[Intent, Intent]], ...] = (
    ("MESSAGE_REACTION_", (I.GUILD_MESSAGE_REACTIONS, I.DIRECT_MESSAGE_REACTIONS)),
    ("MESSAGE_POLL_VOTE_", (I.GUILD_MESSAGE_POLLS, I.DIRECT_MESSAGE_POLLS)),
    ("MESSAGE_", (I.GUILD_MESSAGES, I.DIRECT_MESSAGES)),
    ("GUILD_", (I.GUILDS, Intent(0))),
    ("CHANNEL_", (I.GUILDS, Intent(0))),
    ("THREAD_", (I.GUILDS, Intent(0))),
)


def wanted(event: str, intents: Intent, *, in_guild: bool) -> bool:
    """Return whether a session with these intents hears of an event."""
    needs = _NEEDS.get(event)
    if needs is None:
        needs = next(needs for family, needs in _FAMILIES if event.startswith(family))
    needed = needs[0 if in_guild else 1]
    return intents & needed == needed
