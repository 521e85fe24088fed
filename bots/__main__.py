"""The `chatbot` command."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from core.domain.errors import ChatbotError, SettingsError, StoreRefusedError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from typing import Any

    from bots.settings.settings import Settings

FAILED, UNUSABLE, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code.

    0: done. 1: something failed while it ran. 2: the command, the settings or the store can't be
    used. 130: Ctrl-C.
    """
    try:
        return _main(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (SettingsError, StoreRefusedError, StoreUnavailableError) as error:
        _say(str(error))
        return UNUSABLE
    except ChatbotError as error:
        _say(str(error))
        return FAILED
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _main(arguments: Sequence[str] | None) -> int:
    options = _parser().parse_args(arguments)
    # From here on, since help and a mistyped command should not wait for it.
    from bots.ops.logging import set_up_logging, watch_loop  # noqa: PLC0415
    from bots.settings.settings import Settings  # noqa: PLC0415

    settings = Settings.from_env()
    set_up_logging(settings.log_level, settings.secrets)
    command = _command(options, settings)

    async def watched() -> int:
        watch_loop()
        return await command

    return asyncio.run(watched())


def _command(options: argparse.Namespace, settings: Settings) -> Coroutine[Any, Any, int]:
    from bots.ops import operator  # noqa: PLC0415
    from bots.ops.migrate import migrate  # noqa: PLC0415
    from bots.run import chat, run  # noqa: PLC0415

    commands = {
        "run": lambda: run(settings),
        "chat": lambda: chat(settings, options.thread),
        "doctor": lambda: _doctor(settings, options),
        "init-store": lambda: operator.init_store(settings),
        "stats": lambda: operator.stats(settings),
        "export": lambda: operator.export_thread(
            settings, options.thread, options.file, as_json=options.json
        ),
        "audit": lambda: operator.audit(settings),
        "buried": lambda: operator.buried(settings),
        "requeue": lambda: operator.requeue(settings, options.thread, options.place),
        "migrate": lambda: migrate(settings, options.source, options.target),
    }
    return commands[options.command]()


def _doctor(settings: Settings, options: argparse.Namespace) -> Coroutine[Any, Any, int]:
    from bots.ops.doctor import doctor, live  # noqa: PLC0415
    from bots.ops.finding import Wanted  # noqa: PLC0415

    if not options.live:
        return doctor(settings)
    wanted = Wanted(
        channel=options.live,
        expiry=options.stream_expiry,
        limits=options.rate_limits,
        folder=Path(options.record),
    )
    return live(settings, wanted)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chatbot",
        description="A bot that remembers the conversation.",
        epilog="Settings come from the environment and from .env; .env.example explains them all.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("run", help="start the bot: where its tokens say, else in this terminal")
    chat = commands.add_parser("chat", help="talk to the bot in this terminal")
    chat.add_argument("--thread", default="", metavar="NAME", help="the thread to talk in")
    _add_doctor(commands.add_parser("doctor", help="say what is wrong and how to repair it"))
    commands.add_parser("init-store", help="make the table that a store in DynamoDB needs")
    commands.add_parser("stats", help="how long conversations are, and where people drop off")
    export = commands.add_parser("export", help="write a conversation to a file, or to stdout")
    export.add_argument("thread", help="a thread's name in the terminal, or its whole key")
    export.add_argument("file", nargs="?", default="", help="where to; it must not exist yet")
    export.add_argument("--json", action="store_true", help="as JSON; default: Markdown")
    commands.add_parser("audit", help="list what admins exported and removed, a line of JSON each")
    commands.add_parser("buried", help="list messages whose answer was given up")
    requeue = commands.add_parser("requeue", help="let a given-up message wait again")
    requeue.add_argument("thread", help="the thread's key, as `buried` lists it")
    requeue.add_argument("place", type=int, help="the message's place, as `buried` lists it")
    migrate = commands.add_parser("migrate", help="move everything from one store to another")
    migrate.add_argument("source", metavar="FROM", help="a store's URL, as in CHATBOT_STORE")
    migrate.add_argument(
        "target", metavar="TO", help="that of an empty store, or of an earlier try"
    )
    return parser


def _add_doctor(doctor: argparse.ArgumentParser) -> None:
    doctor.add_argument(
        "--live",
        default="",
        metavar="CHANNEL",
        help="try out in this channel what the platform does",
    )
    doctor.add_argument(
        "--stream-expiry",
        "--nonce-expiry",
        action="store_true",
        help="with --live: wait for a stream's end (Slack, 6 min), a nonce's (Discord, 10 min)",
    )
    doctor.add_argument(
        "--rate-limits", action="store_true", help="with --live: call too often, to be told so"
    )
    doctor.add_argument(
        "--record", default="recordings", metavar="DIR", help="with --live: where recordings go"
    )


def _say(text: str) -> None:
    for line in text.splitlines():
        print(f"chatbot: {line}", file=sys.stderr)  # noqa: T201 - stderr is what it is for


if __name__ == "__main__":
    sys.exit(main())
