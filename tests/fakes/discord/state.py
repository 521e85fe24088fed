"""The state of the fake Discord, and what anybody can look up in it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.fakes.discord.intents import Intent
from tests.fakes.discord.model import (
    ANNOUNCEMENT,
    DM,
    EPOCH_MS,
    FORUM,
    MEDIA,
    POSTS_ONLY,
    TEXT,
    THREADS,
    VOICE,
    Channel,
    Guild,
    Interaction,
    Member,
    Message,
    Role,
    User,
)
from tests.fakes.discord.permissions import EVERYONE, NOTHING, Permission, permissions
from tests.fakes.kit.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.discord.model import File, Json

Who: TypeAlias = User | str
Where: TypeAlias = Channel | str

_KINDS = {
    "text": TEXT,
    "voice": VOICE,
    "announcement": ANNOUNCEMENT,
    "forum": FORUM,
    "media": MEDIA,
}
NONCE_WINDOW = 300.0  # seconds; Discord says "the past few minutes" (discord.md 2, "Nonce")
CDN_LIFE = 86400.0  # seconds that a signed address of an attachment is good


class State(Simulation):
    """Guilds, people, channels and what stands in them; time passes as the test says."""

    def __init__(self, *, now: Callable[[], float] = time.time, seed: int = 0) -> None:
        super().__init__(now=now, seed=seed)
        self.guilds: dict[str, Guild] = {}
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, File] = {}
        self.interactions: dict[str, Interaction] = {}
        """By their tokens."""
        self.ephemerals: list[Message] = []
        self.altered: dict[str, Callable[[Json], Any]] = {}
        """By message: what makes it other than any documentation has it."""
        self.typing: list[tuple[str, float]] = []
        """Each time that the bot said it is typing: the channel, and when."""
        self.commands: list[Json] = []
        """The app's global commands as it registered them."""
        self.created_commands = 0
        self.command_writes: list[str] = []
        """Each time that the app registered commands: METHOD and path."""
        self.granted = Intent.MESSAGE_CONTENT | Intent.GUILD_MEMBERS
        """The privileged intents that are switched on for the app."""
        self.nonce_window = NONCE_WINDOW
        """Seconds in which a nonce is enforced; -1 where it never is."""
        self.nonce_in_history = False
        """Whether listing messages shows their nonces: not verified of Discord (discord.md 2)."""
        self.cdn_life = CDN_LIFE
        self.upload_limit = 10 * 2**20  # bytes per file (discord.md 2, "Sizes")
        self.old_edits = 3
        """Edits a minute and channel of messages over an hour old; Discord gives no number."""
        self.thread_limit = 1000  # active threads in a guild (160006)
        self.post_settles = 0.0
        """Seconds after its opening message in which nobody else may write in a post (40058)."""
        self.url = ""
        self.on_message: Callable[[Message], None] | None = None
        """Called for what the bot posts and edits; a benchmark's fast path."""
        self._last = 0
        self._nonces: dict[tuple[str, str], tuple[float, Message]] = {}
        self._old_edits: dict[str, list[float]] = {}
        self.bot = self.other_bot("chatbot")
        self.token = f"{self.bot.id}.fake.token"
        self.home = self.guild("home")

    # Time.

    def snowflake(self, *, alone: bool = False) -> str:
        """Return an id that nothing else has; later ones are greater.

        Args:
            alone: In a millisecond of its own, so that guilds spread over the shards.
        """
        least = ((self._last >> 22) + 1) << 22 if alone else self._last + 1
        self._last = max(least, int(self.now() * 1000 - EPOCH_MS) << 22)
        return str(self._last)

    # Building.

    def guild(self, name: str, *members: Who, bot: bool = True, id_: str = "") -> Guild:
        """Add a guild before anybody connects, with the bot in it unless said otherwise."""
        owner = User(self.snowflake(), f"{name}-owner")
        self.users[owner.id] = owner
        guild = Guild(id_ or self.snowflake(alone=True), name, owner.id)
        guild.roles[guild.id] = Role(guild.id, "@everyone", EVERYONE)
        self.guilds[guild.id] = guild
        for user in (owner, *map(self.user, members)):
            self.enter(user, guild)
        if bot:
            self.enter(self.bot, guild)
            own = self.role("chatbot", NOTHING, guild)
            own.bot = self.bot.id
            guild.members[self.bot.id].roles.append(own.id)
        return guild

    def enter(self, who: Who, guild: Guild, nick: str | None = None) -> Member:
        """Make a person a member, telling nobody."""
        member = Member(self.user(who), self.now(), nick)
        guild.members[member.user.id] = member
        return member

    def person(
        self, name: str, *guilds: Guild, global_name: str | None = "", nick: str | None = None
    ) -> User:
        """Add a person, to the home guild where none is given."""
        user = User(self.snowflake(), name, name.title() if global_name == "" else global_name)
        self.users[user.id] = user
        for guild in guilds or (self.home,):
            self.enter(user, guild, nick)
        return user

    def stranger(self, name: str) -> User:
        """Add a person who is in no guild."""
        user = User(self.snowflake(), name, name.title())
        self.users[user.id] = user
        return user

    def other_bot(self, name: str, *guilds: Guild) -> User:
        """Add a bot."""
        user = User(self.snowflake(), name, bot=True)
        self.users[user.id] = user
        for guild in guilds:
            self.enter(user, guild)
        return user

    def role(
        self,
        name: str,
        grants: Permission = NOTHING,
        guild: Guild | None = None,
        *members: Who,
        mentionable: bool = False,
    ) -> Role:
        """Add a role to a guild, and give it to these members."""
        guild = guild or self.home
        role = Role(self.snowflake(), name, grants, len(guild.roles), mentionable)
        guild.roles[role.id] = role
        for who in members:
            guild.members[self.user(who).id].roles.append(role.id)
        return role

    def channel(
        self, name: str, guild: Guild | None = None, *, kind: str = "text", slowmode: int = 0
    ) -> Channel:
        """Add a channel (text, voice, announcement, forum or media), before anybody connects."""
        guild = guild or self.home
        channel = Channel(self.snowflake(), _KINDS[kind], name, guild.id, slowmode=slowmode)
        channel.position = len(guild.channels)
        guild.channels[channel.id] = self.channels[channel.id] = channel
        return channel

    def forum(self, name: str, guild: Guild | None = None, *tags: str) -> Channel:
        """Add a forum, in which posts may bear these tags."""
        found = self.channel(name, guild, kind="forum")
        found.tags = {self.snowflake(): tag for tag in tags}
        return found

    def dm(self, who: Who) -> Channel:
        """Return the person's DM with the bot, which is opened if need be."""
        user = self.user(who)
        for channel in self.channels.values():
            if channel.kind == DM and channel.recipients[0].id == user.id:
                return channel
        channel = Channel(self.snowflake(), DM, recipients=[user])
        self.channels[channel.id] = channel
        return channel

    # Looking up.

    @property
    def at_bot(self) -> str:
        """Return a mention of the bot as it stands in a message's text."""
        return self.bot.mention

    def user(self, who: Who) -> User:
        """Return a person."""
        return who if isinstance(who, User) else self.users[who]

    def where(self, where: Where) -> Channel:
        """Return a channel, a thread or a DM."""
        return where if isinstance(where, Channel) else self.channels[where]

    def is_settled(self, place: Channel) -> bool:
        """Return whether anybody but its author may write in a post by now.

        A post is there before its opening message is, and takes no other one first: 40058
        (discord-api-docs issue 6340, pycord issue 1637).
        """
        if place.thread is None or self.channels[place.parent].kind not in POSTS_ONLY:
            return True
        opened = place.thread.opened
        return opened is not None and self.now() >= opened + self.post_settles

    def guild_of(self, channel: Channel) -> Guild | None:
        """Return a channel's guild; None for a DM."""
        return self.guilds[channel.guild] if channel.guild else None

    def may(self, who: Who, where: Where) -> Permission:
        """Return what a person may do in a channel; in a thread its parent's rules hold."""
        user, channel = self.user(who), self.where(where)
        guild = self.guild_of(channel)
        if guild is None:
            inside = user is self.bot or user in channel.recipients
            return EVERYONE if inside else NOTHING
        parent = self.channels[channel.parent] if channel.kind in THREADS else channel
        found = permissions(guild, user.id, parent)
        if channel.kind == 12 and not found & Permission.MANAGE_THREADS:
            assert channel.thread is not None
            if user.id not in channel.thread.members:  # private (docs: topics/threads)
                return NOTHING
        return found

    def threads(self, guild: Guild) -> list[Channel]:
        """Return a guild's active threads."""
        found = [c for c in self.channels.values() if c.guild == guild.id and c.thread]
        return [c for c in found if c.thread is not None and not c.thread.archived]
