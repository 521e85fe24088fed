"""Whatever Discord sends: the session goes on, and who spoke to the bot or pressed hears a word.

The corpus is ours: what the fake sends of what people do. Where Discord's own description of its
API lies beside the checkout (see `shared/data`), what is made by it goes the same way.
"""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import discord
import pytest

from bots.discord.ui.commands import EXPORT_MENU, FORGET_MENU
from bots.discord.ui.runner import UNREADABLE as NOT_UNDERSTOOD
from core.domain.clock import SystemClock
from core.domain.limits import UNREAD
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from tests.e2e.discord_bot import bot_on, until_true
from tests.e2e.discord_hands import synced, talk, use
from tests.e2e.test_discord_catch_up import heard
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord.faults import Odd
from tests.fakes.discord.openapi import PATH
from tests.odd import GONE, HUGE, OTHERS, Generator, changed, each_change, nested, places

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from core.models.port import ModelRequest
    from tests.e2e.discord_bot import Bot
    from tests.fakes.discord import Channel, Interaction, Json, User

IDLE = ("discord.gateway", "discord.client")


def answered(request: ModelRequest) -> str:
    text = request.messages[-1].text
    return "re: once" if "once" in text else "re"


@asynccontextmanager
async def odd_world(
    caplog: pytest.LogCaptureFixture, model: Any = None, **more: Any
) -> AsyncGenerator[tuple[FakeDiscord, Bot]]:
    """Run a bot before a fake; at the end its session goes on, and nothing has left a trace."""
    async with FakeDiscord() as fake:
        last = fake.person("last")
        async with bot_on(fake, model or ScriptedModel(reply=answered), **more) as bot:
            yield fake, bot
            await fake.say(last, fake.dm(last), "still there?")
            await fake.replies(fake.dm(last))
            ended = bot.discord._connection
            assert ended is not None
            assert not ended.done()
    traces = [r for r in caplog.records if r.exc_info or r.name == "asyncio"]
    assert [(r.name, r.getMessage()) for r in traces] == []


async def all_heard(people: dict[str, Any], heard: Callable[[str], bool]) -> None:
    """Wait until all have had a word; `people` says of each what they did."""
    with suppress(TimeoutError):
        async with asyncio.timeout(20):
            while not all(heard(who) for who in people):
                await asyncio.sleep(0.05)
    assert {who: what for who, what in people.items() if not heard(who)} == {}


# --- what is said ---------------------------------------------------------------------------------


def is_said_to_us(payload: Json, who: User, channel: Channel) -> bool:
    """Return whether it is clear that a person speaks to the bot, and who and where."""
    author = payload.get("author")
    if not isinstance(author, dict) or author.get("id") != who.id or author.get("bot"):
        return False
    spoken = payload.get("type") in (0, 19) and not payload.get("webhook_id")
    return spoken and payload.get("channel_id") == channel.id


async def test_a_direct_message_with_anything_in_it_gets_an_answer_or_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    people: dict[str, Any] = {}
    async with odd_world(caplog) as (fake, _):
        ann = fake.person("ann")
        file = fake.file("a.txt", "hello")
        model = await fake.unheard(ann, fake.dm(ann), "hello <@1> <#2>", files=[file])
        changes = [each for each in each_change(model) if each[0] != ("guild_id",)][::6]
        changes += [(("guild_id",), value) for value in (None, "", 0)]
        for number, (place, value) in enumerate(changes):
            who = fake.person(f"p{number}")
            dm = fake.dm(who)
            payload = await fake.unheard(who, dm, "hello", files=[fake.file("a.txt", "hello")])
            payload = changed(payload, place, value)
            fake.tell("MESSAGE_CREATE", payload)
            if is_said_to_us(payload, who, dm):
                people[dm.id] = (place, value)
            if number % 20 == 0:
                await all_heard(people, lambda dm: bool(fake.said_by_bot(dm)))
        await all_heard(people, lambda dm: bool(fake.said_by_bot(dm)))
    assert len(people) > 100


