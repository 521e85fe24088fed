"""Many threads of Slack at once, each in a closed loop."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from tests.fakes.kit.load import ClosedLoop

if TYPE_CHECKING:
    from tests.fakes.slack.fake import FakeSlack
    from tests.fakes.slack.model import Channel, Json, Message, User


class Load(ClosedLoop):
    """One run; the answer to a turn is the next message of the app's in its thread."""

    def __init__(self, slack: FakeSlack, *, mention: bool, patience: float) -> None:
        super().__init__(patience)
        self._slack = slack
        self._lead = f"{slack.at_bot} " if mention else ""
        self._waiting: dict[tuple[str, str | None], asyncio.Future[None]] = {}

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
        return self.report(time.perf_counter() - began)

    async def _thread(self, user: User, channel: Channel, turns: int) -> None:
        root: str | None = None
        for number in range(turns):
            answered = asyncio.get_running_loop().create_future()
            ts = self._slack.stamp()
            self._waiting[channel.id, root or ts] = answered
            text = f"{self._lead}message {number}"
            if not await self.turn(self._slack.say(user, channel, text, root, ts=ts), answered):
                return
            root = root or ts

    def _answered(self, message: Message) -> None:
        if not message.streaming:
            future = self._waiting.pop((message.channel, message.thread_ts), None)
            if future is not None and not future.done():
                future.set_result(None)
