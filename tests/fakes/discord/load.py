"""Many threads at once, each in a closed loop: say something, wait for the answer, go on."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fakes.discord.fake import FakeDiscord
    from tests.fakes.discord.model import Channel, Json, Message, User


class Load:
    """One run.

    The answer to a turn is the bot's next message in its thread, which is the one made from the
    first message, or a DM; a bot that makes no threads has to reply to the message itself.
    """

    def __init__(
        self, discord: FakeDiscord, *, mention: bool, patience: float, dms: bool = False
    ) -> None:
        self._discord, self._patience, self._dms = discord, patience, dms
        self._lead = f"{discord.at_bot} " if mention else ""
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self.waits: list[float] = []
        """Seconds from each message to its answer."""
        self.unanswered = 0

    async def run(self, threads: int, turns: int) -> Json:
        """Run it and return what it came to."""
        discord = self._discord
        count = threads if self._dms else min(threads, 50)
        people = [discord.person(f"load{number}") for number in range(count)]
        channel = await discord.add_channel("load")
        discord.on_message = self._answered
        began = time.perf_counter()
        try:
            await asyncio.gather(
                *(self._thread(people[n % count], channel, turns) for n in range(threads))
            )
        finally:
            discord.on_message = None
            await discord.delete_channel(channel)  # its threads would count to the next run's cap
        seconds = time.perf_counter() - began
        return {
            "turns": len(self.waits),
            "unanswered": self.unanswered,
            "seconds": seconds,
            "turns_per_s": len(self.waits) / seconds,
            "p50_ms": self._share(0.5),
            "p99_ms": self._share(0.99),
        }

    async def _thread(self, user: User, channel: Channel, turns: int) -> None:
        discord = self._discord
        place = discord.dm(user) if self._dms else channel
        for number in range(turns):
            answered = asyncio.get_running_loop().create_future()
            if place is not channel:
                self._waiting[place.id] = answered
            began = time.perf_counter()
            message = await discord.say(user, place, f"{self._lead}message {number}")
            # Nothing is told before this returns to the loop, so no answer can be too early.
            self._waiting[message.id] = answered
            try:
                async with asyncio.timeout(self._patience):
                    await answered
            except TimeoutError:
                self.unanswered += 1
                return
            self.waits.append(time.perf_counter() - began)
            self._waiting.pop(message.id, None)
            if place is channel:
                place = discord.thread_of(message) or channel

    def _answered(self, message: Message) -> None:
        if message.edits or not message.content:
            return
        reference = message.reference or {}
        for key in (message.channel, reference.get("message_id", "")):
            future = self._waiting.pop(key, None)
            if future is not None and not future.done():
                future.set_result(None)

    def _share(self, share: float) -> float:
        waits = sorted(self.waits) or [0.0]
        return waits[min(len(waits) - 1, int(share * len(waits)))] * 1000
