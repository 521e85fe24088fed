"""People ask what is kept, on each platform, and the bot that they talk to says it."""

from __future__ import annotations

from bots.settings import privacy
from bots.settings.settings import Settings
from tests.e2e.discord_bot import bot_on as discord_bot
from tests.e2e.discord_hands import talk as discord_talk
from tests.e2e.discord_hands import use
from tests.e2e.slack_bot import bot_on as slack_bot
from tests.e2e.slack_hands import filled, shown, talk
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack


async def test_on_slack_by_slash_by_word_and_in_app_home() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with slack_bot(fake, overhear=False, ttl_thread=3):
            asked = await talk(fake, ann, general, "hello")
            await fake.slash(ann, general, "/chatbot privacy")
            text = fake.shown_to(ann)[-1].text
            assert "I don't keep what people say to each other," in text
            assert "3 days in threads" in text
            await fake.say(ann, general, f"{fake.at_bot} privacy", asked.ts)
            assert "3 days in threads" in (await fake.replies(general, asked.ts, 2))[1].text
            await fake.open_home(ann)
            await fake.until(lambda: ann.id in fake.homes)
            home = fake.homes[ann.id]
            assert "`/chatbot privacy` what I keep" in shown(home)
            await fake.press(ann, "privacy_show", home)
            modal = await filled(fake, ann)
            assert modal.body["title"]["text"] == "Privacy"
            assert "3 days in threads" in shown(modal)


async def test_on_slack_not_for_people_of_other_organisations() -> None:
    async with FakeSlack() as fake:
        ann, eve = fake.person("ann"), fake.stranger("eve")
        general = fake.channel("general", ann, eve, shared=True)
        async with slack_bot(fake):
            await fake.slash(eve, general, "/chatbot privacy")
            assert "so I can't do that for you" in fake.shown_to(eve)[-1].text


async def test_on_discord_by_slash_and_by_word_to_all_whom_it_listens_to() -> None:
    async with FakeDiscord() as fake:
        ann, eve, general = fake.person("ann"), fake.person("eve"), fake.channel("general")
        async with discord_bot(fake, discord_deny_users=eve.id) as bot:
            expected = privacy.short(Settings.model_validate({}), "discord").splitlines()[0]
            said = await use(fake, ann, general, "privacy")
            assert said.content.splitlines()[0] == expected
            assert said.ephemeral
            _, thread = await discord_talk(fake, bot, ann, general, "hello")
            await fake.say(ann, thread, f"{fake.at_bot} privacy")
            assert (await fake.replies(thread, 2))[1].content.splitlines()[0] == expected
            said = await use(fake, eve, general, "privacy")
            assert "so I can't do that for you" in said.content
