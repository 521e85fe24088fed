"""At DEBUG the program writes down a lot, and nothing that people say, nor any secret."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.dynamodb_server import ENVIRONMENT
from tests.e2e.discord_bot import TOKENS
from tests.e2e.program import REX
from tests.fakes.claude import KEY, FakeClaude, Refusal, Talk
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.faults import Refused, Status
from tests.postgres_server import postgres_server
from tests.servers import redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.dynamodb_server import DynamoServer
    from tests.e2e.program import Program, Running

SAID, ANSWERED, FILED = "Xyzzyplugh", "Quuxfoobar", "Frobnicate"
"""Words that stand for what people say, for what the model does, and for what files hold."""
SESSION = "FwoGZXIvYXdzEOz0aDL8a7d6fakefakefake"
STORES = ("dynamodb", "memory", "postgresql", "redis", "sqlite")


@dataclass
class Kept:
    """A store, and what must not be seen of how it is reached."""

    settings: dict[str, str]
    secrets: tuple[str, ...] = ()


@pytest.fixture(params=STORES)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    with contextlib.ExitStack() as stack:
        match request.param:
            case "memory":
                yield Kept({"CHATBOT_STORE": "memory://"})
            case "sqlite":
                yield Kept({"CHATBOT_STORE": f"sqlite:///{tmp_path}/chat.db"})
            case "redis":
                options = ("--requirepass", "s3cretredis")
                own = redis_server(directory=tmp_path, extra=options)
                server = stack.enter_context(own)
                url = server.url.replace("redis://", "redis://:s3cretredis@")
                yield Kept({"CHATBOT_STORE": url}, ("s3cretredis",))
            case "postgresql":
                database = stack.enter_context(postgres_server())
                yield Kept(
                    {"CHATBOT_STORE": database.url.replace("owner@", "owner:s3cretpg@")},
                    ("s3cretpg",),
                )
            case "dynamodb":
                dynamo: DynamoServer = request.getfixturevalue("dynamodb_server")
                settings = {
                    **ENVIRONMENT,
                    "AWS_SESSION_TOKEN": SESSION,
                    "CHATBOT_STORE": dynamo.url(f"logs{tmp_path.name[-12:]}"),
                }
                yield Kept(settings, (SESSION, ENVIRONMENT["AWS_SECRET_ACCESS_KEY"]))


def assert_silent(said: str, secrets: tuple[str, ...]) -> None:
    """Fail if a line holds a word that a person said, or a secret."""
    for word in (SAID, ANSWERED, FILED, KEY, *secrets):
        told = [line for line in said.splitlines() if word.lower() in line.lower()]
        assert not told, told[:3]


async def made(program: Program, kept: Kept) -> None:
    """Set the program up for a store, and for DEBUG."""
    program.settings |= {**kept.settings, "CHATBOT_LOG_LEVEL": "DEBUG"}
    if "dynamodb" in kept.settings["CHATBOT_STORE"]:
        ended = await program.run("init-store")
        assert ended.code == 0, ended.err


async def test_a_conversation_in_the_terminal_leaves_nothing_in_the_log(program: Program) -> None:
    program.settings["CHATBOT_LOG_LEVEL"] = "DEBUG"
    async with FakeClaude(lambda _: Talk(f"{ANSWERED}!")) as claude:
        claude.next(Talk(ANSWERED), Refusal(400, "invalid_request_error", f"can't read {SAID}"))
        program.settings |= {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": claude.url}
        ended = await program.run("run", says=[f"{each} {SAID}" for each in (*REX, "and?")])
        exported = await program.run("export", "default")
    assert len(ended.lines) >= 2, ended
    assert ANSWERED in ended.out.decode()
    assert_silent(ended.err, ())
    assert_silent(exported.err, ())


async def test_conversations_on_both_platforms_leave_nothing_in_the_log(
    program: Program, kept: Kept
) -> None:
    await made(program, kept)
    async with (
        FakeSlack() as slack,
        FakeDiscord() as discord,
        FakeClaude(lambda _: Talk(f"{ANSWERED} it is")) as claude,
    ):
        program.settings |= {
            "ANTHROPIC_API_KEY": KEY,
            "ANTHROPIC_BASE_URL": claude.url,
            "CHATBOT_SLACK_BASE_URL": slack.api_url,
            "CHATBOT_SLACK_PACE": "0",
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "CHATBOT_DISCORD_BASE_URL": discord.api_url,
            TOKENS: discord.token,
        }
        discord.channel("general")
        running = await program.start("run")
        try:
            await slack.connected(2)
            await discord.connected()
            claude.next(Refusal(400, "invalid_request_error", f"can't read {SAID}"))
            await on_slack(slack)
            await on_discord(discord)
            written = await stopped(running)
        finally:
            await running.kill()
        tokens = (slack.app_token, slack.bot_token, discord.token, *slack.hooks)
    assert " INFO " in written
    assert_silent(written, (*kept.secrets, *tokens))


async def on_slack(slack: FakeSlack) -> None:
    """Do what people do, and let some of it fail."""
    ann = slack.person("ann")
    general = slack.channel("general", ann)
    asked = await slack.say(ann, general, f"{slack.at_bot} {SAID}?")
    await slack.replies(general, asked.ts)
    files = [slack.file(ann, f"{FILED}.txt", f"{FILED} {SAID}")]
    await slack.say(ann, general, f"{slack.at_bot} {SAID} again", asked.ts, files=files)
    await slack.replies(general, asked.ts, 2)
    slack.faults.next("chat.postMessage", Status(503), Refused("channel_not_found"))
    await slack.say(ann, general, f"{slack.at_bot} {SAID} now")
    slack.faults.next("files.getUploadURLExternal", Refused("not_allowed_token_type"))
    await slack.slash(ann, general, f"/chatbot export {SAID}")
    await slack.slash(ann, slack.dm(ann), "/chatbot export")
    await slack.edit(asked, f"{slack.at_bot} {SAID}, I mean")
    await slack.delete(asked)
    await slack.settled()
    private = await slack.say(ann, slack.dm(ann), SAID)
    await slack.replies(slack.dm(ann), private.ts)


async def on_discord(discord: FakeDiscord) -> None:
    """Do what people do."""
    ben = discord.person("ben")
    general = next(place for place in discord.channels.values() if place.name == "general")
    asked = await discord.say(
        ben, general, f"{discord.at_bot} {SAID}?", files=[discord.file(f"{FILED}.txt", FILED)]
    )
    thread = await discord.thread(asked)
    await discord.replies(thread)
    more = await discord.say(ben, thread, f"{SAID} again")
    await discord.replies(thread, 2)
    await discord.edit(more, f"{SAID}, I mean")
    await discord.slash(ben, general, "chatbot export", message=SAID)
    await discord.say(ben, discord.dm(ben), SAID)
    await discord.replies(discord.dm(ben))
    await discord.delete(more)


async def stopped(running: Running) -> str:
    """Let the program end by itself, and return what it wrote."""
    running.process.terminate()
    ended = await running.end()
    assert ended.code == 0
    assert ended.out == b""
    return ended.err
