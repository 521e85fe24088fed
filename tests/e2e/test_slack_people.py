"""Who is a person of one's own organisation: apps that post as people, and workspaces of one Grid.

Sources: anneschuth/claude-threads, issue 526; NousResearch/hermes-agent, pull request 101283 (a
bot's own posts look the same); PostHog/posthog, pull request 60193 (loops); looker/lookerbot,
issues 137 and 184; timescale/tiger-agents-for-work, pull request 171; slackapi/bolt-js, issue 644.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.clock import SystemClock
from core.store.local.store import LocalStore
from tests.e2e.slack_bot import bot_on
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.faults import Status
from tests.fakes.slack.model import Message

if TYPE_CHECKING:
    from tests.fakes.slack import Channel
    from tests.fakes.slack.model import User


def post(fake: FakeSlack, who: User, bot_id: str, channel: Channel, text: str) -> Message:
    """Post as an app does: with a person's own token, or as its own user."""
    message = Message(fake.stamp(), channel.id, who.id, text, bot_id=bot_id)
    fake.last = fake.add(message)
    return message


def answers(fake: FakeSlack, channel: Channel) -> list[str]:
    return [message.text for message in fake.said_by_app(channel)]


async def silence(fake: FakeSlack, count: int = 0) -> None:
    await fake.settled()
    await asyncio.sleep(0.3)
    assert len(fake.said_by_app()) == count


@pytest.mark.parametrize("own", [False, True])
async def test_what_an_app_posts_with_a_persons_token_is_the_persons(*, own: bool) -> None:
    """The app may be the bot's own: then even its `bot_id` is the bot's."""
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        app = fake.bot.bot_id if own else "B0DESK"
        general, dm = fake.channel("general", ann), fake.dm(ann)
        async with bot_on(fake):
            first = post(fake, ann, app, general, f"{fake.at_bot} one?")
            await fake.replies(general, first.ts)
            second = post(fake, ann, app, dm, "two?")
            await fake.replies(dm, second.ts)
            await silence(fake, 4 if own else 2)
            asked = [
                call for call in fake.web.made("users.info") if call.args.get("user") == ann.id
            ]
            assert len(asked) <= 2
        assert fake.thread(general, first.ts)[-1].text == "re: one?"


async def test_what_a_bot_posts_as_its_own_user_starts_nothing() -> None:
    """Two bots that answer each other would never end."""
    async with FakeSlack() as fake:
        ann, robot = fake.person("ann"), fake.other_bot("robot")
        general = fake.channel("general", ann, robot)
        async with bot_on(fake):
            root = post(fake, robot, robot.bot_id, general, f"{fake.at_bot} one?")
            await silence(fake)
            await fake.say(ann, general, f"{fake.at_bot} two?", root.ts)
            await fake.replies(general, root.ts)
            for number in range(3):
                post(fake, robot, robot.bot_id, general, f"{fake.at_bot} {number}?")
            await silence(fake, 1)


async def test_a_user_of_whom_slack_tells_nothing_is_a_bot() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        fake.install.scopes.discard("users:read")
        async with bot_on(fake):
            post(fake, ann, "B0DESK", general, f"{fake.at_bot} one?")
            await silence(fake)


async def test_a_post_is_sent_again_if_slack_can_not_be_asked_whose_it_is() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake):
            fake.delivery.pace = 0.02
            fake.faults.always("users.info", Status(503))
            asked = post(fake, ann, "B0DESK", general, f"{fake.at_bot} one?")
            while not all(sent.attempts > 1 for sent in fake.last):
                await asyncio.sleep(0.1)
            fake.faults.well("users.info")
            await fake.replies(general, asked.ts)


def grid(fake: FakeSlack) -> tuple[User, User, User, Channel]:
    ann, eve = fake.person("ann"), fake.stranger("eve")
    sister = fake.person("sister", team=fake.add_team("Acme Japan", "acme-jp").id)
    return ann, sister, eve, fake.channel("partners", ann, sister, eve, shared=True)


async def test_a_colleague_of_another_workspace_is_no_stranger() -> None:
    store = LocalStore(SystemClock())
    async with FakeSlack() as fake:
        ann, sister, eve, partners = grid(fake)
        async with bot_on(fake, store=store):
            for who in (ann, sister, eve):
                await fake.say(who, partners, f"{fake.at_bot} {who.name}?")
            await fake.until(lambda: len(answers(fake, partners)) == 2)
            await silence(fake, 2)
            edited = await fake.say(eve, partners, "and now?")
            await fake.edit(edited, f"{fake.at_bot} and now?")
            await silence(fake, 2)
            asked = [
                call for call in fake.web.made("users.info") if call.args.get("user") == eve.id
            ]
            assert len(asked) == 1
        for who in (sister, eve):
            await fake.say(who, partners, f"{fake.at_bot} {who.name} again?")
        await fake.settled()
        async with bot_on(fake, store=store):
            await fake.until(lambda: len(answers(fake, partners)) == 3)
            await silence(fake, 3)
        assert sorted(answers(fake, partners)) == ["re: ann?", "re: sister again?", "re: sister?"]


@pytest.mark.parametrize("grid_too", [False, True])
async def test_a_stranger_whose_workspace_is_not_said_is_a_stranger(*, grid_too: bool) -> None:
    async with FakeSlack() as fake:
        ann, eve = fake.person("ann"), fake.stranger("eve")
        if grid_too:
            fake.add_team("Acme Japan", "acme-jp")
        partners = fake.channel("partners", ann, eve, shared=True)
        async with bot_on(fake):
            more: dict[str, Any] = {"team": None, "user_team": None, "source_team": None}
            await fake.say(eve, partners, f"{fake.at_bot} eve?", **more)
            await silence(fake)
            await fake.say(ann, partners, f"{fake.at_bot} ann?", **more)
            await fake.until(lambda: answers(fake, partners) == ["re: ann?"])
