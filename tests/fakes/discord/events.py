"""What happens, and telling the bot of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.discord.model import (
    DM,
    Channel,
    Message,
)
from tests.fakes.discord.permissions import Permission
from tests.fakes.discord.seen import Seen
from tests.fakes.discord.shapes import (
    channel_json,
    thread_member_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.discord.delivery import Delivery
    from tests.fakes.discord.model import Guild, Json, User

_CONTENT = ("embeds", "attachments", "components")
_MORE_CONTENT = ("poll",)


class Announcer(Seen):
    """A Discord that tells of what happens in it."""

    delivery: Delivery

    def emit(
        self,
        name: str,
        data: Json,
        where: Channel | None = None,
        guild: Guild | None = None,
        bare: Callable[[], Json] | None = None,
    ) -> None:
        """Tell every session that may and wants to know.

        Args:
            name: The event.
            data: Its payload.
            where: The channel; None where it's the guild's as a whole.
            guild: The guild, where no channel says so; neither: a DM's.
            bare: What sessions without the message-content intent get instead.
        """
        if where is not None:
            guild = self.guild_of(where)
        self.delivery.tell(name, data, guild.id if guild else "", where, bare)

    def hears(self, where: Channel) -> bool:
        """Return whether the bot may see what's said in a channel."""
        return bool(self.may(self.bot, where) & Permission.VIEW_CHANNEL)

    def bare(self, message: Message, data: Json) -> Json:
        """Return a message without what the message-content intent guards.

        Kept are the bot's own, DMs, and what mentions the bot, a reply's ping included, unless
        the reply is to an interaction's response (discord.md 2, "Message content").
        """
        place = self.channels[message.channel]
        if message.author is self.bot or place.kind == DM or self._calls_bot(message):
            return data
        found = data | {"content": ""} | {name: [] for name in _CONTENT}
        found = {name: value for name, value in found.items() if name not in _MORE_CONTENT}
        if data.get("referenced_message"):
            original = place.messages.get(data["referenced_message"]["id"])
            if original is not None:
                inner = self.bare(original, data["referenced_message"])
                found["referenced_message"] = inner
        return found

    def _calls_bot(self, message: Message) -> bool:
        if self.bot.id not in message.mentions:
            return False
        if any(form in message.content for form in (self.at_bot, f"<@!{self.bot.id}>")):
            return True
        place = self.channels[message.channel]
        reference = message.reference or {}
        original = place.messages.get(reference.get("message_id", ""))
        return original is not None and not original.webhook

    # Channels and threads.

    def drop_channel(self, place: Channel) -> None:
        """Delete a channel with its threads, of which nobody is told, or a thread."""
        for thread in [c for c in self.channels.values() if c.parent == place.id]:
            del self.channels[thread.id]
        del self.channels[place.id]
        if place.thread is not None:
            names = ("id", "guild_id", "parent_id", "type")
            data = {n: v for n, v in self.thread_json(place).items() if n in names}
            self.delivery.tell("THREAD_DELETE", data, place.guild, place, None)
        else:
            del self.guilds[place.guild].channels[place.id]
            self.delivery.tell("CHANNEL_DELETE", channel_json(place), place.guild, place, None)
        self.touch()

    def advance(self, seconds: float) -> None:
        """Let time pass; threads that are idle for too long are archived (docs: topics/threads)."""
        super().advance(seconds)
        for place in list(self.channels.values()):
            thread = place.thread
            idle = thread is not None and self.now() - thread.active > thread.auto_archive * 60
            if thread is not None and idle and not thread.archived:
                self.archive_now(place)

    def thread_json(self, place: Channel) -> Json:
        """Return a thread as the bot is told of it."""
        return channel_json(place, self.bot.id)

    def tell_thread(self, event: str, place: Channel, *, new: bool = False) -> None:
        """Tell of a thread, if the bot may see it (docs: topics/threads, "Permissions")."""
        if self.hears(place):
            data = self.thread_json(place) | ({"newly_created": True} if new else {})
            self.emit(event, data, place)
        self.touch()

    def thread_changed(self, place: Channel) -> None:
        """Tell of a thread that was renamed, archived, locked or brought back."""
        self.tell_thread("THREAD_UPDATE", place)

    def archive_now(self, place: Channel, *, archived: bool = True) -> None:
        """Archive a thread, or tell of what else changed of it."""
        assert place.thread is not None
        if archived and not place.thread.archived:
            place.thread.archived, place.thread.archived_at = True, self.now()
        self.thread_changed(place)

    def unarchive(self, place: Channel) -> None:
        """Bring a thread back; sessions hear of its messages only if the bot is in it."""
        assert place.thread is not None
        place.thread.archived, place.thread.archived_at = False, self.now()
        place.thread.active = self.now()
        if self.bot.id not in place.thread.members:
            self.delivery.deafen(place.id)
        self.thread_changed(place)

    def join_thread(self, place: Channel, user: User) -> None:
        """Make a person a member of a thread."""
        assert place.thread is not None
        if user.id not in place.thread.members:
            place.thread.members[user.id] = self.now()
            if user is self.bot:  # docs: topics/threads, "Gaining access to …"
                self.delivery.undeafen(place.id)
                self.tell_thread("THREAD_CREATE", place)
            self.members_changed(place, [user.id], [])

    def leave_thread(self, place: Channel, user: User) -> None:
        """Take a person out of a thread."""
        assert place.thread is not None
        if place.thread.members.pop(user.id, None) is not None:
            self.members_changed(place, [], [user.id])

    def members_changed(self, place: Channel, added: list[str], removed: list[str]) -> None:
        """Tell of members: of the bot itself always (docs: topics/threads, "Membership")."""
        assert place.thread is not None
        if self.bot.id not in (*added, *removed):
            return
        data: Json = {
            "id": place.id,
            "guild_id": place.guild,
            "member_count": min(len(place.thread.members), 50),
            "added_members": [thread_member_json(place, user) for user in added],
            "removed_member_ids": removed,
        }
        self.emit("THREAD_MEMBERS_UPDATE", data, place)
