"""What can be seen in the workspace, by anybody who looks, and waiting for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.slack.model import Session, SlackError
from tests.fakes.slack.workspace import Workspace

if TYPE_CHECKING:
    from tests.fakes.slack.model import Ephemeral, Message
    from tests.fakes.slack.workspace import Where, Who

SESSION_LIFE = 3600.0  # `processing` ends by itself after up to an hour (slack.md 2.6)
STATUS_LIFE = 120.0  # a free-text status is gone after two minutes (slack.md 2.6)


class Seen(Workspace):
    """A workspace that can be looked at."""

    def find(self, where: Where, ts: str | None) -> Message:
        """Return a message.

        Raises:
            SlackError: There's none.
        """
        found = self.where(where).messages.get(ts or "")
        if found is None:
            raise SlackError(self.rules["message-unknown"].error)
        return found

    def history(self, where: Where) -> list[Message]:
        """Return what people see in the channel itself, oldest first."""
        return [
            message
            for message in self.where(where).messages.values()
            if message.thread_ts in {None, message.ts} or message.subtype == "thread_broadcast"
        ]

    def thread(self, where: Where, ts: str) -> list[Message]:
        """Return what people see in a thread, oldest first."""
        channel = self.where(where)
        found = [channel.messages[ts]] if ts in channel.messages else []
        return found + [channel.messages[reply] for reply in channel.replies.get(ts, ())]

    def shown_to(self, who: Who) -> list[Ephemeral]:
        """Return what only this person sees."""
        return [shown for shown in self.ephemerals if shown.user == self.user(who).id]

    def session(self, where: Where, ts: str) -> str:
        """Return the status of the agent's session in a thread; empty where there's none."""
        session = self.sessions.get((self.where(where).id, ts))
        if session is None:
            return ""
        if session.status == "processing" and self.now() - session.since > SESSION_LIFE:
            session.status = "active"
        return session.status

    def status(self, where: Where, ts: str) -> str:
        """Return the free-text status that's shown in a thread."""
        text, since = self.statuses.get((self.where(where).id, ts), ("", 0.0))
        return text if self.now() - since <= STATUS_LIFE else ""

    def set_session(self, where: Where, ts: str, status: str) -> Session:
        """Set the status of the agent's session, which begins if need be."""
        session = self.sessions.setdefault((self.where(where).id, ts), Session("", 0.0))
        session.status, session.since = status, self.now()
        session.history.append(status)
        self.touch()
        return session

    def open_stream(self, message: Message) -> bool:
        """Return whether a message is still being streamed: it ends after five minutes."""
        stream = message.stream
        if stream is not None and stream.state == "open":
            if self.now() - stream.started <= self.rules["stream-life"].limit:
                return True
            stream.state = "done"
        return False

    # Waiting.

    async def replies(
        self, where: Where, ts: str, count: int = 1, within: float = 30.0
    ) -> list[Message]:
        """Wait for so many finished messages of the app's in a thread, and return them all."""

        def done() -> list[Message]:
            return [m for m in self.thread(where, ts)[1:] if m.by_app and not self.open_stream(m)]

        await self.until(lambda: len(done()) >= count, within)
        return done()
