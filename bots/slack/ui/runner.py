"""Running what people ask for by interactions: once, in time, and never silently in vain.

Slack sends an interaction only once. So what it changes is changed before the acknowledgement, as
long as Slack waits for one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any

from bots.slack.inbound.events import NAME, channel_of
from bots.slack.inbound.people import is_id
from bots.slack.ui.refusals import why
from core.commands.export.parts import TooLongError
from core.commands.in_thread import unwritten
from core.domain.errors import ChatbotError, DeniedError, PlatformError, StoreError, broke
from core.domain.message import ThreadKey
from core.domain.payload import dict_of, str_of
from core.domain.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bots.slack.ui.replies import SlackReplies
    from core.domain.clock import Clock
    from core.domain.message import Message
    from core.store.port import Store

log = logging.getLogger(__name__)

FAILED = "That did not work just now. Please try again in a minute."
UNREADABLE = "I could not read that request. Please reload Slack and try again."
BEFORE_ACK = 2.0
"""Seconds; Slack waits three (docs: interactivity/handling-user-interaction)."""
_CLOSED = "view_closed"
"""The type of the payload when a person closes a modal, which needs no answer."""
_CLOSING = 3.0
"""Seconds that commands get to finish when the bot stops."""


class InteractionRunner:
    """Runs what interactions ask for, and tells people if it fails."""

    def __init__(self, replies: SlackReplies, store: Store, clock: Clock) -> None:
        """Run each once, as `store` records; `clock` is Slack's."""
        self.clock = clock
        """When a command counts as given, if its payload has no time."""
        self._replies = replies
        self._store = store
        self._tasks = Tasks("a command")

    def unread(self, body: dict[str, Any]) -> None:
        """Tell a person that what they pressed or typed could not be read."""
        expected = not dict_of(body, "event") and body.get("type") != _CLOSED
        if expected and (user := user_of(body)):
            self.begin(self.tell(user, UNREADABLE), user)

    def soon(self, job: Coroutine[Any, Any, None], message: Message) -> None:
        """Do something for a message in the background, and tell its author if it fails."""
        channel, root = channel_of(message.thread.channel), message.answer_in
        self.begin(job, message.author.id, channel, root)

    async def close(self) -> None:
        """Give running commands a moment to finish."""
        await self._tasks.wait(_CLOSING)

    def begin(
        self, job: Coroutine[Any, Any, None], user: str, channel: str = "", root: str = ""
    ) -> asyncio.Task[None]:
        """Do something in the background, and tell a person if it fails.

        Args:
            job: What to do.
            user: The id of the person.
            channel: Where to tell them if they can't be reached directly; empty for nowhere.
            root: The thread there.
        """
        return self._tasks.start(self._tried(job, user, channel, root))

    async def once(
        self, make: Callable[[], Coroutine[Any, Any, None]], body: dict[str, Any]
    ) -> None:
        """Do what a payload asks for, unless the same payload was processed before.

        Slack creates a trigger for one gesture (docs: interactivity/handling-user-interaction). An
        attacker who has recorded a request can replay it, validly signed, for five minutes.
        """
        name = f"asked {_digest_of(body)}"
        if not str_of(body, "trigger_id") or await self._store.claim_once(NAME, name):
            await make()
        else:
            log.warning("an interaction was received twice, and is processed once")

    async def before_ack(self, job: Coroutine[Any, Any, None], user: str) -> None:
        """Do something while Slack waits, and finish it later if that takes too long."""
        await asyncio.wait({self.begin(job, user)}, timeout=BEFORE_ACK)

    async def _tried(
        self, job: Coroutine[Any, Any, None], user: str, channel: str, root: str
    ) -> None:
        try:
            await job
            return
        except (DeniedError, TooLongError) as denied:
            text = str(denied)
        except (PlatformError, StoreError) as error:
            log.warning("a command failed: %s", error)
            text = why(error) or FAILED
        except OSError as error:
            log.error("a command failed: %s", broke(error))  # noqa: TRY400 - no text
            text = unwritten(error) or FAILED
        except Exception as error:  # noqa: BLE001 - whatever it is, a person waits for an answer
            log.error("a command failed: %s", broke(error))  # noqa: TRY400 - no text
            text = UNREADABLE
        await self.tell(user, text, channel, root)

    async def tell(self, user: str, text: str, channel: str = "", root: str = "") -> None:
        """Tell a person in a direct message, or in the channel if that is refused."""
        channel = channel if is_id(channel) else ""
        try:
            await self._replies.tell_or_whisper(user, text, channel, root)
        except ChatbotError:
            log.warning("the result of a command was not posted")

    def asked(self, job: Coroutine[Any, Any, None], body: dict[str, Any]) -> None:
        """Do something for the person who asked for it; nothing if they are unknown."""
        if user := user_of(body):
            self.begin(job, user, str_of(dict_of(body, "channel"), "id"))
        else:
            job.close()


def _digest_of(body: dict[str, Any]) -> str:
    """Return a digest of a payload."""
    text = json.dumps(body, sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def user_of(body: dict[str, Any]) -> str:
    """Return the id of the person who pressed or typed something; empty if it is missing."""
    user = str_of(dict_of(body, "user"), "id") or str_of(body, "user_id")
    return user if is_id(user) else ""


def thread_in(text: str) -> ThreadKey:
    """Return the thread that a button names; raise `DeniedError` if it names none."""
    try:
        return ThreadKey.parse(text)
    except ValueError:
        raise DeniedError(UNREADABLE) from None
