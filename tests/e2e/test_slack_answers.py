"""What people do with one answer on Slack: rating it by a reaction, with a reason or without."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from core.commands.access import NOT_YOURS
from core.commands.answers import THANKS
from core.domain.message import ThreadKey
from core.domain.payload import str_of
from core.domain.ratings import BAD, GOOD, NONE
from core.domain.session import Answer
from tests.e2e.discord_bot import until_true
from tests.e2e.slack_bot import answers, bot_on
from tests.e2e.slack_hands import filled, talk, threads_of, told
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from core.domain.ratings import Rating
    from tests.e2e.slack_bot import Bot
    from tests.fakes.slack.model import Channel, Message, User


class Asked(NamedTuple):
    fake: FakeSlack
    bot: Bot
    ann: User
    bob: User
    general: Channel
    question: Message
    answer: Message


@asynccontextmanager
async def asked() -> AsyncIterator[Asked]:
    """A channel in which Ann has an answer of the bot, and Bob looks on."""
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        async with bot_on(fake) as bot:
            question = await talk(fake, ann, general, "hello")
            (answer,) = answers(fake, general, question.ts)
            yield Asked(fake, bot, ann, bob, general, question, answer)


async def ratings(at: Asked) -> tuple[Rating, ...]:
    (info,) = await threads_of(at.bot, at.ann)
    records = await at.bot.store.history(info.thread)
    return next(each.ratings for each in records if isinstance(each, Answer))


async def values(at: Asked) -> dict[str, int]:
    return {each.person: each.value for each in await ratings(at)}


async def rated(at: Asked, *expected: tuple[User, int]) -> None:
    """Wait until these people's last words are kept."""
    wanted = {who.id: value for who, value in expected}

    async def same() -> bool:
        return await values(at) == wanted

    await until_true(same, 5)


async def test_a_persons_last_reaction_is_kept_with_the_answer() -> None:
    async with asked() as at:
        await at.fake.react(at.ann, at.answer, "+1")
        await at.fake.react(at.bob, at.answer, "-1::skin-tone-3")
        await rated(at, (at.ann, GOOD), (at.bob, BAD))
        await at.fake.react(at.ann, at.answer, "thumbsdown")
        await rated(at, (at.ann, BAD), (at.bob, BAD))
        await at.fake.react(at.ann, at.answer, "+1", removed=True)  # not the last word
        await at.fake.react(at.bob, at.answer, "-1::skin-tone-3", removed=True)
        await rated(at, (at.ann, BAD), (at.bob, NONE))


async def test_reactions_of_others_to_other_things_count_nothing() -> None:
    async with asked() as at:
        await at.fake.react(at.ann, at.question, "+1")
        await at.fake.react(at.ann, at.answer, "tada")
        await at.fake.react(at.fake.other_bot("helper"), at.answer, "+1")
        await at.fake.react(at.bob, at.answer, "+1")
        await rated(at, (at.bob, GOOD))


async def test_a_person_says_why_where_nobody_else_sees_it() -> None:
    async with asked() as at:
        await at.fake.react(at.bob, at.answer, "-1")
        await at.fake.until(lambda: at.fake.ephemerals)
        (shown,) = at.fake.ephemerals
        assert (shown.user, shown.channel) == (at.bob.id, at.general.id)
        await at.fake.press(at.bob, "why_not_helpful", shown)
        view = await filled(at.fake, at.bob)
        await at.fake.submit(
            at.bob, view, {"fact": {"fact": {"value": "It says <b>nothing</b> new.", "type": ""}}}
        )
        await told(at.fake, at.bob, THANKS)
        (rating,) = await ratings(at)
        assert (rating.person, rating.value) == (at.bob.id, BAD)
        assert rating.reason == "It says <b>nothing</b> new."
        said = [m.text for m in at.fake.said_by_app(at.general)]
        assert not any("nothing" in text for text in said)


async def test_an_answer_in_a_direct_message_is_rated_too() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake) as bot:
            question = await fake.say(ann, dm, "hello")
            await fake.replies(dm, question.ts, 1)
            await asyncio.sleep(0.1)
            (answer,) = answers(fake, dm, question.ts)
            at = Asked(fake, bot, ann, ann, dm, question, answer)
            await fake.react(ann, answer, "-1")
            await rated(at, (ann, BAD))
            await fake.until(lambda: fake.ephemerals)
            await fake.react(ann, answer, "-1", removed=True)
            await rated(at, (ann, NONE))


async def test_events_that_come_again_or_in_another_order_change_nothing() -> None:
    async with asked() as at:
        item = {"type": "message", "channel": at.general.id, "ts": at.answer.ts}
        event = {"user": at.ann.id, "reaction": "+1", "item": item, "item_user": at.answer.user}
        first = {**event, "type": "reaction_added", "event_ts": f"{at.answer.ts[:10]}.000100"}
        back = {**event, "type": "reaction_removed", "event_ts": f"{at.answer.ts[:10]}.000200"}
        for each in (back, first, first, back, first):
            at.fake.emit(each, channel=at.general)
        await at.fake.react(at.bob, at.answer, "+1")
        await rated(at, (at.ann, NONE), (at.bob, GOOD))


@pytest.mark.parametrize(
    "change",
    [
        {"user": None},
        {"user": "not an id"},
        {"item": None},
        {"item": {"type": "file", "file": "F1"}},
        {"item": {"type": "message", "channel": "C0", "ts": "1.000000"}},
        {"item": {"type": "message", "channel": [], "ts": {}}},
        {"reaction": 7},
        {"item_user": None},
    ],
)
async def test_an_event_that_can_not_be_read_counts_nothing(change: dict[str, Any]) -> None:
    async with asked() as at:
        item = {"type": "message", "channel": at.general.id, "ts": at.answer.ts}
        event = {"user": at.ann.id, "reaction": "+1", "item": item, "item_user": at.answer.user}
        at.fake.emit({**event, "type": "reaction_added", **change}, channel=at.general)
        await at.fake.react(at.bob, at.answer, "+1")
        await rated(at, (at.bob, GOOD))


async def test_a_button_and_a_modal_with_made_up_ids_are_refused() -> None:
    async with asked() as at:
        await at.fake.react(at.bob, at.answer, "-1")
        await at.fake.until(lambda: at.fake.ephemerals)
        (shown,) = at.fake.ephemerals
        _, _, thread = str_of(shown.blocks[-1]["elements"][0], "value").partition(" ")
        foreign = str(ThreadKey("slack", "T9/C9", "1.000000"))
        for value in (
            "",
            "1.000000",
            f"x {thread}",
            f"{at.answer.ts} nothing",
            "1.000000 " + foreign,
        ):
            shown.blocks[-1]["elements"][0]["value"] = value
            await at.fake.press(at.bob, "why_not_helpful", shown)
        views = [view for view in at.fake.modals(at.bob) if view.body.get("callback_id")]
        for view in views:
            await at.fake.submit(at.bob, view, {"fact": {"fact": {"value": "Ha!", "type": ""}}})
        await told(at.fake, at.bob, NOT_YOURS)
        assert [each.reason for each in await ratings(at)] == [""]
