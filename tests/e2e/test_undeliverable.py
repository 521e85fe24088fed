"""An answer that can never be delivered is given up at once, and the thread goes on.

What only waiting mends is waited for; ten tries take some four minutes, and no test here has them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from bots.discord.faults import _NEVER
from core.models.scripted import ScriptedModel
from core.turn.notices import UNDELIVERED
from tests.e2e.discord_bot import TOKENS, until_true
from tests.e2e.discord_bot import bot_on as discord_bot
from tests.e2e.discord_hands import talk
from tests.e2e.slack_bot import answers, echo
from tests.e2e.slack_bot import bot_on as slack_bot
from tests.fakes import slack as on_slack
from tests.fakes.claude import KEY, FakeClaude, Talk
from tests.fakes.discord import FakeDiscord, Limited, Permission, Refused, Status
from tests.fakes.discord.faults import POST
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.store.port import Store
    from tests.e2e.program import Program
    from tests.fakes.discord import Channel
    from tests.fakes.discord.faults import Fault

SPEAK = Permission.SEND_MESSAGES_IN_THREADS
SEE = Permission.VIEW_CHANNEL
WRITE = "chat.postMessage"


async def reopened(fake: FakeDiscord, thread: Channel) -> None:
    await fake.reopen(thread)
    await fake.lock(thread, locked=False)


WOUNDS: dict[str, tuple[Any, Any]] = {
    "50013": (lambda f, t: f.deny(t, SPEAK), lambda f, t: f.allow(t, SPEAK)),
    "50001": (lambda f, t: f.deny(t, SEE), lambda f, t: f.allow(t, SEE)),
    "160005": (lambda f, t: f.lock(t), lambda f, t: f.lock(t, locked=False)),
    "50083": (lambda f, t: f.archive(t, locked=True), reopened),
    "kicked": (lambda f, _: f.kick(f.bot), lambda f, _: f.join(f.bot, f.home)),
}
"""By what Discord answers then: what shuts a thread to the bot, and what opens it again."""
EDITS = {"50013", "160005"}
"""Where it can still change what it has posted, so that an answer begun comes to its end."""


async def buried(store: Store) -> list[str]:
    return [each.entry.text for each in await store.buried()]


async def until_buried(store: Store, *said: str) -> None:
    async def there() -> bool:
        return await buried(store) == list(said)

    await until_true(there)


async def asked(model: ScriptedModel, times: int) -> None:
    async with asyncio.timeout(10):
        while len(model.calls) < times:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("shown", [False, True])
@pytest.mark.parametrize("wound", WOUNDS)
async def test_a_thread_that_is_shut_on_discord_goes_on_when_it_is_open_again(
    wound: str, shown: bool
) -> None:
    hurt, heal = WOUNDS[wound]
    gate = asyncio.Event()
    begun = ["Half an answer. " * 9] if shown else []
    model = ScriptedModel("first", [*begun, gate, "Whole."], reply=echo)
    arrives = shown and wound in EDITS
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with discord_bot(fake, model) as bot:
            _, thread = await talk(fake, bot, ann, general, "one?")
            await fake.say(ann, thread, "two?")
            await asked(model, 2)
            if shown:
                await fake.replies(thread, 2)
            await hurt(fake, thread)
            gate.set()
            if arrives:
                await fake.until(lambda: fake.texts(thread)[-1].endswith("Whole."))
            await until_buried(bot.store, *(() if arrives else ["two?"]))
            await heal(fake, thread)
            await fake.say(ann, thread, f"{fake.at_bot} three?")
            await fake.until(lambda: fake.texts(thread)[-1] == "re: three?")
        assert len(model.calls) == 3
        assert ("Whole." in "".join(fake.texts(thread))) == arrives


async def test_a_thread_that_is_only_archived_opens_for_the_answer() -> None:
    gate = asyncio.Event()
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with discord_bot(fake, ScriptedModel("first", [gate, "Whole."])) as bot:
            _, thread = await talk(fake, bot, ann, general, "one?")
            await fake.say(ann, thread, "two?")
            await fake.archive(thread)
            gate.set()
            await fake.until(lambda: fake.texts(thread)[-1] == "Whole.")
            assert await buried(bot.store) == []


async def test_a_thread_that_is_deleted_holds_up_no_other() -> None:
    gate = asyncio.Event()
    model = ScriptedModel("first", [gate, "Whole."], reply=echo)
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with discord_bot(fake, model) as bot:
            _, thread = await talk(fake, bot, ann, general, "one?")
            await fake.say(ann, thread, "two?")
            await asked(model, 2)
            await fake.delete_channel(thread)
            gate.set()
            await until_buried(bot.store, "two?")
            await talk(fake, bot, ann, general, "three?")


@pytest.mark.parametrize("code", sorted(_NEVER))
async def test_what_discord_never_takes_is_tried_once(code: int) -> None:
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        fake.faults.next(POST, Refused(code))
        async with discord_bot(fake) as bot:
            await fake.say(ann, dm, "one?")
            await until_buried(bot.store, "one?")
            await fake.say(ann, dm, "two?")
            await fake.replies(dm, 2)
        assert [message.content for message in fake.said_by_bot(dm)] == [UNDELIVERED, "re: two?"]


WAITED_OUT: list[Sequence[Fault]] = [
    *([Status(503)] * 5, [Limited(9)], [Status(403)]),
    *([Refused(0)], [Refused(40006)], [Refused(40333)]),
]


@pytest.mark.parametrize("faults", WAITED_OUT, ids=lambda faults: str(faults[0]))
async def test_what_waiting_mends_on_discord_is_tried_again(faults: Sequence[Fault]) -> None:
    model = ScriptedModel("One.")
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        fake.faults.next(POST, *faults)
        async with discord_bot(fake, model) as bot:
            await fake.say(ann, fake.dm(ann), "one?")
            await fake.replies(fake.dm(ann), within=30)
            assert await buried(bot.store) == []
        assert [message.content for message in fake.said_by_bot()] == ["One."]
        assert len(fake.faults.dealt) == len(faults)


async def test_a_turn_begun_by_a_killed_process_does_not_wait_for_its_place(
    program: Program,
) -> None:
    """Its preview can't be taken away, nor can the answer come; the next message gets one."""
    async with FakeDiscord() as fake, FakeClaude() as claude:
        program.settings |= {
            "ANTHROPIC_API_KEY": KEY,
            "ANTHROPIC_BASE_URL": claude.url,
            "CHATBOT_LEASE_SECONDS": "1",
            "CHATBOT_DISCORD_BASE_URL": fake.api_url,
            TOKENS: fake.token,
        }
        ann, general = fake.person("ann"), fake.channel("general")
        claude.next(Talk("Half of an answer, and then no more. " * 3, then="hang"))
        first = await program.start("run")
        try:
            await fake.connected(within=30)
            said = await fake.say(ann, general, f"{fake.at_bot} one?")
            thread = await fake.thread(said, within=30)
            await fake.replies(thread)
            await asyncio.sleep(1)  # with its next renewal the store has the preview's id
            await first.kill()
            await fake.deny(general, SEE)
            second = await program.start("run")
            try:
                async with asyncio.timeout(30):
                    while b"one?" not in (await program.run("buried")).out:
                        await asyncio.sleep(0.2)
                await fake.allow(general, SEE)
                claude.next(Talk("Two."))
                await fake.say(ann, thread, f"{fake.at_bot} two?")
                await fake.until(lambda: fake.texts(thread)[-1] == "Two.", 30)
            finally:
                await second.kill()
        finally:
            await first.kill()


