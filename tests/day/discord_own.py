"""What a day has on Discord alone: gateways that drop, sessions that are lost, archives, forums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.day.discord import CORNER, POSTS
from tests.day.mind import MOMENT
from tests.day.scenario import KNOW, together
from tests.day.stage import Paper
from tests.day.verdict import final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.day.backstage import Backstage
    from tests.day.diary import Diary, Said
    from tests.day.discord import DiscordStage
    from tests.day.mind import Mind

ALONE = [("ann", "plans"), ("ann", "stop"), ("bob", "crash"), ("bob", "files"), ("ann", "quiet")]
"""Who talks alone in which thread: what they say there needs no mention."""
DMS = [("ann", "ann"), ("cat", "cat")]
MISSED = 50


def own(stage: DiscordStage) -> Callable[[Diary, Backstage], Awaitable[None]]:
    """Return what happens on Discord alone."""

    async def play(day: Diary, behind: Backstage) -> None:
        await together(post(day), corner(day))
        await dropped(day, stage)
        await gap(day, stage)
        await archived(day, stage)
        await expired(day, stage, behind.mind)

    return play


async def post(day: Diary) -> None:
    """A post in a forum is a thread that begins with a message of its own id."""
    await day.remark("cat", POSTS, "My question is of lotus-611.")
    await day.remark("bob", POSTS, "That is lotus-612.")
    await day.ask("cat", POSTS, KNOW, mention=True)
    await day.ask("bob", POSTS, "And lotus-613?", mention=True)


async def corner(day: Diary) -> None:
    """Where the bot may open no thread, it answers in the channel, which is one conversation."""
    await day.ask("ann", CORNER, "Here it is myrtle-621.", mention=True)
    await day.ask("bob", CORNER, KNOW, mention=True)


async def dropped(day: Diary, stage: DiscordStage) -> None:
    """The gateway drops; what is said meanwhile is told when the session is resumed."""
    gateway = stage.fake.gateway
    sessions, resumed = len(gateway.identified), gateway.resumed
    assert stage.fake.drop() == 1
    said = [await _said(day, who, thread, 630) for who, thread in (*ALONE, *DMS)]
    await _answered(day, said)
    assert (len(gateway.identified), gateway.resumed) == (sessions, resumed + 1)


async def gap(day: Diary, stage: DiscordStage) -> None:
    """The session is lost: what was said until the next one is read, and answered together."""
    gateway, places = stage.fake.gateway, [*ALONE, *DMS]
    sessions = len(gateway.identified)
    stage.fake.forget_sessions()
    missed: dict[str, list[Said]] = {thread: [] for _, thread in places}
    for number in range(MISSED):
        who, thread = places[number % len(places)]
        missed[thread].append((await _said(day, who, thread, 700 + number))[1])
    await _answered(day, [(thread, said[-1]) for thread, said in missed.items()])
    assert len(gateway.identified) == sessions + 1
    for thread, said in missed.items():
        numbers = tuple(each.number for each in said)
        assert final(day.requests, numbers[-1]).answers == numbers, f"{thread}: not together"
    await together(*(day.ask(who, thread, KNOW) for who, thread in places))


async def archived(day: Diary, stage: DiscordStage) -> None:
    """A thread is archived without the bot in it, and comes back with what a person says there."""
    place = stage.place("quiet")
    assert place is not None
    assert place.thread is not None
    await stage.fake.archive(place)
    place.thread.members.pop(stage.fake.bot.id)
    await day.ask("ann", "quiet", "Back at hazel-804.")
    await day.ask("ann", "quiet", KNOW)
    assert stage.fake.bot.id in place.thread.members


async def expired(day: Diary, stage: DiscordStage, mind: Mind) -> None:
    """A file's address has expired when its turn comes; its message knows a new one."""
    fake = stage.fake
    fake.cdn_life = 60
    first = await day.say("cat", "papers", f"One moment of nettle-631: {MOMENT}.", mention=True)
    await day.begun("papers", first)
    paper = Paper("plan.txt", b"The plan is nettle-632.")
    second = await day.say("cat", "papers", "Read it.", papers=[paper])
    await stage.heard()
    fake.advance(2 * fake.cdn_life)
    mind.go_on.set()
    await day.answered("papers", second)
    await day.ask("cat", "papers", KNOW)
    mind.go_on.clear()


async def _said(day: Diary, who: str, thread: str, number: int) -> tuple[str, Said]:
    return thread, await day.say(who, thread, f"Meanwhile {thread}-{number}.")


async def _answered(day: Diary, said: list[tuple[str, Said]]) -> None:
    await together(*(day.answered(thread, each) for thread, each in said))
