"""What is seen on Discord while an answer is being made, and at its end."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

from bots.discord.outbound.format import LIMIT, WRITING, is_preview, length
from bots.discord.outbound.status import Status
from core.domain.clock import SystemClock
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from core.turn.notices import TRIM_MEANING
from tests.clocks import ManualClock
from tests.e2e.discord_bot import bot_on
from tests.fakes.discord import FakeDiscord, Limited
from tests.fakes.discord.faults import EDIT, POST

if TYPE_CHECKING:
    from core.models.scripted import Step
    from tests.fakes.discord import Channel

LONG = "Some words that are a sentence. " * 40


async def ask(fake: FakeDiscord, text: str = "hello?") -> Channel:
    ann = fake.person("ann")
    dm = fake.dm(ann)
    await fake.say(ann, dm, text)
    return dm


def shown(fake: FakeDiscord, where: Channel) -> list[str]:
    return [message.content for message in fake.said_by_bot(where)]


def is_shown(fake: FakeDiscord, where: Channel, text: str) -> bool:
    return any(text in each for each in shown(fake, where))


async def test_an_answer_that_takes_its_time_is_shown_as_it_grows() -> None:
    first, second = asyncio.Event(), asyncio.Event()
    async with FakeDiscord() as fake:
        async with bot_on(fake, ScriptedModel(["One, ", first, "two, ", second, "three."])):
            dm = await ask(fake)
            await fake.until(lambda: shown(fake, dm) == [f"One,\n{WRITING}"])
            await fake.until(lambda: fake.typing_in(dm))
            first.set()
            await fake.until(lambda: shown(fake, dm) == [f"One, two,\n{WRITING}"])
            second.set()
            await fake.until(lambda: shown(fake, dm) == ["One, two, three."])
        assert shown(fake, dm) == ["One, two, three."]
        assert len(fake.rest.made(POST)) == 1


async def test_the_bot_types_at_once_where_it_takes_a_turn_up_again() -> None:
    clock = ManualClock()  # on which nothing is due
    async with FakeDiscord() as fake, bot_on(fake) as bot:
        general = fake.channel("general")
        status = Status(bot.discord.api, clock)
        status.show(general.id, working=True)
        await asyncio.sleep(0.05)
        assert not fake.typing_in(general)
        status.show(general.id, working=True, at_once=True)
        await fake.until(lambda: fake.typing_in(general))
        await status.close()


async def test_previews_leave_room_for_the_answer_within_discords_limits() -> None:
    steps: list[Step] = [f"word{number} " for number in range(120)]
    gates = [asyncio.Event() for _ in range(12)]
    for number, gate in enumerate(gates):
        steps.insert(10 * number + 5, gate)
    async with FakeDiscord() as fake:
        fake.limits.on = True
        async with bot_on(fake, ScriptedModel(steps), edit_interval=0.02):
            dm = await ask(fake)
            await fake.until(lambda: shown(fake, dm))
            for gate in gates:
                gate.set()
                await asyncio.sleep(0.03)
            ended = time.monotonic()
            await fake.until(lambda: shown(fake, dm)[0].endswith("word119"))
            assert time.monotonic() - ended < 1
        assert not fake.limits.hits


async def test_a_limit_that_a_preview_meets_does_not_hold_the_answer_up() -> None:
    gate, more = asyncio.Event(), asyncio.Event()
    async with FakeDiscord() as fake:
        fake.faults.next(EDIT, Limited(retry_after=4.0))
        async with bot_on(fake, ScriptedModel(["One, ", gate, "two, ", more, "three."])):
            dm = await ask(fake)
            await fake.until(lambda: shown(fake, dm))
            gate.set()
            await fake.until(lambda: fake.faults.dealt)
            ended = time.monotonic()
            more.set()
            await fake.until(lambda: shown(fake, dm) == ["One, two, three."])
            assert time.monotonic() - ended < 2


async def test_a_global_limit_that_is_cut_off_leaves_nothing_waiting() -> None:
    gate, more = asyncio.Event(), asyncio.Event()
    async with FakeDiscord() as fake:
        fake.faults.next(EDIT, Limited(retry_after=3.0, everywhere=True))
        async with bot_on(fake, ScriptedModel(["One, ", gate, "two, ", more, "three."])):
            dm = await ask(fake)
            await fake.until(lambda: shown(fake, dm))
            gate.set()
            await fake.until(lambda: fake.faults.dealt)
            more.set()
            await fake.until(lambda: shown(fake, dm) == ["One, two, three."])


async def test_a_long_answer_comes_in_pieces_that_each_stand_alone() -> None:
    code = "```python\n" + "print('hello')\n" * 300 + "```\n\nThat is all, @everyone."
    async with FakeDiscord() as fake:
        async with bot_on(fake, ScriptedModel(code)):
            dm = await ask(fake)
            await fake.until(lambda: shown(fake, dm) and "all" in shown(fake, dm)[-1])
        pieces = shown(fake, dm)
        assert len(pieces) > 2
        assert all(length(piece) <= LIMIT for piece in pieces)
        assert all(piece.startswith("```python\n") for piece in pieces[:-1])
        assert sum(piece.count("print") for piece in pieces) == 300
        assert not any(is_preview(piece) for piece in pieces)
        assert fake.all_pings() == []


async def test_what_is_beyond_the_cap_comes_as_a_file() -> None:
    text = "\n\n".join(f"{number}. {LONG}" for number in range(9))
    async with FakeDiscord() as fake:
        async with bot_on(fake, ScriptedModel(text), discord_answer_messages=2):
            dm = await ask(fake)
            await fake.until(lambda: len(fake.said_by_bot(dm)) == 3)
        *_, last = fake.said_by_bot(dm)
        assert [file.name for file in last.files] == ["answer.md"]
        assert last.files[0].data.decode() == text.strip()


async def test_scissors_are_explained_once_and_show_what_is_remembered() -> None:
    model = ScriptedModel(*(f"answer {number} {LONG}" for number in range(3)))
    store = LocalStore(SystemClock(), lease_seconds=15)
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model, store=store, memory="window", memory_pairs=1):
            for number in range(3):
                await fake.say(ann, dm, f"question {number}")
                await fake.until(partial(is_shown, fake, dm, f"answer {number}"))
            await fake.until(lambda: any(m.reactions for m in fake.said_by_bot(dm)))
            marked = [m for m in fake.said_by_bot(dm) if m.reactions]
            assert [list(m.reactions) for m in marked] == [["✂️"]]
            (note,) = [m for m in fake.said_by_bot(dm) if m.components]
            assert TRIM_MEANING in note.content
        async with bot_on(fake, store=store):
            pressed = await fake.press(ann, note, "What I remember")
            await fake.until(lambda: pressed.shown)
            assert pressed.ephemeral
            assert "What the model would see now" in pressed.shown[0].content