@pytest.mark.parametrize(
    "code", ["channel_not_found", "is_archived", "not_in_channel", "restricted_action"]
)
async def test_what_slack_never_takes_is_tried_once(code: str) -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with slack_bot(fake) as bot:
            fake.faults.next(WRITE, on_slack.Refused(code))
            said = await fake.say(ann, general, f"{fake.at_bot} one?")
            await until_buried(bot.store, "one?")
            await fake.say(ann, general, f"{fake.at_bot} two?", said.ts)
            await fake.until(lambda: len(answers(fake, general, said.ts)) == 2)
        texts = [message.text for message in answers(fake, general, said.ts)]
        assert texts == [UNDELIVERED, "re: two?"]


@pytest.mark.parametrize("streams", [True, False])
async def test_an_answer_to_what_is_gone_does_not_stand_in_the_channel(*, streams: bool) -> None:
    gate = asyncio.Event()
    model = ScriptedModel([gate, "Whole."], reply=echo)
    async with FakeSlack() as fake:
        if not streams:
            fake.faults.no_streaming()
        fake.events.discard("message.channels")  # which would tell of the deletion
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with slack_bot(fake, model) as bot:
            said = await fake.say(ann, general, f"{fake.at_bot} one?")
            await asked(model, 1)
            await fake.delete(said)
            gate.set()
            await until_buried(bot.store, "one?")
            assert fake.said_by_app(general) == []
            assert [message.text for message in fake.said_by_app(fake.dm(ann))] == [UNDELIVERED]
            said = await fake.say(ann, general, f"{fake.at_bot} two?")
            await fake.replies(general, said.ts)


@pytest.mark.parametrize("fault", [on_slack.Status(503), on_slack.Refused("internal_error")])
async def test_what_waiting_mends_on_slack_is_tried_again(fault: on_slack.Status) -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with slack_bot(fake) as bot:
            fake.faults.next(WRITE, *[fault] * 3)
            said = await fake.say(ann, general, f"{fake.at_bot} one?")
            await fake.replies(general, said.ts, within=30)
            assert await buried(bot.store) == []
