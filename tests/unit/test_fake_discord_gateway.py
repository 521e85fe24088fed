"""The fake Discord's gateway, with the real client on it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import TYPE_CHECKING

import aiohttp
import discord
import pytest

from tests.fakes.discord import Ears, FakeDiscord, Intent, Permission, running
from tests.fakes.discord.client import everything, pointed
from tests.fakes.discord.model import CROSSPOSTED

if TYPE_CHECKING:
    from tests.fakes.discord import Channel, Json, User


async def test_tells_a_client_what_there_is(
    server: FakeDiscord, ann: User, general: Channel
) -> None:
    old, new = [await server.open_thread(ann, general, name) for name in ("old", "new")]
    await server.archive(old)
    ears = Ears()
    async with running(server, ears):
        assert ears.user is not None
        assert str(ears.user.id) == server.bot.id
        guild = ears.get_guild(int(server.home.id))
        assert guild is not None
        assert [c.name for c in guild.text_channels] == ["general"]
        assert [t.name for t in guild.threads] == ["new"]  # archived threads aren't synced
        assert guild.get_thread(int(new.id)) is not None
        assert guild.me.guild_permissions.send_messages
        assert ears.application_flags.gateway_message_content_limited
        await server.say(ann, general, "hello")
        await ears.until(lambda: ears.texts == ["hello"])
        assert ears.heard[-1].author.display_name == "Ann"


async def test_a_resumed_session_hears_what_it_missed_in_order(
    server: FakeDiscord, ann: User, general: Channel
) -> None:
    ears = Ears()
    async with running(server, ears):
        server.drop()
        for number in range(30):
            await server.say(ann, general, str(number))
        await ears.until(lambda: len(ears.texts) == 30)
        assert ears.texts == [str(number) for number in range(30)]
        await ears.until(lambda: "RESUMED" in ears.names)
        assert (server.gateway.resumed, len(server.gateway.identified)) == (1, 1)
        server.reconnect()
        await server.until(lambda: server.gateway.resumed == 2)
        await server.say(ann, general, "after op 7")
        await ears.until(lambda: ears.texts[-1] == "after op 7")
        assert len(ears.texts) == 31


@pytest.mark.parametrize("how", ["forgotten", "refused", "op 9", "too late"])
async def test_a_fresh_session_hears_nothing_of_the_gap(
    server: FakeDiscord, ann: User, general: Channel, how: str
) -> None:
    ears = Ears()
    async with running(server, ears):
        match how:
            case "forgotten":
                server.forget_sessions()
            case "refused":
                server.gateway.refuse_resume = 1
                server.drop()
            case "op 9":
                server.invalidate()
            case "too late":
                server.delivery.life = -1.0
                server.drop()
        await server.say(ann, general, "missed")
        await ears.until(lambda: ears.names.count("READY") == 2)
        await server.say(ann, general, "heard")
        await ears.until(lambda: ears.texts)
        assert ears.texts == ["heard"]
        channel = ears.get_channel(int(general.id))
        assert isinstance(channel, discord.TextChannel)
        assert [m.content async for m in channel.history(oldest_first=True)] == ["missed", "heard"]


async def test_a_session_may_be_resumed_after_op_9_that_says_so(
    server: FakeDiscord, ann: User, general: Channel
) -> None:
    ears = Ears()
    async with running(server, ears):
        server.invalidate(resumable=True)
        await server.say(ann, general, "missed")
        await ears.until(lambda: ears.texts == ["missed"])
        assert len(server.gateway.identified) == 1


async def test_two_sessions_on_one_shard_hear_everything(
    server: FakeDiscord, ann: User, general: Channel
) -> None:
    first, second = Ears(), Ears()
    async with running(server, first, second):
        assert len(server.delivery.connected) == 2
        await server.say(ann, general, "hello")
        await server.say(ann, server.dm(ann), "alone")
        for ears in (first, second):
            with contextlib.suppress(TimeoutError):
                await ears.until(functools.partial(_all_heard, ears, 2))
            assert ears.texts == ["hello", "alone"]


def _all_heard(ears: Ears, count: int) -> bool:
    return len(ears.texts) == count


async def test_guilds_are_spread_over_shards(server: FakeDiscord, ann: User) -> None:
    guilds = [server.guild(f"g{n}", ann) for n in range(6)]
    channels = [server.channel("talk", guild) for guild in guilds]
    first, second = Ears(shard_ids=[0], shard_count=2), Ears(shard_ids=[1], shard_count=2)
    async with running(server, first, second):
        for guild, channel in zip(guilds, channels, strict=True):
            await server.say(ann, channel, guild.id)
        await server.say(ann, server.dm(ann), "dm")
        even = {guild.id for guild in guilds if (int(guild.id) >> 22) % 2 == 0}
        assert even
        assert len(even) < 6
        await first.until(lambda: "dm" in first.texts)  # DMs are always shard 0's
        await second.until(lambda: len(second.texts) == 6 - len(even))
        assert set(first.texts) == even | {"dm"}
        assert set(second.texts) == {guild.id for guild in guilds} - even


async def test_without_the_intent_content_is_kept_back(
    server: FakeDiscord, ann: User, general: Channel
) -> None:
    ears, full = Ears(intents=discord.Intents.default()), Ears()
    async with running(server, ears, full):
        channel = ears.get_channel(int(general.id))
        assert isinstance(channel, discord.TextChannel)
        mine = await channel.send("mine")
        shown = general.messages[str(mine.id)]
        file = server.file("a.txt", "text")
        await server.say(ann, general, "secret", files=[file])
        await server.say(ann, general, f"{server.at_bot} for you")
        await server.say(ann, general, "pinged", reply_to=shown)
        await server.say(ann, general, "not pinged", reply_to=shown, ping=False)
        await server.say(ann, server.dm(ann), "direct")
        heard = ["", f"{server.at_bot} for you", "pinged", "", "direct"]
        await ears.until(lambda: len(ears.texts) == 5)
        assert ears.texts == heard
        assert ears.heard[0].content == "mine"  # one's own
        assert ears.heard[1].attachments == []
        assert ears.heard[4].reference is not None
        # Another session with the intent hears it all.
        await full.until(lambda: len(full.texts) == 5)
        assert full.texts[0] == "secret"
        assert [a.filename for a in full.heard[1].attachments] == ["a.txt"]


async def test_a_reply_to_an_interaction_response_is_no_mention(
    server: FakeDiscord, ann: User, general: Channel
) -> None:
    ears = Ears(intents=discord.Intents.default())
    async with running(server, ears):
        shown = await server.say(ann, general, "x")
        shown.author, shown.webhook = server.bot, server.bot.id
        await server.say(ann, general, "pinged", reply_to=shown)
        await ears.until(lambda: len(ears.heard) == 2)
        assert ears.heard[1].content == ""


async def test_intents_decide_what_is_told(
    server: FakeDiscord, ann: User, general: Channel
) -> None:
    ears = Ears(intents=discord.Intents(guilds=True, dm_messages=True))
    async with running(server, ears):
        message = await server.say(ann, general, "unheard")
        await server.react(ann, message, "👍")
        await server.types(ann, general)
        await server.say(ann, server.dm(ann), "heard")
        await server.add_channel("new")
        await ears.until(lambda: "CHANNEL_CREATE" in ears.names)
        assert ears.texts == ["heard"]
        assert not {"MESSAGE_REACTION_ADD", "TYPING_START"} & set(ears.names)


async def test_what_the_bot_may_not_see_is_not_told(
    server: FakeDiscord, ann: User, general: Channel
) -> None:
    ears = Ears()
    async with running(server, ears):
        await server.deny(general, Permission.VIEW_CHANNEL)
        await server.say(ann, general, "unheard")
        await server.allow(general, Permission.VIEW_CHANNEL)
        await server.say(ann, general, "heard")
        await ears.until(lambda: ears.texts)
        assert ears.texts == ["heard"]
        await server.kick(server.bot)
        await ears.until(lambda: "GUILD_DELETE" in ears.names)
        assert ears.get_guild(int(server.home.id)) is None


async def test_tells_of_edits_deletions_and_reactions(
    server: FakeDiscord, ann: User, general: Channel
) -> None:
    ears = Ears()
    async with running(server, ears):
        message, other = [await server.say(ann, general, word) for word in ("a", "b")]
        await server.edit(message, "a2")
        await server.unfurl(message)
        await server.react(ann, message, "👍")
        await server.delete(message)
        await ears.until(lambda: len(ears.raw) == 4)
        edited, unfurled, reacted, deleted = ears.raw
        assert (edited.data["content"], edited.data["edited_timestamp"] is None) == ("a2", False)
        assert unfurled.data["embeds"][0]["title"] == "A page"
        assert (str(reacted.emoji), reacted.user_id) == ("👍", int(ann.id))
        assert deleted.message_id == int(message.id)
        third = await server.say(ann, general, "c")
        await server.delete(other, third)
        await ears.until(lambda: "MESSAGE_DELETE_BULK" in ears.names)


async def test_events_come_twice_or_in_any_order(
    server: FakeDiscord, ann: User, general: Channel
) -> None:
    ears = Ears()
    async with running(server, ears):
        server.faults.twice = True
        await server.say(ann, general, "x")
        await ears.until(lambda: ears.texts == ["x", "x"])
        server.faults.clear()
        server.delivery.hold()
        for word in "abc":
            await server.say(ann, general, word)
        assert server.delivery.release([2, 0, 1]) == 3
        await ears.until(lambda: len(ears.texts) == 5)
        assert ears.texts[2:] == ["c", "a", "b"]
        server.faults.shuffle = 0.05
        for number in range(20):
            await server.say(ann, general, str(number))
        await ears.until(lambda: len(ears.texts) == 25)
        assert sorted(ears.texts[5:], key=int) == [str(number) for number in range(20)]
        assert ears.texts[5:] != [str(number) for number in range(20)]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"token": "wrong"}, 4004),
        ({"intents": 1 << 40}, 4013),
        ({"intents": int(Intent.GUILD_PRESENCES)}, 4014),
        ({"shard": [2, 2]}, 4010),
        (None, 4003),
    ],
)
async def test_refuses_who_does_not_belong(
    server: FakeDiscord, given: Json | None, code: int
) -> None:
    right = {"token": server.token, "intents": 1, "properties": {}}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.gateway_url + "?v=10&encoding=json") as socket,
    ):
        assert (await socket.receive_json())["op"] == 10
        sent = {"op": 8, "d": {}} if given is None else {"op": 2, "d": right | given}
        await socket.send_json(sent)
        got = await socket.receive()
        assert (got.type, got.data) == (aiohttp.WSMsgType.CLOSE, code)


@pytest.mark.parametrize(
    ("frame", "code"), [("{", 4002), ("x" * 4097, 4002), ('{"op":1}', None), ('{"op":99}', 4003)]
)
async def test_takes_only_payloads(server: FakeDiscord, frame: str, code: int | None) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.gateway_url + "?v=10&encoding=json") as socket,
    ):
        await socket.receive_json()
        await socket.send_str(frame)
        got = await socket.receive()
        if code is None:
            assert got.json()["op"] == 11
        else:
            assert got.data == code


async def test_the_client_says_that_an_intent_is_missing(server: FakeDiscord) -> None:
    server.granted = Intent(0)
    with (
        pointed(server.api_url, server.gateway_url),
        pytest.raises(discord.PrivilegedIntentsRequired),
    ):
        await Ears(intents=everything()).start(server.token)
    assert server.gateway.closed == [4014]


async def test_a_wrong_token_is_refused_at_login(server: FakeDiscord) -> None:
    ears = Ears()
    with pointed(server.api_url, server.gateway_url), pytest.raises(discord.LoginFailure):
        await ears.start("wrong")
    await ears.close()


async def test_a_days_starts_are_counted(server: FakeDiscord) -> None:
    server.gateway.starts = 1
    token = server.token
    first, second = Ears(), Ears()
    async with running(server, first):
        with pytest.raises(discord.ConnectionClosed) as caught:
            async with running(server, second):
                pass
        assert caught.value.code == 4004
        assert server.token != token  # the token is reset, and everybody is out
        await first.until(first.is_closed)


async def test_shards_identify_at_a_pace(server: FakeDiscord, ann: User, general: Channel) -> None:
    server.gateway.shards, server.gateway.pace = 2, 0.2
    ears = Ears()
    async with running(server, ears):
        assert len(server.gateway.identified) == 2
        assert ears.names.count("READY") == 2
        assert server.gateway.identified[1] - server.gateway.identified[0] >= 0.2


async def test_a_connection_without_heartbeats_ends(server: FakeDiscord) -> None:
    server.gateway.heartbeat = 0.1
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.gateway_url + "?v=10&encoding=json") as socket,
    ):
        await socket.receive_json()
        async with asyncio.timeout(5):
            assert (await socket.receive()).data == 4009


async def test_a_client_that_left_does_not_come_back(server: FakeDiscord) -> None:
    ears = Ears()
    async with running(server, ears):
        assert len(server.delivery.sessions) == 1
    await server.until(lambda: not server.delivery.sessions)


async def test_a_pin_is_an_update_that_is_no_edit(
    server: FakeDiscord, ann: User, general: Channel
) -> None:
    async with running(server, Ears()):
        said = await server.say(ann, general, "rules")
        await server.edit(said, "the rules")
        await server.pin(ann, said)
        await server.flag(said, CROSSPOSTED)
        names = [told.name for told in server.delivery.told if told.name != "GUILD_CREATE"][-4:]
        updates = [t.data for t in server.delivery.told if t.name == "MESSAGE_UPDATE"]
    assert names == ["MESSAGE_UPDATE", "CHANNEL_PINS_UPDATE", "MESSAGE_CREATE", "MESSAGE_UPDATE"]
    assert len({update["edited_timestamp"] for update in updates}) == 1
    assert [update["pinned"] for update in updates] == [False, True, True]
    assert [update["flags"] for update in updates] == [0, 0, CROSSPOSTED]


async def test_nobody_is_mentioned_in_code_and_a_webhook_has_its_application(
    server: FakeDiscord, ann: User, general: Channel
) -> None:
    async with running(server, Ears()):
        for text in ("`{}`", "```\n{}\n```", "`` ` {} ``", "\\{}"):
            assert not (await server.say(ann, general, text.format(server.at_bot))).mentions, text
        for text in ("`a` {} `b`", "` {}", "\\`{}\\`"):
            assert (await server.say(ann, general, text.format(server.at_bot))).mentions, text
        await server.webhook("Luna", general, "hello", app="466378653216014359", hook="5")
        told = server.delivery.told[-1].data
    assert (told["webhook_id"], told["application_id"]) == ("5", "466378653216014359")
    assert told["author"]["username"] == "Luna"
    assert "member" not in told
