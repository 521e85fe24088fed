"""SIGKILL in the middle of a reply: the conversation is whole, and the message answered once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

from tests.e2e.program import ROOT, Program
from tests.fakes.claude import KEY
from tests.servers import redis_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@contextlib.asynccontextmanager
async def claude(*, delay: float) -> AsyncIterator[str]:
    """Run a Claude that echoes, slowly, in a process of its own; yield its URL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.claude", "--delay-per-chunk", str(delay)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            port = int(await process.stdout.readline())
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()


async def asked(url: str, times: int) -> None:
    """Wait until the model was asked so often."""

    def calls() -> int:
        with urlopen(f"{url}/calls") as answer:
            return len(json.load(answer))

    async with asyncio.timeout(30):
        while await asyncio.to_thread(calls) < times:
            await asyncio.sleep(0.02)


async def log_of(program: Program, thread: str) -> list[dict[str, Any]]:
    """Return what is kept of a thread."""
    ended = await program.run("export", thread, "--json")
    assert ended.code == 0, ended.err
    records: list[dict[str, Any]] = json.loads(ended.out)["records"]
    return records


def said_by(records: list[dict[str, Any]], who: str) -> list[str]:
    return [record["text"] for record in records if record["said_by"] == who]


@pytest.fixture
def patient(program: Program) -> Program:
    program.settings |= {"CHATBOT_LEASE_SECONDS": "1", "ANTHROPIC_API_KEY": KEY}
    return program


async def test_the_same_terminal_started_again_answers_what_was_interrupted(
    patient: Program,
) -> None:
    async with claude(delay=0.3) as slow, claude(delay=0) as quick:
        patient.settings["ANTHROPIC_BASE_URL"] = quick
        first = await patient.run("run", says=["My dog is called Rex."])
        assert (first.code, len(first.lines)) == (0, 1)

        patient.settings["ANTHROPIC_BASE_URL"] = slow
        running = await patient.start("run")
        await running.say("What is my dog called?")
        await asked(slow, 1)
        await asyncio.sleep(0.5)  # some of the reply has come
        await running.kill()

        patient.settings["ANTHROPIC_BASE_URL"] = quick
        again = await patient.run("run", says=["And what do I like?"])
    assert again.code == 0
    assert len(again.lines) == 2, "the interrupted reply, and the one to the new line"
    assert "What is my dog called?" in again.lines[0]
    assert "Finishing the reply that was interrupted" in again.err
    records = await log_of(patient, "main")
    assert said_by(records, "person") == [
        "My dog is called Rex.",
        "What is my dog called?",
        "And what do I like?",
    ]
    assert len(said_by(records, "bot")) == 3


async def test_on_redis_the_other_process_answers_what_was_interrupted(
    patient: Program, tmp_path: Path
) -> None:
    data = tmp_path / "redis"
    data.mkdir()
    with redis_server(directory=data) as server:
        patient.settings["CHATBOT_STORE"] = server.url
        async with claude(delay=0.3) as slow, claude(delay=0) as quick:
            patient.settings["ANTHROPIC_BASE_URL"] = quick
            healthy = await patient.start("chat", "--thread", "theirs")
            await healthy.say("hello")
            assert "hello" in await healthy.hear()

            patient.settings["ANTHROPIC_BASE_URL"] = slow
            doomed = await patient.start("chat", "--thread", "mine")
            await doomed.say("What is my dog called?")
            await asked(slow, 1)
            await asyncio.sleep(0.5)
            await doomed.kill()

            async with asyncio.timeout(20):
                while not said_by(await log_of(patient, "mine"), "bot"):
                    await asyncio.sleep(0.1)
            records = await log_of(patient, "mine")
            assert said_by(records, "person") == ["What is my dog called?"]
            (answer,) = said_by(records, "bot")
            assert "What is my dog called?" in answer
            await asked(quick, 2)
            ended = await healthy.end()
            assert (ended.code, ended.lines) == (0, []), "the other thread's reply is not shown"
