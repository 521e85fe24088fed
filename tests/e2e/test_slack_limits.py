"""Twenty busy threads before a Slack that counts: it is called no more often than it allows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core.models.scripted import ScriptedModel
from tests.e2e.slack_bot import answers, bot_on, echo
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    from core.models.port import ModelRequest
    from core.models.scripted import Step
    from tests.fakes.slack import Channel
    from tests.fakes.slack.model import User

PLACES, THREADS, TURNS = 2, 10, 2


def slowly(request: ModelRequest) -> list[Step]:
    """Answer every other time at once, and else so that a preview is shown before."""
    text = echo(request)
    return [text[:4], 0.6, text[4:]] if int(text[-1]) % 2 else [text]


async def talk(fake: FakeSlack, who: User, channel: Channel, number: int) -> str:
    asked = await fake.say(who, channel, f"{fake.at_bot} {number}")
    await fake.replies(channel, asked.ts, 1, within=60)
    for turn in range(1, TURNS):
        await whole(fake, channel, asked.ts, turn)
        await fake.say(who, channel, str(number + turn), asked.ts)
    await whole(fake, channel, asked.ts, TURNS)
    return asked.ts


async def whole(fake: FakeSlack, channel: Channel, ts: str, turns: int) -> None:
    """Wait until so many answers stand there as they are to stay."""

    def final() -> bool:
        said = answers(fake, channel, ts)
        return len(said) == turns and all(m.text[4:].isdigit() and m.metadata for m in said)

    await fake.until(final, 60)


async def test_twenty_busy_threads_stay_within_what_slack_allows_or_wait() -> None:
    async with FakeSlack() as fake:
        fake.limits.on = True
        people = [fake.person(f"p{number}") for number in range(PLACES)]
        places = [fake.channel(who.name, who) for who in people]
        async with bot_on(fake, ScriptedModel(reply=slowly), slack_pace=1, edit_interval=1.2):
            threads = await asyncio.gather(
                *(
                    talk(fake, people[place], places[place], 100 * place + number)
                    for place in range(PLACES)
                    for number in range(THREADS)
                )
            )
            await asyncio.sleep(0.5)
            for index, ts in enumerate(threads):
                place, number = divmod(index, THREADS)
                said = [message.text for message in answers(fake, places[place], ts)]
                assert said == [f"re: {100 * place + number + turn}" for turn in range(TURNS)]
        assert fake.limits.refused  # it was told to wait
        assert not fake.limits.early  # and did
