"""Terminals that share a store: one answers for the other, and nobody loses or repeats a word."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.program import asked
from tests.fakes.claude import FakeClaude, Talk
from tests.servers import redis_server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.program import Program


@pytest.fixture(params=["sqlite", "redis"])
def shared(program: Program, request: pytest.FixtureRequest) -> Program:
    """Return the program on a store that processes can share."""
    if request.param == "redis":
        url = request.getfixturevalue("redis_url").rpartition("/")[0]
        program.settings["CHATBOT_STORE"] = f"{url}/7"
    program.settings["CHATBOT_USER"] = program.home.name  # the Redis is other tests' too
    return program


async def records(program: Program, thread: str) -> list[dict[str, Any]]:
    ended = await program.run("export", thread, "--json")
    found: list[dict[str, Any]] = json.loads(ended.out)["records"]
    return found


async def test_two_pipes_in_one_thread_lose_and_double_nothing(shared: Program) -> None:
    said = {who: [f"{who} says number {n}" for n in range(40)] for who in ("one", "two")}
    ends = await asyncio.gather(
        *(shared.run("chat", "--thread", "shared", says=lines) for lines in said.values())
    )
    for ended in ends:
        assert ended.code == 0
        assert len(ended.lines) == 40
        assert "interrupted" not in ended.err
    log = [r["text"] for r in await records(shared, "shared") if r["said_by"] == "person"]
    assert len(log) == 80
    for lines in said.values():
        assert [text for text in log if text in lines] == lines


async def test_the_other_terminal_answers_when_one_is_killed(shared: Program) -> None:
    shared.settings["CHATBOT_LEASE_SECONDS"] = "1"
    async with FakeClaude(lambda _: Talk("I see what you mean."), delay=0.3) as claude:
        shared.settings |= {"ANTHROPIC_API_KEY": claude.key, "ANTHROPIC_BASE_URL": claude.url}
        one = await shared.start("chat", "--thread", "shared")
        await one.say("My dog is called Rex.")
        await asked(claude)
        two = await shared.start("chat", "--thread", "shared")
        await two.say("/help")
        await two.explained("/quit")
        await one.kill()
        await two.say("What is my dog called?")
        assert await two.hear() == "I see what you mean."
        assert (await two.end()).lines == []
    found = await records(shared, "shared")
    assert [r["text"] for r in found if r["said_by"] == "person"] == [
        "My dog is called Rex.",
        "What is my dog called?",
    ]
    assert 1 <= sum(r["said_by"] == "bot" for r in found) <= 2
    assert found[-1]["said_by"] == "bot"


@pytest.mark.parametrize("command", ["/forget", "/reset"])
async def test_who_waits_is_told_that_the_thread_was_forgotten(
    shared: Program, command: str
) -> None:
    shared.settings["CHATBOT_LEASE_SECONDS"] = "2"  # a third of it later it hears of what is gone
    async with FakeClaude() as claude:
        claude.next(Talk("A long answer that nobody will ever see the end of.", then="hang"))
        shared.settings |= {"ANTHROPIC_API_KEY": claude.key, "ANTHROPIC_BASE_URL": claude.url}
        one = await shared.start("chat", "--thread", "shared")
        await one.say("My dog is called Rex.")
        await asked(claude)
        two = await shared.run("chat", "--thread", "shared", says=[command])
        assert two.code == 0
        await one.explained("The thread was forgotten or reset before I answered that.")
        ended = await one.end()
    assert (ended.code, ended.out) == (1, b"")


async def test_when_the_store_is_out_for_a_while_nothing_is_lost(
    program: Program, tmp_path: Path
) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    with redis_server(directory=folder, persistent=True) as server:
        # A turn that was not settled yet when the store went away waits for its lease to end.
        program.settings |= {"CHATBOT_STORE": server.url, "CHATBOT_LEASE_SECONDS": "1"}
        running = await program.start("run")
        await running.say("My dog is called Rex.")
        assert await running.hear()
        server.kill()
        await running.say("What is my dog called?")
        await running.explained("retrying. Nothing is lost.")
        server.start()
        assert "Rex" in await running.hear()
        assert (await running.end()).code == 0


@pytest.mark.parametrize(
    ("password", "given", "says"),
    [
        ("", ":secret-word@", "has none set"),
        ("right", "", "needs a password"),
        ("right", ":secret-word@", "refuses the user name or password"),
    ],
)
async def test_a_password_that_is_wrong_is_told_and_not_shown(
    program: Program, tmp_path: Path, password: str, given: str, says: str
) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    extra = ["--requirepass", password] if password else []
    with redis_server(directory=folder, extra=extra) as server:
        program.settings["CHATBOT_STORE"] = server.url.replace("//", f"//{given}")
        ended = await program.run("run", says=["Hello"])
    assert (ended.code, ended.out) == (2, b"")
    assert len(ended.err.splitlines()) == 1
    assert says in ended.err
    assert "secret-word" not in ended.err
