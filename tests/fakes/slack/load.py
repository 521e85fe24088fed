"""Many threads at once, each in a closed loop: say something, wait for the answer, go on."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fakes.slack.fake import FakeSlack
    from tests.fakes.slack.model import Channel, Json, Message, User


class Load:
    """One run; the answer to a turn is the next message of the app's in its thread."""

    def __init__(self, slack: FakeSlack, *, mention: bool, patience: float) -> None:
        self._slack, self._patience = slack, patience
        self._lead = f"{slack.at_bot} " if mention else ""
        self._waiting: dict[tuple[str, str | None], asyncio.Future[None]] = {}
        self.waits: list[float] = []
        """Seconds from each message to its answer."""
        self.unanswered = 0

    async def run(self, threads: int, turns: int) -> Json:
        """Run it and return what it came to."""
        slack = self._slack
        people = [slack.person(f"load{number}") for number in range(min(threads, 50))]
        channel = slack.channel("load", *people)
        slack.on_message = self._answered
        began = time.perf_counter()
        try:
            await asyncio.gather(
                *(self._thread(people[n % len(people)], channel, turns) for n in range(threads))
            )
        finally:
            slack.on_message = None
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
        root: str | None = None
        for number in range(turns):
            answered = asyncio.get_running_loop().create_future()
            ts = self._slack.stamp()
            self._waiting[channel.id, root or ts] = answered
            began = time.perf_counter()
            text = f"{self._lead}message {number}"
            await self._slack.say(user, channel, text, root, ts=ts)
            root = root or ts
            try:
                async with asyncio.timeout(self._patience):
                    await answered
            except TimeoutError:
                self.unanswered += 1
                return
            self.waits.append(time.perf_counter() - began)

    def _answered(self, message: Message) -> None:
        if not message.streaming:
            future = self._waiting.pop((message.channel, message.thread_ts), None)
            if future is not None and not future.done():
                future.set_result(None)

    def _share(self, share: float) -> float:
        waits = sorted(self.waits) or [0.0]
        return waits[min(len(waits) - 1, int(share * len(waits)))] * 1000
