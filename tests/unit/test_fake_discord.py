"""The fake Discord's messages, called by the real client: it refuses what Discord refuses."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
import pytest
from discord.http import Route

from tests.fakes.discord import (
    Cut,
    Ears,
    FakeDiscord,
    Intent,
    Limited,
    Permission,
    Refused,
    Slow,
    Status,
    UnshownError,
    running,
)
from tests.fakes.discord.faults import EDIT, POST
from tests.schema import faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from tests.fakes.discord import Channel, Json, User

EVERYONE = "@everyone @here"


@pytest.fixture
async def ears(server: FakeDiscord, ann: User, general: Channel) -> AsyncIterator[Ears]:
    client = Ears()
    async with running(server, client):
        yield client


@pytest.fixture
def channel(ears: Ears, general: Channel) -> discord.TextChannel:
    found = ears.get_channel(int(general.id))
    assert isinstance(found, discord.TextChannel)
    return found


async def refused(call: Awaitable[object]) -> int:
    """Return the code of the error with which a call is refused."""
    with pytest.raises(discord.HTTPException) as caught:
        await call
    return caught.value.code


async def ask(ears: Ears, method: str, path: str, body: Json | None = None) -> Any:
    """Call a route as the client does, with a body of our own."""
    options: Json = {} if body is None else {"json": body}
    return await ears.http.request(Route(method, path), **options)


async def test_posts_edits_and_deletes(
    server: FakeDiscord, general: Channel, channel: discord.TextChannel
) -> None:
    sent = await channel.send("  hello \n")
    assert (sent.content, server.texts(general)) == ("hello", ["hello"])  # trimmed, as Discord does
    await sent.edit(content="changed", suppress=True)
    stored = general.messages[str(sent.id)]
    assert (stored.content, stored.suppressed, stored.edits) == ("changed", True, 1)
    again = await channel.fetch_message(sent.id)
    assert (again.content, again.edited_at is None) == ("changed", False)
    await sent.delete()
    assert server.history(general) == []
    assert await refused(sent.edit(content="x")) == 10008
    assert await refused(sent.delete()) == 10008


async def test_refuses_what_is_too_long_or_empty(channel: discord.TextChannel) -> None:
    with pytest.raises(discord.HTTPException) as caught:
        await channel.send("x" * 2001)
    assert caught.value.code == 50035
    assert "content: Must be 2000 or fewer in length." in caught.value.text
    assert await refused(channel.send(" \n ")) == 50006
    long = discord.Embed(description="x" * 4097)
    assert await refused(channel.send(embed=long)) == 50035
    assert await refused(channel.send("x", nonce="n" * 26)) == 50035
    await channel.send("x" * 2000)
    whole = await channel.send("🧵" * 2000)  # characters, not UTF-16 units
    assert len(whole.content) == 2000


async def test_a_repeated_nonce_gives_back_the_first_message(
    server: FakeDiscord, general: Channel, channel: discord.TextChannel
) -> None:
    first = await channel.send("one", nonce="turn-1")
    again = await channel.send("another text", nonce="turn-1")
    assert (again.id, again.content, again.nonce) == (first.id, "one", "turn-1")
    other = await channel.send("two", nonce="turn-2")
    assert server.texts(general) == ["one", "two"]
    await other.delete()
    assert await refused(channel.send("two", nonce="turn-2")) == 10008  # by design
    server.advance(server.nonce_window + 1)
    late = await channel.send("one", nonce="turn-1")
    assert late.id != first.id
    assert server.texts(general) == ["one", "one"]


async def test_where_the_window_is_over_a_nonce_means_nothing(
    server: FakeDiscord, general: Channel, channel: discord.TextChannel
) -> None:
    server.nonce_window = -1
    for _ in range(2):
        await channel.send("one", nonce="turn-1")
    assert server.texts(general) == ["one", "one"]


async def test_history_shows_a_nonce_only_where_told_to(
    server: FakeDiscord, channel: discord.TextChannel
) -> None:
    await channel.send("one", nonce="turn-1")
    assert [m.nonce async for m in channel.history()] == [None]
    server.nonce_in_history = True
    assert [m.nonce async for m in channel.history()] == ["turn-1"]


async def test_a_lost_answer_and_a_nonce_make_one_message(
    server: FakeDiscord, general: Channel, channel: discord.TextChannel
) -> None:
    server.faults.each_once(Cut(), [POST])
    with pytest.raises(aiohttp.ClientError):
        await channel.send("one", nonce="n")
    assert server.texts(general) == ["one"]
    assert (await channel.send("one", nonce="n")).id == int(server.history(general)[0].id)
    assert server.texts(general) == ["one"]


async def test_lists_messages_in_discords_order(
    server: FakeDiscord, ann: User, general: Channel, channel: discord.TextChannel, ears: Ears
) -> None:
    said = [await server.say(ann, general, str(number)) for number in range(130)]
    middle = discord.Object(int(said[60].id))
    newest = [m.content async for m in channel.history(limit=3)]
    assert newest == ["129", "128", "127"]
    after = [m.content async for m in channel.history(limit=None, after=middle)]
    assert after == [str(number) for number in range(61, 130)]  # discord.py turns pages around
    before = [m.content async for m in channel.history(limit=2, before=middle)]
    assert before == ["59", "58"]
    around = [m.content async for m in channel.history(limit=5, around=middle)]
    assert around == ["62", "61", "60", "59", "58"]
    raw = await ask(ears, "GET", f"/channels/{general.id}/messages?after={said[0].id}&limit=2")
    assert [m["content"] for m in raw] == ["2", "1"]  # nearest first, but newest at the top
    path = f"/channels/{general.id}/messages?limit=101"
    assert await refused(ask(ears, "GET", path)) == 50035


async def test_without_permission_it_says_which(
    server: FakeDiscord, ann: User, general: Channel, channel: discord.TextChannel
) -> None:
    asked = await server.say(ann, general, "hello")
    await server.deny(general, Permission.SEND_MESSAGES)
    assert await refused(channel.send("x")) == 50013
    await server.allow(general, Permission.SEND_MESSAGES)
    await server.deny(general, Permission.READ_MESSAGE_HISTORY)
    assert [m async for m in channel.history()] == []
    assert await refused(channel.fetch_message(int(asked.id))) == 50013
    reference = discord.MessageReference(message_id=int(asked.id), channel_id=channel.id)
    assert await refused(channel.send("x", reference=reference)) == 160002
    await server.deny(general, Permission.ATTACH_FILES)
    file = discord.File(io.BytesIO(b"x"), "x.txt")
    assert await refused(channel.send(file=file)) == 50013
    message = channel.get_partial_message(int(asked.id))
    assert await refused(message.delete()) == 50013
    assert await refused(message.edit(content="x")) == 50005
    await server.deny(general, Permission.VIEW_CHANNEL)
    assert await refused(channel.send("x")) == 50001
    await server.delete_channel(general)
    assert await refused(channel.send("x")) == 10003


async def test_replies_name_what_they_reply_to(
    server: FakeDiscord, ann: User, general: Channel, channel: discord.TextChannel
) -> None:
    asked = await server.say(ann, general, "hello")
    message = channel.get_partial_message(int(asked.id))
    reply = await message.reply("hi")
    assert reply.reference is not None
    assert reply.reference.message_id == int(asked.id)
    fetched = await channel.fetch_message(reply.id)
    assert fetched.reference is not None
    assert isinstance(fetched.reference.resolved, discord.Message)
    assert fetched.reference.resolved.content == "hello"
    await server.delete(asked)
    assert await refused(message.reply("again")) == 50035
    soft = message.to_reference(fail_if_not_exists=False)
    assert (await channel.send("anyway", reference=soft)).reference is None


async def test_notes_whom_a_message_notifies(
    server: FakeDiscord, ann: User, general: Channel, channel: discord.TextChannel
) -> None:
    team = server.role("team", mentionable=True)
    closed = server.role("closed")
    text = f"{EVERYONE} {ann.mention} {team.mention} {closed.mention}"
    loud = await channel.send(text)
    pings = general.messages[str(loud.id)].pings
    assert pings == {ann.id, team.id}  # everyone and the other role need the right
    await server.allow(general, Permission.MENTION_EVERYONE)
    loud = await channel.send(text)
    pings = general.messages[str(loud.id)].pings
    assert pings == {ann.id, team.id, closed.id, "everyone", "here"}
    none = discord.AllowedMentions.none()
    quiet = await channel.send(text, allowed_mentions=none)
    assert general.messages[str(quiet.id)].pings == set()
    await quiet.edit(content=text + "!", allowed_mentions=none)
    assert general.messages[str(quiet.id)].pings == set()
    await quiet.edit(content=text)
    assert "everyone" in general.messages[str(quiet.id)].pings
    only = discord.AllowedMentions(everyone=False, roles=[discord.Object(int(team.id))])
    some = await channel.send(text, allowed_mentions=only)
    assert general.messages[str(some.id)].pings == {ann.id, team.id}
    asked = await server.say(ann, general, "hello")
    message = channel.get_partial_message(int(asked.id))
    assert general.messages[str((await message.reply("hi")).id)].pings == {ann.id}
    silent = await message.reply("hi", mention_author=False)
    assert general.messages[str(silent.id)].pings == set()
    assert {"everyone", closed.id} <= set(server.all_pings())


async def test_both_kinds_of_allowance_exclude_each_other(
    ears: Ears, general: Channel, ann: User
) -> None:
    rules = {"parse": ["users"], "users": [ann.id]}
    body = {"content": "x", "allowed_mentions": rules}
    assert await refused(ask(ears, "POST", f"/channels/{general.id}/messages", body)) == 50035


async def test_files_are_bounded_and_their_addresses_expire(
    server: FakeDiscord, ann: User, general: Channel, channel: discord.TextChannel, ears: Ears
) -> None:
    server.upload_limit = 1000
    big = discord.File(io.BytesIO(b"x" * 1001), "big.bin")
    assert await refused(channel.send(file=big)) == 40005
    sent = await channel.send("two", files=[discord.File(io.BytesIO(b"a"), n) for n in ("a", "b")])
    assert [await one.read() for one in sent.attachments] == [b"a", b"a"]
    await sent.edit(attachments=sent.attachments[:1])
    assert [file.name for file in general.messages[str(sent.id)].files] == ["a"]
    message = await server.say(ann, general, "", files=[server.file("notes.txt", "words")])
    await ears.until(lambda: ears.heard[-1].id == int(message.id))
    given = ears.heard[-1].attachments[0]
    assert (given.content_type, await given.read()) == ("text/plain", b"words")
    server.advance(server.cdn_life + 5)
    with pytest.raises(discord.NotFound):
        await given.read()
    fresh = await channel.fetch_message(int(message.id))
    assert await fresh.attachments[0].read() == b"words"
    body = {"attachment_urls": [given.url]}
    (found,) = (await ask(ears, "POST", "/attachments/refresh-urls", body))["refreshed_urls"]
    assert found["original"] == given.url
    assert await ears.http.get_from_cdn(found["refreshed"]) == b"words"
    with pytest.raises(discord.NotFound):  # nobody can make one up
        await ears.http.get_from_cdn(found["refreshed"].replace("ex=", "ex=f"))
    await server.delete(message)
    with pytest.raises(discord.NotFound):
        await ears.http.get_from_cdn(found["refreshed"])


async def test_old_messages_are_edited_rarely(
    server: FakeDiscord, channel: discord.TextChannel, ears: Ears
) -> None:
    ears.http.max_ratelimit_timeout = 30
    sent = await channel.send("x")
    server.advance(3700)
    for number in range(server.old_edits):
        await sent.edit(content=str(number))
    with pytest.raises(discord.RateLimited):
        await sent.edit(content="one too many")
    assert server.rest.calls[-1].answer["code"] == 30046
    server.advance(61)
    await sent.edit(content="later")


async def test_reacts_and_types(
    server: FakeDiscord, ann: User, general: Channel, channel: discord.TextChannel
) -> None:
    message = await server.say(ann, general, "x")
    found = channel.get_partial_message(int(message.id))
    await found.add_reaction("✂️")
    await found.add_reaction("✂️")
    assert message.reactions == {"✂️": [server.bot.id]}
    fetched = await found.fetch()
    assert [(str(r.emoji), r.count, r.me) for r in fetched.reactions] == [("✂️", 1, True)]
    assert await refused(found.add_reaction("nonsense")) == 10014
    assert [user.id async for user in fetched.reactions[0].users()] == [int(server.bot.id)]
    await found.remove_reaction("✂️", discord.Object(int(server.bot.id)))
    assert message.reactions == {}
    await server.deny(general, Permission.ADD_REACTIONS)
    assert await refused(found.add_reaction("✂️")) == 50013
    async with channel.typing():
        pass
    assert server.typing_in(general) == 1


async def test_writes_to_people_who_let_it(server: FakeDiscord, ann: User, ears: Ears) -> None:
    user = await ears.fetch_user(int(ann.id))
    sent = await user.send("hello")
    assert server.texts(server.dm(ann)) == ["hello"]
    assert isinstance(sent.channel, discord.DMChannel)
    direct = await server.say(ann, server.dm(ann), "hi")
    assert await refused(sent.channel.get_partial_message(int(direct.id)).delete()) == 50003
    ann.dms_open = False
    assert await refused(user.send("again")) == 50007
    assert await refused(ears.fetch_user(1)) == 10013


async def test_removes_many_at_once(
    server: FakeDiscord, ann: User, general: Channel, channel: discord.TextChannel
) -> None:
    said = [await server.say(ann, general, str(number)) for number in range(3)]
    found = [discord.Object(int(message.id)) for message in said]
    assert await refused(channel.delete_messages(found)) == 50013
    await server.allow(general, Permission.MANAGE_MESSAGES)
    await channel.delete_messages(found[:2])
    assert server.texts(general) == ["2"]
    server.advance(15 * 86400)
    other = await server.say(ann, general, "new")
    old = [found[2], discord.Object(int(other.id))]
    assert await refused(channel.delete_messages(old)) == 50034


async def test_knows_guilds_members_and_the_application(
    server: FakeDiscord, ann: User, ears: Ears
) -> None:
    guild = await ears.fetch_guild(int(server.home.id))
    assert guild.name == "home"
    assert (await guild.fetch_member(int(ann.id))).display_name == "Ann"
    assert await refused(guild.fetch_member(1)) == 10013
    stranger = server.stranger("far")
    assert await refused(guild.fetch_member(int(stranger.id))) == 10007
    path = f"/guilds/{guild.id}/members?limit=10"
    assert ann.id in {found["user"]["id"] for found in await ask(ears, "GET", path)}
    assert [found.name async for found in ears.fetch_guilds()] == ["home"]
    assert [c.name for c in await guild.fetch_channels()] == ["general"]
    assert [r.name for r in await guild.fetch_roles()] == ["@everyone", "chatbot"]
    info = await ears.application_info()
    assert info.flags.gateway_message_content_limited
    assert (await ask(ears, "GET", "/applications/@me"))["id"] == str(info.id)
    server.granted = Intent(0)
    assert await refused(ask(ears, "GET", path)) == 50001
    assert not (await ears.application_info()).flags.gateway_message_content_limited
    assert await refused(ears.fetch_guild(1)) == 10004


async def test_without_the_intent_reading_shows_no_content_either(
    server: FakeDiscord, ann: User, general: Channel, channel: discord.TextChannel
) -> None:
    await server.say(ann, general, "secret")
    await server.say(ann, general, f"{server.at_bot} open")
    server.granted = Intent(0)
    found = [m.content async for m in channel.history()]
    assert found == [f"{server.at_bot} open", ""]


@pytest.mark.slow
async def test_paces_the_client(
    server: FakeDiscord, general: Channel, channel: discord.TextChannel
) -> None:
    server.limits.on = True
    began = time.monotonic()
    for number in range(7):
        await channel.send(str(number))
    assert time.monotonic() - began >= 4.5  # five in five seconds, then the rest
    assert len(server.texts(general)) == 7
    assert server.limits.hits == []  # by the headers alone, without a single 429


async def test_who_calls_too_often_is_refused(server: FakeDiscord, general: Channel) -> None:
    server.hold()
    server.limits.on = True
    auth, path = {"authorization": f"Bot {server.token}"}, f"/channels/{general.id}/messages"
    async with aiohttp.ClientSession(headers=auth) as session:
        post = [await session.post(server.api_url + path, json={"content": "x"}) for _ in range(6)]
        assert [answer.status for answer in post] == [200] * 5 + [429]
        left = [answer.headers["X-RateLimit-Remaining"] for answer in post]
        assert left == ["4", "3", "2", "1", "0", "0"]
        body = await post[-1].json()
        assert 0 < body["retry_after"] <= 5
        assert not body["global"]
        server.advance(6)
        assert (await session.post(server.api_url + path, json={"content": "x"})).status == 200
        server.advance(6)
        get = [await session.get(f"{server.api_url}/users/{server.bot.id}") for _ in range(30)]
        get += [await session.get(f"{server.api_url}/users/@me") for _ in range(30)]
        assert [answer.status for answer in get].count(429) == 10  # fifty a second, of any kind
        assert (await get[-1].json())["global"]
    assert len(server.texts(general)) == 6


async def test_a_429_is_waited_out(
    server: FakeDiscord, general: Channel, channel: discord.TextChannel, ears: Ears
) -> None:
    server.faults.next(POST, Limited(0.05), Limited(0.05, everywhere=True))
    await channel.send("x")
    assert (server.texts(general), len(server.faults.dealt)) == (["x"], 2)
    ears.http.max_ratelimit_timeout = 30
    server.faults.next(POST, Limited(31))
    with pytest.raises(discord.RateLimited):
        await channel.send("y")


async def test_too_many_refusals_ban_the_address(
    server: FakeDiscord, channel: discord.TextChannel
) -> None:
    server.limits.on = True
    server.limits.invalid.extend([server.now()] * 10_000)
    with pytest.raises(discord.HTTPException) as caught:
        await channel.send("x")
    assert caught.value.status == 429
    server.advance(601)
    await channel.send("x")


async def test_faults_come_as_planned(
    server: FakeDiscord, general: Channel, channel: discord.TextChannel
) -> None:
    sent = await channel.send("a")
    server.faults.next(EDIT, Refused(50013), Status(503), Cut(after=False))
    assert await refused(sent.edit(content="b")) == 50013
    with pytest.raises(discord.DiscordServerError):
        await sent.edit(content="b")
    with pytest.raises(aiohttp.ClientError):
        await sent.edit(content="b")
    assert server.texts(general) == ["a"]
    server.faults.next(EDIT, Status(503, after=True), Slow(0.1))
    with pytest.raises(discord.DiscordServerError):
        await sent.edit(content="b")
    assert server.texts(general) == ["b"]
    began = time.monotonic()
    await sent.edit(content="c")
    assert time.monotonic() - began >= 0.1
    server.faults.every(3, Limited(0.01), [POST])
    for number in range(6):
        await channel.send(str(number))
    assert server.texts(general)[1:] == [str(number) for number in range(6)]
    assert sum(isinstance(fault, Limited) for _, fault in server.faults.dealt) == 2


async def test_holds_its_answers_to_discords_description(server: FakeDiscord, ears: Ears) -> None:
    contract = server.rest.contract
    if contract is None:  # the description isn't beside every checkout
        return
    assert "GET /users/@me 200" in contract.checked
    route = next(r for r in server.routes if r.name == "GET /users/@me")
    assert contract.give(route, 200, {"id": 1}) != []
    assert contract.give(route, 201, {}) != []
    body = {"content": "x", "components": [{"type": 99}]}
    path = f"/channels/{next(iter(server.channels))}/messages"
    assert await refused(ask(ears, "POST", path, body)) == 50035
    assert await refused(ask(ears, "POST", path, {"content": 5})) == 50035


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ({"kind": 1, "note": None}, 0),
        ({"kind": 2, "note": "n"}, 0),
        ({"kind": 3}, 1),  # no alternative
        ({"kind": True}, 1),  # no number
        ({"kind": 1, "note": 5}, 1),
        ({"kind": 1, "more": {"a": 11}}, 1),
        ({"kind": 1, "both": 5}, 1),  # two alternatives where there has to be one
    ],
)
def test_the_words_of_the_description_mean_what_they_say(value: Json, wrong: int) -> None:
    schema: Json = {
        "type": "object",
        "properties": {
            "kind": {"type": "integer", "anyOf": [{"const": 1}, {"const": 2}]},
            "note": {"type": ["string", "null"], "allOf": [{"maxLength": 3}]},
            "more": {"type": "object", "additionalProperties": {"maximum": 10}},
            "both": {"oneOf": [{"minimum": 1}, {"maximum": 9}]},
        },
    }
    assert (len(list(faults(value, schema))) > 0) == bool(wrong)


async def test_a_breach_of_the_description_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="wrong"):
        async with FakeDiscord() as server:
            server.rest.breaches.append("wrong")


async def test_people_do_only_what_people_can(
    server: FakeDiscord, ann: User, general: Channel
) -> None:
    far = server.stranger("far")
    with pytest.raises(UnshownError):
        await server.say(far, general, "x")
    await server.slow_down(general, 60)
    await server.say(ann, general, "a")
    with pytest.raises(UnshownError):
        await server.say(ann, general, "b")
    server.advance(61)
    message = await server.say(ann, general, "b")
    await server.delete(message)
    with pytest.raises(UnshownError):
        await server.delete(message)
    await server.ban(ann)
    with pytest.raises(UnshownError):
        await server.say(ann, general, "c")
