"""Discord's sessions: one that is ended starts over, and each shard's process hears its share."""

from __future__ import annotations

from core.domain.clock import SystemClock
from core.store.local.store import LocalStore
from tests.e2e.discord_bot import bot_on
from tests.e2e.discord_hands import talk
from tests.fakes.discord import FakeDiscord


async def test_a_session_that_is_ended_for_good_begins_anew_and_misses_nothing() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "hello")
            fake.invalidate()
            await fake.say(ann, thread, "missed?")
            asked = await fake.say(ann, general, f"{fake.at_bot} and here?")
            await fake.replies(thread, 2, within=20)
            await fake.replies(await fake.thread(asked, within=20))
            await fake.say(ann, thread, "heard?")
            await fake.replies(thread, 3)
            said = [message.content for message in fake.said_by_bot()]
        assert sorted(said) == ["re: and here?", "re: heard?", "re: hello", "re: missed?"]
        assert len(fake.gateway.identified) == 2
        assert fake.gateway.resumed == 0


async def test_of_two_processes_each_hears_its_shard_and_the_first_direct_messages() -> None:
    store = LocalStore(SystemClock(), lease_seconds=15)
    async with FakeDiscord() as fake:
        fake.gateway.shards = 2
        guilds = [fake.guild(f"guild {number}") for number in range(4)]
        halves = [[g for g in guilds if (int(g.id) >> 22) % 2 == shard] for shard in range(2)]
        assert all(halves)
        ann = fake.person("ann", *guilds)
        channels = {guild.id: fake.channel(f"general-{guild.name}", guild) for guild in guilds}
        async with (
            bot_on(fake, store=store, discord_shard_count=2, discord_shard_ids="0") as first,
            bot_on(fake, store=store, discord_shard_count=2, discord_shard_ids="1") as second,
        ):
            await fake.connected(2)
            for shard, bot in enumerate((first, second)):
                client = bot.discord.api.gateway.client
                assert list(client.shards) == [shard]
            asked = [
                await fake.say(ann, channels[guild.id], f"{fake.at_bot} {guild.name}?")
                for guild in guilds
            ]
            await fake.say(ann, fake.dm(ann), "dm?")
            for each in asked:
                await fake.replies(await fake.thread(each))
            await fake.replies(fake.dm(ann))
            shards = {session.id: session.shard for session in fake.delivery.connected}
        assert sorted(shards.values()) == [(0, 2), (1, 2)]
        expected = ["re: dm?", *(f"re: {guild.name}?" for guild in guilds)]
        assert sorted(m.content for m in fake.said_by_bot()) == sorted(expected)
        for told in fake.delivery.of("MESSAGE_CREATE"):
            (session,) = told.sessions
            assert shards[session][0] == (int(told.data.get("guild_id", 0)) >> 22) % 2
