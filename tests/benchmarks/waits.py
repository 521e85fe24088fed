"""How long people wait when Slack or Discord let the bot wait: kills, outages, limits; real time.

    python -m tests.benchmarks.waits [NAME …]

prints JSON; each scene takes from two to six minutes. They run one after the other.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.e2e.program import Program
from tests.fakes.slack.faults import Limited, Status
from tests.scenes import waits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SCENES: dict[str, Callable[[Program], Awaitable[dict[str, Any]]]] = {
    "killed, the minute unused": lambda program: waits.killed_under_limits(program, factor=1),
    "killed, the minute used up": lambda program: waits.killed_under_limits(
        program, factor=1, used=True
    ),
    "one of two killed": lambda program: waits.killed_under_limits(program, factor=1, processes=2),
    "one of two killed, the minute used up": lambda program: waits.killed_under_limits(
        program, factor=1, processes=2, used=True
    ),
    "503 for 300 s": lambda program: waits.posts_that_fail(
        program, Status(503), factor=1, seconds=300
    ),
    "429 for 270 s": lambda program: waits.posts_that_fail(
        program, Limited(30), factor=1, seconds=270
    ),
    "threads limited for 260 s": lambda program: waits.threads_that_are_limited(program, factor=1),
}


async def play(name: str) -> dict[str, Any]:
    """Play one scene, with a home directory of its own."""
    with tempfile.TemporaryDirectory() as home:
        return await SCENES[name](Program(Path(home)))


def main() -> None:
    """Play the scenes that are named, or all of them."""
    figures = {name: asyncio.run(play(name)) for name in sys.argv[1:] or SCENES}
    json.dump(figures, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
