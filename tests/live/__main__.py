"""`python -m tests.live CHANNEL`: try out on the real platform what the bot relies on.

The settings are the bot's own. The trial posts in a thread of its own, removes everything it
posted, prints each rule that the platform keeps or breaks, and writes a recording.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from bots.ops.logging import set_up_logging
from bots.ops.redaction import redact
from bots.settings.settings import Settings
from bots.signals import Signals
from core.domain.clock import SystemClock
from core.domain.errors import ChatbotError, SettingsError
from tests.live.options import Options

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from core.domain.clock import Clock

SAME, DIFFERENT, UNUSABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the trial; return the exit code.

    0: the platform does what we say. 1: it differs somewhere, or can't be asked. 2: the options,
    the settings or the channel can't be used.
    """
    options = _options(arguments)
    try:
        settings = Settings.from_env()
        set_up_logging(settings.log_level, settings.secrets)
        return asyncio.run(run(settings, options))
    except ChatbotError as error:
        print(f"live: {error}", file=sys.stderr)  # noqa: T201 - stderr is what it is for
        return UNUSABLE if isinstance(error, SettingsError) else DIFFERENT


async def run(settings: Settings, options: Options) -> int:
    """Try out the platform that the channel belongs to; return the exit code.

    Raises `SettingsError` or `PlatformError` if the trial can't be run.
    """
    signals = Signals()

    async def compared() -> int:
        code = SAME
        hidden = sorted(settings.secrets, key=len, reverse=True)
        trial = _trial(options.channel)
        async with aclosing(trial(settings, SystemClock(), options)) as lines:
            async for line, differs in lines:
                print(redact(line, hidden), flush=True)  # noqa: T201 - the command's output
                code = DIFFERENT if differs else code
        return code

    with signals.listening():  # so that an interrupted trial removes what it posted, too
        return await signals.run(compared())


def _trial(
    channel: str,
) -> Callable[[Settings, Clock, Options], AsyncGenerator[tuple[str, bool], None]]:
    """Return the trial of the platform that a channel's id belongs to: Discord's are numbers."""
    if channel.isdigit():
        from tests.live.discord.run import live as discord  # noqa: PLC0415 - slow to import

        return discord
    from tests.live.slack.run import live as slack  # noqa: PLC0415 - slow to import

    return slack


def _options(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m tests.live",
        description="Try out on the real Slack or Discord what the bot relies on.",
        epilog="The tokens come from the bot's settings; `chatbot doctor` checks them.",
    )
    parser.add_argument("channel", metavar="CHANNEL", help="the id of a channel that the bot is in")
    parser.add_argument(
        "--stream-expiry",
        "--nonce-expiry",
        action="store_true",
        help="wait until a stream (Slack, 6 min) or a nonce (Discord, 10 min) expires",
    )
    parser.add_argument(
        "--rate-limits", action="store_true", help="call too often on purpose, to see a rate limit"
    )
    parser.add_argument(
        "--record", default="recordings", metavar="DIR", help="where the recording goes"
    )
    parsed = parser.parse_args(arguments)
    return Options(
        channel=parsed.channel,
        expiry=parsed.stream_expiry,
        limits=parsed.rate_limits,
        folder=Path(parsed.record),
    )


if __name__ == "__main__":
    sys.exit(main())
