"""Many threads of Discord at once, each in a closed loop."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from tests.fakes.discord.model import DM, THREADS
from tests.fakes.kit.load import ClosedLoop

if TYPE_CHECKING:
    from tests.fakes.discord.fake import FakeDiscord
    from tests.fakes.discord.model import Channel, Json, Message, User

_WHOLE = {DM, *THREADS}
"""Kinds of channels in which whatever the bot says next is the answer."""
_TOGETHER = 100
"""First turns at a time."""


class Load(ClosedLoop):
    """One run.

    The answer to a turn is the bot's next message in its thread, which is the one made from the
    first message, or a DM; a bot that makes no threads has to reply to the message itself. Threads
    may be opened by people instead, each with a first turn, before the time begins.
    """

    def __init__(
        self,
        discord: FakeDiscord,
        *,
        mention: bool,
        patience: float,
        dms: bool = False,
        opened: bool = False,
    ) -> None:
        super().__init__(patience)
        self._discord, self._dms = discord, dms
        self._opened = opened
        self._lead = f"{discord.at_bot} " if mention else ""
        self._waiting: dict[str, asyncio.Future[None]] = {}

    async def run(self, threads: int, turns: int) -> Json:
        """Run it and return what it came to."""
        discord = self._discord
        count = threads if self._dms else min(threads, 50)
        people = [discord.person(f"load{number}") for number in range(count)]
        channel = await discord.add_channel("load")
        discord.on_message = self._answered
        try:
            places = await self._places(people, channel, threads)
            began = time.perf_counter()
            await asyncio.gather(*(self._thread(*each, turns) for each in places))
        finally:
            discord.on_message = None
            await discord.delete_channel(channel)  # its threads would count to the next run's cap
        return self.report(time.perf_counter() - began)

    async def _places(
        self, people: list[User], channel: Channel, threads: int
    ) -> list[tuple[User, Channel]]:
        """Return who talks where."""
        discord = self._discord
        users = [people[number % len(people)] for number in range(threads)]
        if not self._opened:
            return [(user, discord.dm(user) if self._dms else channel) for user in users]
        places = [(user, await discord.open_thread(user, channel, "talk")) for user in users]
        for start in range(0, threads, _TOGETHER):
            await asyncio.gather(
                *(self._thread(*each, 1) for each in places[start : start + _TOGETHER])
            )
        self.waits.clear()
        return places

    async def _thread(self, user: User, place: Channel, turns: int) -> None:
        discord = self._discord
        for number in range(turns):
            answered = asyncio.get_running_loop().create_future()
            if place.kind in _WHOLE:
                self._waiting[place.id] = answered
            text = f"{self._lead}message {number}"
            message = await self.turn(self._say(user, place, text, answered), answered)
            if message is None:
                return
            self._waiting.pop(message.id, None)
            place = discord.thread_of(message) or place

    async def _say(
        self, user: User, place: Channel, text: str, answered: asyncio.Future[None]
    ) -> Message:
        message = await self._discord.say(user, place, text)
        # Nothing is told before this returns to the loop, so no answer can be too early.
        self._waiting[message.id] = answered
        return message

    def _answered(self, message: Message) -> None:
        if message.edits or not message.content:
            return
        reference = message.reference or {}
        for key in (message.channel, reference.get("message_id", "")):
            future = self._waiting.pop(key, None)
            if future is not None and not future.done():
                future.set_result(None)
