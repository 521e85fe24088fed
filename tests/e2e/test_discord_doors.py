"""Every way into the bot on Discord asks the same: does it listen to this person, there, now?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bots.discord.ui.commands import EXPORT_MENU, FORGET_MENU
from core.commands.access import NOT_YOURS
from core.commands.authorized import NOT_HEARD
from core.domain.clock import SystemClock
from core.domain.session import Entry, Status
from core.store.local.store import LocalStore
from tests.e2e.discord_bot import bot_on, until_true
from tests.e2e.discord_hands import answer, settled, synced, talk, use
from tests.fakes.discord import FakeDiscord, Permission

if TYPE_CHECKING:
    from core.domain.message import ThreadKey
    from core.store.port import Store
    from tests.fakes.discord import Channel, Interaction, Message, User

WORDS = ("help", "export", "forget", "memory", "reset", "stats")


def store_of() -> LocalStore:
    return LocalStore(SystemClock(), lease_seconds=15)


def link_to(message: Message, guild: str) -> str:
    return f"https://discord.com/channels/{guild}/{message.channel}/{message.id}"


async def shut(fake: FakeDiscord, asked: Interaction) -> None:
    """Wait until a person is told that the bot does not listen to them."""
    await fake.until(lambda: asked.shown and asked.shown[-1].content == NOT_HEARD)
    assert asked.shown[-1].files == []


async def untouched(store: Store, thread: ThreadKey) -> None:
    """See that nothing was changed for others."""
    work = await store.peek(thread)
    assert work is not None
    assert (work.reset_position, work.settings.muted) == (0, False)
    records = [r for r in await store.history(thread) if isinstance(r, Entry)]
    assert [r.text for r in records if r.status is not Status.DELETED][:2] == [
        "The code is 1234.",
        "lol",
    ]


def deny_user(_fake: FakeDiscord, eve: User, _general: Channel) -> dict[str, Any]:
    return {"discord_deny_users": eve.id}


def deny_role(fake: FakeDiscord, eve: User, _general: Channel) -> dict[str, Any]:
    role = fake.role("muted", Permission(0), None, eve)
    return {"discord_deny_roles": role.id}


def deny_channel(_fake: FakeDiscord, _eve: User, general: Channel) -> dict[str, Any]:
    return {"discord_deny_channels": general.id}


def deny_guild(_fake: FakeDiscord, _eve: User, general: Channel) -> dict[str, Any]:
    return {"discord_deny_guilds": general.guild}


def allow_others(fake: FakeDiscord, _eve: User, _general: Channel) -> dict[str, Any]:
    role = fake.role("staff", Permission(0))
    return {"discord_allow_roles": role.id}


@pytest.mark.parametrize("rule", [deny_user, deny_role, deny_channel, deny_guild, allow_others])
async def test_whom_the_bot_does_not_hear_gets_nothing_done_by_any_other_way(rule: Any) -> None:
    store = store_of()
    async with FakeDiscord() as fake:
        ann, eve = fake.person("ann"), fake.person("eve")
        general, dm = fake.channel("general"), fake.dm(eve)
        fake.role("managers", Permission.MANAGE_GUILD, None, eve)
        async with bot_on(fake, store=store) as bot:
            asked, thread = await talk(fake, bot, ann, general, "The code is 1234.")
            await fake.say(eve, thread, f"{fake.at_bot} lol")
            await fake.replies(thread, 2)
            await fake.say(ann, thread, f"{fake.at_bot} forget")
            (_, _, offer) = await fake.replies(thread, 3)
            sure = await use(fake, eve, thread, "forget")
            chosen = await use(fake, eve, general, "reset")
            await settled(bot)
            (info,) = (await store.threads()).threads
        async with bot_on(fake, store=store, **rule(fake, eve, general)) as bot:
            await synced(fake)
            for place in (thread, general):
                for word in WORDS:
                    await shut(fake, await fake.slash(eve, place, f"chatbot {word}"))
            link = link_to(asked, general.guild)
            for place in (thread, dm):
                await shut(fake, await fake.slash(eve, place, "chatbot export", message=link))
            for name in (EXPORT_MENU, FORGET_MENU):
                await shut(fake, await fake.menu(eve, asked, name))
            for message, label in ((offer, "Forget"), (sure, "Forget")):
                await shut(fake, await fake.press(eve, message, label))
            menu = str(chosen.components[0]["components"][0]["custom_id"])
            await shut(fake, await fake.press(eve, chosen, menu, str(info.thread)))
            for word in ("reset", "quiet", "export", "forget"):
                await fake.say(eve, thread, f"{fake.at_bot} {word}")
                await fake.say(eve, thread, f"!{word}")
            await fake.say(eve, dm, f"!export {link}")
            said = len(fake.said_by_bot())
            ending = await fake.slash(eve, thread, "chatbot stats")
            await shut(fake, ending)
            await settled(bot)
            assert [m for m in fake.said_by_bot()[said:] if m.channel != dm.id] == []
        assert all(message.files == [] for message in fake.said_by_bot(dm))
        await untouched(store, info.thread)


async def test_a_denied_channel_is_shut_from_a_channel_that_is_not() -> None:
    """By a link, and by what one chooses from the list of one's conversations."""
    store = store_of()
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        general, quiet = fake.channel("general"), fake.channel("quiet")
        async with bot_on(fake, store=store) as bot:
            asked, _ = await talk(fake, bot, ann, quiet, "The code is 1234.")
            (info,) = (await store.threads()).threads
            chosen = await use(fake, ann, general, "export")
        async with bot_on(fake, store=store, discord_deny_channels=quiet.id) as bot:
            await synced(fake)
            link = link_to(asked, quiet.guild)
            for place in (general, fake.dm(ann)):
                await shut(fake, await fake.slash(ann, place, "chatbot export", message=link))
            menu = str(chosen.components[0]["components"][0]["custom_id"])
            await shut(fake, await fake.press(ann, chosen, menu, str(info.thread)))
            listed = await use(fake, ann, general, "export")
            assert listed.content == "You have no conversations with me that you can see."
            await fake.say(ann, fake.dm(ann), f"!export {link}")
            await fake.until(lambda: fake.texts(fake.dm(ann))[-1] == NOT_HEARD)
            await settled(bot)


