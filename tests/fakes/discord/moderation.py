"""What moderators do to people, roles, channels and the bot, while it is connected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.discord.gestures import Gestures
from tests.fakes.discord.hello import guild_create
from tests.fakes.discord.model import PINNED, Message, Overwrite
from tests.fakes.discord.permissions import NOTHING, Permission
from tests.fakes.discord.shapes import (
    channel_json,
    member_json,
    role_json,
    thread_member_json,
    time_text,
    user_json,
)

if TYPE_CHECKING:
    from tests.fakes.discord.model import Channel, Guild, Json, Role, User
    from tests.fakes.discord.state import Where, Who


class Moderation(Gestures):
    """People with power."""

    async def deny(self, where: Where, what: Permission, who: Who | Role | None = None) -> None:
        """Deny something in a channel: to the bot where nobody is named."""
        await self._overwrite(where, who, deny=what)

    async def allow(self, where: Where, what: Permission, who: Who | Role | None = None) -> None:
        """Allow something in a channel: to the bot where nobody is named."""
        await self._overwrite(where, who, allow=what)

    async def _overwrite(
        self,
        where: Where,
        who: Who | Role | None,
        *,
        allow: Permission = NOTHING,
        deny: Permission = NOTHING,
    ) -> None:
        place = self.where(where)
        place = self.where(place.parent) if place.thread is not None else place
        seen = self.hears(place)
        number, kind = self._subject(who)
        found = place.overwrites.setdefault(number, Overwrite(number, kind))
        found.allow, found.deny = found.allow & ~deny | allow, found.deny & ~allow | deny
        self.emit("CHANNEL_UPDATE", channel_json(place), place)
        if self.hears(place) and not seen:
            self._sync_threads(place)

    def _sync_threads(self, place: Channel) -> None:
        """Tell of the threads in a channel that the bot sees now (docs: topics/threads)."""
        found = [t for t in self.threads(self.guilds[place.guild]) if t.parent == place.id]
        found = [thread for thread in found if self.hears(thread)]
        mine = [t for t in found if t.thread and self.bot.id in t.thread.members]
        data: Json = {
            "guild_id": place.guild,
            "channel_ids": [place.id],
            "threads": [self.thread_json(thread) for thread in found],
            "members": [thread_member_json(thread, self.bot.id) for thread in mine],
        }
        self.emit("THREAD_LIST_SYNC", data, place)

    def _subject(self, who: Who | Role | None) -> tuple[str, int]:
        if who is None:
            return self.bot.id, 1
        number = who if isinstance(who, str) else who.id
        return number, int(number in self.users)

    async def grant(self, role: Role, guild: Guild | None = None, *who: Who) -> None:
        """Give a role to members."""
        guild = guild or self.home
        for user in map(self.user, who):
            member = guild.members[user.id]
            member.roles.append(role.id)
            if user is self.bot:
                data = member_json(member) | {"guild_id": guild.id}
                self.emit("GUILD_MEMBER_UPDATE", data, guild=guild)

    async def change_role(self, role: Role, grants: Permission, guild: Guild | None = None) -> None:
        """Change what a role may do."""
        guild = guild or self.home
        role.permissions = grants
        data: Json = {"guild_id": guild.id, "role": role_json(role)}
        self.emit("GUILD_ROLE_UPDATE", data, guild=guild)

    async def join(self, who: Who, guild: Guild) -> None:
        """Enter a guild; the bot gets to know it by that."""
        member = self.enter(who, guild)
        if member.user is self.bot:
            self.emit("GUILD_CREATE", guild_create(self, guild), guild=guild)
        else:
            data = member_json(member) | {"guild_id": guild.id}
            self.emit("GUILD_MEMBER_ADD", data, guild=guild)

    async def kick(self, who: Who, guild: Guild | None = None) -> None:
        """Remove a person from a guild: the bot, too."""
        guild, user = guild or self.home, self.user(who)
        if user is self.bot:
            self.emit("GUILD_DELETE", {"id": guild.id}, guild=guild)
        del guild.members[user.id]
        if user is not self.bot:
            data: Json = {"guild_id": guild.id, "user": user_json(user)}
            self.emit("GUILD_MEMBER_REMOVE", data, guild=guild)
        self.touch()

    async def ban(self, who: Who, guild: Guild | None = None) -> None:
        """Ban a person from a guild."""
        guild, user = guild or self.home, self.user(who)
        guild.bans.add(user.id)
        data: Json = {"guild_id": guild.id, "user": user_json(user)}
        self.emit("GUILD_BAN_ADD", data, guild=guild)
        await self.kick(user, guild)

    async def rename(self, where: Where, name: str) -> None:
        """Rename a channel or a thread."""
        place = self.where(where)
        place.name = name
        if place.thread is not None:
            self.thread_changed(place)
        else:
            self.emit("CHANNEL_UPDATE", channel_json(place), place)

    async def pin(self, who: Who, message: Message) -> None:
        """Pin a message: it comes as an update, whose `edited_timestamp` stays as it was.

        The order of the events is that of Rapptz/discord.py, issue 300.
        """
        user, place = self.user(who), self.channels[message.channel]
        message.pinned = True
        self.changed(message)
        data: Json = {"channel_id": place.id, "last_pin_timestamp": time_text(self.now())}
        if place.guild:
            data["guild_id"] = place.guild
        self.emit("CHANNEL_PINS_UPDATE", data, place)
        reference: Json = {"type": 0, "channel_id": place.id, "message_id": message.id}
        self.add(
            Message(self.snowflake(), place.id, user, "", self.now(), PINNED, reference=reference)
        )

    async def flag(self, message: Message, flags: int) -> None:
        """Change a message's flags, as by hiding its previews or publishing it."""
        message.flags |= flags
        self.changed(message)

    async def slow_down(self, where: Where, seconds: int) -> None:
        """Let people write only every so many seconds; bots are free (docs: resources/channel)."""
        place = self.where(where)
        place.slowmode = seconds
        if place.thread is not None:
            self.thread_changed(place)
        else:
            self.emit("CHANNEL_UPDATE", channel_json(place), place)

    async def add_channel(
        self, name: str, guild: Guild | None = None, *, kind: str = "text"
    ) -> Channel:
        """Make a channel while the bot is connected."""
        place = self.channel(name, guild, kind=kind)
        self.emit("CHANNEL_CREATE", channel_json(place), place)
        return place

    async def delete_channel(self, where: Where) -> None:
        """Delete a channel or a thread."""
        self.drop_channel(self.where(where))

    async def make_admin(self, who: Who, guild: Guild | None = None) -> User:
        """Give a person the right to manage the guild."""
        guild = guild or self.home
        role = self.role("admins", Permission.MANAGE_GUILD | Permission.ADMINISTRATOR, guild)
        data: Json = {"guild_id": guild.id, "role": role_json(role)}
        self.emit("GUILD_ROLE_CREATE", data, guild=guild)
        await self.grant(role, guild, who)
        return self.user(who)
