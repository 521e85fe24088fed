"""Waits of minutes: a kill under Slack's limits, posts that fail, threads that Discord limits.

Each scene runs the real program, and divides every wait of the platform's by `factor`. The figures
that it returns are in seconds of the scene: multiplied by the factor again.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.e2e.slack_bot import answers
from tests.fakes.claude import KEY, FakeClaude, Talk
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord import faults as discord_faults
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.faults import STREAMING, Limited

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.program import Program, Running
    from tests.fakes.claude import Json
    from tests.fakes.slack import Channel
    from tests.fakes.slack.faults import Fault

REPLIES = "conversations.replies"
POSTS = ("chat.postMessage", "chat.update", *STREAMING)
TIER_3 = 50
"""Calls a minute (docs: apis/web-api/rate-limits)."""
_CHANNELS = 6
_TURN_SECONDS = 4.0
"""How long the model takes for an answer, where a kill comes in its middle."""
_NUMBER = re.compile(r"question (\d+)")


def on_slack(program: Program, fake: FakeSlack, claude: FakeClaude, factor: float) -> None:
    """Let the program be on this Slack, whose minute is divided."""
    fake.limits.minute = 60 / factor
    program.settings |= {
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": claude.url,
        "CHATBOT_LEASE_SECONDS": f"{max(15 / factor, 1.5):g}",
        "CHATBOT_SLACK_BASE_URL": fake.api_url,
        "CHATBOT_SLACK_PACE": f"{1 / factor:g}",
        "SLACK_APP_TOKEN": fake.app_token,
        "SLACK_BOT_TOKEN": fake.bot_token,
    }


async def killed_under_limits(
    program: Program, *, factor: float, processes: int = 1, threads: int = 60, used: bool = False
) -> dict[str, Any]:
    """Kill a process while it answers, and start it again under Slack's limits.

    Of several processes only the first is killed. `used` says that the minute's calls are used up
    at the kill.
    """
    script = slowly(_TURN_SECONDS / min(factor, 4))
    async with FakeSlack() as fake, FakeClaude(script) as claude:
        on_slack(program, fake, claude, factor)
        ann = fake.person("ann")
        channels = [fake.channel(f"c{number}", ann) for number in range(_CHANNELS)]
        running = [await program.start("run") for _ in range(processes)]
        try:
            await fake.connected(2 * processes, within=30)
            asked = [
                (channel, await fake.say(ann, channel, f"{fake.at_bot} question {number}"))
                for number, channel in ((n, channels[n % _CHANNELS]) for n in range(threads))
            ]
            await until(lambda: len(claude.requests) >= threads, 60)
            fake.limits.on = True
            while used and not fake.limits.check(REPLIES, 3, "", fake.now()):
                pass
            killed = time.monotonic()
            await running[0].kill()
            running[0] = await program.start("run")
            last = await until(lambda: all(answered(fake, *each) for each in asked), 240)
            await asyncio.sleep(1)  # what comes twice comes now
        finally:
            await ended(running)
        found = [answered(fake, *each) for each in asked]
        asks = Counter(numbers(claude.requests))
        return {
            "threads": threads,
            "answered_once": found.count(1),
            "most_asks_of_a_thread": max(asks.values()),
            "last_after_s": round((last - killed) * factor, 1),
            "refused_calls": len(fake.limits.refused),
        }


async def posts_that_fail(
    program: Program, fault: Fault, *, factor: float, seconds: float, threads: int = 6
) -> dict[str, Any]:
    """Let posts alone fail for a while, in which reads work; tell when the answers came."""
    async with FakeSlack() as fake, FakeClaude(slowly(1.0)) as claude:
        on_slack(program, fake, claude, factor)
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        running = [await program.start("run")]
        try:
            await fake.connected(2, within=30)
            for method in POSTS:
                fake.faults.always(method, fault)
            asked = [
                (general, await fake.say(ann, general, f"{fake.at_bot} question {number}"))
                for number in range(threads)
            ]
            await asyncio.sleep(seconds / factor)
            early = sum(answered(fake, *each) for each in asked)
            for method in POSTS:
                fake.faults.well(method)
            well = time.monotonic()
            last = await until(lambda: all(answered(fake, *each) for each in asked), 60)
            await asyncio.sleep(1)
        finally:
            await ended(running)
        found = [answered(fake, *each) for each in asked]
        announced = fault.retry_after if isinstance(fault, Limited) else 0.0
        return {
            "threads": threads,
            "answered_while_it_failed": early,
            "answered_once": found.count(1),
            "most_asks_of_a_thread": max(Counter(numbers(claude.requests)).values()),
            "last_after_s": round(last - well, 1),
            "last_announced_wait_s": announced,
        }


async def threads_that_are_limited(
    program: Program, *, factor: float, seconds: float = 260.0
) -> dict[str, Any]:
    """Let Discord limit the making of threads; tell where and when the answer stands."""
    async with FakeDiscord() as fake, FakeClaude(slowly(1.0)) as claude:
        program.settings |= {
            "ANTHROPIC_API_KEY": KEY,
            "ANTHROPIC_BASE_URL": claude.url,
            "CHATBOT_DISCORD_BASE_URL": fake.api_url,
            "DISCORD_BOT_TOKEN": fake.token,
        }
        ann = fake.person("ann")
        general = fake.channel("general")
        running = [await program.start("run")]
        try:
            await fake.connected(within=30)
            name = discord_faults.THREAD
            fake.faults.always(name, discord_faults.Limited(seconds / factor))
            began = time.monotonic()
            await fake.say(ann, general, f"{fake.at_bot} question 1")
            healed = asyncio.get_running_loop().call_later(
                seconds / factor, lambda: fake.faults.well(name)
            )
            last = await until(lambda: bool(fake.said_by_bot()), seconds / factor + 60)
            await asyncio.sleep(1)
            healed.cancel()
        finally:
            await ended(running)
        calls = sum(1 for call, _ in fake.faults.dealt if call == name)
        return {
            "answers": len(fake.said_by_bot()),
            "answered_after_s": round(last - began, 1),
            "calls_that_were_limited": calls,
        }


def slowly(seconds: float) -> Callable[[Json], Talk]:
    """Return a script whose answers take so long, in a few chunks, and repeat the question."""

    def script(request: Json) -> Talk:
        text = f"The answer to question {numbers([request])[0]} is what it was the last time. "
        return Talk(text, delay=seconds / 10)

    return script


def numbers(requests: list[Json]) -> list[int]:
    """Return the number of the question that each request ends with."""
    return [int(_NUMBER.findall(str(request["messages"]))[-1]) for request in requests]


def answered(fake: FakeSlack, channel: Channel, message: Any) -> int:
    """Return how many whole answers stand under a message."""
    return sum(
        each.text.rstrip().endswith("last time.") for each in answers(fake, channel, message.ts)
    )


async def until(holds: Callable[[], bool], within: float) -> float:
    """Wait until something holds, and return when it did; else when it was given up."""
    end = time.monotonic() + within
    while not holds() and time.monotonic() < end:
        await asyncio.sleep(0.02)
    return time.monotonic()


async def ended(running: list[Running]) -> None:
    """End these processes."""
    for each in running:
        await each.kill()
