"""Who may export, see, forget and reset what on Discord."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from bots.discord.ui.commands import EXPORT_MENU, FORGET_MENU
from core.commands.access import NOT_YOURS
from core.commands.authorized import NOT_MEMBER
from core.models.scripted import ScriptedModel
from tests.e2e.discord_bot import bot_on
from tests.e2e.discord_hands import answer, settled, synced, talk, threads_of, use
from tests.fakes.discord import Channel, FakeDiscord, Message, Permission, User

if TYPE_CHECKING:
    import pytest


def link_to(message: Message, guild: str) -> str:
    return f"https://discord.com/channels/{guild}/{message.channel}/{message.id}"


async def export(fake: FakeDiscord, who: User, where: Channel, link: str) -> Message:
    return await use(fake, who, where, "export", message=link)


async def test_an_export_by_link_is_for_those_who_took_part_and_still_see_it() -> None:
    async with FakeDiscord() as fake:
        ann, bob, eve = fake.person("ann"), fake.person("bob"), fake.person("eve")
        general, other = fake.channel("general"), fake.channel("other")
        async with bot_on(fake) as bot:
            asked, thread = await talk(fake, bot, ann, general, "The code is 1234.")
            await fake.say(bob, thread, "I see.")
            link = link_to(asked, general.guild)
            inside = link_to(fake.history(thread)[-1], general.guild)
            for each in (link, inside):
                assert b"1234" in (await export(fake, ann, fake.dm(ann), each)).files[0].data
            assert b"1234" in (await export(fake, bob, other, link)).files[0].data
            said = await export(fake, eve, other, link)
            assert (said.content, said.files) == (NOT_YOURS, [])
            await fake.deny(general, Permission.VIEW_CHANNEL, bob)
            assert (await export(fake, bob, other, link)).content == NOT_YOURS
            for odd in (
                "hello",
                f"https://discord.com/channels/{general.guild}/123456789012345678",
            ):
                said = await export(fake, ann, other, odd)
                assert said.content == "That is not a link to a message I can see."


async def test_who_left_the_server_reaches_nothing_of_it() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake) as bot:
            asked, _ = await talk(fake, bot, ann, general, "The code is 1234.")
            dm, link = fake.dm(ann), link_to(asked, general.guild)
            await fake.say(ann, dm, "hello")
            await fake.replies(dm)
            await settled(bot)
            assert (await export(fake, ann, dm, link)).files
            await fake.ban(ann)
            assert (await export(fake, ann, dm, link)).content == NOT_YOURS
            await fake.say(ann, dm, "!stats")
            await fake.until(lambda: "Conversations: 1" in fake.texts(dm)[-1])


async def test_a_private_thread_is_for_those_who_are_in_it() -> None:
    async with FakeDiscord() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        mod = fake.person("mod")
        fake.role("mods", Permission.MANAGE_THREADS, None, mod)
        general = fake.channel("general")
        async with bot_on(fake) as bot:
            thread = await fake.open_thread(ann, general, "secret", private=True)
            await fake.add_to_thread(fake.bot, thread)
            for who in (bob, mod):
                await fake.add_to_thread(who, thread)
            for number, who in enumerate((ann, bob, mod), 1):
                asked = await fake.say(who, thread, f"{fake.at_bot} The code is 1234.")
                await fake.replies(thread, number)
            await settled(bot)
            link = link_to(asked, general.guild)
            for who in (bob, mod):
                fake.leave_thread(thread, who)
            for archived in (False, True):
                if archived:
                    await fake.archive(thread)
                    fake.forget_sessions()
                    await fake.until(lambda: not fake.delivery.connected)
                    await fake.connected()
                assert (await export(fake, ann, general, link)).files
                assert (await export(fake, bob, general, link)).content == NOT_YOURS
                assert (await export(fake, mod, general, link)).files


async def test_an_admin_exports_anything_but_dms_and_it_is_audited(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)
    async with FakeDiscord() as fake:
        ann, root, named = fake.person("ann"), fake.person("root"), fake.person("named")
        helper = fake.person("helper")
        fake.role("managers", Permission.MANAGE_GUILD, None, root)
        role = fake.role("helpers", Permission(0), None, helper)
        general = fake.channel("general")
        async with bot_on(fake, discord_admins=f"server, {role.id},{named.id}") as bot:
            asked, thread = await talk(fake, bot, ann, general, "hello")
            dm = fake.dm(ann)
            private = await fake.say(ann, dm, "hello")
            await fake.replies(dm)
            for who in (root, named, helper):
                assert (await answer(fake, await fake.menu(who, asked, EXPORT_MENU))).files
                said = await export(fake, who, general, link_to(private, "@me"))
                assert said.content == NOT_YOURS
                assert (await use(fake, who, thread, "memory")).content == NOT_YOURS
                assert (await use(fake, who, thread, "reset")).content == NOT_MEMBER
            found = await bot.store.audited()
            assert [(d.what, d.by) for d in found] == [
                ("export", who.id) for who in (root, named, helper)
            ]
            said = await answer(fake, await fake.menu(root, asked, FORGET_MENU))
            await fake.press(root, said, "Forget")
            await fake.until(lambda: said.content.startswith("I have forgotten everything"))
            assert (await bot.store.audited())[-1].what == "forget"
    lines = [json.loads(r.getMessage()) for r in caplog.records if r.name == "chatbot.audit"]
    assert [line["by"] for line in lines] == [root.id, named.id, helper.id, root.id]


async def test_a_manager_is_no_admin_where_the_setting_names_others() -> None:
    async with FakeDiscord() as fake:
        ann, root = fake.person("ann"), fake.person("root")
        fake.role("managers", Permission.MANAGE_GUILD, None, root)
        general = fake.channel("general")
        async with bot_on(fake, discord_admins=ann.id) as bot:
            asked, _ = await talk(fake, bot, ann, general, "hello")
            said = await answer(fake, await fake.menu(root, asked, EXPORT_MENU))
            assert said.content == NOT_YOURS


async def test_a_shared_thread_forgets_only_what_its_asker_said() -> None:
    model = ScriptedModel("ok", "ok", "ok")
    async with FakeDiscord() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general")
        async with bot_on(fake, model) as bot:
            _, thread = await talk(fake, bot, ann, general, "My code is 1234.")
            await fake.say(bob, thread, f"{fake.at_bot} mine is 5678.")
            await fake.replies(thread, 2)
            await settled(bot)
            said = await use(fake, ann, thread, "forget")
            assert "Other people wrote in this thread" in said.content
            await fake.press(ann, said, "Forget")
            await fake.until(lambda: said.content.startswith("I have forgotten 1 message of yours"))
            (info,) = await threads_of(bot, ann)
            kept = [record.text for record in await bot.store.history(info.thread)]
            assert not any("1234" in text for text in kept)
            assert any("5678" in text for text in kept)


async def test_what_was_asked_alone_is_not_forgotten_once_others_have_spoken() -> None:
    model = ScriptedModel("ok", "ok", "ok")
    async with FakeDiscord() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general")
        async with bot_on(fake, model) as bot:
            _, thread = await talk(fake, bot, ann, general, "My code is 1234.")
            said = await use(fake, ann, thread, "forget")
            await fake.say(bob, thread, f"{fake.at_bot} mine is 5678.")
            await fake.replies(thread, 2)
            await settled(bot)
            await fake.press(ann, said, "Forget")
            await fake.until(lambda: said.content.startswith("Other people have written"))
            (info,) = await threads_of(bot, ann)
            assert len(await bot.store.history(info.thread)) == 4


async def test_who_only_looks_on_neither_sees_resets_nor_forgets() -> None:
    async with FakeDiscord() as fake:
        ann, eve = fake.person("ann"), fake.person("eve")
        general = fake.channel("general")
        async with bot_on(fake) as bot:
            await synced(fake)
            _, thread = await talk(fake, bot, ann, general, "My dog is called Rex.")
            for line, why in (
                ("reset", NOT_MEMBER),
                ("forget", NOT_YOURS),
                ("memory", NOT_YOURS),
                ("export", NOT_YOURS),
            ):
                assert (await use(fake, eve, thread, line)).content == why
            work = await bot.store.peek((await threads_of(bot, ann))[0].thread)
            assert work is not None
            assert work.reset_position == 0
        assert len(fake.said_by_bot(thread)) == 1
