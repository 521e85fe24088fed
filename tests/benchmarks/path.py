"""The path of one message: which files it enters, and how often it crosses between them.

    python -m tests.benchmarks.path slack

sends one mention through the real bot (in-memory store, scripted model, a fake Slack or Discord
over a real socket), prints JSON on stdout, and the files and the most frequent crossings on stderr.

How it counts:

- A `sys.setprofile` hook sees each Python call of the event loop's thread from the moment at which
  the message is sent until its reply is posted; what follows, such as settling the turn, is not
  counted. The bot has answered another thread before and is idle when it starts, so nothing is
  counted that a process does only once.
- A file is entered if a function in it is called. Only files in `core` and `bots` count.
- A crossing is a call of a function in one of these files whose immediate caller is a function in
  another one. A call by a library, the event loop included, is none.
- A coroutine or generator counts when it first runs, not each time it is resumed.
- What runs in the product's own background tasks is not counted, such as the worker's search for
  work, unless the message itself started the task.
- `files` and `crossings` leave `core/domain` out and count all of `core/store` as one file;
  `unfolded` counts each file of both by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import json
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.e2e import discord_bot, slack_bot
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from types import FrameType

ROOT = Path(__file__).parents[2]
_RESUMABLE = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
_PAIRS = 40
"""How many pairs of files are shown."""


class Trace:
    """The product's calls, with the file that each came from."""

    def __init__(self, background: set[asyncio.Task[Any]]) -> None:
        """Count nothing of what runs in these tasks."""
        self._calls: Counter[tuple[str, str]] = Counter()
        """By the file of the caller, which is empty for a library, and that of the called."""
        self._background = background
        self._names: dict[str, str] = {}
        self._begun: set[FrameType] = set()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count for as long as the block lasts."""
        sys.setprofile(self._seen)
        try:
            yield
        finally:
            sys.setprofile(None)
            self._begun.clear()

    def path(self, counted: Callable[[str], str]) -> tuple[Counter[str], Counter[tuple[str, str]]]:
        """Return how often each file was entered, and the crossings by their two files.

        `counted` says as what a file counts; as nothing if that is empty.
        """
        entered: Counter[str] = Counter()
        crossings: Counter[tuple[str, str]] = Counter()
        for (caller, called), count in self._calls.items():
            from_, to = counted(caller), counted(called)
            if to and from_ != to:
                entered[to] += count
                if from_:
                    crossings[from_, to] += count
        return entered, crossings

    def _seen(self, frame: FrameType, event: str, _: object) -> None:
        if event != "call" or not (called := self._name(frame)) or self._is_resumed(frame):
            return
        if asyncio.current_task() not in self._background:
            self._calls[self._name(frame.f_back), called] += 1

    def _is_resumed(self, frame: FrameType) -> bool:
        if not frame.f_code.co_flags & _RESUMABLE:
            return False
        if frame in self._begun:
            return True
        self._begun.add(frame)
        return False

    def _name(self, frame: FrameType | None) -> str:
        """Return the product file that a frame runs in; empty for any other."""
        if frame is None:
            return ""
        path = frame.f_code.co_filename
        if path not in self._names:
            self._names[path] = _name_of(Path(path))
        return self._names[path]


def _name_of(path: Path) -> str:
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
    return name if name.startswith(("core/", "bots/")) else ""


def folded(name: str) -> str:
    """Return as what a file counts if `core/domain` is left out and the store is one."""
    if name.startswith("core/domain/"):
        return ""
    return "core/store" if name.startswith("core/store/") else name


def _product_tasks() -> set[asyncio.Task[Any]]:
    return {task for task in asyncio.all_tasks() if _is_product(task)}


def _is_product(task: asyncio.Task[Any]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and bool(_name_of(Path(code.co_filename)))


async def slack() -> Trace:
    """Return the path of a mention on Slack."""
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)

        async def ask(text: str) -> None:
            asked = await fake.say(ann, general, f"{fake.at_bot} {text}")
            await fake.replies(general, asked.ts)

        async with slack_bot.bot_on(fake):
            return await _traced(ask)


async def discord() -> Trace:
    """Return the path of a mention on Discord."""
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")

        async def ask(text: str) -> None:
            asked = await fake.say(ann, general, f"{fake.at_bot} {text}")
            await fake.replies(await fake.thread(asked))

        async with discord_bot.bot_on(fake):
            return await _traced(ask)


async def _traced(ask: Callable[[str], Awaitable[None]]) -> Trace:
    """Return the path of a second question; `ask` returns when its question is answered."""
    idle = _product_tasks()
    await ask("hello?")
    while _product_tasks() - idle:  # until the turn is settled
        await asyncio.sleep(0.01)
    trace = Trace(_product_tasks())
    with trace.running():
        await ask("and how are you?")
    return trace


PLATFORMS = {"slack": slack, "discord": discord}


def main() -> None:
    """Print what was counted."""
    parser = argparse.ArgumentParser(description="Trace the path of one message.")
    parser.add_argument("platform", choices=PLATFORMS)
    trace = asyncio.run(PLATFORMS[parser.parse_args().platform]())
    entered, crossings = trace.path(folded)
    every_file, every_crossing = trace.path(str)
    for name, count in sorted(entered.items()):
        sys.stderr.write(f"{count:5} {name}\n")
    for (caller, called), count in crossings.most_common(_PAIRS):
        sys.stderr.write(f"{count:5} {caller} -> {called}\n")
    figures = {
        "files": len(entered),
        "crossings": crossings.total(),
        "unfolded": {"files": len(every_file), "crossings": every_crossing.total()},
    }
    json.dump(figures, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
