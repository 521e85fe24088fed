"""What people do around the app: its home, its sessions, the legacy pane, installing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.slack.delivery import Post
from tests.fakes.slack.interactions import Interactions
from tests.fakes.slack.model import Message

if TYPE_CHECKING:
    from tests.fakes.slack.model import Channel, Json
    from tests.fakes.slack.workspace import Where, Who


class Surfaces(Interactions):
    """People who open and close things."""

    async def open_home(self, who: Who, tab: str = "home", **extra: Any) -> None:
        """Open the app's home or messages tab (docs: reference/events/app_home_opened)."""
        user, channel = self.user(who), self.dm(who)
        event: Json = {
            "type": "app_home_opened",
            "user": user.id,
            "channel": channel.id,
            "tab": tab,
        }
        view = self.homes.get(user.id)
        if view is not None and tab == "home":
            event["view"] = view.payload(self.team.id, self.app_id)
        self._told(self.emit(event | extra, channel=channel))

    async def open_dm(self, who: Who) -> Channel:
        """Open the DM with the bot: its messages tab, in the agent container (slack.md 2.6)."""
        await self.open_home(who, "messages")
        return self.dm(who)

    async def press_stop(self, who: Who, where: Where, thread_ts: str) -> None:
        """Press the native Stop, which shows while the session is processing (slack.md 2.6)."""
        channel = self.where(where)
        self.require(self.session(channel, thread_ts) == "processing", "nothing to stop")
        self.require("agent_session_stopped" in self.events, "no Stop without its event")
        streaming = [m for m in self.thread(channel, thread_ts) if self.open_stream(m)]
        for message in streaming:
            assert message.stream is not None
            message.stream.state = "stopped by user"
        event = {
            "type": "agent_session_stopped",
            "channel": channel.id,
            "thread_ts": thread_ts,
            "user": self.user(who).id,
            "streaming_message_ts": [m.ts for m in streaming],
        }
        self._told(self.emit(event, channel=channel))

    async def rename_session(self, who: Who, where: Where, thread_ts: str, title: str) -> None:
        """Give the agent's session another title."""
        channel = self.where(where)
        session = self.sessions[channel.id, thread_ts]
        event = {
            "type": "agent_session_title_changed",
            "channel": channel.id,
            "title": title,
            "user": self.user(who).id,
            "team_id": channel.team,
            "thread_ts": thread_ts,
        }
        if session.title:  # else it is left out (docs: agent_session_title_changed)
            event["previous_title"] = session.title
        session.title = title
        self._told(self.emit(event, channel=channel))

    async def change_context(self, who: Who, *entities: Json) -> None:
        """Look at something else; what is viewed comes along (docs: app_context_changed)."""
        event = {"type": "app_context_changed", "context": {"entities": list(entities)}}
        self._told(self.emit(event | {"user": self.user(who).id}, channel=self.dm(who)))

    async def open_assistant(self, who: Who, context: Json | None = None) -> str:
        """Open a thread in the legacy pane; return its ts (slack.md 2.10)."""
        channel, bot = self.dm(who), self.bot
        root = Message(self.stamp(), channel.id, bot.id, "New Assistant Thread", bot_id=bot.bot_id)
        root.subtype = "assistant_app_thread"
        channel.messages[root.ts] = root
        self._told(self._assistant("assistant_thread_started", who, root.ts, context))
        return root.ts

    async def change_assistant(self, who: Who, thread_ts: str, context: Json) -> None:
        """Look at another channel while the legacy pane is open."""
        kind = "assistant_thread_context_changed"
        self._told(self._assistant(kind, who, thread_ts, context))

    def _assistant(self, kind: str, who: Who, ts: str, context: Json | None) -> Post | None:
        channel = self.dm(who)
        thread = {"user_id": self.user(who).id, "context": context or {}, "channel_id": channel.id}
        event = {"type": kind, "assistant_thread": thread | {"thread_ts": ts}}
        return self.emit(event, channel=channel)

    async def uninstall(self) -> None:
        """Take the app out of the workspace: its token is of no use any more."""
        revoked = {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [self.bot.id]}}
        self._told(self.emit({"type": "app_uninstalled"}), self.emit(revoked))
        self.install.active = False

    def authorize(self, domain: str = "other") -> str:
        """Let another workspace's admin allow the app; return the code for oauth.v2.access."""
        code = self.new_id("code")
        self.codes[code] = self.add_team(domain.title(), domain, ours=False).id
        return code

    async def too_much(self) -> Post:
        """Tell the app that it got more than 30,000 events in an hour (slack.md 2.1)."""
        payload = {"type": "app_rate_limited", "team_id": self.team.id, "api_app_id": self.app_id}
        more = {"token": "verification-token", "minute_rate_limited": int(self.now())}
        return self.delivery.send(Post("events_api", payload | more))
