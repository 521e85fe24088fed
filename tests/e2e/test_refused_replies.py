"""A reply to a command that the platform refuses comes in another form, and says what was done."""

from __future__ import annotations

import pytest

from bots.slack.outbound import format as shape
from bots.slack.ui import views
from tests.e2e.discord_bot import bot_on as discord_bot
from tests.e2e.discord_hands import ANSWER, synced
from tests.e2e.discord_hands import talk as discord_talk
from tests.e2e.slack_bot import answers, bot_on
from tests.e2e.slack_hands import filled, shown, talk, told
from tests.fakes import discord as on_discord
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack, Refused

POST, WHISPER, FILL = "chat.postMessage", "chat.postEphemeral", "views.update"
BEGUN = "ann reset this conversation"


@pytest.mark.parametrize(
    ("code", "times", "said"),
    [
        ("invalid_blocks", 1, BEGUN),
        ("metadata_too_large", 1, BEGUN),
        ("msg_too_long", 2, shape.REFUSED),
    ],
)
async def test_a_notice_that_slack_refuses_is_posted_in_another_form(
    code: str, times: int, said: str
) -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake):
            asked = await talk(fake, ann, general, "hello")
            fake.faults.next(POST, *[Refused(code)] * times)
            await fake.say(ann, general, f"{fake.at_bot} reset", asked.ts)
            await fake.replies(general, asked.ts, 2)
            assert answers(fake, general, asked.ts)[-1].text.startswith(said)
            assert not fake.said_by_app(fake.dm(ann))


async def test_a_reset_that_slack_does_not_announce_is_not_said_to_have_failed() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general, dm = fake.channel("general", ann), fake.dm(ann)
        async with bot_on(fake):
            asked = await talk(fake, ann, general, "hello")
            fake.faults.next(POST, Refused("restricted_action_thread_locked"))
            await fake.say(ann, general, f"{fake.at_bot} reset", asked.ts)
            await told(fake, ann, BEGUN)
            alone = await fake.say(ann, dm, "hello")
            await fake.replies(dm, alone.ts)
            fake.faults.next(POST, Refused("restricted_action"))
            await fake.slash(ann, dm, "/chatbot reset")
            await told(fake, ann, "I could not announce it")
            assert not [said for said in fake.said_by_app(dm) if "did not work" in said.text]


async def test_what_only_one_person_sees_on_slack_is_said_in_another_form() -> None:
    """The person's direct messages are closed to the bot."""
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake):
            await talk(fake, ann, general, "hello")
            fake.faults.always("conversations.open", Refused("messages_tab_disabled"))
            fake.faults.next(WHISPER, Refused("invalid_blocks"))
            await fake.slash(ann, general, "/chatbot stats")
            await fake.until(lambda: bool(fake.ephemerals))
            (said,) = fake.ephemerals
            assert said.text.startswith("Conversations: 1")
            assert not said.blocks


@pytest.mark.parametrize("code", ["invalid_arguments", "view_too_large"])
@pytest.mark.parametrize(("times", "said"), [(1, "Rex"), (2, views.REFUSED)])
async def test_a_modal_that_slack_refuses_shows_less(code: str, times: int, said: str) -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake):
            asked = await fake.say(ann, dm, "My dog is called Rex.")
            await fake.replies(dm, asked.ts)
            fake.faults.next(FILL, *[Refused(code)] * times)
            await fake.slash(ann, dm, "/chatbot memory")
            modal = await filled(fake, ann)
            assert said in shown(modal)
            assert modal.body["title"]["text"] == views.MEMORY_TITLE


@pytest.mark.parametrize("code", [50035, 200000])
@pytest.mark.parametrize("command", ["memory", "stats"])
async def test_an_answer_that_discord_refuses_is_a_file_or_a_direct_message(
    command: str, code: int
) -> None:
    refused = on_discord.Refused(code)
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with discord_bot(fake) as bot:
            _, thread = await discord_talk(fake, bot, ann, general, "My dog is called Rex.")
            await synced(fake)
            fake.faults.next(ANSWER, refused)
            await fake.slash(ann, thread, f"chatbot {command}")
            await fake.until(lambda: any(said.files for said in fake.shown_to(ann)))
            whole = fake.shown_to(ann)[-1].files[0].data.decode()
            fake.faults.always(ANSWER, refused)
            await fake.slash(ann, thread, f"chatbot {command}")
            await fake.until(lambda: bool(fake.said_by_bot(fake.dm(ann))))
            (said,) = fake.said_by_bot(fake.dm(ann))
            assert said.content.split()[0] == whole.split()[0]


async def test_why_discord_refuses_a_file_is_told_in_a_direct_message_if_need_be() -> None:
    refused = on_discord.Refused(40005)
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with discord_bot(fake) as bot:
            _, thread = await discord_talk(fake, bot, ann, general, "My dog is called Rex.")
            await synced(fake)
            fake.faults.always(ANSWER, refused)
            await fake.slash(ann, thread, "chatbot export")
            await fake.until(lambda: bool(fake.said_by_bot(fake.dm(ann))))
            (said,) = fake.said_by_bot(fake.dm(ann))
            assert said.content.startswith("The file is larger than Discord allows here.")
