"""A strict Slack workspace on the loopback, for the real clients of slack-sdk and slack-bolt.

In a test:

    async with FakeSlack() as slack:
        ann, general = slack.person("ann"), slack.channel("general", "ann")
        client = AsyncWebClient(slack.bot_token, base_url=slack.api_url)
        asked = await slack.say(ann, general, f"{slack.at_bot} hello?")
        answer, = await slack.replies(general, asked.ts)

As a process of its own; its first line of output is its port:

    python -m tests.fakes.slack --port 0

Facts are cited as `slack.md N.N` (our reference) or `docs: PATH` (Slack's documentation).
"""

from tests.fakes.kit.simulation import UnshownError
from tests.fakes.slack.fake import FakeSlack
from tests.fakes.slack.faults import Cut, Limited, Odd, Refused, Slow, Status
from tests.fakes.slack.model import (
    Channel,
    Ephemeral,
    File,
    Json,
    Message,
    SlackError,
    User,
)

__all__ = [
    "Channel",
    "Cut",
    "Ephemeral",
    "FakeSlack",
    "File",
    "Json",
    "Limited",
    "Message",
    "Odd",
    "Refused",
    "SlackError",
    "Slow",
    "Status",
    "UnshownError",
    "User",
]
