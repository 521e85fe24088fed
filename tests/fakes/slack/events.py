"""What Slack tells the app of, and in which words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.slack.delivery import Delivery, Post
from tests.fakes.slack.seen import Seen
from tests.fakes.slack.shapes import message_json, tombstone_json

if TYPE_CHECKING:
    from tests.fakes.slack.model import Channel, Json, Message

# An event is sent only to an app that may read such things (slack.md 2.10).
_SCOPES = {
    **{f"message.{kind}": f"{kind}:history" for kind in ("channels", "groups", "im", "mpim")},
    "app_mention": "app_mentions:read",
    "assistant_thread_started": "assistant:write",
    "assistant_thread_context_changed": "assistant:write",
    "file_change": "files:read",
    "file_deleted": "files:read",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
}


class Announcer(Seen):
    """A workspace that tells the app what happens in it."""

    delivery: Delivery
    own_events = True
    """Whether the app hears of what it posts itself, as it does on Slack."""

    def emit(self, event: Json, *, name: str = "", channel: Channel | None = None) -> Post | None:
        """Send an event if the app is subscribed to it and may see it."""
        name = name or event["type"]
        team = channel.team if channel else self.team.id
        install = self.installs.get(team)
        if install is None or not install.active or name not in self.events:
            return None
        if name in _SCOPES and _SCOPES[name] not in install.scopes:
            return None
        if channel is not None and install.bot.id not in channel.members:
            return None
        if name in _SCOPES:
            install.used.add(_SCOPES[name])
        event.setdefault("event_ts", self.stamp())
        return self.delivery.send(Post("events_api", self._envelope(event, team, channel)))

    def _envelope(self, event: Json, team: str, channel: Channel | None) -> Json:
        bot = self.installs[team].bot
        granted = {"enterprise_id": None, "team_id": team, "user_id": bot.id, "is_bot": True}
        return {
            "token": "verification-token",
            "team_id": team,
            "api_app_id": self.app_id,
            "context_team_id": team,
            "context_enterprise_id": None,
            "event": event,
            "type": "event_callback",
            "event_id": self.new_id("Ev"),
            "event_time": int(float(event["event_ts"])),
            "authorizations": [granted | {"is_enterprise_install": False}],
            "is_ext_shared_channel": channel is not None and channel.shared,
            "event_context": "4-fake",
        }

    def _message_event(self, channel: Channel, body: Json) -> Post | None:
        body |= {"channel": channel.id, "channel_type": channel.type}
        body.setdefault("event_ts", body["ts"])
        return self.emit(body, name=f"message.{channel.scope}", channel=channel)

    def add(self, message: Message, **extra: Any) -> list[Post]:
        """Put a message where it belongs and tell of it."""
        channel = self.channels[message.channel]
        channel.messages[message.ts] = message
        if message.thread_ts and message.thread_ts != message.ts:
            channel.replies.setdefault(message.thread_ts, []).append(message.ts)
            if root := channel.messages.get(message.thread_ts):
                root.thread_ts = root.ts
        for file in message.files:
            file.shared_in.append(channel.id)
        posts = self._announce(channel, message, extra)
        self.noted(message)
        return posts

    def _announce(self, channel: Channel, message: Message, extra: Json) -> list[Post]:
        if message.by_app and not self.own_events:
            return []
        body = message_json(self, message)
        body["event_ts"] = message.ts
        if channel.shared and not message.by_app:
            # Who it is and where they come from, in a shared channel (slack.md 2.9).
            team = self.users[message.user].team
            body |= {"user_team": team, "source_team": team}
        body |= extra
        if message.subtype == "thread_broadcast" and message.thread_ts:
            body["root"] = message_json(self, channel.messages[message.thread_ts])
        # A mention is told of twice, under two ids (slack.md 2.1).
        posts = [self._message_event(channel, dict(body)), self.mention(message, body)]
        return [post for post in posts if post is not None]

    def mention(self, message: Message, body: Json | None = None) -> Post | None:
        """Tell of a mention, but not in DMs and group DMs.

        Sources: slack.md 2.9; docs: reference/events/app_mention.
        """
        channel = self.channels[message.channel]
        bot = self.installs[channel.team].bot
        if channel.kind not in {"public", "private"} or f"<@{bot.id}>" not in message.text:
            return None
        body = message_json(self, message) if body is None else body
        body.pop("subtype", None)
        return self.emit({**body, "type": "app_mention", "channel": channel.id}, channel=channel)

    def changed(self, message: Message, before: Json) -> Post | None:
        """Tell of an edit, an unfurl or the app's own update: all look alike (slack.md 2.9)."""
        message.edits += 1
        self.noted(message)
        if message.by_app and not self.own_events:
            return None
        body = {"message": message_json(self, message), "previous_message": before}
        return self._hidden(message, "message_changed", body)

    def _hidden(self, message: Message, subtype: str, body: Json) -> Post | None:
        channel = self.channels[message.channel]
        event = {"type": "message", "subtype": subtype, "hidden": True, "ts": self.stamp(), **body}
        return self._message_event(channel, event)

    def remove(self, message: Message) -> Post | None:
        """Delete a message; a root with replies leaves a tombstone (slack.md 2.9)."""
        channel = self.channels[message.channel]
        before = message_json(self, message)
        if channel.replies.get(message.ts):
            tombstone = tombstone_json(message)
            message.subtype, message.text = "tombstone", tombstone["text"]
            message.user, message.bot_id, message.client_msg_id = "USLACKBOT", "", ""
            message.blocks, message.files, message.metadata = [], [], None
            message.reactions = {}
            body: Json = {"message": tombstone, "previous_message": before}
            post = self._hidden(message, "message_changed", body)
        else:
            del channel.messages[message.ts]
            channel.gone.add(message.ts)
            if message.thread_ts and message.thread_ts != message.ts:
                channel.replies[message.thread_ts].remove(message.ts)
            body = {"deleted_ts": message.ts, "previous_message": before}
            post = self._hidden(message, "message_deleted", body)
        self.touch()
        return post

    def noted(self, message: Message) -> None:
        """Note that a message looks different now."""
        if self.on_message is not None and message.by_app:
            self.on_message(message)
        self.touch()
