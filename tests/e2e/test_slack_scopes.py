"""The bot with just the scopes and events of its manifests: all of it works, and none is idle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bots.slack.setup.manifest import SCOPES, Transport, manifest
from bots.slack.ui.commands import EXPORT_SHORTCUT
from tests.e2e.slack_bot import answers, bot_on
from tests.e2e.slack_hands import files_in, filled, talk, told
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    from tests.fakes.slack import Channel
    from tests.fakes.slack.model import User

TRANSPORTS: list[Transport] = ["socket", "http"]


async def in_thread(fake: FakeSlack, ann: User, channel: Channel) -> None:
    """Talk until there are scissors, and export it, for which Slack is asked who is there."""
    crew = fake.group("crew")
    asked = await talk(fake, ann, channel, f"one for <!subteam^{crew}>")
    for text in ("two", "three"):
        await talk(fake, ann, channel, text, asked)
    await fake.until(lambda: answers(fake, channel, asked.ts)[-1].reactions)
    sent = len(files_in(fake, fake.dm(ann)))
    await fake.shortcut(ann, asked, EXPORT_SHORTCUT)
    await fake.until(lambda: len(files_in(fake, fake.dm(ann))) == sent + 1)


async def alone(fake: FakeSlack, bob: User) -> None:
    """Do in private what can be done there."""
    dm = await fake.open_dm(bob)
    await fake.until(lambda: (dm.id, None) in fake.prompts)
    asked = await fake.say(bob, dm, "look", files=[fake.file(bob, "a.txt", "the words")])
    await fake.replies(dm, asked.ts)
    await fake.slash(bob, dm, "/chatbot memory")
    await filled(fake, bob)
    await fake.slash(bob, dm, "/chatbot stats")
    await told(fake, bob, "Conversations")
    await fake.open_home(bob)
    await fake.until(lambda: bob.id in fake.homes)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_each_scope_of_the_manifest_is_needed_and_no_other(transport: Transport) -> None:
    async with FakeSlack() as fake:
        fake.configure(manifest(transport))
        ann, bob = fake.person("ann", admin=True), fake.person("bob")
        channels = [
            fake.channel("general", ann, bob),
            fake.channel("secret", ann, bob, kind="private"),
            fake.group_dm(ann, bob),
        ]
        fake.dm(bob)  # before it starts, when it looks where it is
        async with bot_on(fake, transport=transport, memory="window", memory_pairs=1):
            for channel in channels:
                await in_thread(fake, ann, channel)
            await alone(fake, bob)
        refused = {call.name: call.answer for call in fake.web.calls if not call.answer["ok"]}
        assert not refused
        assert set(SCOPES) - fake.install.used == set()
