"""The fake Discord's threads and forums, with the real client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
import pytest

from tests.fakes.discord import Ears, FakeDiscord, Permission, UnshownError, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from tests.fakes.discord import Channel, User


@pytest.fixture
async def ears(server: FakeDiscord, ann: User, general: Channel) -> AsyncIterator[Ears]:
    server.forum("help")
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


def archived(place: Channel) -> bool:
    return place.thread is not None and place.thread.archived


def thread_of(ears: Ears, thread: Channel) -> discord.Thread:
    guild = ears.get_guild(int(thread.guild))
    assert guild is not None
    found = guild.get_thread(int(thread.id))
    assert found is not None
    return found


async def test_a_thread_made_from_a_message_has_its_id(
    server: FakeDiscord, ann: User, general: Channel, channel: discord.TextChannel, ears: Ears
) -> None:
    asked = await server.say(ann, general, "question")
    message = channel.get_partial_message(int(asked.id))
    thread = await message.create_thread(name="talk", auto_archive_duration=60)
    assert (thread.id, thread.owner_id) == (message.id, int(server.bot.id))
    assert await refused(message.create_thread(name="again")) == 160004
    await ears.until(lambda: "MESSAGE_UPDATE" in ears.names)
    assert ears.names.index("THREAD_CREATE") < ears.names.index("MESSAGE_UPDATE")
    # The starter's copy in the thread is a system message that only refers to it.
    (starter,) = [m for m in ears.heard if m.type is discord.MessageType.thread_starter_message]
    assert (starter.channel.id, starter.content) == (thread.id, "")
    assert starter.reference is not None
    assert starter.reference.message_id == message.id
    listed = [m async for m in thread.history(oldest_first=True)]
    assert [m.type for m in listed] == [discord.MessageType.thread_starter_message]
    assert listed[0].reference is not None
    assert isinstance(listed[0].reference.resolved, discord.Message)
    assert listed[0].reference.resolved.content == "question"
    assert await refused(listed[0].delete()) == 50021
    assert (await message.fetch()).flags.has_thread
    assert await refused(thread.get_partial_message(message.id).fetch()) == 10008
    assert asked.flags & 1 << 5
    other = await server.say(ann, general, "another")
    server.thread_limit = 1
    found = channel.get_partial_message(int(other.id))
    assert await refused(found.create_thread(name="x")) == 160006
    await server.deny(general, Permission.CREATE_PUBLIC_THREADS)
    assert await refused(found.create_thread(name="x")) == 50013


async def test_the_starter_may_come_once_more(
    server: FakeDiscord, ann: User, general: Channel, channel: discord.TextChannel, ears: Ears
) -> None:
    server.faults.starter_again = True
    asked = await server.say(ann, general, "question")
    await channel.get_partial_message(int(asked.id)).create_thread(name="talk")
    await ears.until(lambda: ears.texts.count("question") == 2)
    again = [m for m in ears.heard if m.content == "question"][1]
    assert again.id == again.channel.id == int(asked.id)


async def test_an_archived_thread_wakes_when_written_to(
    server: FakeDiscord, ann: User, general: Channel, ears: Ears
) -> None:
    place = await server.open_thread(ann, general, "talk")
    await ears.until(lambda: ears.get_guild(int(place.guild)).threads)  # type: ignore[union-attr]
    thread = thread_of(ears, place)
    first = await thread.send("first")
    await server.archive(place)
    assert await refused(first.edit(content="x")) == 50083
    assert await refused(first.add_reaction("👍")) == 50083
    assert await refused(thread.join()) == 50083
    await thread.send("awake")
    assert not archived(place)
    await server.archive(place, locked=True)
    assert await refused(thread.send("x")) == 50083
    assert await refused(thread.edit(archived=False)) == 50013
    with pytest.raises(UnshownError):
        await server.say(ann, place, "x")
    await first.delete()  # deleting goes on in an archived thread
    await server.reopen(place)
    assert await refused(thread.send("x")) == 160005
    await server.allow(general, Permission.MANAGE_THREADS)
    await thread.send("as a moderator")
    assert server.texts(place) == ["awake", "as a moderator"]


async def test_a_refused_message_wakes_nothing(
    server: FakeDiscord, ann: User, general: Channel, ears: Ears
) -> None:
    place = await server.open_thread(ann, general, "talk")
    await ears.until(lambda: "THREAD_CREATE" in ears.names)
    thread = thread_of(ears, place)
    await server.archive(place)
    assert await refused(thread.send("x" * 2001)) == 50035
    assert archived(place)


async def test_idle_threads_are_archived(
    server: FakeDiscord, ann: User, general: Channel, channel: discord.TextChannel
) -> None:
    asked = await server.say(ann, general, "question")
    message = channel.get_partial_message(int(asked.id))
    thread = await message.create_thread(name="talk", auto_archive_duration=60)
    place = server.channels[str(thread.id)]
    server.advance(3000)
    await server.say(ann, place, "still here")
    server.advance(3000)
    assert not archived(place)
    server.advance(700)
    assert archived(place)
    await server.say(ann, place, "back")
    assert not archived(place)


async def test_it_is_deaf_in_a_thread_that_came_back_until_it_joins(
    server: FakeDiscord, ann: User, general: Channel
) -> None:
    place = await server.open_thread(ann, general, "old")
    await server.archive(place)
    ears = Ears()
    async with running(server, ears):
        await server.say(ann, place, "unheard")  # this brings it back
        await ears.until(lambda: "THREAD_UPDATE" in ears.names)
        thread = thread_of(ears, place)
        assert thread.me is None
        await server.say(ann, place, "unheard as well")
        await thread.join()
        await server.say(ann, place, "heard")
        await ears.until(lambda: ears.texts)
        assert ears.texts == ["heard"]
        missed = [m.content async for m in thread.history(oldest_first=True)]
        assert missed == ["unheard", "unheard as well", "heard"]


async def test_it_hears_threads_that_begin_without_it(
    server: FakeDiscord, ann: User, general: Channel, ears: Ears
) -> None:
    place = await server.open_thread(ann, general, "talk")
    await server.say(ann, place, "hello")
    await ears.until(lambda: ears.texts[-1:] == ["hello"])
    assert ears.heard[0].type is discord.MessageType.thread_created
    await ears.until(lambda: "THREAD_CREATE" in ears.names)
    assert thread_of(ears, place).me is None


async def test_a_private_thread_is_for_who_is_in_it(
    server: FakeDiscord, ann: User, general: Channel, ears: Ears
) -> None:
    place = await server.open_thread(ann, general, "secret", private=True)
    await server.say(ann, place, "unheard")
    assert await refused(ears.fetch_channel(int(place.id))) == 50001
    assert "THREAD_CREATE" not in ears.names
    await server.add_to_thread(server.bot, place)
    await server.say(ann, place, "heard")
    await ears.until(lambda: ears.texts)
    assert ears.texts == ["heard"]
    assert thread_of(ears, place).me is not None


async def test_it_is_told_of_the_threads_of_a_channel_that_opens(
    server: FakeDiscord, ann: User, general: Channel, ears: Ears
) -> None:
    await server.deny(general, Permission.VIEW_CHANNEL)
    place = await server.open_thread(ann, general, "talk")
    await server.say(ann, place, "unheard")
    await server.allow(general, Permission.VIEW_CHANNEL)
    await ears.until(lambda: "THREAD_LIST_SYNC" in ears.names)
    assert thread_of(ears, place).name == "talk"
    assert "THREAD_CREATE" not in ears.names
    assert ears.texts == []


async def test_a_forum_holds_posts(server: FakeDiscord, ann: User, ears: Ears) -> None:
    forum = next(c for c in server.channels.values() if c.name == "help")
    found = ears.get_channel(int(forum.id))
    assert isinstance(found, discord.ForumChannel)
    place = await server.post(ann, forum, "How?", "the whole question")
    await ears.until(lambda: ears.texts == ["the whole question"])
    assert ears.heard[0].id == ears.heard[0].channel.id == int(place.id)
    made = await found.create_thread(name="News", content="we begin")
    assert made.message.id == made.thread.id
    assert server.texts(str(made.thread.id)) == ["we begin"]
    assert await refused(ears.http.send_message(found.id, params=_text("x"))) == 50024


async def test_a_post_has_tags_and_nobody_writes_before_its_opening_message(
    server: FakeDiscord, ann: User
) -> None:
    media = server.channel("pictures", kind="media")
    forum = server.forum("questions", None, "rust", "pdf")
    client = Ears()
    async with running(server, client):
        for place in (forum, media):
            found = client.get_channel(int(place.id))
            assert isinstance(found, discord.ForumChannel)
            assert found.is_media() == (place is media)
            fetched = await client.fetch_channel(int(place.id))
            assert isinstance(fetched, discord.ForumChannel)
            assert fetched.type is found.type
        post = await server.begin_post(ann, forum, "How?", tags=["pdf"])
        await client.until(lambda: "THREAD_CREATE" in client.names)
        thread = thread_of(client, post)
        assert [tag.name for tag in thread.applied_tags] == ["pdf"]
        assert await refused(thread.send("Hello!")) == 40058
        server.post_settles = 5
        await server.open_post(post, "the question")
        assert await refused(thread.send("Hello!")) == 40058
        server.advance(5)
        await thread.send("Hello!")
        assert [m.content async for m in thread.history()] == ["Hello!", "the question"]
        with pytest.raises(UnshownError):
            await server.begin_post(ann, media, "A picture", tags=["pdf"])


def _text(content: str) -> discord.http.MultipartParameters:
    return discord.http.handle_message_parameters(content)


async def test_lists_threads(
    server: FakeDiscord, ann: User, general: Channel, channel: discord.TextChannel
) -> None:
    places = [await server.open_thread(ann, general, str(number)) for number in range(4)]
    await server.add_to_thread(server.bot, places[3])
    active = await channel.guild.active_threads()
    assert [t.name for t in active] == ["3", "2", "1", "0"]
    assert [t.me is not None for t in active] == [True, False, False, False]
    for place in places[:3]:
        server.advance(1)
        await server.archive(place)
    found = [t.name async for t in channel.archived_threads(limit=None)]
    assert found == ["2", "1", "0"]
    assert [t.name async for t in channel.archived_threads(limit=1)] == ["2"]
    with pytest.raises(discord.Forbidden):
        [t async for t in channel.archived_threads(private=True)]
    assert [t async for t in channel.archived_threads(private=True, joined=True)] == []


async def test_changes_only_its_own_threads(
    server: FakeDiscord, ann: User, general: Channel, channel: discord.TextChannel, ears: Ears
) -> None:
    hers = await server.open_thread(ann, general, "hers")
    mine = await channel.create_thread(name="mine", type=discord.ChannelType.public_thread)
    await mine.edit(name="renamed", archived=True)
    assert server.channels[str(mine.id)].name == "renamed"
    await ears.until(lambda: "THREAD_CREATE" in ears.names)
    thread = thread_of(ears, hers)
    assert await refused(thread.edit(name="x")) == 50013
    assert await refused(mine.edit(locked=True)) == 50013
    assert await refused(thread.delete()) == 50013
    await server.allow(general, Permission.MANAGE_THREADS)
    await thread.delete()
    assert hers.id not in server.channels
    await ears.until(lambda: "THREAD_DELETE" in ears.names)
    await thread_members(server, mine, ann)


async def thread_members(server: FakeDiscord, thread: discord.Thread, ann: User) -> None:
    await thread.edit(archived=False)
    await thread.add_user(discord.Object(int(ann.id)))
    assert [m.id for m in await thread.fetch_members()] == [int(server.bot.id), int(ann.id)]
    await thread.leave()
    assert [m.id for m in await thread.fetch_members()] == [int(ann.id)]


async def test_shows_a_channel_of_every_kind(
    server: FakeDiscord, ann: User, general: Channel, channel: discord.TextChannel, ears: Ears
) -> None:
    place = await server.open_thread(ann, general, "talk")
    server.channel("voice", kind="voice")
    server.channel("news", kind="announcement")
    dm = server.dm(ann)
    kinds = {}
    for found in list(server.channels.values()):
        shown = await ears.fetch_channel(int(found.id))
        kinds[found.id] = type(shown)
    assert kinds[place.id] is discord.Thread
    assert kinds[dm.id] is discord.DMChannel
    assert set(kinds.values()) == {
        discord.TextChannel,
        discord.ForumChannel,
        discord.Thread,
        discord.DMChannel,
        discord.VoiceChannel,
    }
    thread = thread_of(ears, place)
    await thread.join()
    assert (await thread.fetch_member(int(server.bot.id))).id == int(server.bot.id)
    assert await refused(thread.fetch_member(1)) == 10007
    await server.allow(general, Permission.MANAGE_THREADS)
    secret = await server.open_thread(ann, general, "secret", private=True)
    await server.archive(secret)
    found_private = [t.name async for t in channel.archived_threads(private=True)]
    assert found_private == ["secret"]
