"""Apps that post people's messages for them on Discord, as PluralKit and Tupperbox do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from bots.discord.inbound.events import CREATED, DELETED, UPDATED, Me
from bots.discord.inbound.proxies import Proxies
from core.domain.clock import SystemClock
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from tests.clocks import ManualClock
from tests.e2e.discord_bot import bot_on, until_true
from tests.e2e.discord_hands import settled, talk, threads_of, use
from tests.e2e.slack_bot import echo
from tests.fakes.discord import Channel, FakeDiscord, Message, User

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.e2e.discord_bot import Bot

PLURALKIT, BRIDGE = "466378653216014359", "431544605209788416"
TRUSTED: dict[str, Any] = {"discord_proxies": f"{PLURALKIT}, {BRIDGE}"}


async def proxied(
    fake: FakeDiscord, who: User, place: Channel, text: str, *, tag: str = "L: ", delay: float = 0.3
) -> Message:
    """Let a person write, and PluralKit replace what they wrote."""
    said = await fake.say(who, place, tag + text)
    await asyncio.sleep(delay)
    posted = await fake.webhook("Luna", place, text, app=PLURALKIT, hook="800000000000000001")
    await fake.delete(said)
    return posted


async def waited(bot: Bot) -> None:
    """Wait until nothing is held, on its way or unanswered."""

    async def done() -> bool:
        reception = bot.discord.reception
        return not (reception._proxies._held or reception._queues._tasks)

    await asyncio.sleep(0.1)
    await until_true(done)
    await settled(bot)


@pytest.mark.parametrize("delay", [0.1, 1.0])
async def test_what_an_app_posts_for_a_person_is_answered_and_what_it_replaces_is_not(
    delay: float,
) -> None:
    model = ScriptedModel(reply=echo)
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, model, **TRUSTED) as bot:
            asked = await proxied(fake, ann, general, f"{fake.at_bot} what is 2+2?", delay=delay)
            thread = await fake.thread(asked)
            await fake.replies(thread)
            await proxied(fake, ann, thread, "and who are you?", delay=delay)
            await fake.replies(thread, 2)
            await proxied(fake, ann, thread, "and you?", tag="", delay=delay)
            await fake.replies(thread, 3)
            await waited(bot)
            exported = await use(fake, ann, thread, "export")
        answers = [m.content for m in fake.said_by_bot()]
        assert answers == ["re: what is 2+2?", "re: and who are you?", "re: and you?"]
    assert len(model.calls) == 3
    asked_second = model.calls[1].messages[-1].text
    assert '<chat_message from="Luna"' in asked_second
    assert ">\nand who are you?\n</chat_message>" in asked_second
    assert b"Luna" in exported.files[0].data, "it was Ann who said it"


async def test_a_person_whom_no_app_replaces_is_answered_in_the_order_of_what_they_said() -> None:
    model = ScriptedModel(reply=echo)
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, model, **TRUSTED) as bot:
            _, thread = await talk(fake, bot, ann, general, "one")
            for text in ("two", "three"):
                await fake.say(ann, thread, text)
            typo = await fake.say(ann, thread, "fuor")
            await fake.edit(typo, "four")
            await fake.until(lambda: any("four" in m.content for m in fake.said_by_bot(thread)))
            dm = fake.dm(ann)
            await fake.say(ann, dm, "here it waits for nothing")
            await fake.replies(dm, within=1.5)
    seen = "\n".join(each.messages[-1].text for each in model.calls)
    assert seen.index("\ntwo\n") < seen.index("\nthree\n") < seen.index("\nfour\n")
    assert "fuor" not in seen


async def test_an_app_that_posts_for_people_gives_no_commands() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, **TRUSTED) as bot:
            _, thread = await talk(fake, bot, ann, general, "My dog is called Rex.")
            (info,) = await threads_of(bot, ann)
            for text in ("reset", "export", "forget", "memory", "quiet", "stats"):
                await proxied(fake, ann, thread, f"{fake.at_bot} {text}", delay=0)
                await fake.until(lambda: "only from people themselves" in fake.texts(thread)[-1])
            for text in ("!reset", "!export"):
                await fake.webhook("Luna", thread, text, app=PLURALKIT)
                await fake.until(lambda: "only from people themselves" in fake.texts(thread)[-1])
            await fake.webhook("Luna", thread, f"{fake.at_bot} help", app=PLURALKIT)
            await fake.until(lambda: "`/chatbot export`" in fake.texts(thread)[-1])
            await waited(bot)
            work = await bot.store.peek(info.thread)
            assert work
            assert work.reset_position == 0
            assert not work.settings.muted
        assert fake.said_by_bot(fake.dm(ann)) == []


async def test_other_webhooks_are_not_answered_and_lists_of_people_hold() -> None:
    async with FakeDiscord() as fake:
        ann, eve, general = fake.person("ann"), fake.person("eve"), fake.channel("general")
        async with bot_on(fake, discord_allow_bots=True, **TRUSTED) as bot:
            for app in ("", "700000000000000001"):
                await fake.webhook("Alerts", general, f"{fake.at_bot} disk full", app=app)
            asked = await fake.webhook("ben [IRC]", general, f"{fake.at_bot} hi", app=BRIDGE)
            await fake.replies(await fake.thread(asked))
            await waited(bot)
        assert len(fake.said_by_bot()) == 1
        async with bot_on(fake, discord_deny_users=eve.id, **TRUSTED) as bot:
            await proxied(fake, eve, general, f"{fake.at_bot} let me in", delay=0.1)
            await waited(bot)
        async with bot_on(fake, discord_allow_users=ann.id, **TRUSTED) as bot:
            await proxied(fake, eve, general, f"{fake.at_bot} let me in", delay=0.1)
            asked = await proxied(fake, ann, general, f"{fake.at_bot} and me?", delay=0.1)
            await fake.replies(await fake.thread(asked))
            await waited(bot)
        assert [m.content for m in fake.said_by_bot()][1:] == ["re: and me?"]


async def test_what_was_posted_for_people_while_it_was_away_is_answered() -> None:
    store = LocalStore(SystemClock(), lease_seconds=15)
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, store=store, **TRUSTED) as bot:
            _, thread = await talk(fake, bot, ann, general, "one")
        await proxied(fake, ann, thread, f"{fake.at_bot} two", delay=0)
        await proxied(fake, ann, thread, f"{fake.at_bot} reset", delay=0)
        async with bot_on(fake, store=store, **TRUSTED):
            await fake.until(lambda: "re: two" in [m.content for m in fake.said_by_bot(thread)])
            await fake.until(lambda: any("only from people" in m for m in fake.texts(thread)))


def message(id_: str, text: str, **more: Any) -> dict[str, Any]:
    author = {"id": "100000000000000002", "username": "ann"}
    return {
        "id": id_,
        "channel_id": "3",
        "guild_id": "2",
        "author": author,
        "content": text,
        "member": {"nick": "Ann", "roles": ["9"]},
        **more,
    }


async def test_a_message_waits_longer_once_its_app_has_posted_what_may_be_the_same() -> None:
    clock = ManualClock()
    taken: list[tuple[str, str]] = []

    def take(kind: str, payload: Mapping[str, Any]) -> None:
        taken.append((kind, f"{payload['author']['id'][-1]} {payload['content']}"))

    proxies = Proxies(Me(user="1", proxies=frozenset({PLURALKIT})), clock, take)

    async def passed(seconds: float) -> None:
        await asyncio.sleep(0)
        clock.advance(seconds)
        for _ in range(5):
            await asyncio.sleep(0)

    hook = {"id": "800000000000000001", "username": "Luna", "bot": True}
    app = {"author": hook, "webhook_id": hook["id"], "application_id": PLURALKIT, "member": None}
    proxies.pass_on(CREATED, message("11", "yes"))
    proxies.pass_on(CREATED, message("12", "L: what?"))
    proxies.pass_on(CREATED, message("11", "yes"))
    proxies.pass_on(UPDATED, message("11", "yes!"))
    await passed(1)
    proxies.pass_on(CREATED, message("13", "what?", **app))
    assert taken == [(CREATED, "2 what?")], "it is Ann's"
    await passed(1)
    assert taken[1:] == [(CREATED, "2 yes!")]
    await passed(2)
    proxies.pass_on(DELETED, message("12", ""))
    await passed(9)
    assert taken[2:] == [(DELETED, "2 ")]
    proxies.pass_on(CREATED, message("14", "L: and?"))
    proxies.pass_on(CREATED, message("15", "and?", **app))
    proxies.pass_on(CREATED, message("16", "nobody said this", **app))
    await passed(9)
    kept = [(CREATED, "2 and?"), (CREATED, "1 nobody said this"), (CREATED, "2 L: and?")]
    assert taken[3:] == kept, "its app could not delete it"
    proxies.pass_on(CREATED, message("17", "see https://x.example/1"))
    posted = app | {"author": hook | {"username": "Ann"}}
    proxies.pass_on(CREATED, message("18", "see https://fixed.example/1", **posted))
    await passed(3)
    proxies.pass_on(DELETED, message("17", ""))
    await passed(9)
    assert taken[6:] == [(CREATED, "1 see https://fixed.example/1"), (DELETED, "2 ")]
    proxies.pass_on(CREATED, message("19", "bye"))
    proxies.close()
    assert taken[8:] == [(CREATED, "2 bye")]
