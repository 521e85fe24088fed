"""A process that is stopped past its lease and goes on living takes back what came too late."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.test_slack_program import on_slack, texts
from tests.fakes.claude import KEY, FakeClaude, Talk
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack
from tests.servers import redis_server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.e2e.program import Program

_LINE = "This is one line of a rather long answer, and there are many more like it.\n"
_SLEEPER = """
import pathlib, time

steady, slept = time.monotonic, pathlib.Path({path!r})
time.monotonic = lambda: steady() - (float(slept.read_text() or 0) if slept.exists() else 0)
"""
"""Lets a process's clock stand still as where its machine sleeps (clock_gettime(2))."""
_AFTER = pytest.mark.parametrize("after", [0.001, 0.005])
_POST = pytest.mark.parametrize("post", [1, 2])


@_AFTER
@_POST
async def test_no_piece_of_a_long_answer_stands_twice_on_slack(
    program: Program, tmp_path: Path, after: float, post: int
) -> None:
    assert await on_slack_paused(program, tmp_path, after, post) == ["0000", "0143", "0286"]


async def test_nor_does_it_where_the_machine_has_slept(program: Program, tmp_path: Path) -> None:
    program.settings["CHATBOT_LEASE_SECONDS"] = "5"
    posted = await on_slack_paused(program, tmp_path, 0.001, 1, asleep=True)
    assert posted == ["0000", "0143", "0286"]


async def on_slack_paused(
    program: Program, folder: Path, after: float, post: int, *, asleep: bool = False
) -> list[str]:
    async with FakeSlack() as fake, FakeClaude(long_answer(420)) as claude:
        fake.faults.no_streaming()
        on_slack(program, fake, claude)
        program.settings["CHATBOT_SLACK_PACE"] = "0"
        ann = fake.person("ann")
        general = fake.channel("general", ann)

        async def ask() -> None:
            asked.append((await fake.say(ann, general, f"{fake.at_bot} tell me all")).ts)

        asked: list[str] = []
        return await pause(
            program,
            folder,
            heard=lambda: fake.connected(2, within=30),
            ask=ask,
            due=lambda: len(fake.web.made("chat.postMessage")) >= post,
            after=after,
            posted=lambda: texts(fake, general, asked[0]),
            pieces=3,
            asleep=asleep,
        )


@_AFTER
@_POST
async def test_no_piece_of_a_long_answer_stands_twice_on_discord(
    program: Program, tmp_path: Path, after: float, post: int
) -> None:
    async with FakeDiscord() as fake, FakeClaude(long_answer(60)) as claude:
        program.settings |= {
            "ANTHROPIC_API_KEY": KEY,
            "ANTHROPIC_BASE_URL": claude.url,
            "CHATBOT_DISCORD_BASE_URL": fake.api_url,
            "DISCORD_BOT_TOKEN": fake.token,
        }
        ann = fake.person("ann")

        async def ask() -> None:
            await fake.say(ann, fake.dm(ann), "tell me all")

        posted = await pause(
            program,
            tmp_path,
            heard=lambda: fake.connected(within=30),
            ask=ask,
            due=lambda: len(fake.said_by_bot()) >= post,
            after=after,
            posted=lambda: [message.content for message in fake.said_by_bot()],
            pieces=3,
        )
    assert posted == ["0000", "0025", "0050"]


def long_answer(lines: int) -> Callable[[object], Talk]:
    """Return a script that answers with numbered lines, all at once."""
    text = "".join(f"{number:04} {_LINE}" for number in range(lines))
    return lambda _: Talk(text, pieces=(text,))


async def pause(
    program: Program,
    folder: Path,
    *,
    heard: Callable[[], Awaitable[None]],
    ask: Callable[[], Awaitable[None]],
    due: Callable[[], bool],
    after: float,
    posted: Callable[[], list[str]],
    pieces: int,
    asleep: bool = False,
) -> list[str]:
    """Stop a process in the middle of its answer, and let it go on when another has answered.

    It is stopped `after` seconds after it is due; `asleep` with its machine, whose `time.monotonic`
    stands still. Returns the number that each piece begins with.
    """
    slept = folder / "slept"
    with redis_server(directory=folder, persistent=True) as server:
        program.settings["CHATBOT_STORE"] = server.url
        (folder / "sitecustomize.py").write_text(_SLEEPER.format(path=str(slept)))
        awake = program.environment["PYTHONPATH"]
        program.settings["PYTHONPATH"] = f"{folder}:{awake}" if asleep else awake
        paused = await program.start("run")
        program.settings["PYTHONPATH"] = awake
        successor = None
        try:
            await heard()
            await ask()
            await until(due, every=0.0005)
            await asyncio.sleep(after)
            stopped = time.monotonic()
            paused.process.send_signal(signal.SIGSTOP)
            successor = await program.start("run")
            await until(lambda: len(posted()) >= pieces)
            slept.write_text(str(time.monotonic() - stopped))
            paused.process.send_signal(signal.SIGCONT)
            await asyncio.sleep(2)
            return [text[:4] for text in posted()]
        finally:
            paused.process.send_signal(signal.SIGCONT)
            await paused.kill()
            if successor is not None:
                await successor.kill()


async def until(holds: Callable[[], bool], every: float = 0.01) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(every)
