"""What people do with one answer on Discord: ending it while it is written."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from bots.discord.outbound.format import WRITING
from bots.discord.ui.commands import WHY_MENU
from core.commands.answers import NO_ANSWER, NOT_ASKED, NOT_RUNNING, STOPPING, THANKS
from core.domain.clock import SystemClock
from core.domain.ratings import BAD, GOOD, NONE
from core.domain.session import Answer
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from core.turn.notices import STOPPED
from tests.e2e.discord_bot import bot_on, until_true
from tests.e2e.discord_hands import settled, shown, synced, talk, threads_of
from tests.fakes.discord import FakeDiscord

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.discord_bot import Bot
    from tests.fakes.discord import Channel, Message, User


class Writing(NamedTuple):
    bot: Bot
    ann: User
    thread: Channel
    preview: Message
    more: asyncio.Event


@asynccontextmanager
async def writing(fake: FakeDiscord) -> AsyncIterator[Writing]:
    """A bot that has begun to answer Ann in a thread in which Bob is, too; its preview."""
    more = asyncio.Event()
    model = ScriptedModel(["One, ", more, "two."], *["ok"] * 4)
    ann, general = fake.person("ann"), fake.channel("general")
    async with bot_on(fake, model) as bot:
        asked = await fake.say(ann, general, f"{fake.at_bot} count")
        thread = await fake.thread(asked)
        await fake.until(lambda: fake.texts(thread)[-1:] == [f"One,\n{WRITING}"])
        yield Writing(bot, ann, thread, fake.said_by_bot(thread)[-1], more)


async def test_a_person_stops_an_answer_and_it_stays_as_far_as_it_is() -> None:
    async with FakeDiscord() as fake, writing(fake) as (bot, ann, thread, preview, _):
        pressed = await fake.press(ann, preview, "Stop")
        assert await shown(fake, pressed) == STOPPING
        await settled(bot)
        first, note = fake.said_by_bot(thread)
        assert (first.id, first.content) == (preview.id, "One,")
        assert STOPPED in note.content
        assert first.components == []


async def test_the_button_is_gone_when_the_answer_stands() -> None:
    async with FakeDiscord() as fake, writing(fake) as (bot, ann, thread, preview, more):
        custom_id = preview.components[0]["components"][0]["custom_id"]
        more.set()
        await settled(bot)
        (answer,) = fake.said_by_bot(thread)
        assert (answer.content, answer.components) == ("One, two.", [])
        answer.components = [
            {"type": 1, "components": [{"type": 2, "id": 1, "custom_id": custom_id}]}
        ]
        late = await fake.press(ann, answer, custom_id)  # as from a client that lags behind
        assert await shown(fake, late) == NOT_RUNNING
        assert fake.texts(thread)[-1] == "One, two."


async def test_only_the_asker_and_admins_stop_an_answer() -> None:
    async with FakeDiscord() as fake:
        bob = fake.person("bob")
        async with writing(fake) as (bot, _, thread, preview, _):
            assert await shown(fake, await fake.press(bob, preview, "Stop")) == NOT_ASKED
            assert fake.texts(thread)[-1] == f"One,\n{WRITING}"
            pressed = await fake.press(fake.users[fake.home.owner], preview, "Stop")
            assert await shown(fake, pressed) == STOPPING
            await settled(bot)
            assert fake.said_by_bot(thread)[0].content == "One,"


async def rated(bot: Bot, who: User, *expected: tuple[User, int]) -> None:
    """Wait until these people's last words are kept with the first answer of a thread."""
    wanted = {person.id: value for person, value in expected}

    async def same() -> bool:
        (info,) = await threads_of(bot, who)
        records = await bot.store.history(info.thread)
        kept = next(each.ratings for each in records if isinstance(each, Answer))
        return {each.person: each.value for each in kept} == wanted

    await until_true(same, 5)


@pytest.mark.parametrize("place", ["thread", "channel", "dm"])
async def test_a_persons_last_reaction_is_kept_with_the_answer(place: str) -> None:
    async with FakeDiscord() as fake:
        ann, bob, general = fake.person("ann"), fake.person("bob"), fake.channel("general")
        answer_in = "channel" if place == "channel" else "thread"
        async with bot_on(fake, discord_answer_in=answer_in) as bot:
            where = fake.dm(ann) if place == "dm" else general
            asked = await fake.say(ann, where, f"{fake.at_bot} hello")
            there = await fake.thread(asked) if place == "thread" else where
            await fake.replies(there)
            await settled(bot)
            answer = fake.said_by_bot(there)[-1]
            both = [ann] if place == "dm" else [ann, bob]
            for who in both:
                await fake.react(who, answer, "\N{THUMBS UP SIGN}")
            await rated(bot, ann, *((who, GOOD) for who in both))
            await fake.react(ann, answer, "\N{THUMBS DOWN SIGN}\U0001f3fd")
            await rated(bot, ann, (ann, BAD), *((who, GOOD) for who in both[1:]))
            await fake.react(ann, answer, "\N{THUMBS UP SIGN}", removed=True)
            await fake.react(both[-1], answer, "\N{THUMBS UP SIGN}", removed=True)
            await rated(bot, ann, (ann, BAD), *((who, NONE) for who in both[1:]))


