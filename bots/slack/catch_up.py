"""What people said while the bot was not connected: read afterwards, and taken in like the rest.

Slack keeps nothing for an app without a connection, and gives up on an HTTP endpoint after five
minutes. What is read twice is known from the first time. What is too old to be answered gets one
line in its thread that says so.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bots.slack import events
from bots.slack.reading import history, replies
from core.errors import ChatbotError, PlatformError
from core.message import Address

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator, Sequence

    from bots.slack.cursors import Cursors
    from bots.slack.platform import SlackPlatform
    from bots.slack.receive import Reception
    from core.clock import Clock
    from core.intake import Intake
    from core.message import Message
    from core.store.port import Store

log = logging.getLogger(__name__)

MARGIN = 3600.0
"""Seconds before the cursor from which on is read: events come out of order, and get lost so."""
_THREADS = 200
"""Threads that are looked at, the latest first."""
_LONGEST = 7 * 24 * 3600.0
"""Seconds of downtime past which nobody expects even a line."""
_PATIENCE = 90.0
"""Seconds for one page: nobody waits for it, and some apps get one a minute."""
_HOUR = 3600.0
TOO_LATE = (
    "I was away when this came, and it is too long ago to be answered now. "
    "If it still matters, please say it again."
)
_FOR_US = {Address.DIRECT, Address.MENTIONED, Address.REPLIED}


class CatchUp:
    """Looks for what was missed."""

    def __init__(
        self,
        platform: SlackPlatform,
        store: Store,
        intake: Intake,
        reception: Reception,
        cursors: Cursors,
        clock: Clock,
    ) -> None:
        """Offer to `reception` what the store does not know."""
        self._platform = platform
        self._store = store
        self._intake = intake
        self._reception = reception
        self._cursors = cursors
        self._clock = clock

    async def forever(self, due: asyncio.Event, *, hours: float) -> None:
        """Look each time that something may have been missed."""
        while True:
            await due.wait()
            due.clear()
            try:
                await self.run(hours=hours)
            except ChatbotError as error:
                log.warning("what was missed is looked for later: %s", error)
                await self._clock.sleep(30)
                due.set()

    async def run(self, *, hours: float) -> int:
        """Take in what was missed; return how many messages that were."""
        started = self._clock.now()
        taken = 0
        for place, threads in (await self._places()).items():
            since = await self._cursors.of(place)
            if not since:
                continue  # nothing was ever heard anywhere: this is the first start
            oldest = max(since - MARGIN, started - _LONGEST)
            try:
                missed = await self._missed(place, threads, oldest)
            except PlatformError as error:
                log.warning("what was missed at a place is not known: %s", error)
                continue
            await self._take(missed, answered=started - hours * _HOUR)
            await self._cursors.advance(place, started)
            taken += len(missed)
        return taken

    async def _missed(self, place: str, threads: Sequence[str], oldest: float) -> list[Message]:
        """Return what was said at a place and never offered to the store, in order."""
        found: dict[str, Message] = {}
        async for message in self._said(place, threads, f"{oldest:.6f}"):
            if message.id not in found and await self._intake.is_new(message):
                found[message.id] = message
        return sorted(found.values(), key=lambda message: message.at)

    async def _take(self, missed: Sequence[Message], *, answered: float) -> None:
        late: dict[str, Message] = {}
        for message in missed:
            if message.at >= answered:
                await self._reception.offer(message)
            elif message.address in _FOR_US:
                late[message.answer_in] = message
        for message in late.values():
            await self._say_so(message)

    async def _say_so(self, message: Message) -> None:
        try:
            await self._platform.say(message, TOO_LATE)
        except PlatformError as error:
            log.warning("a message stays without a word: %s", error)

    async def _places(self) -> dict[str, list[str]]:
        """Return where to look: the places of threads, with those that were last active."""
        infos = []
        after = ""
        while True:
            page = await self._store.threads(after=after)
            infos += [info for info in page.threads if info.thread.platform == events.NAME]
            after = page.after
            if not after:
                break
        recent = sorted(infos, key=lambda info: -info.last_at)[:_THREADS]
        places: dict[str, list[str]] = {}
        for info in recent:
            places.setdefault(info.thread.place, []).append(info.thread.thread)
        for place in await self._direct():
            places.setdefault(place, [])
        return places

    async def _direct(self) -> list[str]:
        """Return the DMs that there are: somebody may have written for the first time."""
        try:
            answer = await self._platform.api.call(
                "users.conversations",
                repeat=True,
                patience=_PATIENCE,
                types="im,mpim",
                limit=200,
                exclude_archived=True,
            )
        except PlatformError as error:
            log.info("the direct messages are not known: %s", error)
            return []
        me = self._platform.me
        return [events.place_of(str(found["id"]), me) for found in answer.get("channels") or ()]

    async def _said(
        self, place: str, threads: Sequence[str], oldest: str
    ) -> AsyncGenerator[Message, None]:
        """Yield what people said at a place after a moment, in threads and outside of them."""
        api, channel = self._platform.api, events.channel_of(place)
        roots = {thread for thread in threads if _is_ts(thread)}
        async for found in history(api, channel, oldest=oldest, patience=_PATIENCE):
            if float(found.get("latest_reply") or 0) > float(oldest):
                roots.add(str(found["ts"]))
            if (message := self._as_message(found, channel)) is not None:
                yield message
        for root in sorted(roots):
            async for found in replies(api, channel, root, oldest=oldest, patience=_PATIENCE):
                if (message := self._as_message(found, channel)) is not None:
                    yield message

    def _as_message(self, found: dict[str, Any], channel: str) -> Message | None:
        return self._platform.heard(events.envelope(found, channel, self._platform.me))


def _is_ts(thread: str) -> bool:
    seconds, _, micros = thread.partition(".")
    return seconds.isdigit() and micros.isdigit()
