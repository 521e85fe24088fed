"""Texts as long as they come hold up nobody else, whatever they are made of."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from core.domain.limits import MESSAGE_BYTES
from core.models.scripted import ScriptedModel
from tests.e2e import discord_bot, slack_bot
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack
from tests.prompts import newest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from core.models.port import ModelRequest
    from core.models.scripted import Step

ANSWER = 400_000
"""About the longest answer that a model gives."""
CHUNK = 4_000
STANDSTILL = 1.0
"""Seconds that nothing may take, on a slow machine that does other things: most take a twentieth.

An answer of 20,000 `!` took 23.
"""
UNITS = ["!", "<", "```\nx\n", "> ```\n"]


@dataclass
class Pulse:
    """How long the event loop stood still at most."""

    longest: float = 0.0


@asynccontextmanager
async def pulse() -> AsyncIterator[Pulse]:
    """Watch the event loop for as long as the block lasts.

    What counts is this process's own work between two turns of the loop, in whatever thread: a
    thread that holds the interpreter's lock stops the loop, too. Time in which other processes had
    the processor says nothing of the texts.
    """
    felt = Pulse()

    async def beat() -> None:
        while True:
            began = time.process_time()
            await asyncio.sleep(0.01)
            felt.longest = max(felt.longest, time.process_time() - began)

    beating = asyncio.create_task(beat())
    try:
        yield felt
    finally:
        beating.cancel()


def busy(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


async def test_a_loop_that_is_blocked_is_felt() -> None:
    async with pulse() as felt:
        await asyncio.sleep(0.05)
        busy(STANDSTILL + 0.1)
        await asyncio.sleep(0.05)
    assert felt.longest >= STANDSTILL


async def test_a_thread_that_stops_the_loop_is_felt() -> None:
    async with pulse() as felt:
        await asyncio.sleep(0.05)
        began = time.process_time()
        await asyncio.to_thread(sum, range(80_000_000))
        took = time.process_time() - began
        await asyncio.sleep(0.05)
    assert felt.longest > took / 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who had the processor")
async def test_a_loop_that_others_keep_from_the_processor_stands_still_for_nothing() -> None:
    here = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(here)})  # the children too: all of them on one processor
    others: list[asyncio.subprocess.Process] = []
    try:
        for _ in range(8):
            loop = (sys.executable, "-c", "while True: pass")
            others.append(await asyncio.create_subprocess_exec(*loop))
        async with pulse() as felt:
            await asyncio.sleep(0.05)
            began = time.perf_counter()
            busy(0.2)
            took = time.perf_counter() - began
            await asyncio.sleep(0.05)
    finally:
        os.sched_setaffinity(0, here)
        for other in others:
            other.kill()
            await other.wait()
    assert felt.longest < 0.2 + 0.2 < took


def filled(unit: str, length: int) -> str:
    return (unit * (length // len(unit) + 1))[:length]


def answering(unit: str) -> ScriptedModel:
    """Answer at length those who ask for it, and others in a word."""

    def reply(request: ModelRequest) -> list[Step]:
        if "at length" not in newest(request):
            return ["hello"]
        text = filled(unit, ANSWER)
        return [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]

    return ScriptedModel(reply=reply)


@pytest.mark.parametrize("unit", UNITS)
async def test_a_long_answer_on_slack_keeps_nobody_waiting(unit: str) -> None:
    async with FakeSlack() as fake:
        ann, eve = fake.person("ann"), fake.person("eve")
        here, there = fake.channel("general", eve), fake.channel("other", ann)
        async with slack_bot.bot_on(fake, answering(unit)), pulse() as felt:
            long = await fake.say(eve, here, f"{fake.at_bot} at length")
            short = await fake.say(ann, there, f"{fake.at_bot} hello")
            await fake.replies(there, short.ts)
            await fake.replies(here, long.ts)
            await fake.until(lambda: any(m.files for m in fake.said_by_app(here)))
    assert felt.longest < STANDSTILL


@pytest.mark.parametrize("unit", UNITS)
async def test_a_long_answer_on_discord_keeps_nobody_waiting(unit: str) -> None:
    async with FakeDiscord() as fake:
        ann, eve = fake.person("ann"), fake.person("eve")
        async with discord_bot.bot_on(fake, answering(unit)), pulse() as felt:
            await fake.say(eve, fake.dm(eve), "at length")
            await fake.say(ann, fake.dm(ann), "hello")
            await fake.replies(fake.dm(ann))
            await fake.until(lambda: any(m.files for m in fake.said_by_bot(fake.dm(eve))))
    assert felt.longest < STANDSTILL


@pytest.mark.parametrize("unit", ["!", "< ", "<@U1|", "\u0301\u0316", "# a\n\n"])
async def test_a_long_message_keeps_nobody_waiting(unit: str) -> None:
    async with FakeSlack() as fake:
        eve = fake.person("eve")
        here = fake.channel("general", eve)
        async with slack_bot.bot_on(fake, answering(unit)), pulse() as felt:
            text = filled(unit, (MESSAGE_BYTES - 1000) // len(unit.encode()) * len(unit))
            asked = await fake.say(eve, here, f"{fake.at_bot} {text}")
            await fake.replies(here, asked.ts)
    assert felt.longest < STANDSTILL


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\n", " \t"])
async def test_a_command_with_many_blanks_keeps_nobody_waiting(blank: str) -> None:
    async with FakeSlack() as fake:
        eve = fake.person("eve")
        here = fake.channel("general", eve)
        async with slack_bot.bot_on(fake), pulse() as felt:
            await fake.slash(eve, here, f"/chatbot export{blank * 30_000}.")
            await fake.say(eve, here, f"{fake.at_bot} export{blank * 30_000}.")
            await fake.settled()
    assert felt.longest < STANDSTILL
