"""What people do with messages: say, edit, delete, react."""

from __future__ import annotations

import copy
import mimetypes
import re
import uuid
from typing import TYPE_CHECKING, Any

from tests.fakes.slack.blocks import texts
from tests.fakes.slack.delivery import Post
from tests.fakes.slack.events import Announcer
from tests.fakes.slack.model import File, Message
from tests.fakes.slack.people import reacted
from tests.fakes.slack.shapes import message_json, rich_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fakes.slack.delivery import Sort
    from tests.fakes.slack.model import Channel, Json
    from tests.fakes.slack.workspace import Where, Who

PING = re.compile(r"<(?:@|!)([UW]\w+|here|channel|everyone|subteam\^\w+)[|>]")
_BY_HAND = {None, "thread_broadcast", "me_message"}


class Messages(Announcer):
    """People who write."""

    last: Sequence[Post] = ()
    """What the app was told of the latest thing that a person did."""

    async def say(
        self,
        who: Who,
        where: Where,
        text: str,
        thread_ts: str | None = None,
        *,
        files: Sequence[File] = (),
        subtype: str | None = None,
        client_msg_id: str = "",
        ts: str = "",
        **extra: Any,
    ) -> Message:
        """Write a message; `extra` goes into the events as it is.

        Args:
            who: The writer, who has to be in the channel.
            where: The channel.
            text: As it's stored: mentions are `<@U…>`, and `&`, `<`, `>` are escaped.
            thread_ts: The thread it belongs to.
            files: What is attached, made by `file()`; the subtype is then file_share.
            subtype: thread_broadcast or me_message.
            client_msg_id: The same for a gesture that comes twice (slack.md 2.1).
            ts: A time of its own, for one that is older than it looks.
            extra: More for the event.

        Returns:
            The message.
        """
        user, channel = self.user(who), self.where(where)
        self.require(user.id in channel.members, f"{user.name} isn't in {channel.name}")
        self.require(subtype in _BY_HAND, f"nobody can write a {subtype}")
        root = channel.messages.get(thread_ts or "")
        there = root is not None and root.thread_ts in {None, root.ts}
        self.require(thread_ts is None or there, "no such thread")
        message = Message(
            ts or self.stamp(),
            channel.id,
            user.id,
            text,
            bot_id=user.bot_id,
            thread_ts=thread_ts,
            subtype="bot_message" if user.bot_id else subtype or ("file_share" if files else None),
            blocks=rich_text(self, text) if text else [],
            files=list(files),
            client_msg_id="" if user.bot_id else client_msg_id or str(uuid.uuid4()),
        )
        self.last = self.add(message, **extra)
        return message

    async def unheard(self, who: Who, where: Where, text: str, **more: Any) -> list[Json]:
        """Write a message, as `say`; return what the app would be told, and don't tell it."""
        self.delivery.hold()
        await self.say(who, where, text, **more)
        return [copy.deepcopy(post.payload) for post in self.delivery.withheld()]

    def tell(self, payload: Json, kind: Sort = "events_api") -> Post:
        """Tell the app of anything, of whatever shape."""
        post = self.delivery.send(Post(kind, payload))
        self.last = [post]
        return post

    def file(
        self, who: Who, name: str, data: bytes | str, mimetype: str = "", *, external: bool = False
    ) -> File:
        """Upload a file, to be attached to a message."""
        body = data.encode() if isinstance(data, str) else data
        kind = mimetype or mimetypes.guess_type(name)[0] or "application/octet-stream"
        user = self.user(who)
        file = File(self.new_id("F"), name, body, kind, user.id, int(self.now()))
        file.external = external or user.team not in self.installs
        self.files[file.id] = file
        return file

    def remote_file(self, who: Who, title: str, url: str) -> File:
        """Share a file that is kept elsewhere, by an app that registers it."""
        file = self.file(who, title, b"", "application/vnd.slack-remote")
        file.title, file.remote = title, url
        return file

    def delete_file(self, file: File, *, told: bool = True) -> None:
        """Delete a file: its address answers 404, and a tombstone stands in its messages.

        Without `told`, only the event on the file itself tells of it.
        """
        shown = [
            (message, message_json(self, message))
            for channel in self.channels.values()
            for message in channel.messages.values()
            if file in message.files
        ]
        file.gone, file.data = True, b""
        self._about(file, "file_deleted", {"channel_ids": list(file.shared_in)})
        self._told(*[self.changed(*each) for each in shown if told])

    def edit_file(self, file: File, data: str) -> None:
        """Put other words into a snippet: under the same id, and its messages say nothing."""
        self.require(file.mode != "hosted", "an upload can't be edited")
        file.data = data.encode()
        self._about(file, "file_change", {"file": {"id": file.id}})

    def _about(self, file: File, kind: str, more: Json) -> None:
        """Tell of a file in a channel that the app is in (docs: reference/events/file_deleted)."""
        places = [self.channels[place] for place in file.shared_in]
        here = [place for place in places if self.installs[place.team].bot.id in place.members]
        if here:
            self.emit({"type": kind, "file_id": file.id, **more}, channel=here[0])

    async def attach(self, message: Message, *files: File) -> None:
        """Let a message have these files and no other; its words stay."""
        before = message_json(self, message)
        message.files = list(files)
        self._told(self.changed(message, before))

    def message(self, where: Where, message: Message | str) -> Message:
        """Return a message by its ts."""
        return message if isinstance(message, Message) else self.find(where, message)

    async def edit(self, message: Message, text: str, *, mentions: bool = True) -> None:
        """Change a message of one's own; a mention in it is told of once more, if `mentions`.

        Source: slack-go, pull request 1256; inkeep/agents, pull request 2284.
        """
        self.require(not message.by_app and message.subtype != "tombstone", "not one's own")
        before = message_json(self, message)
        message.text, message.blocks = text, rich_text(self, text)
        message.edited = {"user": message.user, "ts": self.stamp()}
        again = self.mention(message) if mentions else None
        self._told(self.changed(message, before), again)

    async def translate(self, message: Message, text: str) -> None:
        """Let Slack show other words in place of a message's: nobody has edited it."""
        before = message_json(self, message)
        message.text, message.blocks = text, rich_text(self, text)
        self._told(self.changed(message, before))

    async def unfurl(self, message: Message, title: str = "A page") -> None:
        """Let Slack add a preview of a link: an edit that nobody made (slack.md 2.9)."""
        before = message_json(self, message)
        message.attachments = [{"id": 1, "title": title, "from_url": "https://example.com/"}]
        self._told(self.changed(message, before))

    async def delete(self, message: Message) -> None:
        """Delete a message: one's own, or as an admin anybody's."""
        self._told(self.remove(message))

    async def react(self, who: Who, message: Message, name: str, *, removed: bool = False) -> None:
        """React to a message, or take it back."""
        reacted(self, message, self.user(who).id, name, removed=removed)

    async def join(self, who: Who, where: Where) -> None:
        """Enter a channel."""
        self.where(where).members[self.user(who).id] = None

    async def leave(self, who: Who, where: Where) -> None:
        """Leave a channel, or be removed."""
        self.where(where).members.pop(self.user(who).id, None)

    def texts(self, where: Where, ts: str = "") -> list[str]:
        """Return the words of a thread, or of a channel, as they stand now."""
        shown = self.thread(where, ts) if ts else self.history(where)
        return [message.text for message in shown]

    def said_by_app(self, where: Where | None = None) -> list[Message]:
        """Return all messages of the app's, in a channel or everywhere, oldest first."""
        places: list[Channel] = [self.where(where)] if where else list(self.channels.values())
        bots = {install.bot.bot_id for install in self.installs.values()}
        found = [m for place in places for m in place.messages.values() if m.bot_id in bots]
        return sorted(found, key=lambda message: message.ts)

    def pings(self, message: Message) -> list[str]:
        """Return whom a message notifies: ids, `here`, `channel`, `everyone`, groups."""
        words = [message.text, *texts(message.blocks)]
        return sorted({found for text in words for found in PING.findall(text)})

    def _told(self, *posts: Post | None) -> None:
        self.last = [post for post in posts if post is not None]

    def configure(self, manifest: Json) -> None:
        """Be an app with this manifest: scopes, events, commands, shortcuts (slack.md 2.10)."""
        self.manifest = manifest
        settings, features = manifest.get("settings", {}), manifest.get("features", {})
        scopes = manifest.get("oauth_config", {}).get("scopes", {}).get("bot", [])
        for install in self.installs.values():
            install.scopes = set(scopes)
        self.events = set(settings.get("event_subscriptions", {}).get("bot_events", []))
        self.agent = "assistant_view" not in features
        self.commands = {command["command"] for command in features.get("slash_commands", [])}
        self.shortcuts = {shortcut["callback_id"] for shortcut in features.get("shortcuts", [])}
