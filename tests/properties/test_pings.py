"""No payload can call everyone, a role or a person from what a model or a person wrote.

The real bots talk to the fakes, each as a bot that Discord and Slack would let call everybody. What
goes out is read as the platforms read it: edits, captions, notices, titles and exports as well.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.models.scripted import ScriptedModel
from tests.e2e import discord_bot, slack_bot
from tests.e2e.discord_bot import until_true
from tests.e2e.discord_hands import use
from tests.fakes.discord import FakeDiscord, Permission
from tests.fakes.discord.compose import EVERYTHING
from tests.fakes.discord.mentions import Meant, allowed, meant
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.driver import PING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from core.delivery.port import Platform
    from core.worker.worker import Worker

EXAMPLES = 40
HOSTILE = "@everyone <!channel> <@{user}>"
"""What a person calls themselves."""
PARTS = st.sampled_from(
    [
        *("@everyone", "@here", "@channel", "@group", "<@{user}>", "<@!{user}>", "<@&{role}>"),
        *("<!here>", "<!channel>", "<!everyone>", "<!subteam^S012|team>", "<@{user}|ann>"),
        *("@\u200beveryone", "\uff20everyone", "@every", "one", "<", "@", "!", "here", ">", "|"),
        *("&lt;!here&gt;", "&amp;lt;!here>", "\uff1c!here\uff1e", "[a](<!here>)", "[b](@everyone)"),
        *("`", "```\n", "\n", " ", "\\", "**", "> ", "| a | b |\n| - | - |\n", "word " * 30),
        *("word " * 500, "\u202e", "\u2060", "{user}", "{role}", "<@", "<@&"),
    ]
)
TEXTS = st.lists(PARTS, min_size=1, max_size=12)
WHOLE = ["@everyone", "<!here>", "<@{user}>", "<@&{role}>", "word " * 500, "@here <!channel>"]


Play: TypeAlias = "Callable[[list[str]], Awaitable[None]]"
"""Lets everything be said with these parts of a text; raises where it calls anybody."""


def quick(platform: Platform) -> None:
    """Let it show each word of a preview at once."""
    found: Any = platform
    name = "_capabilities" if hasattr(found, "_capabilities") else "capabilities"
    setattr(found, name, replace(found.capabilities, edit_interval=0, preview_after=0))


async def settled(worker: Worker) -> None:
    """Wait until no turn is open."""

    async def idle() -> bool:
        return not worker._turns

    await until_true(idle)


@contextmanager
def going_on(begin: Callable[[AsyncExitStack], Awaitable[Play]]) -> Iterator[Callable[..., None]]:
    """Keep a bot for all examples of a test; what is given is played in its loop."""
    with asyncio.Runner() as runner:
        ready: asyncio.Future[Play] = runner.get_loop().create_future()
        over = asyncio.Event()

        async def hold() -> None:
            async with AsyncExitStack() as stack:
                ready.set_result(await begin(stack))
                await over.wait()

        async def first() -> Play:
            while not ready.done():
                assert not holding.done(), holding.exception()
                await asyncio.sleep(0.01)
            return ready.result()

        async def last() -> None:
            over.set()
            await asyncio.wait_for(holding, 20)

        holding = runner.get_loop().create_task(hold())
        play = runner.run(first())
        yield lambda parts: runner.run(_within(play(parts)))
        runner.run(last())


async def _within(play: Awaitable[None]) -> None:
    await asyncio.wait_for(play, 20)


def filled(parts: Sequence[str], **ids: str) -> list[str]:
    """Return parts of a text with ids that there are."""
    for name, id_ in ids.items():
        parts = [part.replace(f"{{{name}}}", id_) for part in parts]
    return list(parts)


def strings(given: Any) -> Iterator[str]:
    """Yield all texts in a payload but for those that Slack shows as they are."""
    if isinstance(given, str):
        yield given
    elif isinstance(given, dict) and given.get("type") != "plain_text":
        for value in given.values():
            yield from strings(value)
    elif isinstance(given, list):
        for value in given:
            yield from strings(value)


# --- Discord ------------------------------------------------------------------------------------


async def on_discord(stack: AsyncExitStack) -> Play:
    """Be on a server whose roles may all be called, and where the bot may call everybody."""
    fake = await stack.enter_async_context(FakeDiscord())
    ann = fake.person("ann", nick=HOSTILE)
    role = fake.role("team", Permission(0), None, ann, mentionable=True)
    fake.role("loud", Permission.MENTION_EVERYONE, None, fake.bot)
    general, model = fake.channel("general"), ScriptedModel()
    bot = await stack.enter_async_context(
        discord_bot.bot_on(fake, model, discord_answer_messages=1)
    )
    quick(bot.discord.platform)

    async def play(parts: list[str]) -> None:
        texts = filled(parts, user=ann.id, role=role.id)
        model.add(texts)
        asked = await fake.say(ann, general, f"{fake.at_bot} says {''.join(texts)}"[:1500])
        thread = await fake.thread(asked)
        await fake.replies(thread)
        await settled(bot.worker)
        for line in ("memory", "export", "reset"):
            await use(fake, ann, thread, line)
        calls = 0
        for call in fake.rest.calls:
            calls += judge_discord(call.name, call.body)
        fake.rest.calls.clear()
        assert calls >= 4, "there is nothing to be judged"
        assert fake.all_pings() == []

    return play


_ADDRESS = re.compile(r"https?://[^\s<>|`]+|\w@[\w-]+\.\w")
"""What is left as it is, because people copy it."""


def judge_discord(name: str, body: Any) -> bool:
    """Hold one call to what it may do; tell whether it says anything."""
    data = body.get("data", body) if isinstance(body, dict) else {}
    if "content" not in data and "attachments" not in data:
        return False
    content = str(data.get("content") or "")
    nobody = Meant([], [], [])
    assert allowed(content, data.get("allowed_mentions"), EVERYTHING) == nobody, name
    assert data["allowed_mentions"].get("replied_user", False) is False, name
    words = _ADDRESS.sub("", content)
    assert meant(words) == nobody, f"{name}: nothing but allowed_mentions keeps {content!r}"
    return True


def test_nothing_on_discord_calls_anybody() -> None:
    with going_on(on_discord) as play:
        search(play)


# --- Slack --------------------------------------------------------------------------------------


async def on_slack(stack: AsyncExitStack) -> Play:
    """Be in a workspace, where whatever stands between the right signs calls people."""
    fake = await stack.enter_async_context(FakeSlack())
    ann = fake.person(HOSTILE)
    general, model = fake.channel("general", ann), ScriptedModel()
    bot = await stack.enter_async_context(slack_bot.bot_on(fake, model, slack_answer_messages=1))
    quick(bot.slack.platform)

    async def play(parts: list[str]) -> None:
        texts = filled(parts, user=ann.id, role="S012")
        for place in (general, fake.dm(ann)):  # a DM's answers are streamed
            model.add(texts)
            words = f"{fake.at_bot} says {''.join(texts)}"[:1500]
            asked = await fake.say(ann, place, words)
            await fake.replies(place, asked.ts)
            await settled(bot.worker)
        before = len(fake.said_by_app())
        for line in ("memory", "export", "reset"):
            await fake.slash(ann, fake.dm(ann), f"/chatbot {line}")
        await fake.until(lambda: len(fake.said_by_app()) > before)
        for call in fake.web.calls:
            judge_slack(call.name, call.args)
        assert fake.web.calls
        fake.web.calls.clear()
        pings = {m.ts: fake.pings(m) for m in fake.said_by_app()}
        assert not any(pings.values()), pings

    return play


def judge_slack(name: str, args: dict[str, Any]) -> None:
    """Hold one call to what it may do."""
    for text in strings(args):
        assert not PING.findall(text), f"{name}: {text}"
    assert args.get("link_names") in {None, False, "0", "false"}, name
    assert args.get("parse") in {None, "none"}, name


def test_nothing_on_slack_calls_anybody() -> None:
    with going_on(on_slack) as play:
        search(play)


def search(play: Callable[..., None]) -> None:
    """Look for a text that calls anybody."""

    @settings(max_examples=EXAMPLES)
    @given(TEXTS)
    @example(WHOLE)
    def each(parts: list[str]) -> None:
        play(parts)

    each()
