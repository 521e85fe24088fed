"""Who may export, see, forget and reset what on Slack."""

from __future__ import annotations

import json
import logging

import pytest

from bots.slack.ui.commands import FORGET_SHORTCUT
from core.commands.access import NOT_YOURS
from core.commands.authorized import NOT_MEMBER
from core.models.scripted import ScriptedModel
from tests.e2e.slack_bot import TRANSPORTS, bot_on
from tests.e2e.slack_hands import files_in, filled, shown, talk, threads_of, told
from tests.fakes.slack import FakeSlack

both = pytest.mark.parametrize("transport", TRANSPORTS)


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
        async with bot_on(fake) as bot:
            asked = await talk(fake, ann, general, "hello")
            private = await fake.say(ann, dm, "hello")
            await fake.replies(dm, private.ts)
            for channel, ts in ((dm.id, private.ts), (general.id, asked.ts)):
                link = f"https://acme.slack.com/archives/{channel}/p{ts.replace('.', '')}"
                await fake.slash(root, fake.dm(root), f"/chatbot export {link}")
            await told(fake, root, NOT_YOURS)
            await fake.until(lambda: files_in(fake, fake.dm(root)))
            await fake.settled()
            (deed,) = await bot.store.audited()
            assert (deed.what, deed.by, deed.thread.thread) == ("export", root.id, asked.ts)
    (line,) = [r.getMessage() for r in caplog.records if r.name == "chatbot.audit"]
    assert json.loads(line)["by"] == root.id
    assert json.loads(line)["thread"].endswith(f"{general.id}:{asked.ts}")
    assert len(files_in(fake, fake.dm(root))) == 1


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
            assert "Other people wrote in this thread" in shown(modal)
            assert (await fake.submit(ann, modal)).acked
            await told(fake, ann, "I have forgotten 1 message of yours")
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
            assert "everything I keep" in shown(modal)
            assert await threads_of(bot, ann)
            await fake.submit(ann, modal)
            await told(fake, ann, "I have forgotten everything")
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
            assert work.reset_position == 0
