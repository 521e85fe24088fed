"""What people do: write, edit, delete, react, open threads."""

from __future__ import annotations

import copy
import mimetypes
from typing import TYPE_CHECKING, Any

from tests.fakes.discord.compose import noted
from tests.fakes.discord.mentions import meant
from tests.fakes.discord.model import (
    DEFAULT,
    POSTS_ONLY,
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    REPLY,
    THREAD_CREATED,
    Channel,
    File,
    Message,
)
from tests.fakes.discord.permissions import Permission
from tests.fakes.discord.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fakes.discord.delivery import Told
    from tests.fakes.discord.model import Json, User
    from tests.fakes.discord.state import Where, Who

P = Permission


class People(Writing):
    """People who write."""

    async def say(
        self,
        who: Who,
        where: Where,
        text: str,
        *,
        reply_to: Message | None = None,
        ping: bool = True,
        files: Sequence[File] = (),
        kind: int = DEFAULT,
        embeds: Sequence[Json] = (),
    ) -> Message:
        """Write a message.

        Args:
            who: The writer, who has to be let into the channel.
            where: A channel, a thread or a DM.
            text: As it's stored: mentions are `<@ID>`, `<@&ROLE>`, `@everyone`.
            reply_to: What it replies to.
            ping: Whether the reply notifies whom it replies to.
            files: What is attached, made by `file()`.
            kind: A system message's type, for one that nobody wrote.
            embeds: What a bot shows.

        Returns:
            The message.
        """
        user, place = self.user(who), self.where(where)
        self._may_write(user, place)
        now = self.now()
        message = Message(
            self.snowflake(), place.id, user, text, now, kind, files=list(files), flags=0
        )
        message.embeds = list(embeds)
        for file in files:
            file.channel = place.id
        if reply_to is not None:
            self.require(reply_to.id in place.messages, "one replies in the same channel")
            message.kind = REPLY
            message.reference = {"type": 0, "channel_id": place.id, "message_id": reply_to.id}
            if place.guild:
                message.reference["guild_id"] = place.guild
        noted(self, message, meant(text), replied=ping)
        place.spoke[user.id] = now
        self.add(message)
        return message

    async def unheard(self, who: Who, where: Where, text: str, **more: Any) -> Json:
        """Write a message, as `say`; return what the bot would be told, and don't tell it."""
        told: list[Told] = []
        self.delivery.unheard = told
        await self.say(who, where, text, **more)
        self.delivery.unheard = None
        return copy.deepcopy(told[-1].data)

    def _may_write(self, user: User, place: Channel) -> None:
        thread = place.thread
        bit = P.SEND_MESSAGES if thread is None else P.SEND_MESSAGES_IN_THREADS
        self.require(place.kind not in POSTS_ONLY, "in a forum one posts")
        may = self.may(user, place)
        self.require(may & P.VIEW_CHANNEL and may & bit, f"{user.name} may not write there")
        waited = self.now() - place.spoke.get(user.id, float("-inf"))
        free = may & (P.MANAGE_MESSAGES | P.MANAGE_CHANNELS) or waited >= place.slowmode
        self.require(free, f"{user.name} is slowed down")
        if thread is not None and (thread.locked or thread.archived):
            self.require(not thread.locked or may & P.MANAGE_THREADS, "it is locked")
            if thread.archived:
                self.join_thread(place, user)
                self.unarchive(place)

    def file(self, name: str, data: bytes | str, mimetype: str = "") -> File:
        """Upload a file, to be attached to a message."""
        body = data.encode() if isinstance(data, str) else data
        kind = mimetype or mimetypes.guess_type(name)[0] or "application/octet-stream"
        self.require(len(body) <= self.upload_limit, "it is too large")
        file = File(self.snowflake(), name, body, kind)
        self.files[file.id] = file
        return file

    async def edit(self, message: Message, text: str) -> None:
        """Change a message of one's own."""
        self.require(not message.deleted and message.author is not self.bot, "not one's own")
        message.content, message.edited = text, self.now()
        message.edits += 1
        noted(self, message, meant(text), replied=self._replied(message))
        self.changed(message)

    async def attach(self, message: Message, *files: File, told: bool = True) -> None:
        """Let a message have these files and no other; its words stay.

        Without `told`, the update is none of its author's.
        """
        self.require(not message.deleted and message.author is not self.bot, "not one's own")
        for file in files:
            file.channel = message.channel
        message.files = list(files)
        message.edited = self.now() if told else message.edited
        message.edits += told
        self.changed(message)

    def _replied(self, message: Message) -> bool:
        place = self.channels[message.channel]
        original = place.messages.get((message.reference or {}).get("message_id", ""))
        return original is not None and original.author.id in message.mentions

    async def unfurl(self, message: Message, title: str = "A page") -> None:
        """Let Discord add a preview of a link: an update that nobody made."""
        message.embeds = [{"type": "link", "title": title, "url": "https://example.com/"}]
        self.changed(message)

    async def suppress(self, message: Message) -> None:
        """Remove the previews of a message's links; nobody edits its words by that.

        Docs: resources/message, "Edit Message", `flags`.
        """
        message.embeds, message.flags = [], message.flags | 1 << 2
        self.changed(message)

    async def delete(self, *messages: Message) -> None:
        """Delete messages: one's own, or as a moderator anybody's; several at once as a purge."""
        self.require(all(not message.deleted for message in messages), "it is gone already")
        self.remove(*messages)

    async def react(self, who: Who, message: Message, name: str, *, removed: bool = False) -> None:
        """React to a message, or take it back."""
        self.reacted(message, self.user(who), name, removed=removed)

    async def types(self, who: Who, where: Where) -> None:
        """Begin to type."""
        place = self.where(where)
        data: Json = {"channel_id": place.id, "user_id": self.user(who).id}
        data["timestamp"] = int(self.now())
        if place.guild:
            data["guild_id"] = place.guild
        self.emit("TYPING_START", data, place)

    # Threads.

    async def open_thread(
        self, who: Who, where: Message | Where, name: str, *, private: bool = False
    ) -> Channel:
        """Open a thread from a message, or beside all messages in a channel."""
        user = self.user(who)
        message = where if isinstance(where, Message) else None
        place = self.where(where.channel if isinstance(where, Message) else where)
        bit = P.CREATE_PRIVATE_THREADS if private else P.CREATE_PUBLIC_THREADS
        self.require(self.may(user, place) & bit, f"{user.name} may open no thread")
        self.require(message is None or not self.thread_of(message), "it has one already")
        kind = PRIVATE_THREAD if private else PUBLIC_THREAD
        thread = self.start_thread(user, place, name, message, kind=kind)
        if message is None and not private:  # docs: topics/threads, "New Message Types"
            reference: Json = {"type": 0, "channel_id": thread.id, "guild_id": place.guild}
            now = self.now()
            self.add(
                Message(
                    self.snowflake(), place.id, user, name, now, THREAD_CREATED, reference=reference
                )
            )
        return thread

    async def post(
        self,
        who: Who,
        forum: Where,
        title: str,
        text: str,
        *,
        files: Sequence[File] = (),
        tags: Sequence[str] = (),
    ) -> Channel:
        """Post in a forum or a media channel: a thread whose first message has its id."""
        thread = await self.begin_post(who, forum, title, tags=tags)
        await self.open_post(thread, text, files=files)
        return thread

    async def begin_post(
        self, who: Who, forum: Where, title: str, *, tags: Sequence[str] = ()
    ) -> Channel:
        """Make a post whose opening message is not there yet: its files are still on the way."""
        user, place = self.user(who), self.where(forum)
        self.require(place.kind in POSTS_ONLY, "that is no forum")
        self.require(self.may(user, place) & P.SEND_MESSAGES, f"{user.name} may not post")
        self.require({*tags} <= {*place.tags.values()}, f"tags are {place.tags}")
        given = {id_: tag for id_, tag in place.tags.items() if tag in tags}
        return self.start_thread(user, place, title, tags=given)

    async def open_post(self, post: Where, text: str, *, files: Sequence[File] = ()) -> Message:
        """Write the opening message of a post; it has the post's id."""
        thread = self.where(post)
        assert thread.thread is not None
        user = self.user(thread.thread.owner)
        first = Message(thread.id, thread.id, user, text, self.now(), files=list(files))
        for file in files:
            file.channel = thread.id
        noted(self, first, meant(text), replied=False)
        self.add(first)
        return first

    async def archive(self, thread: Where, *, locked: bool = False) -> None:
        """Archive a thread, or let it go idle; lock it as well if asked to."""
        place = self.where(thread)
        assert place.thread is not None
        place.thread.locked = locked or place.thread.locked
        self.archive_now(place)

    async def lock(self, thread: Where, *, locked: bool = True) -> None:
        """Lock a thread that stays active, or unlock it."""
        place = self.where(thread)
        assert place.thread is not None
        place.thread.locked = locked
        self.thread_changed(place)

    async def reopen(self, thread: Where) -> None:
        """Bring an archived thread back without writing in it."""
        self.unarchive(self.where(thread))

    async def add_to_thread(self, who: Who, thread: Where) -> None:
        """Add a person to a thread: the bot, too."""
        self.join_thread(self.where(thread), self.user(who))
