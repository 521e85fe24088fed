"""Titles of threads in Slack's list of sessions: taken from the first message, and set once.

`agents.sessions.setStatus` creates a session. It accepts a title only then, and always answers
with the title that the session has; so a title that a person gave is seen by every process.
`agents.sessions.rename` refuses a thread that is no session yet (`not_authorized`, measured in
github.com/agentconnect-md/agentconnect, pull request 1600). The legacy pane has
`assistant.threads.setTitle` (docs: reference/methods under these names).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types
from cachetools import LRUCache

from bots.slack.faults import LACKING, RefusedError
from bots.slack.inbound.events import channel_of
from bots.slack.outbound.escape import joined
from bots.slack.outbound.status import IDLE
from core.delivery.splitting.break_points import in_line
from core.domain.errors import PlatformError
from core.domain.payload import str_of
from core.domain.tasks import Tasks
from core.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from bots.slack.api import Api
    from core.delivery.port import DeliveryTarget

    Way: TypeAlias = Callable[[str, str, str], Awaitable[None]]

log = logging.getLogger(__name__)

LENGTH = 80
"""Characters; Slack accepts 200, and shows far fewer in a list."""
_KEPT = 10_000
_MENTION = regex.compile(r"<[@#!][^<>]*+>")
_FENCE = regex.compile(
    r"^[ \t>]*+~{3,}+(?:[\w+#.-]*+$)?+|`{3,}+(?:[\w+#.-]*+(?=\n))?+|`", regex.MULTILINE
)
"""The marks of code, which a title would show."""
_NO_SESSION = "not_authorized"


class Titles:
    """Names threads after their first turn, in the background; never fails, and never retries."""

    def __init__(self, api: Api) -> None:
        """Start with no titles."""
        self._api = api
        self._ways: list[Way] = [self._as_session, self._in_pane]
        """Ways to set a title, in order; those that the workspace lacks are removed."""
        self._named: LRUCache[tuple[str, str], bool] = LRUCache(_KEPT)
        self._unnamed: LRUCache[tuple[str, str], bool] = LRUCache(_KEPT)
        self._tasks = Tasks("a thread's title")

    def opened(self, channel: str, thread: str) -> None:
        """Note a thread of the legacy pane: a person opened it, and nothing was said there."""
        self._unnamed[channel, thread] = True

    def given(self, channel: str, thread: str) -> None:
        """Note that a person has named a thread."""
        self._named[channel, thread] = True

    def after(self, target: DeliveryTarget) -> None:
        """Name the thread of an answered turn, if it was the thread's first."""
        key = (channel_of(target.thread.channel), target.answer_in)
        first = target.opens or target.trigger == target.answer_in or key in self._unnamed
        if not (first and target.answer_in) or key in self._named:
            return
        if title := title_of(target.asked):
            self._named[key] = True
            self._unnamed.pop(key, None)
            self._tasks.start(self._name(*key, title))

    async def close(self, seconds: float = 1.0) -> None:
        """Give titles that are being set this many seconds."""
        await self._tasks.close(grace=seconds)

    async def _name(self, channel: str, thread: str, title: str) -> None:
        for way in tuple(self._ways):
            try:
                await way(channel, thread, title)
            except RefusedError as refused:
                if refused.code in LACKING and way in self._ways:
                    self._ways.remove(way)
                    level = logging.INFO if self._ways else logging.WARNING
                    log.log(level, "no titles can be set in this way: %s", refused)
                elif refused.code != _NO_SESSION:
                    log.info("a thread gets no title: %s", refused)
                    return
            except PlatformError as error:
                log.info("a thread gets no title: %s", error)
                return
            else:
                return

    async def _as_session(self, channel: str, thread: str, title: str) -> None:
        session = {"channel_id": channel, "thread_ts": thread, "title": title}
        # The turn is over. With another status, this call could come last, and the status stay.
        answer = await self._api.courtesy("agents.sessions.setStatus", status=IDLE, **session)
        if not str_of(answer, "title"):
            await self._api.courtesy("agents.sessions.rename", **session)

    async def _in_pane(self, channel: str, thread: str, title: str) -> None:
        if channel.startswith("D"):  # the pane shows direct messages only
            pane = {"channel_id": channel, "thread_ts": thread, "title": title}
            await self._api.courtesy("assistant.threads.setTitle", **pane)


def title_of(text: str) -> str:
    """Return a text as a title: one line that mentions no one; empty if nothing is left.

    It is cut after a word, or else after a grapheme.
    """
    line = joined(" ".join(visible(_words(text)).split()))
    if len(line) <= LENGTH:
        return line
    return f"{line[: in_line(line, 0, LENGTH - 1)].rstrip()}\u2026"


def _words(text: str) -> str:
    text = _MENTION.sub(" ", text)
    return _FENCE.sub("", text) if "`" in text or "~~~" in text else text
