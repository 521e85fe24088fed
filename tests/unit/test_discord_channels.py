"""What a channel is, also before the gateway has told of it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from bots.discord.outbound.threads import Threads
from core.delivery.port import DeliveryTarget
from core.domain.message import Kind, ThreadKey
from tests.clocks import ManualClock
from tests.e2e.discord_bot import connecting, settings_for
from tests.fakes.discord import FakeDiscord, Permission

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from bots.discord.inbound.channels import Channels
    from tests.fakes.discord import Channel

CHANNEL = "GET /channels/{channel_id}"


@asynccontextmanager
async def looking(fake: FakeDiscord) -> AsyncGenerator[tuple[Channels, Threads], None]:
    """Look at channels over the REST API alone."""
    async with connecting(settings_for(fake), ManualClock()) as discord:
        channels = discord.platform.channels
        yield channels, Threads(discord.api, channels, discord.clock)


def where(fake: FakeDiscord, above: Channel, message: str) -> DeliveryTarget:
    thread = ThreadKey("discord", f"{fake.home.id}/{above.id}", message)
    return DeliveryTarget(
        thread=thread, kind=Kind.THREAD, turn=message, trigger=message, answer_in=message
    )


@pytest.mark.parametrize("kind", ["forum", "media"])
async def test_a_post_is_known_as_one_and_nothing_is_opened_for_it(kind: str) -> None:
    async with FakeDiscord() as fake:
        ann, forum = fake.person("ann"), fake.channel("help", kind=kind)
        forum.tags = {fake.snowflake(): "rust", fake.snowflake(): "pdf"}
        general = fake.channel("general")
        post = await fake.post(ann, forum, "How?", "See title.", tags=["pdf"])
        asked = await fake.say(ann, general, "Hello!")
        async with looking(fake) as (channels, threads):
            spot = await channels.find(post.id, fake.home.id)
            assert spot
            assert (spot.is_post, spot.title, spot.tags) == (True, "How?", ("pdf",))
            assert (spot.parent, spot.owner) == (forum.id, ann.id)
            assert await threads.of(where(fake, forum, post.id)) == post.id
            assert await threads.open_for(where(fake, forum, post.id)) == post.id
            assert threads.known(where(fake, forum, post.id)) == post.id
            assert threads.known(where(fake, general, asked.id)) == general.id
            assert await threads.open_for(where(fake, general, asked.id)) == asked.id
            thread = await channels.find(asked.id, fake.home.id)
            assert thread
            assert (thread.is_post, thread.tags) == (False, ())


async def test_what_discord_answers_of_a_channel_holds_for_a_while() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        thread = await fake.open_thread(ann, general, "Beside")
        await fake.deny(general, Permission.VIEW_CHANNEL, fake.bot)
        async with connecting(settings_for(fake), clock := ManualClock()) as discord:
            channels = discord.platform.channels
            for _ in range(2):
                assert await channels.find(thread.id, fake.home.id) is None
            assert len(fake.rest.made(CHANNEL)) == 1
            await fake.allow(general, Permission.VIEW_CHANNEL, fake.bot)
            clock.advance(3600)
            assert await channels.find(thread.id, fake.home.id)