async def test_a_mention_with_anything_in_it_gets_an_answer_or_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    people: dict[str, Any] = {}
    async with odd_world(caplog) as (fake, _):
        ann = fake.person("ann")
        general = fake.channel("general")
        model = await fake.unheard(ann, general, f"{fake.at_bot} hello")

        def heard(where: str) -> bool:
            found = [c.id for c in fake.channels.values() if where in (c.id, c.parent)]
            return any(fake.said_by_bot(each) for each in found)

        for number, (place, value) in enumerate([*each_change(model)][::9]):
            where = fake.channel(f"c{number}")
            payload = await fake.unheard(ann, where, f"{fake.at_bot} hello")
            payload = changed(payload, place, value)
            fake.tell("MESSAGE_CREATE", payload)
            named = payload.get("content") or ""
            if is_said_to_us(payload, ann, where) and fake.at_bot in str(named):
                people[where.id] = (place, value)
            if number % 20 == 0:
                await all_heard(people, heard)
        await all_heard(people, heard)
    assert len(people) > 80


@pytest.mark.parametrize("value", HUGE, ids=["text", "signs", "list"])
async def test_something_huge_is_taken_like_the_rest(
    value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    people: dict[str, Any] = {}
    async with odd_world(caplog) as (fake, _):
        ann = fake.person("ann")
        model = await fake.unheard(ann, fake.dm(ann), "hello")
        for number, place in enumerate(places(model)):
            who = fake.person(f"p{number}")
            payload = changed(await fake.unheard(who, fake.dm(who), "hello"), place, value)
            fake.tell("MESSAGE_CREATE", payload)
            if is_said_to_us(payload, who, fake.dm(who)):
                people[fake.dm(who).id] = place
        await all_heard(people, lambda dm: bool(fake.said_by_bot(dm)))


async def test_messages_as_discords_own_description_has_them_are_taken(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each kind that the description knows: stickers, polls, forwards, calls, and so on."""
    if not PATH.exists():
        return  # it is not beside this checkout
    root = json.loads(PATH.read_text(encoding="utf-8"))
    chance = random.Random(9)
    generator = Generator(root, chance)
    people: dict[str, Any] = {}
    async with odd_world(caplog) as (fake, _):
        general = fake.channel("general")
        for number in range(150):
            who = fake.person(f"p{number}")
            where = fake.dm(who) if number % 2 else general
            payload = generator.of({"$ref": "#/components/schemas/MessageResponse"})
            payload |= {"channel_id": where.id, "id": fake.snowflake()}
            payload["author"] |= {"id": who.id, "bot": False}
            if number % 2 == 0:
                payload["guild_id"] = where.guild
            if number % 3 == 0:
                payload = changed(payload, chance.choice([*places(payload)]), chance.choice(OTHERS))
            for event in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
                fake.tell(event, payload)
            if number % 2 and is_said_to_us(payload, who, where):
                people[where.id] = payload
        await all_heard(people, lambda dm: bool(fake.said_by_bot(dm)))
    assert people


async def test_what_breaks_a_parser_is_named_without_its_text_and_its_author_is_told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trips(text: str, *_: Any) -> str:
        if "trip" in text:
            raise LookupError(text)
        return text

    monkeypatch.setattr("bots.discord.inbound.content.readable", trips)
    async with odd_world(caplog) as (fake, _):
        ann = fake.person("ann")
        general = fake.channel("general")
        await fake.say(ann, general, f"{fake.at_bot} trip secretly")
        (word,) = await fake.replies(general)
        await fake.say(ann, fake.dm(ann), "trip secretly")
        (other,) = await fake.replies(fake.dm(ann))
        assert word.content == other.content == UNREAD
    said = [r.getMessage() for r in caplog.records if "could not be read" in r.getMessage()]
    assert len(said) == 2
    assert all("LookupError at" in line for line in said)
    assert "secretly" not in caplog.text


async def test_what_breaks_further_in_is_tried_again_and_then_skipped_with_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with odd_world(caplog) as (fake, bot):
        ann, bob = fake.person("ann"), fake.person("bob")
        broken, take = ["once", "for good"], bot.intake.take

        async def breaks(message: Any) -> Any:
            if message.text in broken:
                broken.remove("once") if message.text == "once" else None
                raise ZeroDivisionError
            return await take(message)

        bot.intake.take = breaks  # type: ignore[method-assign]
        await fake.say(ann, fake.dm(ann), "once")
        await fake.say(bob, fake.dm(bob), "for good")
        await fake.say(bob, fake.dm(bob), "and this?")
        assert (await fake.replies(fake.dm(ann)))[0].content == "re: once"
        told = {message.content for message in await fake.replies(fake.dm(bob), 2)}
        assert told == {UNREAD, "re"}


# --- what else the gateway says -------------------------------------------------------------------

NOW = "2026-11-29T10:00:00+00:00"


def events(fake: FakeDiscord, general: Channel, thread: Channel) -> dict[str, Json]:
    """Return an event of each kind that the bot may be told of, as Discord has them."""
    ann = next(user for user in fake.users.values() if user.name == "ann")
    user = {"id": ann.id, "username": "ann", "avatar": None, "discriminator": "0"}
    about = {"guild_id": general.guild, "channel_id": general.id}
    member = {"user": user, "roles": [], "joined_at": NOW, "flags": 0, "mute": False, "deaf": False}
    emoji = {"id": "9", "name": "x", "animated": False}
    reaction = {**about, "user_id": ann.id, "message_id": thread.id, "emoji": emoji}
    role = {"id": "77", "name": "r", "permissions": "0", "position": 1, "flags": 0, "color": 0}
    role |= {"hoist": False, "managed": False, "mentionable": False}
    channel = {"id": general.id, "type": 0, "guild_id": general.guild, "name": "g", "position": 1}
    channel |= {"permission_overwrites": [], "parent_id": None}
    meta = {"archived": False, "auto_archive_duration": 60, "archive_timestamp": NOW}
    made = {"id": thread.id, "type": 11, "guild_id": general.guild, "parent_id": general.id}
    made |= {"owner_id": fake.bot.id, "name": "t", "thread_metadata": {**meta, "locked": False}}
    made |= {"message_count": 1, "member_count": 1, "flags": 0, "total_message_sent": 1}
    return {
        "MESSAGE_DELETE": {**about, "id": "5"},
        "MESSAGE_DELETE_BULK": {**about, "ids": ["5", "6"]},
        "MESSAGE_REACTION_ADD": {**reaction, "type": 0, "burst": False, "member": member},
        "MESSAGE_REACTION_REMOVE": {**reaction, "type": 0, "burst": False},
        "MESSAGE_REACTION_REMOVE_ALL": {**about, "message_id": thread.id},
        "MESSAGE_REACTION_REMOVE_EMOJI": {**about, "message_id": "5", "emoji": {"name": "x"}},
        "MESSAGE_POLL_VOTE_ADD": {**about, "user_id": ann.id, "message_id": "5", "answer_id": 1},
        "TYPING_START": {**about, "user_id": ann.id, "timestamp": 1, "member": member},
        "GUILD_MEMBER_UPDATE": {**member, "guild_id": general.guild},
        "GUILD_ROLE_CREATE": {"guild_id": general.guild, "role": role},
        "GUILD_ROLE_DELETE": {"guild_id": general.guild, "role_id": "77"},
        "CHANNEL_CREATE": {**channel, "id": "78"},
        "CHANNEL_UPDATE": channel,
        "CHANNEL_PINS_UPDATE": {**about, "last_pin_timestamp": NOW},
        "THREAD_CREATE": {**made, "id": "79"},
        "THREAD_UPDATE": made,
        "THREAD_DELETE": {"id": "79", "guild_id": general.guild, "parent_id": "1", "type": 11},
        "THREAD_LIST_SYNC": {"guild_id": general.guild, "threads": [made], "members": []},
        "THREAD_MEMBERS_UPDATE": {"id": thread.id, "guild_id": general.guild, "member_count": 1},
        "USER_UPDATE": user,
        "INVITE_CREATE": {**about, "code": "x", "inviter": user, "max_age": 0, "max_uses": 0},
        "PRESENCE_UPDATE": {"user": user, "guild_id": general.guild, "status": "idle"},
        "VOICE_STATE_UPDATE": {**about, "user_id": ann.id, "session_id": "x", "member": member},
        "ENTITLEMENT_CREATE": {"id": "5", "sku_id": "6", "application_id": "7", "type": 8},
        "WEBHOOKS_UPDATE": about,
        "RESUMED": {},
        "NO_SUCH_EVENT": about,
    }


async def test_an_event_that_breaks_its_parser_is_skipped_and_the_session_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    chance = random.Random(10)
    async with odd_world(caplog) as (fake, bot):
        ann = fake.person("ann")
        general = await fake.add_channel("general")
        _, thread = await talk(fake, bot, ann, general, "hello")
        for name, event in events(fake, general, thread).items():
            fake.tell(name, event)
            for place in places(event):
                fake.tell(name, changed(event, place, GONE))
                fake.tell(name, changed(event, place, None))
                fake.tell(name, changed(event, place, chance.choice(OTHERS)))
            for data in (None, [], "x", 7, [event]):
                fake.tell(name, data)
        fake.frame('{"op": 0, "s": "no number", "t": "TYPING_START", "d": {}}')
        asked = await fake.say(ann, thread, f"{fake.at_bot} still there?")
        await fake.until(lambda: len(fake.said_by_bot(thread)) > 1)
        assert len(fake.gateway.identified) == 1
        # What was skipped does not come again.
        before = caplog.text.count("was skipped")
        fake.drop()
        await fake.until(lambda: fake.gateway.resumed == 1)
        await fake.say(ann, thread, f"{fake.at_bot} and now?")
        await fake.until(lambda: len(fake.said_by_bot(thread)) > 2)
        assert caplog.text.count("was skipped") == before
        assert asked.id
    skipped = {
        r.getMessage().split("'s ")[1].split()[0]
        for r in caplog.records
        if "was skipped" in r.getMessage()
    }
    assert {"MESSAGE_DELETE", "MESSAGE_REACTION_ADD", "THREAD_UPDATE", "RESUMED"} <= skipped


FRAMES = {
    "no JSON": "{oops",
    "a list": "[1]",
    "null": "null",
    "an empty object": "{}",
    "another op": '{"op": 99}',
    "an op that is none": '{"op": "x", "t": [1]}',
    "an event that is none": '{"op": 0, "s": 1, "t": ["x"], "d": {}}',
    "an event of another type": '{"op": 0, "s": 1, "t": 7, "d": {}}',
    "no event": '{"op": 0, "s": 1, "t": null, "d": null}',
    "no data": '{"op": 0, "s": 1, "t": "MESSAGE_CREATE"}',
    "deep": '{"op": 0, "t": "MESSAGE_CREATE", "d": ' + "[" * 50_000,
    "a number that is none": '{"op": 0, "s": {}, "t": "MESSAGE_CREATE", "d": {}}',
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
async def test_whatever_comes_over_the_socket_it_stays_open(
    frame: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with odd_world(caplog) as (fake, _):
        for _ in range(2):
            fake.frame(frame)
        ann = fake.person("ann")
        await fake.say(ann, fake.dm(ann), "hello")
        await fake.replies(fake.dm(ann))
        assert len(fake.gateway.identified) == 1


def without(*names: str) -> Callable[[Json], Any]:
    return lambda found: {name: value for name, value in found.items() if name not in names}


READIES: dict[str, Callable[[Json], Any]] = {
    "no shard": without("shard"),
    "no user": without("user"),
    "half a user": lambda found: {**found, "user": {"id": found["user"]["id"]}},
    "no servers": lambda found: {**found, "guilds": None},
    "odd servers": lambda found: {**found, "guilds": [None, {}, {"id": "x"}, *found["guilds"]]},
    "no application": without("application"),
    "an odd shard": lambda found: {**found, "shard": "x"},
}


@pytest.mark.parametrize("alter", READIES.values(), ids=READIES)
async def test_a_session_that_begins_with_less_than_all_is_used_all_the_same(
    alter: Callable[[Json], Any], caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeDiscord() as fake:
        fake.gateway.altered["READY"] = alter
        ann = fake.person("ann")
        general = fake.channel("general")
        async with bot_on(fake, ScriptedModel(reply=answered)) as bot:
            await talk(fake, bot, ann, general, "hello")
            assert len(fake.gateway.identified) == 1


async def at_once(*_: Any, **__: Any) -> None:
    """Identify without the five seconds that discord.py waits before a further time."""


BEGINNINGS: dict[str, tuple[str, Callable[[Json], Any]]] = {
    "READY without a session": ("READY", without("session_id")),
    "READY without an address": ("READY", without("resume_gateway_url")),
    "READY that is nothing": ("READY", lambda _: None),
    "READY that is a list": ("READY", lambda found: [found]),
    "HELLO without a beat": ("HELLO", lambda _: {}),
    "HELLO that is nothing": ("HELLO", lambda _: None),
    "HELLO with no time between beats": ("HELLO", lambda _: {"heartbeat_interval": 0}),
    "HELLO with a beat that is text": ("HELLO", lambda _: {"heartbeat_interval": "x"}),
}


@pytest.mark.parametrize(("name", "alter"), BEGINNINGS.values(), ids=BEGINNINGS)
async def test_a_connection_that_can_come_to_nothing_is_made_again_until_it_comes_to_something(
    name: str,
    alter: Callable[[Json], Any],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(discord.Client, "before_identify_hook", at_once)
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        async with bot_on(fake, ScriptedModel(reply=answered)) as bot:
            await fake.say(ann, fake.dm(ann), "hello")
            await fake.replies(fake.dm(ann))
            await heard(bot, f"dm/{fake.dm(ann).id}")
            fake.gateway.altered[name] = alter
            fake.forget_sessions()

            async def is_said() -> bool:
                return f"Discord's {name} can't be read" in caplog.text

            await until_true(is_said)
            fake.gateway.altered.clear()
            await fake.say(ann, fake.dm(ann), "are you there?")  # while it is not
            await fake.replies(fake.dm(ann), 2)
            assert bot.discord.connected
    assert not [r for r in caplog.records if r.exc_info]


async def test_a_connection_that_cant_be_unpacked_is_made_again_and_nothing_is_missed(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discord.Client, "before_identify_hook", at_once)
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        async with bot_on(fake, ScriptedModel(reply=answered)) as bot:
            await fake.say(ann, fake.dm(ann), "hello")
            await fake.replies(fake.dm(ann))
            await heard(bot, f"dm/{fake.dm(ann).id}")
            fake.garble()
            await fake.say(ann, fake.dm(ann), "are you there?")
            await fake.replies(fake.dm(ann), 2)
    assert "can't be read" in caplog.text
    assert not [r for r in caplog.records if r.exc_info]


async def test_a_server_of_which_a_part_cant_be_read_is_known_by_the_rest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        general = fake.channel("general")
        odd = [None, 7, {}, {"id": "5"}, {"id": "x", "type": 11}, {"id": "6", "type": "x"}]
        lists = [
            *("channels", "threads", "roles", "emojis", "stickers", "members", "voice_states"),
            *("presences", "guild_scheduled_events", "stage_instances", "soundboard_sounds"),
        ]

        def altered(found: Json) -> Json:
            return found | {name: [*odd, *found.get(name, [])] for name in lists}

        fake.gateway.altered["GUILD_CREATE"] = altered
        async with bot_on(fake, ScriptedModel(reply=answered)) as bot:
            asked, thread = await talk(fake, bot, ann, general, "hello")
            assert thread.id == asked.id  # it knows that it may open threads there
            assert "What the model would see" in (await use(fake, ann, thread, "memory")).content
    assert "a part of a server is left out" in caplog.text


# --- what people use ------------------------------------------------------------------------------


async def everything_used(fake: FakeDiscord, bot: Bot, ann: User) -> list[Json]:
    """Let a person use all that there is; return what the bot was told of it."""
    general, dm = await fake.add_channel("general"), fake.dm(ann)
    asked, thread = await talk(fake, bot, ann, general, "hello")
    await synced(fake)
    for line in ("help", "memory", "reset", "export", "stats", "forget"):
        await fake.answered(await fake.slash(ann, thread, f"chatbot {line}"))
    for menu in (EXPORT_MENU, FORGET_MENU):
        (shown,) = await fake.answered(await fake.menu(ann, asked, menu))
    await fake.answered(await fake.press(ann, shown, "Keep"))
    (shown,) = await fake.answered(await fake.slash(ann, general, "chatbot memory"))
    await fake.say(ann, dm, "hello")
    await fake.replies(dm)
    await fake.answered(await fake.slash(ann, dm, "chatbot memory"))
    return [told.data for told in fake.delivery.of("INTERACTION_CREATE")]


async def test_whoever_uses_something_hears_whatever_stands_in_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    chance = random.Random(11)
    asked: dict[str, Any] = {}
    async with odd_world(caplog) as (fake, bot):
        ann = fake.person("ann")
        corpus = await everything_used(fake, bot, ann)
        assert {event["type"] for event in corpus} == {2, 3}
        fake.rest.contract = None  # ids of people that there are not
        for event in corpus:
            found = [*places(event)]
            for place in chance.sample(found, min(14, len(found))):
                made = fake.again(event["token"])
                payload = changed(event, place, chance.choice(OTHERS))
                for name in ("id", "token"):
                    if place[0] != name:
                        payload[name] = getattr(made, name)
                fake.tell("INTERACTION_CREATE", payload)
                known = payload["id"] == made.id and payload.get("token") == made.token
                if known and payload.get("type") in (2, 3):
                    asked[made.token] = (place, payload)
            await all_heard(asked, lambda token: bool(fake.interactions[token].shown))
    assert len(asked) > 100


async def is_told(fake: FakeDiscord, made: Interaction) -> None:
    """Wait until a person sees, alone, that it can't be told what they used."""
    await fake.until(lambda: any(word.content == NOT_UNDERSTOOD for word in made.shown))
    assert all(word.ephemeral for word in made.shown)


async def test_a_button_of_another_time_and_one_that_cant_be_read_get_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with odd_world(caplog) as (fake, bot):
        ann = fake.person("ann")
        event = (await everything_used(fake, bot, ann))[-1]
        pressed = next(
            told.data for told in fake.delivery.of("INTERACTION_CREATE") if told.data["type"] == 3
        )
        for data in (
            {"custom_id": "chatbot:old:thing", "component_type": 2},
            {"custom_id": "chatbot:do:export:x", "component_type": 2},
            {"custom_id": "chatbot:choose:export:md", "component_type": 3, "values": [{}]},
            {"component_type": 2},
            None,
        ):
            made = fake.again(pressed["token"])
            told = pressed | {"data": data, "id": made.id, "token": made.token}
            fake.tell("INTERACTION_CREATE", told)
            await is_told(fake, made)
        bare = fake.again(event["token"])
        fake.tell("INTERACTION_CREATE", {"id": bare.id, "token": bare.token, "type": 2})
        await is_told(fake, bare)
        untold = {"type": 3, "member": {"user": {"id": ann.id}}}
        count = len(fake.said_by_bot(fake.dm(ann)))
        fake.tell("INTERACTION_CREATE", untold)  # no way to answer it but a direct message
        await fake.until(lambda: len(fake.said_by_bot(fake.dm(ann))) > count)
        assert fake.said_by_bot(fake.dm(ann))[-1].content == NOT_UNDERSTOOD


# --- what is read back ----------------------------------------------------------------------------


def with_other(name: str, value: Any) -> Callable[[Json], Any]:
    return lambda found: changed(found, (name,), value)


def alterations() -> Iterator[Callable[[Json], Any]]:
    """Yield what makes of a message in a channel's history something that nobody has foreseen."""
    for name in ("id", "content", "author", "type", "attachments", "mentions", "message_reference"):
        for value in (GONE, None, 7, "x", [], {}, "\ud800", nested(50)):
            yield with_other(name, value)
    yield lambda _: None
    yield lambda _: "x"
    yield lambda _: []


async def odd_messages(fake: FakeDiscord, who: User, *channels: Channel) -> None:
    fake.rest.contract = None
    for alter in alterations():
        for channel in channels:
            fake.delivery.unheard = []
            made = await fake.say(who, channel, "hello")
            fake.delivery.unheard = None
            fake.altered[made.id] = alter


async def test_what_was_missed_is_answered_whatever_stands_beside_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = LocalStore(SystemClock())
    async with FakeDiscord() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general")
        async with bot_on(fake, store=store) as bot:
            _, thread = await talk(fake, bot, ann, general, "first?")
            await fake.say(ann, fake.dm(ann), "hello")
            await fake.replies(fake.dm(ann))
            await heard(bot, f"{fake.home.id}/{general.id}", f"dm/{fake.dm(ann).id}")
        await odd_messages(fake, bob, general, thread)
        await odd_messages(fake, ann, fake.dm(ann))
        await fake.say(ann, thread, f"{fake.at_bot} second?")
        await fake.say(ann, fake.dm(ann), "third?")
        async with bot_on(fake, ScriptedModel(reply=answered), store=store):
            await fake.until(lambda: len(fake.said_by_bot(thread)) > 1)
            await fake.until(lambda: len(fake.said_by_bot(fake.dm(ann))) > 1)
    assert not [r for r in caplog.records if r.exc_info or r.name == "asyncio"]


async def test_what_was_said_before_is_read_whatever_stands_in_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with odd_world(caplog) as (fake, bot):
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general")
        thread = await fake.open_thread(bob, general, "Dogs")
        await fake.say(bob, thread, "Rex is my dog")
        await odd_messages(fake, bob, thread)
        await fake.say(ann, thread, f"{fake.at_bot} who is Rex?")
        await fake.replies(thread)
        (known,) = (await bot.store.threads(person=ann.id)).threads
        texts = [getattr(r, "text", "") for r in await bot.store.history(known.thread)]
    assert "who is Rex?" in texts


async def test_answers_of_a_shape_that_no_call_has_cost_no_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shapes = [
        Odd(),
        Odd("[]"),
        Odd("null"),
        Odd('"x"'),
        Odd("<html>hello</html>", "text/html"),
        Odd('{"id": ', "application/json"),
        Odd("[" * 5000),
    ]
    async with odd_world(caplog) as (fake, _):
        fake.rest.contract = None
        for number, shape in enumerate(shapes):
            who = fake.person(f"p{number}")
            fake.faults.next("*", shape)
            await fake.say(who, fake.dm(who), "hello")
            (answer,) = await fake.replies(fake.dm(who))
            assert answer.content == "re"
            fake.faults.clear()


# --- what ends it ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "why"),
    [(4010, "CHATBOT_DISCORD_SHARDS"), (4012, "a newer discord.py"), (4013, "the intents")],
)
async def test_what_ends_it_says_why_and_what_is_being_answered_is_answered(
    code: int, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = ScriptedModel(reply=lambda _: [0.5, "Here it is."])
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model, grace_seconds=10) as bot:
            await fake.say(ann, dm, "hello")
            await fake.until(lambda: model.calls or fake.typing)
            for connection in fake.gateway.connections:
                connection.close(code)
            assert await bot.discord.wait() == 1
        assert [message.content for message in fake.said_by_bot(dm)] == ["Here it is."]
        (said,) = [
            r.getMessage() for r in caplog.records if "connection has ended" in r.getMessage()
        ]
        assert f"code {code}" in said
        assert why in said


async def test_a_client_that_breaks_is_replaced_and_what_it_missed_is_answered(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it may be that discord.py can't do: here, a shard's own task."""
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, ScriptedModel(reply=answered)) as bot:
            await fake.say(ann, dm, "hello")
            await fake.replies(dm)
            await heard(bot, f"dm/{dm.id}")
            broken = bot.discord.api.gateway.client
            (shard,) = broken._AutoShardedClient__shards.values()  # type: ignore[attr-defined]

            async def breaks() -> None:
                raise ZeroDivisionError

            shard.ws.poll_event = breaks
            fake.frame("{}")
            await fake.until(lambda: not fake.gateway.connections)
            await fake.say(ann, dm, "are you there?")
            await fake.replies(dm, 2)
            assert bot.discord.api.gateway.client is not broken
            assert bot.discord.connected
    assert "opened again: ZeroDivisionError at" in caplog.text
