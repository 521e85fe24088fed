"""Settings by words in a thread, as people give them on Slack, on Discord and in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.models.scripted import ScriptedModel
from tests.e2e import discord_bot, discord_hands, slack_bot, slack_hands
from tests.e2e.test_discord_commands import tell_again
from tests.fakes.discord import FakeDiscord, Refused
from tests.fakes.discord.faults import POST
from tests.fakes.discord.permissions import Permission
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    from core.models.port import ModelRequest
    from tests.e2e.program import Program

_RHYMES = "Answer in rhymes."
_DENIED = "Only admins, and those who manage this channel"


def heard(request: ModelRequest) -> str:
    return request.system[0].text


async def test_who_made_a_channel_on_slack_sets_what_holds_in_it() -> None:
    asked: list[ModelRequest] = []

    def reply(request: ModelRequest) -> str:
        asked.append(request)
        return "fine"

    async with FakeSlack() as fake:
        maker, bob, guest = fake.person("mia"), fake.person("bob"), fake.person("gus")
        general = fake.channel("general", maker, bob, guest)
        other = fake.channel("other", guest, bob)
        guest.is_guest = True
        async with slack_bot.bot_on(fake, ScriptedModel(reply=reply)):
            first = await slack_hands.talk(fake, bob, general, "one")
            assert _RHYMES not in heard(asked[-1])
            words = f"{fake.at_bot} settings channel instructions {_RHYMES}"
            await fake.say(bob, general, words, first.ts)
            await slack_hands.told(fake, bob, _DENIED)
            await fake.say(maker, general, words, first.ts)
            said = (await fake.replies(general, first.ts, 2))[-1].text
            assert said.startswith(f"Instructions of this channel: {_RHYMES}")
            await slack_hands.talk(fake, bob, general, "two")
            assert _RHYMES in heard(asked[-1])
            theirs = await slack_hands.talk(fake, guest, other, "three")
            assert _RHYMES not in heard(asked[-1])
            await fake.say(guest, other, f"{fake.at_bot} settings channel recall off", theirs.ts)
            await slack_hands.told(fake, guest, _DENIED)  # it is theirs, but they are a guest
            await fake.say(bob, general, f"{fake.at_bot} settings", first.ts)
            shown = (await fake.replies(general, first.ts, 3))[-1].text
            assert f"Instructions: {_RHYMES} (of this channel" in shown
        assert len(asked) == 3


async def test_who_may_edit_a_channel_on_discord_sets_what_holds_in_it() -> None:
    asked: list[ModelRequest] = []

    def reply(request: ModelRequest) -> str:
        asked.append(request)
        return "fine"

    async with FakeDiscord() as fake:
        mia, bob = fake.person("mia"), fake.person("bob")
        role = fake.role("makers", Permission.MANAGE_CHANNELS)
        general = fake.channel("general")
        await fake.grant(role, None, mia)
        async with discord_bot.bot_on(fake, ScriptedModel(reply=reply)) as bot:
            _, thread = await discord_hands.talk(fake, bot, bob, general, "one")
            await fake.say(bob, thread, f"{fake.at_bot} settings channel instructions {_RHYMES}")
            await fake.until(lambda: any(_DENIED in text for text in fake.texts(fake.dm(bob))))
            await fake.say(mia, thread, f"{fake.at_bot} settings channel instructions {_RHYMES}")
            await fake.until(lambda: "Instructions of this channel" in fake.texts(thread)[-1])
            await discord_hands.talk(fake, bot, bob, general, "two")
        assert [_RHYMES in heard(request) for request in asked] == [False, True]


async def test_a_change_that_is_delivered_again_does_not_undo_a_newer_one() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with discord_bot.bot_on(fake) as bot:
            _, thread = await discord_hands.talk(fake, bot, ann, general, "one")
            fake.faults.next(POST, Refused(50013))
            first = await fake.say(ann, thread, f"{fake.at_bot} settings recall off")
            await fake.until(lambda: fake.said_by_bot(fake.dm(ann)))  # it could not say so
            await fake.say(ann, thread, f"{fake.at_bot} settings recall on")
            await fake.until(lambda: "Recall of this thread: on" in fake.texts(thread)[-1])
            tell_again(fake, first, thread)
            await fake.say(ann, thread, "two")  # behind it, in the order of the channel
            await fake.until(lambda: "re: two" in fake.texts(thread)[-1])
            (info,) = await discord_hands.threads_of(bot, ann)
            assert (await bot.store.thread_settings(info.thread)).recall == "on"


async def test_the_terminals_settings_are_its_users_own(program: Program) -> None:
    says = [
        "/settings recall off",
        "/settings channel instructions Answer in rhymes.",
        "/settings answer 5",
        "/settings",
    ]
    ended = await program.run("run", says=says)
    assert "It is set for this thread, from the next answer on." in ended.err
    assert "It is set for all your threads, from the next answer on." in ended.err
    assert "Answer length must be a whole number from 16 to 128,000." in ended.err
    assert "Recall: off (of this thread, since " in ended.err
    assert "Instructions: Answer in rhymes. (of this channel, since " in ended.err
    again = await program.run("run", says=["/new other", "/settings"])
    assert "Recall: on" in again.err
    assert "Instructions: Answer in rhymes." in again.err
