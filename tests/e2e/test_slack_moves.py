"""A channel gets another id: its threads, settings and cursor go with it.

Sources: slackapi/bolt-js, issues 779 and 802; Netflix/dispatch, pull request 560 (the id changes
when the dialog for sharing a channel is opened); docs: reference/events/channel_id_changed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from core.domain.clock import SystemClock
from core.domain.settings import ScopeSettings
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from tests.e2e.slack_bot import answers, bot_on, echo
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    from tests.fakes.slack import Channel


def moved(fake: FakeSlack, channel: Channel) -> tuple[str, str]:
    """Give a channel another id, and tell of it."""
    old, new = channel.id, fake.new_id(channel.id[0])
    fake.channels[new] = fake.channels.pop(old)
    channel.id = new
    for message in channel.messages.values():
        message.channel = new
    fake.emit({"type": "channel_id_changed", "old_channel_id": old, "new_channel_id": new})
    return old, new


@pytest.mark.parametrize("kind", ["private", "im"])
async def test_a_conversation_goes_on_under_the_channels_new_id(kind: str) -> None:
    model, store = ScriptedModel("Noted.", reply=echo), LocalStore(SystemClock())
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        ops = fake.dm(ann) if kind == "im" else fake.channel("ops", ann, kind="private")
        settings = ScopeSettings(strategy="window")
        async with bot_on(fake, model, store=store) as bot:
            team = fake.team.id
            await store.set_channel("slack", f"{team}/{ops.id}", settings)
            root = await fake.say(ann, ops, f"{fake.at_bot} my dog is called Rex")
            await fake.replies(ops, root.ts)
            await asyncio.sleep(0.2)
            old, new = moved(fake, ops)
            under = None if kind == "im" else root.ts
            asked = await fake.say(ann, ops, "What is my dog called?", under)
            await fake.replies(ops, asked.ts if kind == "im" else root.ts, 1 if kind == "im" else 2)
            said = [block.text for each in model.calls[-1].messages for block in each.blocks]
            assert "Rex" in "".join(said)
            assert "Noted." in said
            assert await store.channel_settings("slack", f"{team}/{new}") == settings
            infos = [info.thread async for info in bot.store.all_threads()]
            assert {info.channel for info in infos} == {f"{team}/{new}"}
            assert old not in str(infos)
        missed = await fake.say(ann, ops, f"{fake.at_bot} and while you were away?")
        await fake.settled()
        async with bot_on(fake, model, store=store):
            await fake.replies(ops, missed.ts)
        assert len(answers(fake, ops, missed.ts)) == 1
