"""What can be seen on Discord, by anybody who looks, and waiting for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.discord.model import LOADING, WRITTEN
from tests.fakes.discord.permissions import Permission
from tests.fakes.discord.state import State

if TYPE_CHECKING:
    from tests.fakes.discord.model import Channel, Message
    from tests.fakes.discord.state import Where, Who


class Seen(State):
    """A Discord that can be looked at."""

    def history(self, where: Where) -> list[Message]:
        """Return what people see in a channel, a thread or a DM, oldest first."""
        return list(self.where(where).messages.values())

    def texts(self, where: Where) -> list[str]:
        """Return the words that were written there, as they stand now."""
        return [m.content for m in self.history(where) if m.kind in WRITTEN]

    def thread_of(self, message: Message) -> Channel | None:
        """Return the thread that was made from a message."""
        found = self.channels.get(message.id)
        return found if found is not None and found.parent == message.channel else None

    def said_by_bot(self, where: Where | None = None) -> list[Message]:
        """Return all messages of the bot's, in one place or everywhere, oldest first."""
        places = [self.where(where)] if where else list(self.channels.values())
        found = [
            message
            for place in places
            for message in place.messages.values()
            if message.author is self.bot and message.kind in WRITTEN
            if not message.flags & LOADING
        ]
        return sorted(found, key=lambda message: int(message.id))

    def shown_to(self, who: Who) -> list[Message]:
        """Return what only this person sees, oldest first."""
        user = self.user(who).id
        return [m for m in self.ephemerals if m.shown_to == user and not m.deleted]

    def seen_by(self, who: Who, where: Where) -> list[Message]:
        """Return what this person sees in a place, ephemerals included, oldest first."""
        user, place = self.user(who), self.where(where)
        if not self.may(user, place) & Permission.VIEW_CHANNEL:
            return []
        own = [m for m in self.shown_to(user) if m.channel == place.id]
        return sorted([*self.history(place), *own], key=lambda message: int(message.id))

    def pings(self, message: Message) -> list[str]:
        """Return whom a message notified: ids of users and roles, `everyone`, `here`."""
        return sorted(message.pings)

    def all_pings(self) -> list[str]:
        """Return whom the bot ever notified, replies' pings and edits included."""
        found = [m for c in self.channels.values() for m in c.messages.values()]
        mine = [m for m in (*found, *self.ephemerals) if m.author is self.bot]
        return sorted({ping for message in mine for ping in message.pings})

    def typing_in(self, where: Where) -> int:
        """Return how often the bot said that it is typing there."""
        place = self.where(where).id
        return sum(1 for channel, _ in self.typing if channel == place)

    # Waiting.

    async def replies(self, where: Where, count: int = 1, within: float = 30.0) -> list[Message]:
        """Wait for so many messages of the bot's in a place, and return them all."""
        await self.until(lambda: len(self.said_by_bot(where)) >= count, within)
        return self.said_by_bot(where)

    async def thread(self, message: Message, within: float = 30.0) -> Channel:
        """Wait for the thread that is made from a message."""
        await self.until(lambda: self.thread_of(message), within)
        found = self.thread_of(message)
        assert found is not None
        return found
