"""Commands on Slack in the forms that it allows, App Home, and who may do what."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

import pytest

from bots.slack.desk import NOT_MEMBER, NOT_YOURS
from bots.slack.manifest import EXPORT_SHORTCUT, FORGET_SHORTCUT
from core.models.scripted import ScriptedModel
from tests.e2e.slack_bot import TRANSPORTS, answers, bot_on
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.blocks import texts

if TYPE_CHECKING:
    from core.store.values import ThreadInfo
    from tests.e2e.slack_bot import Bot
    from tests.fakes.slack.model import Channel, File, Message, User, View

both = pytest.mark.parametrize("transport", TRANSPORTS)


def files_in(fake: FakeSlack, channel: Channel) -> list[File]:
    return [file for m in fake.said_by_app(channel) for file in m.files]


async def filled(fake: FakeSlack, who: User) -> View:
    """Wait until the latest modal shows what it was opened for."""

    def done() -> bool:
        shown = fake.modals(who)
        return bool(shown) and shown[-1].body["title"]["text"] != "One moment"

    await fake.until(done)
    return fake.modals(who)[-1]


def shown(view: View) -> str:
    return "\n".join(texts(view.body["blocks"]))


async def told(fake: FakeSlack, who: User, words: str) -> None:
    await fake.until(lambda: any(words in m.text for m in fake.said_by_app(fake.dm(who))))


async def talk(
    fake: FakeSlack, who: User, channel: Channel, text: str, under: Message | None = None
) -> Message:
    asked = await fake.say(who, channel, f"{fake.at_bot} {text}", under.ts if under else None)
    root = under or asked
    await fake.replies(channel, root.ts, len(answers(fake, channel, root.ts)) + 1)
    await asyncio.sleep(0.1)  # a reset would take back an answer that isn't settled
    return asked


async def threads_of(bot: Bot, who: User) -> tuple[ThreadInfo, ...]:
    return (await bot.store.threads(person=who.id)).threads


@both
async def test_a_slash_command_in_a_channel_lets_one_choose_what_to_export(transport: str) -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, transport=transport):
            await talk(fake, ann, general, "My dog is called Rex.")
            post = await fake.slash(ann, general, "/chatbot export")
            assert post.acked
            modal = await filled(fake, ann)
            await fake.press(ann, "thread_export", modal)
            await fake.until(lambda: files_in(fake, fake.dm(ann)))
            (file,) = files_in(fake, fake.dm(ann))
            assert file.name == "conversation.md"
            assert "> My dog is called Rex." in file.data.decode()
            assert not files_in(fake, general)


async def test_help_is_the_answer_to_the_command_itself() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake):
            for line in ("/chatbot", "/chatbot help", "/chatbot what?"):
                await fake.slash(ann, general, line)
                assert "/chatbot export" in fake.shown_to(ann)[-1].text
            await fake.slash(ann, general, "/chatbot stats")
            await told(fake, ann, "No conversation is kept yet.")


@both
async def test_an_export_by_link_is_for_those_who_took_part_and_still_see_it(
    transport: str,
) -> None:
    async with FakeSlack() as fake:
        ann, bob, eve = fake.person("ann"), fake.person("bob"), fake.person("eve")
        general = fake.channel("general", ann, bob, eve)
        async with bot_on(fake, transport=transport):
            asked = await talk(fake, ann, general, "The code is 1234.")
            await fake.say(bob, general, "I see.", asked.ts)
            link = (
                f"https://acme.slack.com/archives/{general.id}/p{asked.ts.replace('.', '')}"
                f"?thread_ts={asked.ts}&cid={general.id}"
            )
            await fake.slash(ann, fake.dm(ann), f"/chatbot export {link} json")
            await fake.until(lambda: files_in(fake, fake.dm(ann)))
            document = json.loads(files_in(fake, fake.dm(ann))[0].data)
            assert document["records"][0]["text"] == "The code is 1234."
            await fake.slash(eve, fake.dm(eve), f"/chatbot export {link}")
            await told(fake, eve, NOT_YOURS)
            await fake.leave(bob, general)
            await fake.slash(bob, fake.dm(bob), f"/chatbot export {link}")
            await told(fake, bob, NOT_YOURS)
            assert not files_in(fake, fake.dm(eve))
            assert not files_in(fake, fake.dm(bob))


async def test_an_admin_exports_anything_but_others_dms_and_it_is_audited(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)
    async with FakeSlack() as fake:
        ann, root = fake.person("ann"), fake.person("root", admin=True)
        general, dm = fake.channel("general", ann), fake.dm(ann)
        async with bot_on(fake):
            asked = await talk(fake, ann, general, "hello")
            private = await fake.say(ann, dm, "hello")
            await fake.replies(dm, private.ts)
            for channel, ts in ((dm.id, private.ts), (general.id, asked.ts)):
                link = f"https://acme.slack.com/archives/{channel}/p{ts.replace('.', '')}"
                await fake.slash(root, fake.dm(root), f"/chatbot export {link}")
            await told(fake, root, NOT_YOURS)
            await fake.until(lambda: files_in(fake, fake.dm(root)))
            await fake.settled()
    (line,) = [r.getMessage() for r in caplog.records if r.name == "chatbot.audit"]
    assert json.loads(line)["by"] == root.id
    assert json.loads(line)["thread"].endswith(f"{general.id}:{asked.ts}")
    assert len(files_in(fake, fake.dm(root))) == 1


@both
async def test_reset_in_a_thread_is_announced_and_begins_anew(transport: str) -> None:
    model = ScriptedModel("ok", "I don't know.")
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, model, transport=transport):
            asked = await talk(fake, ann, general, "My dog is called Rex.")
            await fake.say(ann, general, f"{fake.at_bot} reset", asked.ts)
            said = await fake.replies(general, asked.ts, 2)
            assert said[1].text.startswith("ann begins this anew. From here on I remember nothing")
            await fake.say(ann, general, f"{fake.at_bot} who is my dog?", asked.ts)
            await fake.replies(general, asked.ts, 3)
            await fake.settled()
        assert len(answers(fake, general, asked.ts)) == 3
    seen = "\n".join(message.text for message in model.calls[1].messages)
    assert "Rex" not in seen
    assert "reset" not in seen


async def test_a_shared_thread_forgets_only_what_its_asker_said() -> None:
    model = ScriptedModel("ok", "ok", "ok")
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        async with bot_on(fake, model) as bot:
            asked = await talk(fake, ann, general, "My code is 1234.")
            await fake.say(bob, general, f"{fake.at_bot} mine is 5678.", asked.ts)
            await fake.replies(general, asked.ts, 2)
            await fake.shortcut(ann, asked, FORGET_SHORTCUT)
            modal = await filled(fake, ann)
            assert "Others speak in this thread" in shown(modal)
            assert (await fake.submit(ann, modal)).acked
            await told(fake, ann, "Forgotten: 1 message of yours")
            (info,) = await threads_of(bot, ann)
            kept = [r.text for r in await bot.store.history(info.thread)]
            assert not any("1234" in text for text in kept)
            assert any("5678" in text for text in kept)


async def test_the_sole_person_forgets_a_whole_thread_after_a_mention() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake) as bot:
            asked = await talk(fake, ann, general, "My code is 1234.")
            await fake.say(ann, general, f"{fake.at_bot} forget", asked.ts)
            offer = (await fake.replies(general, asked.ts, 2))[1]
            await fake.press(ann, "thread_forget", offer)
            modal = await filled(fake, ann)
            assert "everything that I keep" in shown(modal)
            assert await threads_of(bot, ann)
            await fake.submit(ann, modal)
            await told(fake, ann, "Forgotten: everything")
            assert await threads_of(bot, ann) == ()


async def test_what_is_remembered_is_shown_to_who_took_part() -> None:
    async with FakeSlack() as fake:
        ann, eve = fake.person("ann"), fake.person("eve")
        general = fake.channel("general", ann, eve)
        async with bot_on(fake):
            asked = await talk(fake, ann, general, "My dog is called Rex.")
            await fake.say(ann, general, f"{fake.at_bot} memory", asked.ts)
            offer = (await fake.replies(general, asked.ts, 2))[1]
            await fake.press(ann, "thread_memory", offer)
            assert "Rex" in shown(await filled(fake, ann))
            await fake.press(eve, "thread_memory", offer)
            assert shown(await filled(fake, eve)) == NOT_YOURS


async def test_a_quiet_thread_is_woken_by_a_mention() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake):
            asked = await talk(fake, ann, general, "one")
            await fake.say(ann, general, f"{fake.at_bot} quiet", asked.ts)
            await fake.replies(general, asked.ts, 2)
            await fake.say(ann, general, "to myself", asked.ts)
            await fake.settled()
            await asyncio.sleep(0.1)
            assert len(answers(fake, general, asked.ts)) == 2
            await fake.say(ann, general, f"{fake.at_bot} two", asked.ts)
            await fake.replies(general, asked.ts, 3)
            await fake.say(ann, general, "three", asked.ts)
            assert (await fake.replies(general, asked.ts, 4))[-1].text == "re: three"


async def test_a_command_that_comes_twice_is_done_once() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        fake.faults.twice = True
        async with bot_on(fake):
            asked = await talk(fake, ann, general, "one")
            await fake.say(ann, general, f"{fake.at_bot} help", asked.ts)
            await fake.say(ann, general, f"{fake.at_bot} reset", asked.ts)
            await fake.replies(general, asked.ts, 3)
            await fake.settled()
            await asyncio.sleep(0.1)
        assert len(answers(fake, general, asked.ts)) == 3


@both
async def test_app_home_lists_ones_threads_and_exports_them(transport: str) -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, transport=transport):
            asked = await talk(fake, ann, general, "hello")
            await fake.open_home(ann)
            await fake.until(lambda: ann.id in fake.homes)
            home = fake.homes[ann.id]
            assert "I also read what people say to each other" in shown(home)
            assert f"<#{general.id}>" in shown(home)
            await fake.press(ann, "thread_export", home)
            await fake.until(lambda: len(files_in(fake, fake.dm(ann))) == 1)
            await fake.shortcut(ann, asked, EXPORT_SHORTCUT)
            await fake.until(lambda: len(files_in(fake, fake.dm(ann))) == 2)


async def test_the_button_under_the_first_scissors_shows_what_is_remembered() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general, dm = fake.channel("general", ann), fake.dm(ann)
        async with bot_on(fake, memory="window", memory_pairs=1):
            asked = await talk(fake, ann, general, "My dog is called Rex.")
            for text in ("two", "three"):
                await talk(fake, ann, general, text, asked)
            last = answers(fake, general, asked.ts)[-1]
            await fake.until(lambda: "scissors" in last.reactions)
            await fake.press(ann, "what_i_remember", last)
            assert "three" in shown(await filled(fake, ann))
            first = await fake.say(ann, dm, "In private.")
            await fake.replies(dm, first.ts)
            await fake.slash(ann, dm, "/chatbot memory")
            await fake.until(lambda: len(fake.modals(ann)) == 2)
            assert "In private." in shown(await filled(fake, ann))


async def test_who_only_looks_on_neither_resets_nor_forgets() -> None:
    async with FakeSlack() as fake:
        ann, eve = fake.person("ann"), fake.person("eve")
        general = fake.channel("general", ann, eve)
        async with bot_on(fake) as bot:
            asked = await talk(fake, ann, general, "My dog is called Rex.")
            await fake.say(eve, general, f"{fake.at_bot} reset", asked.ts)
            await told(fake, eve, NOT_MEMBER)
            await fake.shortcut(eve, asked, FORGET_SHORTCUT)
            assert shown(await filled(fake, eve)) == NOT_YOURS
            work = await bot.store.peek((await threads_of(bot, ann))[0].thread)
            assert work is not None
            assert work.line == 0
