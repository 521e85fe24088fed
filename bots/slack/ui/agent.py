"""Suggested prompts in the agent container, and in the legacy pane before it.

Bolt's `AsyncAssistant` is not used (see `app`). In the container, opening the direct message is
`app_home_opened` with the tab `messages`, and prompts are set without a thread: with one, Slack
silently drops them. An app that still has the pane receives `assistant_thread_started`, and prompts
are set in that thread (docs: ai/migrating-to-agent-messaging,
reference/methods/assistant.threads.setSuggestedPrompts).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bots.slack.faults import LACKING, RefusedError
from bots.slack.inbound.events import NAME, place_of
from core.domain.errors import PlatformError, StoreError
from core.domain.message import ThreadKey
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from slack_bolt.app.async_app import AsyncApp

    from bots.slack.api import Api
    from bots.slack.inbound.events import Me
    from bots.slack.outbound.titles import Titles
    from core.store.port import Store

log = logging.getLogger(__name__)

NEW = {
    "What can you do?": "What can you do?",
    "Draft a message": "Help me draft a message to my team. Ask me what it is about.",
}
"""Prompts for any time, by title."""
KNOWN = {
    "Sum up": "Sum up what we have talked about so far.",
    "What do you remember?": "What do you remember from our conversation?",
}
"""Prompts for a conversation that exists, by title. Slack shows four prompts in all."""
_TITLE = "For example, ask me"


class Agent:
    """Suggests prompts to people who open a conversation, and notes the titles that they give."""

    def __init__(self, api: Api, me: Me, store: Store, titles: Titles) -> None:
        """Suggest prompts that fit what `store` holds; note people's titles in `titles`."""
        self._api = api
        self._me = me
        self._store = store
        self._titles = titles
        self._supported = True

    def listen(self, bolt: AsyncApp) -> None:
        """Add the listeners to Bolt's app."""
        bolt.event("app_home_opened", matchers=[self.is_messages])(self._opened)
        bolt.event("agent_session_title_changed")(self._renamed)
        bolt.event("assistant_thread_started")(self._started)
        bolt.event("assistant_thread_context_changed")(self._context_changed)

    @staticmethod
    async def is_messages(event: dict[str, Any]) -> bool:
        """Return whether the messages tab was opened, not the home tab."""
        return event.get("tab") == "messages"

    async def _opened(self, event: dict[str, Any]) -> None:
        await self._offer(str_of(event, "channel"), None)

    async def _started(self, event: dict[str, Any]) -> None:
        thread = dict_of(event, "assistant_thread")
        channel, ts = str_of(thread, "channel_id"), str_of(thread, "thread_ts")
        self._titles.opened(channel, ts)
        await self._offer(channel, ts)

    async def _context_changed(self, event: dict[str, Any]) -> None:
        """Suggest the same prompts again: they don't depend on what the person looks at."""
        thread = dict_of(event, "assistant_thread")
        await self._offer(str_of(thread, "channel_id"), str_of(thread, "thread_ts"))

    async def _renamed(self, event: dict[str, Any]) -> None:
        self._titles.given(str_of(event, "channel"), str_of(event, "thread_ts"))

    async def _offer(self, channel: str, thread: str | None) -> None:
        """Suggest prompts if the workspace has them; a conversation works without them."""
        if not (self._supported and channel):
            return
        try:
            prompts = await self._prompts(channel)
            await self._api.courtesy(
                "assistant.threads.setSuggestedPrompts",
                channel_id=channel,
                thread_ts=thread,
                title=_TITLE,
                prompts=[{"title": name, "message": says} for name, says in prompts.items()],
            )
        except RefusedError as refused:
            if refused.code in LACKING:
                self._supported = False
                log.warning("no prompts are suggested in this workspace: %s", refused)
            else:
                log.info("no prompts were suggested: %s", refused)
        except (PlatformError, StoreError) as error:
            log.info("no prompts were suggested: %s", error)

    async def _prompts(self, channel: str) -> dict[str, str]:
        thread = ThreadKey(NAME, place_of(channel, self._me), channel)
        known = self._me.dm_scope == "user" and await self._store.peek(thread) is not None
        return KNOWN | NEW if known else NEW
