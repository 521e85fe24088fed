"""The fake as a process of its own; it prints its port first.

python -m tests.fakes.discord --port 0 --lean
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.discord.control import DiscordControl
from tests.fakes.discord.fake import FakeDiscord
from tests.fakes.discord.intents import Intent
from tests.fakes.kit import process

if TYPE_CHECKING:
    import argparse


def _fake(options: argparse.Namespace) -> FakeDiscord:
    discord = FakeDiscord(port=options.port, seed=options.seed)
    discord.rest.record = discord.delivery.record = not options.lean
    discord.limits.on = options.rate_limits
    discord.gateway.shards = options.shards
    if options.no_content:
        discord.granted &= ~Intent.MESSAGE_CONTENT
    DiscordControl(discord)
    return discord


def main() -> None:
    """Serve until interrupted."""
    parser = process.options("A fake Discord.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shards", type=int, default=1, help="how many clients are told to use")
    parser.add_argument(
        "--lean", action="store_true", help="keep no record, and hold nothing to the description"
    )
    parser.add_argument("--rate-limits", action="store_true")
    parser.add_argument(
        "--no-content", action="store_true", help="don't grant the message-content intent"
    )
    process.run(_fake(parser.parse_args()))


if __name__ == "__main__":
    main()
