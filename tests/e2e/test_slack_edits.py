"""A mention that an edit adds is answered, once, wherever the message stands.

Sources: dpb587/slack-delegate-bot, issue 6; chenhg5/cc-connect, pull request 1579 (a mention that
is added later); inkeep/agents, pull request 2284; langchain-ai/open-swe, pull request 2287 (turns
that nobody asked for).
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.clock import SystemClock
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from tests.e2e.slack_bot import answers, bot_on, echo
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    from tests.e2e.slack_bot import Bot
    from tests.fakes.slack import Channel, Message
    from tests.fakes.slack.model import User

PERU = "what is the capital of Peru?"
LONG_AGO = "1600000000.000100"


class Scene:
    """Two people and the bot in a thread of a channel, and a bot that can be restarted."""

    def __init__(self, fake: FakeSlack, stack: AsyncExitStack, **settings: Any) -> None:
        self.fake = fake
        self.ann: User = fake.person("ann")
        self.bob: User = fake.person("bob")
        self.channel: Channel = fake.channel("general", self.ann, self.bob)
        self.store = LocalStore(SystemClock())
        self.model = ScriptedModel(reply=echo)
        self._settings = settings
        self._stack = stack
        self._running: AsyncExitStack | None = None

    async def start(self) -> Bot:
        self._running = await self._stack.enter_async_context(AsyncExitStack())
        return await self._running.enter_async_context(
            bot_on(self.fake, self.model, store=self.store, **self._settings)
        )

    async def stop(self) -> None:
        assert self._running
        await self.fake.settled()
        await self._running.aclose()

    async def said(self, who: User, text: str, root: Message | None = None, **more: Any) -> Message:
        message = await self.fake.say(who, self.channel, text, root.ts if root else None, **more)
        await self.fake.settled()
        return message

    async def begun(self) -> Message:
        """Start the bot, and a thread in which two people speak."""
        await self.start()
        root = await self.said(self.ann, f"{self.fake.at_bot} hello")
        await self.fake.replies(self.channel, root.ts)
        await self.said(self.bob, "Hi all", root)
        return root

    async def answers(self, root: Message, count: int) -> list[str]:
        """Return what the bot has said in a thread, and that nothing follows."""
        await self.fake.replies(self.channel, root.ts, count)
        await self.fake.settled()
        await asyncio.sleep(0.3)
        return [message.text for message in answers(self.fake, self.channel, root.ts)]


@pytest.fixture
async def stack() -> Any:
    async with AsyncExitStack() as entered:
        yield entered


@pytest.fixture
async def fake() -> Any:
    async with FakeSlack() as entered:
        yield entered


@pytest.mark.parametrize("mentions", [False, True])
@pytest.mark.parametrize("follow_up", ["alone", "mentioned"])
async def test_in_a_thread_that_the_bot_follows(
    fake: FakeSlack, stack: AsyncExitStack, follow_up: str, *, mentions: bool
) -> None:
    scene = Scene(fake, stack, follow_up=follow_up)
    root = await scene.begun()
    asked = await scene.said(scene.bob, PERU, root)
    await scene.said(scene.ann, "I don't know", root)
    await fake.edit(asked, f"{fake.at_bot} {PERU}", mentions=mentions)
    assert await scene.answers(root, 2) == ["re: hello", f"re: {PERU}"]
    await fake.edit(asked, f"{fake.at_bot} What is the capital of Peru?", mentions=mentions)
    await fake.edit(asked, "Never mind", mentions=mentions)
    await fake.edit(asked, f"{fake.at_bot} {PERU}", mentions=mentions)
    assert len(await scene.answers(root, 2)) == 2
    said = "".join(block.text for each in scene.model.calls[-1].messages for block in each.blocks)
    assert said.count(PERU) == 1, "it has moved"


async def test_in_place_of_somebody_elses_name(fake: FakeSlack, stack: AsyncExitStack) -> None:
    scene = Scene(fake, stack)
    root = await scene.begun()
    asked = await scene.said(scene.ann, f"<@{scene.bob.id}> {PERU}", root)
    await fake.edit(asked, f"{fake.at_bot} {PERU}")
    assert await scene.answers(root, 2) == ["re: hello", f"re: {PERU}"]


@pytest.mark.parametrize("age", ["", LONG_AGO])
async def test_in_a_message_that_the_bot_had_no_part_in(
    fake: FakeSlack, stack: AsyncExitStack, age: str
) -> None:
    """What was said under it since is known to the model; the age of the message is no matter."""
    scene = Scene(fake, stack)
    await scene.start()
    asked = await scene.said(scene.ann, PERU, ts=age)
    await scene.said(scene.bob, "I think it is Lima", asked)
    await fake.edit(asked, f"{fake.at_bot} {PERU}")
    assert await scene.answers(asked, 1) == [f"re: {PERU}"]
    said = "".join(block.text for each in scene.model.calls[-1].messages for block in each.blocks)
    assert "I think it is Lima" in said


async def test_after_a_restart_and_while_the_bot_is_away(
    fake: FakeSlack, stack: AsyncExitStack
) -> None:
    scene = Scene(fake, stack)
    root = await scene.begun()
    first = await scene.said(scene.bob, "one?", root)
    second = await scene.said(scene.bob, "two?", root)
    await scene.stop()
    await scene.start()
    await fake.edit(first, f"{fake.at_bot} one?")
    assert await scene.answers(root, 2) == ["re: hello", "re: one?"]
    await scene.stop()
    await fake.edit(second, f"{fake.at_bot} two?")
    await scene.start()
    assert await scene.answers(root, 3) == ["re: hello", "re: one?", "re: two?"]
    await scene.stop()
    await scene.start()
    assert len(await scene.answers(root, 3)) == 3


async def test_while_the_bot_is_away_in_a_message_that_it_had_ignored(
    fake: FakeSlack, stack: AsyncExitStack
) -> None:
    """Even if the message is much older than what catch-up reads of a channel."""
    scene = Scene(fake, stack, overhear=False, follow_up="mentioned")
    root = await scene.begun()
    asked = await scene.said(scene.bob, PERU, root)
    fake.advance(3 * 3600)
    await scene.said(scene.bob, f"{fake.at_bot} later?", root)
    assert len(await scene.answers(root, 2)) == 2
    await scene.stop()
    await fake.edit(asked, f"{fake.at_bot} {PERU}")
    for _ in range(2):
        await scene.start()
        assert await scene.answers(root, 3) == ["re: hello", "re: later?", f"re: {PERU}"]
        await scene.stop()


@pytest.mark.parametrize("known", [False, True])
async def test_nothing_starts_by_what_no_one_has_edited(
    fake: FakeSlack, stack: AsyncExitStack, *, known: bool
) -> None:
    """Slack shows a preview or a translation, of an old message too, which may mention the bot."""
    scene = Scene(fake, stack)
    root = await scene.begun()
    fake.installs[fake.team.id].active = known  # what is said now, the bot may never hear
    alone = await scene.said(scene.ann, f"Ask {fake.at_bot}: https://example.com/", ts=LONG_AGO)
    within = await scene.said(scene.ann, "https://example.com/", root)
    fake.installs[fake.team.id].active = True
    if known:
        await scene.answers(alone, 1)
    count = len(fake.said_by_app())
    for message in (alone, within):
        message.edited = {"user": scene.ann.id, "ts": "1600000060.000000"}
        await fake.unfurl(message)
        await fake.translate(message, f"{fake.at_bot}: https://example.com/")
    await fake.settled()
    await asyncio.sleep(0.3)
    assert len(fake.said_by_app()) == count


async def test_a_command_that_an_edit_makes_is_run_once(
    fake: FakeSlack, stack: AsyncExitStack
) -> None:
    """It was overheard as something said, and is none any more."""
    scene = Scene(fake, stack)
    root = await scene.begun()
    asked = await scene.said(scene.bob, "help", root)
    await fake.edit(asked, f"{fake.at_bot} help")
    first, second = await scene.answers(root, 2)
    assert first == "re: hello"
    assert "/chatbot export" in second
    assert len(scene.model.calls) == 1
    reset = await scene.said(scene.bob, "reset", root)
    await scene.said(scene.ann, "My dog is called Rex", root)
    await fake.edit(reset, f"{fake.at_bot} reset")
    await scene.answers(root, 3)
    await scene.said(scene.ann, f"{fake.at_bot} and now?", root)
    await scene.answers(root, 4)
    said = "".join(block.text for each in scene.model.calls[-1].messages for block in each.blocks)
    assert "Rex" not in said, "the line is drawn at the time of the edit"


@pytest.mark.parametrize("place", ["group", "file", "broadcast", "quiet"])
async def test_in_every_kind_of_message(fake: FakeSlack, stack: AsyncExitStack, place: str) -> None:
    """In a direct message of several people, with a file, in the channel too, in a quiet thread."""
    scene = Scene(fake, stack)
    if place == "group":
        scene.channel = fake.group_dm(scene.ann, scene.bob)
    root = await scene.begun()
    more: dict[str, Any] = {}
    if place == "file":
        more["files"] = [fake.file(scene.bob, "a.txt", "Lima")]
    elif place == "broadcast":
        more["subtype"] = "thread_broadcast"
    elif place == "quiet":
        await scene.said(scene.ann, f"{fake.at_bot} quiet", root)
        await scene.answers(root, 2)
    asked = await scene.said(scene.bob, PERU, root, **more)
    count = len(await scene.answers(root, 1))
    await fake.edit(asked, f"{fake.at_bot} {PERU}")
    found = await scene.answers(root, count + 1)
    assert len(found) == count + 1
    said = "".join(block.text for each in scene.model.calls[-1].messages for block in each.blocks)
    assert said.count(PERU) == 1
    assert ("Lima" in said) is (place == "file")
