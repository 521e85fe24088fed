"""What a command changes is changed before Slack hears that it came, and outlives the process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from core.domain.clock import SystemClock
from core.store.sql.sqlite.store import SqliteStore
from tests.e2e.slack_bot import answers, bot_on
from tests.e2e.slack_hands import filled, talk, threads_of, told
from tests.e2e.test_slack_program import on_slack
from tests.fakes.claude import FakeClaude
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.faults import Slow

if TYPE_CHECKING:
    from pathlib import Path

    from core.domain.session import Record
    from core.store.values import Work
    from tests.e2e.program import Program
    from tests.fakes.slack import Channel

BEGUN = "reset this conversation"


async def kept(path: Path) -> tuple[Work | None, tuple[Record, ...]]:
    """Return the one thread that a program has left in its store, and its log."""
    store = await SqliteStore.open(path, SystemClock())
    try:
        (info,) = (await store.threads()).threads
        return await store.peek(info.thread), await store.history(info.thread)
    finally:
        await store.close()


def begun(fake: FakeSlack, channel: Channel, ts: str) -> list[str]:
    return [m.text for m in answers(fake, channel, ts) if BEGUN in m.text]


@pytest.mark.parametrize("before", ["", "conversations.replies", "chat.postMessage"])
async def test_killed_right_after_the_ack_a_reset_is_done_and_said_once(
    program: Program, tmp_path: Path, before: str
) -> None:
    """`before` is the call whose answer the program awaited when it was killed, if any."""
    path = tmp_path / "store.db"
    program.settings["CHATBOT_STORE"] = f"sqlite:///{path}"
    async with FakeSlack() as fake, FakeClaude() as claude:
        on_slack(program, fake, claude)
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        then = time.time() - 60  # so that nobody waits for what the dead one may still say
        first = await program.start("run")
        try:
            await fake.connected(2, within=30)
            asked = await fake.say(
                ann, general, f"{fake.at_bot} My dog is called Rex.", ts=f"{then:.6f}"
            )
            await fake.replies(general, asked.ts)
            await fake.settled()
            if before:
                fake.faults.next(before, Slow(20))
            await fake.say(ann, general, f"{fake.at_bot} reset", asked.ts, ts=f"{then + 10:.6f}")
            events = list(fake.last)
            await fake.until(lambda: all(event.acked for event in events), 30)
            await fake.until(lambda: not before or fake.faults.dealt)
            await first.kill()
            work, log = await kept(path)
            assert work is not None
            assert (work.reset_position, len(log)) == (1, 2)
            second = await program.start("run")
            await fake.until(lambda: begun(fake, general, asked.ts), 30)
            await fake.say(ann, general, f"{fake.at_bot} Who is my dog?", asked.ts)
            await fake.replies(general, asked.ts, 3)
            await second.kill()
        finally:
            await first.kill()
        assert len(begun(fake, general, asked.ts)) == 1
        assert "Rex" in str(claude.requests[0])
        assert "Rex" not in str(claude.requests[-1])


@pytest.mark.parametrize("seconds", [1.0, 2.6])
async def test_a_reset_by_slash_is_done_before_the_ack_unless_slack_is_slow(
    seconds: float,
) -> None:
    """Slack sends no slash command again; it waits for three seconds."""
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake) as bot:
            asked = await fake.say(ann, dm, "My dog is called Rex.")
            await fake.replies(dm, asked.ts)
            await fake.settled()
            fake.faults.next("conversations.members", Slow(seconds))
            began = time.monotonic()
            post = await fake.slash(ann, dm, "/chatbot reset")
            assert post.acked
            assert time.monotonic() - began < 2.5
            (info,) = await threads_of(bot, ann)
            work = await bot.store.peek(info.thread)
            assert work is not None
            assert (work.reset_position > 0) is (seconds < 2)
            await fake.until(lambda: any(BEGUN in m.text for m in fake.said_by_app(dm)))
            work = await bot.store.peek(info.thread)
            assert work is not None
            assert work.reset_position == 1


async def test_what_is_forgotten_by_a_button_is_gone_before_the_ack() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake) as bot:
            asked = await talk(fake, ann, general, "My code is 1234.")
            await fake.say(ann, general, f"{fake.at_bot} forget", asked.ts)
            offer = (await fake.replies(general, asked.ts, 2))[1]
            await fake.press(ann, "thread_forget", offer)
            modal = await filled(fake, ann)
            fake.faults.next("conversations.members", Slow(1))
            assert (await fake.submit(ann, modal)).acked
            assert await threads_of(bot, ann) == ()
            await told(fake, ann, "I have forgotten everything")
