"""How the program ends, and what an operator asks of it."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from typing import TYPE_CHECKING

from tests.e2e.program import REX, asked
from tests.fakes.claude import FakeClaude, Refusal, Talk

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.program import Program


# --- ends and interruptions -----------------------------------------------------------------------


async def test_ctrl_c_ends_it_at_once(program: Program) -> None:
    running = await program.start("run")
    await running.say("Hello")
    await running.hear()
    running.process.send_signal(signal.SIGINT)
    async with asyncio.timeout(3):
        assert await running.process.wait() == 130
    ended = await running.end()
    assert "Traceback" not in ended.err


async def test_sigterm_lets_the_reply_that_is_being_written_end(program: Program) -> None:
    async with FakeClaude(delay=0.3) as claude:
        claude.next(Talk("This takes a while to be said."))
        program.settings |= {"ANTHROPIC_API_KEY": claude.key, "ANTHROPIC_BASE_URL": claude.url}
        running = await program.start("run")
        await running.say("Hello")
        await asked(claude)
        running.process.send_signal(signal.SIGTERM)
        ended = await running.end()
    assert ended.code == 0
    assert ended.lines == ["This takes a while to be said."]


async def test_a_reply_interrupted_by_a_kill_comes_once_after_the_restart(
    program: Program,
) -> None:
    program.settings["CHATBOT_LEASE_SECONDS"] = "1"
    async with FakeClaude(delay=0.3) as claude:
        program.settings |= {"ANTHROPIC_API_KEY": claude.key, "ANTHROPIC_BASE_URL": claude.url}
        running = await program.start("run")
        await running.say("My dog is called Rex.")
        await asked(claude)
        await running.kill()
    program.settings |= {"CHATBOT_MODEL": "offline"}
    ended = await program.run("run", says=REX[1:])
    assert ended.code == 0
    assert len(ended.lines) == 2, ended
    assert "Rex" in ended.lines[1]
    assert ended.err.count("Finishing the reply that was interrupted…") == 1
    exported = json.loads((await program.run("export", "main", "--json")).out)
    kinds = [record["said_by"] for record in exported["records"]]
    assert kinds == ["person", "bot", "person", "bot"]


# --- the operator ---------------------------------------------------------------------------------


async def test_stats_and_doctor_and_export(program: Program, tmp_path: Path) -> None:
    await program.run("run", says=REX)
    stats = await program.run("stats")
    assert stats.code == 0
    assert "Conversations: 1" in stats.lines
    doctor = await program.run("doctor")
    assert doctor.code == 0
    assert any("Tokens: counted by" in line for line in doctor.lines)
    assert (await program.run("stats")).lines == stats.lines  # its trial leaves no trace
    assert (await program.run("export", "nowhere")).code == 1
    written = await program.run("export", "main", str(tmp_path / "out.json"))
    assert written.code == 0
    assert json.loads((tmp_path / "out.json").read_text())["thread"].endswith(":main")
    assert (await program.run("buried")).code == 0
    assert (await program.run("requeue", "main", "0")).code == 1


async def test_everything_is_exported_and_imported_into_another_store(
    program: Program, tmp_path: Path
) -> None:
    await program.run("run", says=[REX[0], "/new cats", REX[1]])
    whole, again, packed = (str(tmp_path / name) for name in ("a.json", "b.json", "a.zip"))
    assert (await program.run("export", "--all", whole)).code == 0
    assert (await program.run("export", "--all", packed)).code == 0
    (channel,) = {
        each["thread"].rpartition(":")[0]
        for each in json.loads((tmp_path / "a.json").read_text())["conversations"]
    }
    program.settings |= {"CHATBOT_STORE": f"sqlite:///{tmp_path}/other.db"}
    ended = await program.run("import", whole)
    assert (ended.code, "2 conversations with 4 messages and answers imported" in ended.err) == (
        0,
        True,
    )
    assert (await program.run("import", whole, packed)).code == 0
    assert (await program.run("export", "--channel", channel, again)).code == 0
    assert (tmp_path / "b.json").read_bytes() == (tmp_path / "a.json").read_bytes()
    for arguments, code, words in (
        (("export",), 2, "export what?"),
        (("export", "main", "--zip"), 2, "a ZIP can't be printed"),
        (("export", "main", "--since", "monday"), 2, "is no day"),
        (("export", "--all", whole), 1, "can't be written: File exists"),
        (("export", "--all", "a", "b"), 2, "name a file and no thread"),
        (("import", str(tmp_path / "x.json")), 1, "can't be read: No such file"),
        (("import", str(tmp_path / "other.db")), 1, "can't be imported"),
    ):
        ended = await program.run(*arguments)
        assert (ended.code, words in ended.err) == (code, True), ended
    ended = await program.run("export", "--all", "--json", "--until", "2020-01-01")
    assert json.loads(ended.out)["conversations"] == []
    assert (await program.run("privacy")).out.startswith(b"# Privacy")


async def test_it_tells_its_version_and_that_of_python(program: Program) -> None:
    ended = await program.run("--version")
    assert ended.code == 0
    python = ".".join(map(str, sys.version_info[:3]))
    assert re.fullmatch(rf"chatbot \d+\.\d+\.\d+ \(Python {re.escape(python)}.*\)", ended.lines[0])


async def test_an_old_live_doctor_says_where_it_went(program: Program) -> None:
    for arguments in (["--live"], ["--live", "C0123", "--rate-limits"]):
        ended = await program.run("doctor", *arguments)
        assert ended.code == 2
        assert ended.err.count("\n") == 1
        assert "run `make live CHANNEL=…`" in ended.err


async def test_the_doctor_tries_the_key(program: Program) -> None:
    async with FakeClaude() as claude:
        program.settings |= {"ANTHROPIC_API_KEY": claude.key, "ANTHROPIC_BASE_URL": claude.url}
        assert (await program.run("doctor")).code == 0
        claude.next(Refusal(401, "authentication_error", "invalid x-api-key"))
        ended = await program.run("doctor")
    assert ended.code == 1
    assert "key" in ended.out.decode()


async def test_a_model_whose_end_is_known_is_told_of_at_the_start(program: Program) -> None:
    program.settings |= {"ANTHROPIC_API_KEY": "sk-x", "CHATBOT_MODEL": "claude-sonnet-4-5"}
    ended = await program.run("run")
    assert ended.code == 0
    assert "on 2026-11-30: set CHATBOT_MODEL to one of claude-sonnet-5-5" in ended.err
