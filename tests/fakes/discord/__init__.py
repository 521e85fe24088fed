"""A strict Discord on the loopback, for the real client of discord.py.

In a test, where `client` is any `discord.Client` (`tests.fakes.discord.client` points it here):

    async with FakeDiscord() as server:
        ann, general = server.person("ann"), server.channel("general")
        async with running(server, client):
            asked = await server.say(ann, general, f"{server.at_bot} hello?")
            thread = await server.thread(asked)
            answer, = await server.replies(thread)

Build first (`guild`, `person`, `role`, `channel`, `forum`, `dm`), then act (`say`, `edit`,
`delete`, `react`, `open_thread`, `post`, `archive`, `slash`, `menu`, `press`, `submit`, `ban`,
`deny`), then look (`history`, `texts`, `said_by_bot`, `shown_to`, `pings`, `typing`,
`rest.calls`, `delivery.told`) or wait (`until`, `replies`, `thread`, `connected`). What goes
wrong is planned in `faults`; `drop`, `reconnect`, `invalidate`, `forget_sessions` act on the
gateway; `advance` lets time pass; `granted` holds the privileged intents that are on.

As a process of its own; its first line of output is its port:

    python -m tests.fakes.discord --port 0

Facts are cited as `discord.md N` (our reference) or `docs: PATH` (Discord's documentation).
"""

from tests.fakes.discord.client import Ears, running
from tests.fakes.discord.errors import DiscordError
from tests.fakes.discord.fake import FakeDiscord
from tests.fakes.discord.faults import Cut, Limited, Odd, Refused, Slow, Status
from tests.fakes.discord.intents import Intent
from tests.fakes.discord.model import (
    Channel,
    File,
    Guild,
    Interaction,
    Json,
    Message,
    Role,
    User,
)
from tests.fakes.discord.permissions import Permission
from tests.fakes.kit.simulation import UnshownError

__all__ = [
    "Channel",
    "Cut",
    "DiscordError",
    "Ears",
    "FakeDiscord",
    "File",
    "Guild",
    "Intent",
    "Interaction",
    "Json",
    "Limited",
    "Message",
    "Odd",
    "Permission",
    "Refused",
    "Role",
    "Slow",
    "Status",
    "UnshownError",
    "User",
    "running",
]
