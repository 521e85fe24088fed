"""The day: three people, ten threads and three DMs with the bot, which dies at noon.

It says nothing of any platform; where one has no such command, nothing is done. What must be true
of it all is in `diary`, as it goes along, and in `verdict`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.day.diary import Diary
from tests.day.mind import ENDLESS, HELD, LONG, MOMENT
from tests.day.stage import Paper
from tests.day.verdict import judge
from tests.paper import png

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from tests.day.backstage import Backstage
    from tests.day.stage import Stage

PEOPLE = ("ann", "bob", "cat")
TRIMMED = ("trim", "long")
"""The threads that outgrow what the model sees word for word."""
KNOW = "What do you know?"
CHATTER = "and so on, as people do when they have the time for it, " * 9


async def play(
    stage: Stage,
    behind: Backstage,
    own: Callable[[Diary, Backstage], Awaitable[None]] | None = None,
) -> None:
    """Live through the day on a platform, and judge it.

    `own` is what happens on this platform alone: late in the afternoon, judged with the rest.
    """
    diary = Diary(stage, behind.store, behind.claude)
    await behind.start()
    await together(
        plans(diary), budget(diary), joined(diary), trim(diary), long(diary), stop(diary),
        reset(diary), quiet(diary), private(diary), forgotten(diary), images(diary),
    )  # fmt: skip
    await noon(diary, behind)
    await together(exams(diary), exports(diary), remake(diary))
    if own is not None:
        await own(diary, behind)
    await evening(diary, behind)
    await judge(diary, behind, trimmed=TRIMMED)


async def together(*parts: Coroutine[Any, Any, object]) -> None:
    """Let several things go on at once."""
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(part)


# --- the morning: one function a thread ---------------------------------------------------------


async def plans(day: Diary) -> None:
    """One person talks to the bot, needs no further mention, and mends what was said."""
    code = await day.ask("ann", "plans", "The code is amber-101.", mention=True)
    await day.ask("ann", "plans", "And the door is amber-102.")
    await day.edit(code, "The code is amber-103.")
    await day.ask("ann", "plans", KNOW)


async def budget(day: Diary) -> None:
    """Two people talk to each other and to the bot, which overhears the one and answers the other.

    What is taken back was overheard, and is known no more.
    """
    await day.ask("ann", "budget", "We have birch-201.", mention=True)
    await day.remark("bob", "budget", "I would have said birch-202.")
    wrong = await day.remark("ann", "budget", "Or was it birch-203?")
    await day.delete(wrong)
    await day.ask("bob", "budget", KNOW, mention=True)


async def joined(day: Diary) -> None:
    """The bot is asked in when people have talked already, and knows what they said."""
    await day.remark("ann", "joined", "The party is on cedar-301.")
    await day.remark("cat", "joined", "I bring cedar-302.")
    await day.ask("cat", "joined", KNOW, mention=True)


async def trim(day: Diary) -> None:
    """A talk goes on until a summary takes over its beginning; then something is taken back."""
    await day.ask("cat", "trim", f"It began with dahlia-401, {CHATTER}", mention=True)
    secret = await day.ask("cat", "trim", f"The secret is dahlia-402, {CHATTER}")
    for number in range(403, 408):
        await day.ask("cat", "trim", f"Then came dahlia-{number}, {CHATTER}")
    await day.folded("trim")
    await day.ask("cat", "trim", KNOW)
    seen = await day.stage.memory("cat", "trim")
    assert "dahlia-401" in seen
    assert "dahlia-402" in seen
    await day.delete(secret)


async def remake(day: Diary) -> None:
    """A summary that knew what was taken back is made again, and all else is known meanwhile."""
    await day.ask("cat", "trim", "What is left?")
    await day.folded("trim")
    await day.ask("cat", "trim", KNOW)


async def long(day: Diary) -> None:
    """An answer is too long for one message."""
    await day.ask("bob", "long", f"Remember elder-501, and tell me {LONG}.", mention=True)
    await day.ask("bob", "long", "Thank you for elder-502.")
    await day.folded("long")


async def stop(day: Diary) -> None:
    """A person stops an answer, where they can; what had come of it stays."""
    if "stop" in day.stage.words:
        said = await day.say("ann", "stop", f"By fern-601, {ENDLESS}.", mention=True)
        await day.stop(said, "stop")
    else:
        await day.ask("ann", "stop", "By fern-601.", mention=True)
    await day.ask("ann", "stop", KNOW)


async def reset(day: Diary) -> None:
    """A thread starts over."""
    await day.ask("cat", "reset", "Yesterday it was ginger-701.", mention=True)
    await day.command("cat", "reset", "reset")
    await day.ask("cat", "reset", "Today it is ginger-702.", mention=True)
    await day.ask("cat", "reset", KNOW)


async def quiet(day: Diary) -> None:
    """A thread is quiet until the bot is wanted again."""
    await day.ask("ann", "quiet", "Let us begin with hazel-801.", mention=True)
    if "quiet" in day.stage.words:
        await day.command("ann", "quiet", "quiet")
        await day.remark("ann", "quiet", "I am only thinking of hazel-802.")
    await day.ask("ann", "quiet", KNOW, mention=True)
    await day.ask("ann", "quiet", "And hazel-803.")


async def private(day: Diary) -> None:
    """A DM is one conversation, however it is shown."""
    first = await day.ask("ann", "ann", "I am iris-901.")
    await day.ask("ann", "ann", "My sister is iris-902.")
    await day.edit(first, "I am iris-903.")
    await day.ask("ann", "ann", KNOW)


async def forgotten(day: Diary) -> None:
    """A person lets the bot forget all of their DM."""
    await day.ask("bob", "bob", "I am jasmine-111.")
    await day.forget("bob")
    await day.ask("bob", "bob", "I am nobody, and jasmine-112.")


async def images(day: Diary) -> None:
    """A picture is there for the question after it too."""
    picture = Paper("square.png", png(8, 8))
    await day.ask("cat", "cat", "What is kale-211?", papers=[picture])
    await day.ask("cat", "cat", "And what colour has it?")


# --- noon: it dies ------------------------------------------------------------------------------


async def noon(day: Diary, behind: Backstage) -> None:
    """Die in mid-reply while others wait; people go on talking; start again."""
    running = await day.say("bob", "crash", f"First lilac-311, {HELD}.", mention=True)
    alone = await day.say("bob", "bob", f"And jasmine-113: {HELD}.")
    await day.begun("crash", running)
    waiting = await day.say("bob", "crash", "Then lilac-312.")
    taken_back = await day.say("bob", "crash", "Not lilac-313.")
    await day.stage.heard()
    await day.edit(waiting, "Then lilac-314.")
    await day.delete(taken_back)
    await day.begun("crash", running)
    await day.asked_for(alone)
    await behind.kill()
    behind.mind.awake = True
    files = [Paper("notes.txt", b"The number is maple-411.")]
    missed = [
        ("plans", await day.say("ann", "plans", "While you are away: amber-104.")),
        ("cat", await day.say("cat", "cat", "Are you there, kale-212?")),
        ("files", await day.say("bob", "files", "Read maple-412.", mention=True, papers=files)),
    ]
    await day.stage.heard()
    await behind.start()
    for thread, said in [("crash", running), ("crash", waiting), ("bob", alone), *missed]:
        await day.answered(thread, said)


# --- the afternoon ------------------------------------------------------------------------------


async def exams(day: Diary) -> None:
    """Ask in each thread, and all at once, what is known there."""
    rooms = [("ann", "plans"), ("cat", "joined"), ("bob", "long"), ("ann", "stop"),
             ("bob", "crash"), ("cat", "reset"), ("ann", "quiet"), ("bob", "files")]  # fmt: skip
    asking = [day.ask(who, thread, KNOW, mention=True) for who, thread in rooms]
    await together(*asking, *(day.ask(who, who, KNOW) for who in PEOPLE))


async def exports(day: Diary) -> None:
    """Take a conversation home, in both forms."""
    await day.ask("ann", "budget", "Once more: birch-204.", mention=True)
    await day.export("ann", "budget", "json")
    await day.export("bob", "budget", "md")


async def evening(day: Diary, behind: Backstage) -> None:
    """Stop it gently while it writes; what it writes comes to its end."""
    await day.export("cat", "cat", "json")
    last = await day.say("ann", "plans", f"Good night, amber-105, {MOMENT}.")
    await day.begun("plans", last)
    behind.ask_to_stop()
    behind.mind.go_on.set()
    ended = await behind.ended()
    assert ended.code == 0, ended.err
    assert "Traceback" not in ended.err, ended.err
    assert "ERROR" not in ended.err, ended.err
