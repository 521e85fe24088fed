"""The fake as a process of its own; it prints its port first.

python -m tests.fakes.slack --port 0 --lean
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.fakes.kit import process
from tests.fakes.slack.control import SlackControl
from tests.fakes.slack.fake import FakeSlack
from tests.fakes.slack.socket import PATIENCE

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def _fake(options: argparse.Namespace) -> AsyncIterator[FakeSlack]:
    slack = FakeSlack(port=options.port, seed=options.seed)
    slack.web.record = slack.delivery.record = not options.lean
    slack.own_events = not options.no_own_events
    slack.limits.on = options.rate_limits
    slack.socket.patience = options.patience
    SlackControl(slack)
    async with slack:
        if options.http:
            (await slack.use_http(options.http)).patience = options.patience
        yield slack


def main() -> None:
    """Serve until interrupted."""
    parser = process.options("A fake Slack workspace.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--http", metavar="URL", default="", help="deliver there, not by socket")
    parser.add_argument("--lean", action="store_true", help="keep no record of calls and events")
    parser.add_argument("--no-own-events", action="store_true", help="send no events of own posts")
    parser.add_argument("--rate-limits", action="store_true")
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds for an ack")
    process.run(_fake(parser.parse_args()))


if __name__ == "__main__":
    main()