async def test_reactions_of_others_to_other_things_count_nothing() -> None:
    async with FakeDiscord() as fake:
        ann, bob, general = fake.person("ann"), fake.person("bob"), fake.channel("general")
        helper = fake.other_bot("helper", fake.home)
        async with bot_on(fake) as bot:
            asked, thread = await talk(fake, bot, ann, general, "hello")
            answer = fake.said_by_bot(thread)[-1]
            await fake.react(ann, asked, "\N{THUMBS UP SIGN}")
            await fake.react(ann, answer, "\N{PARTY POPPER}")
            await fake.react(helper, answer, "\N{THUMBS UP SIGN}")
            await fake.react(bob, answer, "\N{THUMBS UP SIGN}")
            await rated(bot, ann, (bob, GOOD))


@pytest.mark.parametrize("answer_in", ["thread", "channel"])
async def test_a_person_says_why_where_nobody_else_sees_it(answer_in: str) -> None:
    async with FakeDiscord() as fake:
        ann, bob, general = fake.person("ann"), fake.person("bob"), fake.channel("general")
        async with bot_on(fake, discord_answer_in=answer_in) as bot:
            await synced(fake)
            asked = await fake.say(ann, general, f"{fake.at_bot} hello")
            there = await fake.thread(asked) if answer_in == "thread" else general
            await fake.replies(there)
            await settled(bot)
            answer = fake.said_by_bot(there)[-1]
            opened = await fake.menu(bob, answer, WHY_MENU)
            await fake.until(lambda: opened.modal)
            sent = await fake.submit(bob, opened, fact="It says **nothing** new.")
            assert await shown(fake, sent) == THANKS
            (info,) = await threads_of(bot, ann)
            (kept,) = [r for r in await bot.store.history(info.thread) if isinstance(r, Answer)]
            (rating,) = kept.ratings
            assert (rating.person, rating.value) == (bob.id, BAD)
            assert rating.reason == "It says **nothing** new."
            assert fake.said_by_bot(there)[-1] is answer
            opened = await fake.menu(bob, asked, WHY_MENU)
            await fake.until(lambda: opened.modal)
            sent = await fake.submit(bob, opened, fact="Not the bot's.")
            assert await shown(fake, sent) == NO_ANSWER


async def test_a_reaction_that_two_processes_hear_is_kept_once() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        store = LocalStore(SystemClock())
        async with bot_on(fake, store=store) as bot, bot_on(fake, store=store):
            _, thread = await talk(fake, bot, ann, general, "hello")
            answer = fake.said_by_bot(thread)[-1]
            await fake.react(ann, answer, "\N{THUMBS UP SIGN}")
            await fake.react(ann, answer, "\N{THUMBS DOWN SIGN}")
            await rated(bot, ann, (ann, BAD))


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": None},
        {"user_id": "not an id"},
        {"message_id": "1"},
        {"message_id": {}},
        {"channel_id": "7"},
        {"emoji": None},
        {"emoji": {"id": "5", "name": "\N{THUMBS UP SIGN}"}},
        {"message_author_id": "5"},
        {"member": {"user": {"bot": True}}},
    ],
)
@pytest.mark.parametrize("removed", [False, True])
async def test_a_reaction_that_can_not_be_read_or_is_no_persons_counts_nothing(
    change: dict[str, Any], *, removed: bool
) -> None:
    async with FakeDiscord() as fake:
        ann, bob, general = fake.person("ann"), fake.person("bob"), fake.channel("general")
        async with bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "hello")
            answer = fake.said_by_bot(thread)[-1]
            emoji = {"id": None, "name": "\N{THUMBS UP SIGN}"}
            event: dict[str, Any] = {"user_id": ann.id, "channel_id": thread.id}
            event |= {
                "message_id": answer.id,
                "guild_id": fake.home.id,
                "emoji": emoji,
                "type": 0,
                "burst": False,
            }
            name = "MESSAGE_REACTION_REMOVE" if removed else "MESSAGE_REACTION_ADD"
            if not (removed and {"member", "message_author_id"} & {*change}):  # only of new ones
                fake.emit(name, {**event, **change}, thread)
            await fake.react(bob, answer, "\N{THUMBS UP SIGN}")
            await rated(bot, ann, (bob, GOOD))
