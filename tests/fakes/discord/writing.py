"""Messages and threads that come, change and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.discord.events import Announcer
from tests.fakes.discord.model import (
    ANNOUNCEMENT,
    ANNOUNCEMENT_THREAD,
    HAS_THREAD,
    POSTS_ONLY,
    PUBLIC_THREAD,
    REPLY,
    STARTER,
    Channel,
    Message,
    Thread,
)
from tests.fakes.discord.shapes import emoji_json, member_json, message_json

if TYPE_CHECKING:
    from tests.fakes.discord.model import Json, User


class Writing(Announcer):
    """A Discord in which something can be written."""

    def remember(self, message: Message) -> None:
        """Keep a message under its nonce for a while."""
        self._nonces[message.author.id, str(message.nonce)] = (self.now(), message)

    def remembered(self, nonce: str) -> Message | None:
        """Return what the bot posted with a nonce in the past few minutes."""
        since, message = self._nonces.get((self.bot.id, nonce), (float("-inf"), None))
        return message if self.now() - since <= self.nonce_window else None

    def old_edit(self, channel: str) -> float:
        """Count an edit of an old message; return the seconds to wait where it's too many."""
        now = self.now()
        times = self._old_edits[channel] = [
            t for t in self._old_edits.get(channel, ()) if t > now - 60
        ]
        if len(times) >= self.old_edits:
            return times[0] + 60 - now
        times.append(now)
        return 0.0

    def add(self, message: Message) -> None:
        """Put a message into its channel and tell of it."""
        place = self.channels[message.channel]
        place.messages[message.id] = message
        place.last = message.id
        if place.thread is not None:
            place.thread.active = self.now()
            place.thread.total += 1
            if message.id == place.id:
                place.thread.opened = self.now()
            if message.kind in {0, REPLY}:
                self.join_thread(place, message.author)
        if message.author is self.bot and self.on_message is not None:
            self.on_message(message)
        self._tell("MESSAGE_CREATE", message, nonce=True)

    def changed(self, message: Message) -> None:
        """Tell of a message that changed."""
        if message.author is self.bot and self.on_message is not None:
            self.on_message(message)
        self._tell("MESSAGE_UPDATE", message)

    def _tell(self, event: str, message: Message, *, nonce: bool = False) -> None:
        place = self.channels[message.channel]
        if self.delivery.listeners and self.hears(place):
            data = message_json(self, message, nonce=nonce)
            guild = self.guild_of(place)
            if guild is not None:
                data["guild_id"] = guild.id
                member = guild.members.get(message.author.id)
                if member is not None and not message.webhook:
                    data["member"] = member_json(member, user=False)
                for user in data["mentions"]:
                    if user["id"] in guild.members:
                        user["member"] = member_json(guild.members[user["id"]], user=False)
            self.emit(event, data, place, bare=lambda: self.bare(message, data))
        self.touch()

    def remove(self, *messages: Message) -> None:
        """Delete messages of one channel."""
        place = self.channels[messages[0].channel]
        for message in messages:
            message.deleted = True
            del place.messages[message.id]
        data: Json = {"channel_id": place.id}
        if place.guild:
            data["guild_id"] = place.guild
        if self.hears(place):
            ids = [message.id for message in messages]
            if len(ids) > 1:
                self.emit("MESSAGE_DELETE_BULK", data | {"ids": ids}, place)
            else:
                self.emit("MESSAGE_DELETE", data | {"id": ids[0]}, place)
        self.touch()

    def reacted(self, message: Message, user: User, name: str, *, removed: bool = False) -> None:
        """Note a reaction and tell of it."""
        users = message.reactions.setdefault(name, [])
        if (user.id in users) == (not removed):
            return
        users.remove(user.id) if removed else users.append(user.id)
        if not users:
            del message.reactions[name]
        place = self.channels[message.channel]
        data: Json = {
            "user_id": user.id,
            "channel_id": place.id,
            "message_id": message.id,
            "emoji": emoji_json(name),
            "type": 0,
            "burst": False,
        }
        guild = self.guild_of(place)
        if guild is not None:
            data["guild_id"] = guild.id
        if not removed:
            data["message_author_id"] = message.author.id
            if guild is not None and user.id in guild.members:
                data["member"] = member_json(guild.members[user.id])
        if self.hears(place):
            self.emit(f"MESSAGE_REACTION_{'REMOVE' if removed else 'ADD'}", data, place)
        self.touch()

    def start_thread(
        self,
        user: User,
        parent: Channel,
        name: str,
        message: Message | None = None,
        *,
        kind: int = PUBLIC_THREAD,
        auto_archive: int = 1440,
        id_: str = "",
        tags: dict[str, str] | None = None,
    ) -> Channel:
        """Make a thread: from a message it takes that message's id (discord.md 2, "Threads")."""
        if parent.kind == ANNOUNCEMENT:
            kind = ANNOUNCEMENT_THREAD
        now, number = self.now(), message.id if message else id_ or self.snowflake()
        place = Channel(number, kind, name, parent.guild, parent.id)
        place.thread = Thread(user.id, now, now, auto_archive, members={user.id: now})
        self.channels[place.id] = place
        if parent.kind in POSTS_ONLY:
            place.thread.opened, place.tags = None, tags or {}
            parent.last = place.id
        self.tell_thread("THREAD_CREATE", place, new=True)
        if message is not None:
            self._start_from(place, parent, message)
        self.members_changed(place, [user.id], [])
        self.touch()
        return place

    def _start_from(self, place: Channel, parent: Channel, message: Message) -> None:
        """Tell of the starter: its copy in the thread and its new flag (discord.md 2)."""
        message.flags |= HAS_THREAD
        reference: Json = {"type": 0, "channel_id": parent.id, "message_id": message.id}
        reference["guild_id"] = parent.guild
        first = Message(
            self.snowflake(), place.id, message.author, "", self.now(), STARTER, reference=reference
        )
        self.add(first)
        self._tell("MESSAGE_UPDATE", message)
        if self.delivery.faults.starter_again:
            data = message_json(self, message) | {"channel_id": place.id, "guild_id": parent.guild}
            self.emit("MESSAGE_CREATE", data, place)
