"""What a thread is called in Slack's list of sessions: by how it began, and once.

A session is made by `agents.sessions.setStatus`, which takes a title only then and always answers
with the one that the session has; so a title that a person gave is seen, whichever process heard
of it. `agents.sessions.rename` refuses a thread that is no session yet (`not_authorized`, measured
in github.com/agentconnect-md/agentconnect, pull request 1600). The legacy pane has
`assistant.threads.setTitle` (docs: reference/methods under these names).
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types

from bots.slack.api import LACKING, RefusedError
from bots.slack.inbound.events import channel_of
from bots.slack.outbound.escape import joined
from bots.slack.outbound.status import IDLE
from core.delivery.splitting.break_points import in_line
from core.domain.errors import PlatformError, broke
from core.domain.payload import str_of
from core.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from bots.slack.api import Api
    from core.delivery.port import DeliveryTarget

    Way: TypeAlias = Callable[[str, str, str], Awaitable[None]]

log = logging.getLogger(__name__)

LENGTH = 80
"""Characters; Slack takes 200, and shows far fewer in a list."""
_KEPT = 10_000
_MENTION = regex.compile(r"<[@#!][^<>]*+>")
_NO_SESSION = "not_authorized"


class Titles:
    """Names threads after their first turn, beside it; never fails, and insists on nothing."""

    def __init__(self, api: Api) -> None:
        """Have named nothing yet."""
        self._api = api
        self._ways: list[Way] = [self._as_session, self._in_pane]
        """What is tried, in order; those that the workspace lacks are gone."""
        self._named: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._unnamed: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._running: set[asyncio.Task[None]] = set()

    def opened(self, channel: str, thread: str) -> None:
        """Note a thread of the legacy pane: somebody opened it, and nothing was said there."""
        _keep(self._unnamed, (channel, thread))

    def given(self, channel: str, thread: str) -> None:
        """Note that a person has named a thread."""
        _keep(self._named, (channel, thread))

    def after(self, where: DeliveryTarget) -> None:
        """Name the thread of a turn that was answered, if it was its first."""
        place = (channel_of(where.thread.place), where.answer_in)
        first = where.opens or where.trigger == where.answer_in or place in self._unnamed
        title = title_of(where.asked)
        if not (first and title and where.answer_in) or place in self._named:
            return
        _keep(self._named, place)
        self._unnamed.pop(place, None)
        task = asyncio.create_task(self._name(*place, title))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def close(self, seconds: float = 1.0) -> None:
        """Let what is being named be named, within so many seconds."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=seconds)
            for task in late:
                task.cancel()

    async def _name(self, channel: str, thread: str, title: str) -> None:
        for way in tuple(self._ways):
            try:
                await way(channel, thread, title)
            except RefusedError as refused:
                if refused.code in LACKING and way in self._ways:
                    self._ways.remove(way)
                    level = logging.INFO if self._ways else logging.WARNING
                    log.log(level, "no titles in this way: %s", refused)
                elif refused.code != _NO_SESSION:
                    log.info("a thread has no title: %s", refused)
                    return
            except PlatformError as error:
                log.info("a thread has no title: %s", error)
                return
            except Exception as error:  # noqa: BLE001 - nobody waits for it
                log.error("a thread has no title: %s", broke(error))  # noqa: TRY400
                return
            else:
                return

    async def _as_session(self, channel: str, thread: str, title: str) -> None:
        where = {"channel_id": channel, "thread_ts": thread, "title": title}
        # The turn is over. Said beside `status`, another word might be the last and stay.
        session = await self._api.courtesy("agents.sessions.setStatus", status=IDLE, **where)
        if not str_of(session, "title"):
            await self._api.courtesy("agents.sessions.rename", **where)

    async def _in_pane(self, channel: str, thread: str, title: str) -> None:
        if channel.startswith("D"):  # the pane shows nothing else
            where = {"channel_id": channel, "thread_ts": thread, "title": title}
            await self._api.courtesy("assistant.threads.setTitle", **where)


def title_of(text: str) -> str:
    """Return a text as a title: one line in which nothing calls anybody; empty where it has none.

    It is cut behind a word, or else behind a grapheme.
    """
    line = joined(" ".join(visible(_MENTION.sub(" ", text)).split()))
    if len(line) <= LENGTH:
        return line
    return f"{line[: in_line(line, 0, LENGTH - 1)].rstrip()}\u2026"


def _keep(known: OrderedDict[tuple[str, str], None], place: tuple[str, str]) -> None:
    known[place] = None
    if len(known) > _KEPT:
        known.popitem(last=False)