async def test_without_direct_messages_their_buttons_do_nothing_either() -> None:
    store = store_of()
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, store=store) as bot:
            await fake.say(ann, dm, "The code is 1234.")
            await fake.replies(dm)
            await settled(bot)
            sure = await use(fake, ann, dm, "forget")
            (info,) = (await store.threads()).threads
        async with bot_on(fake, store=store, discord_dms=False):
            await synced(fake)
            await shut(fake, await fake.press(ann, sure, "Forget"))
            await shut(fake, await fake.slash(ann, dm, "chatbot export"))
        assert len(await store.history(info.thread)) == 2


@pytest.mark.parametrize("opened", [False, True])
async def test_an_admin_reaches_what_discord_does_not_show_them_by_a_setting_alone(
    opened: bool,
) -> None:
    async with FakeDiscord() as fake:
        ann, root = fake.person("ann"), fake.person("root")
        fake.role("managers", Permission.MANAGE_GUILD, None, root)
        general, board = fake.channel("general"), fake.channel("board")
        async with bot_on(fake, admins_read_private=opened) as bot:
            asked, _ = await talk(fake, bot, ann, board, "We sell the company.")
            secret = await fake.open_thread(ann, general, "secret", private=True)
            await fake.add_to_thread(fake.bot, secret)
            inside = await fake.say(ann, secret, f"{fake.at_bot} for 4711")
            await fake.replies(secret)
            await settled(bot)
            shown = await use(fake, root, general, "export", message=link_to(asked, board.guild))
            assert shown.files, "it is shown to them as yet"
            await fake.deny(board, Permission.VIEW_CHANNEL, root)
            for message in (asked, inside):
                link = link_to(message, board.guild)
                said = await use(fake, root, general, "export", message=link)
                assert bool(said.files) == opened
                assert (said.content == NOT_YOURS) != opened
            direct = await fake.say(ann, fake.dm(ann), "hello")
            await fake.replies(fake.dm(ann))
            link = link_to(direct, "@me")
            assert (await use(fake, root, general, "export", message=link)).content == NOT_YOURS
            assert len(await bot.store.audited()) == (3 if opened else 1)


async def test_an_admin_exports_a_conversation_that_goes_on_in_a_channel() -> None:
    async with FakeDiscord() as fake:
        ann, root = fake.person("ann"), fake.person("root")
        fake.role("managers", Permission.MANAGE_GUILD, None, root)
        general = fake.channel("general")
        async with bot_on(fake, discord_answer_in="channel") as bot:
            asked = await fake.say(ann, general, f"{fake.at_bot} hello")
            await fake.replies(general)
            await settled(bot)
            said = await answer(fake, await fake.menu(root, asked, EXPORT_MENU))
            assert b"hello" in said.files[0].data


FORGED = (
    "abc:def",
    "{guild}%2F{channel}:abc",
    "{guild}%2Fabc:1",
    "%00:1",
    "1:2",
    "dm%2Fabc:1",
    f"{{guild}}%2F{{channel}}:{'9' * 19}",
    f"{'9' * 20}%2F1:1",
)


@pytest.mark.parametrize("kind", ["do:export", "do:reset", "do:memory", "whole:", "own:"])
async def test_what_no_button_of_ours_says_is_told_to_be_nobodys(kind: str) -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake) as bot:
            asked, thread = await talk(fake, bot, ann, general, "The code is 1234.")
            (info,) = (await bot.store.threads()).threads
            for name in FORGED:
                place = name.format(guild=general.guild, channel=general.id)
                data = {"custom_id": f"chatbot:{kind}:discord:{place}", "component_type": 2}
                made = fake._interact(3, ann, thread, data, asked)
                await fake.until(lambda made=made: made.shown)  # type: ignore[misc]
                assert "only" in made.shown[-1].content
            assert len(await bot.store.history(info.thread)) == 2


async def test_a_role_that_is_taken_away_counts_at_once() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        role = fake.role("staff", Permission(0), None, ann)
        async with bot_on(fake, discord_allow_roles=role.id) as bot:
            asked, thread = await talk(fake, bot, ann, general, "The code is 1234.")
            assert (await use(fake, ann, thread, "export")).files
            fake.home.members[ann.id].roles.remove(role.id)
            await shut(fake, await fake.slash(ann, thread, "chatbot export"))
            await shut(fake, await fake.menu(ann, asked, FORGET_MENU))
            await fake.say(ann, thread, f"{fake.at_bot} reset")
            await fake.say(ann, thread, "!reset")

            async def idle() -> bool:
                return not bot.discord.reception._queues._tasks

            await until_true(idle)
            work = await bot.store.peek((await bot.store.threads()).threads[0].thread)
            assert work is not None
            assert work.reset_position == 0
