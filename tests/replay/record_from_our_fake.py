"""Makes the recording that stands in until there is a real one: of our own fake, NOT of Slack.

    python -m tests.replay.record_from_our_fake

It is what the real command writes, run as a process of its own.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from tests.e2e.program import Program
from tests.fakes.slack import FakeSlack, Limited
from tests.replay.recording import FROM_FAKE


async def record(slack: FakeSlack, program: Program) -> Path:
    """Run `chatbot doctor --live` before a fake; return where its recording is."""
    channel = slack.channel("zoological", slack.person("zebedee"))
    slack.faults.next("users.conversations", Limited(7))
    program.settings |= {
        "CHATBOT_SLACK_BASE_URL": slack.api_url,
        "CHATBOT_SLACK_PACE": "0",
        "SLACK_BOT_TOKEN": slack.bot_token,
    }
    ended = await program.run("doctor", "--live", channel.id, "--rate-limits", "--record", "to")
    assert ended.code == 0, ended
    return next((program.home / "to").iterdir())


async def main() -> None:
    """Replace the recording of the fake."""
    with tempfile.TemporaryDirectory() as home:
        async with FakeSlack() as slack:
            shutil.copyfile(await record(slack, Program(Path(home))), FROM_FAKE)


if __name__ == "__main__":
    asyncio.run(main())
