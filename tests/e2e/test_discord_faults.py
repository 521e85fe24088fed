"""What goes wrong between the bot and Discord: each reply stands once, whole and in order."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from core.domain.clock import SystemClock
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from tests.e2e.discord_bot import TOKENS, bot_on
from tests.fakes.claude import KEY, FakeClaude, Talk
from tests.fakes.discord import Cut, FakeDiscord, Refused, Slow, Status
from tests.fakes.discord.faults import EDIT, HISTORY, POST, THREAD

if TYPE_CHECKING:
    from tests.e2e.program import Program
    from tests.fakes.discord import Channel
    from tests.fakes.discord.faults import Fault

LONG = "\n\n".join(f"Paragraph {number}. " + "Some more words. " * 60 for number in range(4))


def texts(fake: FakeDiscord, where: Channel | None = None) -> list[str]:
    return [message.content for message in fake.said_by_bot(where)]


@pytest.mark.parametrize(
    ("fault", "lease"),
    [
        (None, 4),
        (Cut(after=False), 4),
        (Status(500), 4),
        (Status(502, after=True), 4),
        (Slow(1.5), 2),  # a call may take 0.6 of the lease: each of them is given up
    ],
)
@pytest.mark.parametrize("nonces", [True, False])
async def test_each_call_fails_once(fault: Fault | None, lease: float, nonces: bool) -> None:
    model = ScriptedModel(LONG, "two", "three")
    async with FakeDiscord() as fake:
        fake.nonce_in_history = nonces
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, model, lease_seconds=lease):
            fake.faults.each_once(fault, {POST, EDIT, HISTORY, THREAD})
            asked = await fake.say(ann, general, f"{fake.at_bot} one?")
            thread = await fake.thread(asked)
            await fake.until(lambda: "Paragraph 3." in "".join(texts(fake, thread)), 40)
            await fake.say(ann, thread, "two?")
            await fake.say(ann, thread, "three?")
            await fake.until(lambda: texts(fake, thread)[-1:] in (["two"], ["three"]), 40)
            await fake.say(ann, thread, "four?")
            await fake.until(lambda: texts(fake, thread)[-1:] == ["three"], 40)
        said = "".join(texts(fake, thread))
        assert [said.count(f"Paragraph {number}.") for number in range(4)] == [1] * 4
        assert sorted(said.index(f"Paragraph {n}.") for n in range(4)) == [
            said.index(f"Paragraph {n}.") for n in range(4)
        ]
        assert texts(fake, thread)[-2:] == ["two", "three"]
        assert texts(fake, general) == []


async def test_events_that_come_twice_and_in_any_order_are_answered_once() -> None:
    async with FakeDiscord() as fake:
        people = [fake.person(name) for name in ("ann", "ben", "cleo")]
        fake.faults.twice, fake.faults.shuffle = True, 0.05
        async with bot_on(fake):
            for person in people:
                await fake.say(person, fake.dm(person), "hello")
            for person in people:
                await fake.replies(fake.dm(person))
            for person in people:
                await fake.say(person, fake.dm(person), "last")
            for person in people:
                await fake.replies(fake.dm(person), 2)
        assert sorted(texts(fake)) == sorted(["re: hello", "re: last"] * 3)


async def test_beyond_the_nonces_window_a_post_is_looked_for() -> None:
    store = LocalStore(SystemClock(), lease_seconds=1)
    async with FakeDiscord() as fake:
        fake.nonce_window = 0
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, ScriptedModel(LONG), store=store, lease_seconds=1):
            fake.faults.next(POST, Cut(), Cut(), Cut())
            asked = await fake.say(ann, general, f"{fake.at_bot} one?")
            thread = await fake.thread(asked)
            await fake.until(lambda: "Paragraph 3." in "".join(texts(fake, thread)), 30)
            await fake.until(lambda: texts(fake, thread)[0].count("Paragraph 0."))
        # Repeats within the call stood twice, as no nonce holds them; the turn's end swept them.
        said = "".join(texts(fake, thread))
        assert [said.count(f"Paragraph {number}.") for number in range(4)] == [1] * 4


async def test_a_reply_that_is_gone_is_posted_anew_and_a_lost_thread_ends_in_a_notice() -> None:
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        fake.faults.next(EDIT, Refused(10008), Refused(30046))
        async with bot_on(fake, ScriptedModel(["One ", 0.5, "two."])):
            await fake.say(ann, dm, "hi")
            await fake.until(lambda: texts(fake, dm) == ["One two."])


@pytest.mark.parametrize("nonces", [True, False])
async def test_killed_in_the_middle_of_a_reply_the_next_leaves_exactly_one(
    program: Program, nonces: bool
) -> None:
    async with FakeDiscord() as fake, FakeClaude() as claude:
        fake.nonce_in_history = nonces
        program.settings |= {
            "ANTHROPIC_API_KEY": KEY,
            "ANTHROPIC_BASE_URL": claude.url,
            "CHATBOT_LEASE_SECONDS": "1",
            "CHATBOT_DISCORD_BASE_URL": fake.api_url,
            TOKENS: fake.token,
        }
        ann, general = fake.person("ann"), fake.channel("general")
        claude.next(Talk("Half of an answer, and then no more. " * 3, then="hang"), Talk("Whole."))
        first = await program.start("run")
        try:
            await fake.connected(within=30)
            asked = await fake.say(ann, general, f"{fake.at_bot} tell me")
            thread = await fake.thread(asked, within=30)
            await fake.until(lambda: texts(fake, thread), 30)
            await first.kill()
            second = await program.start("run")
            await fake.until(lambda: texts(fake, thread) == ["Whole."], 30)
        finally:
            await first.kill()
        second.process.send_signal(signal.SIGTERM)
        ended = await second.end()
        assert (ended.code, ended.lines) == (0, [])
        assert "Discord: connected as" in ended.err
        assert texts(fake, thread) == ["Whole."]
