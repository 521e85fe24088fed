"""Every way into the bot on Slack asks the same: may this person, now, and is this what it was?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bots.slack.ui.commands import EXPORT_SHORTCUT, FORGET_SHORTCUT
from core.commands.access import NOT_YOURS
from core.commands.authorized import NOT_HEARD
from core.domain.clock import SystemClock
from core.domain.message import Address, Kind, ThreadKey
from core.domain.session import Entry, Status
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from tests.builders import message, terms
from tests.e2e.discord_bot import until_true
from tests.e2e.slack_bot import answers, bot_on
from tests.e2e.slack_hands import files_in, filled, shown, talk, threads_of
from tests.fakes.slack import FakeSlack, Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.e2e.slack_bot import Bot
    from tests.fakes.slack import Message as Said
    from tests.fakes.slack import User


def store_of() -> LocalStore:
    return LocalStore(SystemClock(), lease_seconds=15)


def link(message: Said) -> str:
    return f"https://acme.slack.com/archives/{message.channel}/p{message.ts.replace('.', '')}"


async def refused(fake: FakeSlack, who: User, message: Said, why: str = NOT_YOURS) -> None:
    """Try to export and to forget a thread; nothing comes of it."""
    dm = fake.dm(who)
    before = len(fake.said_by_app(dm))
    await fake.slash(who, dm, f"/chatbot export {link(message)}")
    await fake.until(lambda: len(fake.said_by_app(dm)) > before)
    assert fake.said_by_app(dm)[-1].text == why
    assert files_in(fake, dm) == []


async def given(fake: FakeSlack, who: User, message: Said) -> str:
    """Export a thread; return what it says."""
    dm = fake.dm(who)
    before = len(files_in(fake, dm))
    await fake.slash(who, dm, f"/chatbot export {link(message)}")
    await fake.until(lambda: len(files_in(fake, dm)) > before)
    return files_in(fake, dm)[-1].data.decode()


async def shuts(fake: FakeSlack, who: User, gesture: Awaitable[object]) -> None:
    """Do what opens a modal; it says that the bot does not listen."""
    before = len(fake.modals(who))
    await gesture
    await fake.until(
        lambda: len(fake.modals(who)) > before and shown(fake.modals(who)[-1]) == NOT_HEARD
    )


async def kinds(bot: Bot) -> set[Kind]:
    return {info.kind for info in (await bot.store.threads()).threads}


# --- what kind of conversation it is --------------------------------------------------------------


async def test_a_group_dm_that_was_read_first_is_one_all_the_same() -> None:
    async with FakeSlack() as fake:
        ann, bob, root = fake.person("ann"), fake.person("bob"), fake.person("root", admin=True)
        group = fake.group_dm(ann, bob)
        async with bot_on(fake) as bot:
            said = await fake.say(bob, group, "Between us: the salary is 4711.")
            await fake.say(ann, group, f"{fake.at_bot} what do you think?", said.ts)
            await fake.replies(group, said.ts)
            assert await kinds(bot) == {Kind.GROUP}
            await refused(fake, root, said)
            assert "4711" in await given(fake, bob, said)


@pytest.mark.parametrize("listed", [True, False])
async def test_a_group_dm_that_was_found_after_a_downtime_is_one_all_the_same(
    listed: bool,
) -> None:
    store = store_of()
    async with FakeSlack() as fake:
        ann, bob, root = fake.person("ann"), fake.person("bob"), fake.person("root", admin=True)
        general, group = fake.channel("general", ann), fake.group_dm(ann, bob)
        async with bot_on(fake, store=store) as bot:
            await talk(fake, ann, general, "hello")
            first = await talk(fake, ann, group, "hello")

            async def heard() -> bool:
                place = f"slack:{fake.team.id}:{fake.team.id}/{group.id}"
                return bool(await store.cursor(place))

            await until_true(heard)
            await fake.settled()
        said = await fake.say(bob, group, f"{fake.at_bot} the salary is 4711")
        if not listed:
            fake.faults.next("users.conversations", Refused("internal_error"))
        async with bot_on(fake, store=store) as bot:
            await fake.replies(group, said.ts)
            assert {info.kind for info in await threads_of(bot, bob)} == {Kind.GROUP}
            await refused(fake, root, said)
            await refused(fake, root, first)


async def test_what_is_kept_as_a_channels_by_mistake_opens_no_group_dm_and_is_set_right() -> None:
    """As older versions kept it."""
    store = store_of()
    async with FakeSlack() as fake:
        ann, bob, root = fake.person("ann"), fake.person("bob"), fake.person("root", admin=True)
        group = fake.group_dm(ann, bob)
        said = await fake.say(bob, group, "The salary is 4711.")
        wrong = message(
            text=said.text,
            thread=ThreadKey("slack", f"{fake.team.id}/{group.id}", said.ts),
            id=said.ts,
            author=bob.id,
            sent_at=float(said.ts),
            address=Address.DIRECT,
            answer_in=said.ts,
        )
        await store.accept(wrong, terms())
        async with bot_on(fake, store=store) as bot:
            await fake.replies(group, said.ts)
            assert await kinds(bot) == {Kind.THREAD}
            await refused(fake, root, said)
            await fake.shortcut(bob, said, FORGET_SHORTCUT)
            assert "Forget this thread?" in (await filled(fake, bob)).body["title"]["text"]
            await fake.say(ann, group, f"{fake.at_bot} what?", said.ts)
            await fake.replies(group, said.ts, 2)
            assert await kinds(bot) == {Kind.GROUP}
            await refused(fake, root, said)


# --- what the platform shows an admin -------------------------------------------------------------


@pytest.mark.parametrize("opened", [False, True])
async def test_an_admin_reaches_a_private_channel_from_outside_by_a_setting_alone(
    opened: bool,
) -> None:
    async with FakeSlack() as fake:
        ann, root = fake.person("ann"), fake.person("root", admin=True)
        member = fake.person("member", owner=True)
        board = fake.channel("board", ann, member, kind="private")
        group, dm = fake.group_dm(ann, member), fake.dm(ann)
        async with bot_on(fake, admins_read_private=opened) as bot:
            asked = await talk(fake, ann, board, "we sell the company")
            among = await talk(fake, ann, group, "for 4711")
            alone = await fake.say(ann, dm, "really")
            await fake.replies(dm, alone.ts)
            for direct in (among, alone):
                await refused(fake, root, direct)
                await refused(fake, member, direct)
            assert "company" in await given(fake, member, asked)
            if opened:
                assert "company" in await given(fake, root, asked)
            else:
                await refused(fake, root, asked)
            assert [deed.by for deed in await bot.store.audited()] == [
                member.id,
                *([root.id] if opened else []),
            ]


async def test_a_public_channel_is_open_to_admins_who_are_no_guests() -> None:
    async with FakeSlack() as fake:
        ann, root, guest = (fake.person(name) for name in ("ann", "root", "guest"))
        guest.is_guest = True
        general = fake.channel("general", ann)
        async with bot_on(fake, slack_admins=f"{root.id},{guest.id}"):
            asked = await talk(fake, ann, general, "hello")
            assert "hello" in await given(fake, root, asked)
            await refused(fake, guest, asked)
            await fake.join(guest, general)
            assert "hello" in await given(fake, guest, asked)


@pytest.mark.parametrize("opened", [False, True])
async def test_a_channel_that_slack_no_longer_shows_the_bot_is_closed_to_admins(
    opened: bool,
) -> None:
    """It may have been a direct message; who took part in it is not known any more either."""
    async with FakeSlack() as fake:
        ann, root = fake.person("ann"), fake.person("root", admin=True)
        board = fake.channel("board", ann, root, kind="private")
        async with bot_on(fake, admins_read_private=opened):
            asked = await talk(fake, ann, board, "we sell the company")
            await fake.leave(fake.bot, board)
            for who in (ann, root):
                await refused(fake, who, asked)


# --- to whom the bot does not listen --------------------------------------------------------------


async def test_whom_the_bot_does_not_hear_gets_nothing_done_by_any_other_way() -> None:
    store = store_of()
    async with FakeSlack() as fake:
        ann, eve = fake.person("ann"), fake.stranger("eve")
        general, other = fake.channel("general", ann, eve, shared=True), fake.dm(eve)
        async with bot_on(fake, store=store, slack_allow_strangers=True) as bot:
            asked = await talk(fake, ann, general, "The code is 1234.")
            await talk(fake, eve, general, "lol", asked)
            await talk(fake, ann, general, "forget", asked)
            offer = answers(fake, general, asked.ts)[-1]
            await fake.shortcut(eve, asked, FORGET_SHORTCUT)
            modal = await filled(fake, eve)
            thread = (await threads_of(bot, ann))[0].thread
        gate = asyncio.Event()
        async with bot_on(fake, ScriptedModel(["Half. ", gate, "Whole."]), store=store):
            for word in ("memory", "forget"):
                for place in (general, other):
                    await shuts(fake, eve, fake.slash(eve, place, f"/chatbot {word}"))
            lines = ("reset", "stats", "export", f"export {link(asked)}")
            for line in lines:
                await fake.slash(eve, other, f"/chatbot {line}")
            await fake.until(lambda: len(fake.said_by_app(other)) == len(lines))
            for line in ("help", "nonsense"):
                helped = await fake.slash(eve, general, f"/chatbot {line}")
                assert helped.outcome is not None
                assert helped.outcome.answer["text"] == NOT_HEARD
            await fake.shortcut(eve, asked, EXPORT_SHORTCUT)
            await fake.until(lambda: len(fake.said_by_app(other)) == 5)
            await shuts(fake, eve, fake.shortcut(eve, asked, FORGET_SHORTCUT))
            await shuts(fake, eve, fake.press(eve, "thread_forget", offer))
            await fake.submit(eve, modal)
            await fake.until(lambda: len(fake.said_by_app(other)) == 6)
            await fake.open_home(eve)
            await fake.until(lambda: eve.id in fake.homes)
            assert NOT_HEARD in str(fake.homes[eve.id].body)
            await fake.say(eve, general, f"{fake.at_bot} reset", asked.ts)
            await fake.say(eve, general, "!reset", asked.ts)
            await fake.say(ann, general, f"{fake.at_bot} tell me", asked.ts)
            await fake.until(lambda: fake.session(general, asked.ts) == "processing")
            await fake.press_stop(eve, general, asked.ts)
            gate.set()
            await fake.until(lambda: "Whole." in fake.thread(general, asked.ts)[-1].text)
            await fake.settled()
        assert files_in(fake, other) == []
        work = await store.peek(thread)
        assert work is not None
        assert work.reset_position == 0
        records = await store.history(thread)
        kept = [r for r in records if isinstance(r, Entry) and r.status is not Status.DELETED]
        assert [entry.text for entry in kept][:2] == ["The code is 1234.", "lol"]
        assert {message.text for message in fake.said_by_app(other)} <= {NOT_HEARD}


async def test_what_no_view_of_ours_says_does_nothing() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake) as bot:
            asked = await talk(fake, ann, general, "hello")
            await talk(fake, ann, general, "forget", asked)
            offer = answers(fake, general, asked.ts)[-1]
            for value in ("nonsense", "a:b", "slack:%00:", f"slack:T0%2F{general.id}:{asked.ts}"):
                assert (await fake.press(ann, "thread_reset", offer_with(offer, value))).acked
            work = await bot.store.peek((await threads_of(bot, ann))[0].thread)
            assert work is not None
            assert work.reset_position == 0


def offer_with(offer: Said, value: str) -> Said:
    (actions,) = [block for block in offer.blocks if block["type"] == "actions"]
    actions["elements"][0] |= {"action_id": "thread_reset", "value": value}
    return offer


async def test_who_left_a_channel_reaches_nothing_of_it() -> None:
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob", admin=True)
        general = fake.channel("general", ann, bob, kind="private")
        async with bot_on(fake) as bot:
            asked = await talk(fake, ann, general, "The code is 1234.")
            await talk(fake, bob, general, "I see.", asked)
            await talk(fake, bob, general, "forget", asked)
            offer = answers(fake, general, asked.ts)[-1]
            await fake.leave(bob, general)
            await refused(fake, bob, asked)
            await fake.press(bob, "thread_forget", offer)
            assert shown(await filled(fake, bob)) == NOT_YOURS
            assert len(await threads_of(bot, ann)) == 1
