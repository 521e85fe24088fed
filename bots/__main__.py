"""The `chatbot` command."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from bots.ops.loading import loading
from bots.ops.streams import prepare_streams, require_streams
from bots.signals import INTERRUPTED
from core.domain.errors import ChatbotError, SettingsError, StoreRefusedError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Collection, Coroutine, Sequence
    from typing import Any

    from bots.settings.settings import Settings

FAILED, UNUSABLE = 1, 2
_TALKS = {"run", "chat", "doctor"}
"""Commands that use the model and the platforms; the others only use the store."""
_PRINTS = {"audit", "buried", "doctor", "export", "privacy", "stats"}
"""Commands whose output is all that they are for."""
_MOVED = "`doctor --live` has moved: run `make live CHANNEL=…` in a checkout of the project."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code.

    0: done. 1: something failed while it ran. 2: the command, the settings or the store can't be
    used. 130: Ctrl-C.
    """
    missing = prepare_streams()
    try:
        code = _main(arguments, missing)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except (SettingsError, StoreRefusedError, StoreUnavailableError) as error:
        _say(str(error))
        return UNUSABLE
    except ChatbotError as error:
        _say(str(error))
        return FAILED
    except BrokenPipeError:  # the reader of our output closed it
        return 0


def _main(arguments: Sequence[str] | None, missing: Collection[str]) -> int:
    options = _options(arguments, missing)
    # Imported late, since help and a mistyped command should not wait for it.
    with loading():
        from bots.ops.logging import set_up_logging, watch_loop  # noqa: PLC0415
        from bots.settings.network import check_network  # noqa: PLC0415
        from bots.settings.settings import Settings  # noqa: PLC0415

    settings = Settings.from_env()
    require_streams(_streams(options, settings), missing)
    check_network(settings, talks=options.command in _TALKS)
    set_up_logging(settings.log_level, settings.secrets)
    command = _command(options, settings)

    async def watched() -> int:
        watch_loop()
        return await command

    return asyncio.run(watched())


def _options(arguments: Sequence[str] | None, missing: Collection[str]) -> argparse.Namespace:
    """Return what is asked for; help and the version end the program, once they are written."""
    try:
        return _parser().parse_args(arguments)
    except SystemExit as ended:
        if not ended.code:
            require_streams(("stdout",), missing)
            sys.stdout.flush()
        raise


def _streams(options: argparse.Namespace, settings: Settings) -> Collection[str]:
    """Return the standard streams that a command needs."""
    if options.command == "chat":
        return ("stdin", "stdout")
    if options.command == "run":  # without platforms, it talks in the terminal
        return () if settings.slack or settings.discord else ("stdin", "stdout")
    several = getattr(options, "all", False) or getattr(options, "channel", "")
    file = getattr(options, "thread" if several else "file", "")
    prints = options.command in _PRINTS and not file
    return ("stdout",) if prints else ()


def _command(options: argparse.Namespace, settings: Settings) -> Coroutine[Any, Any, int]:
    with loading():
        from bots.ops import exports, operator  # noqa: PLC0415
        from bots.ops.doctor import doctor  # noqa: PLC0415
        from bots.ops.migrate import migrate  # noqa: PLC0415
        from bots.run import chat, run  # noqa: PLC0415

    commands = {
        "run": lambda: run(settings),
        "chat": lambda: chat(settings, options.thread),
        "doctor": lambda: doctor(settings),
        "init-store": lambda: operator.init_store(settings),
        "stats": lambda: operator.stats(settings),
        "export": lambda: exports.export_threads(settings, exports.Wanted.of(options)),
        "import": lambda: exports.import_threads(settings, options.files),
        "audit": lambda: operator.audit(settings),
        "privacy": lambda: operator.privacy_page(settings),
        "buried": lambda: operator.buried(settings),
        "requeue": lambda: operator.requeue(settings, options.thread, options.position),
        "forget": lambda: operator.forget(
            settings, options.platform, options.what, options.id, sure=options.yes
        ),
        "migrate": lambda: migrate(settings, options.source, options.target),
    }
    return commands[options.command]()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chatbot",
        description="A bot that remembers the conversation.",
        epilog="Settings come from the environment and from .env; .env.example explains them all.",
    )
    parser.add_argument(
        "--version", nargs=0, action=_Version, help="print the version of the bot and of Python"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser(
        "run", help="start the bot on the platforms whose tokens are set, else in this terminal"
    )
    chat = commands.add_parser("chat", help="talk to the bot in this terminal")
    chat.add_argument("--thread", default="", metavar="NAME", help="the thread to talk in")
    doctor = commands.add_parser("doctor", help="find what is wrong, and say how to fix it")
    doctor.add_argument("--live", nargs="?", action=_MovedTrial, help=argparse.SUPPRESS)
    commands.add_parser("init-store", help="create the table that a store in DynamoDB needs")
    commands.add_parser("stats", help="print how long conversations are, and where people stop")
    _add_export(commands)
    commands.add_parser(
        "audit", help="print what admins exported and deleted, one line of JSON each"
    )
    commands.add_parser("privacy", help="print the privacy page, by the settings, as Markdown")
    commands.add_parser("buried", help="list messages that the bot gave up answering")
    requeue = commands.add_parser("requeue", help="put such a message back into its thread's queue")
    requeue.add_argument("thread", help="the thread's key, as `buried` lists it")
    requeue.add_argument("position", type=int, help="the message's number, as `buried` lists it")
    forget = commands.add_parser(
        "forget", help="remove a person or a channel from all that is kept"
    )
    forget.add_argument("platform", choices=("slack", "discord", "terminal"))
    forget.add_argument("what", choices=("person", "channel"))
    forget.add_argument("id", help="the platform's id; a channel's as in the keys of its threads")
    forget.add_argument("--yes", action="store_true", help="do it, instead of saying what would go")
    migrate = commands.add_parser("migrate", help="move everything from one store to another")
    migrate.add_argument("source", metavar="FROM", help="the URL of a store, as in CHATBOT_STORE")
    migrate.add_argument(
        "target", metavar="TO", help="the URL of an empty store, or of one where this move began"
    )
    return parser


def _add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    export = commands.add_parser("export", help="write conversations to a file or to stdout")
    export.add_argument(
        "thread", nargs="?", default="", help="the name of a thread in the terminal, or a whole key"
    )
    export.add_argument(
        "file", nargs="?", default="", help="the file to write, which must not exist yet"
    )
    export.add_argument(
        "--all", action="store_true", help="all threads: name only the file; goes on if interrupted"
    )
    export.add_argument(
        "--channel", default="", metavar="KEY", help="all threads of a channel, as PLATFORM:CHANNEL"
    )
    form = export.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="write JSON instead of Markdown")
    form.add_argument("--zip", action="store_true", help="write both, in a ZIP")
    export.add_argument("--since", default="", metavar="DAY", help="only what was said since then")
    export.add_argument("--until", default="", metavar="DAY", help="only what was said until then")
    imports = commands.add_parser("import", help="read exported JSON back into the store")
    imports.add_argument("files", nargs="+", metavar="FILE", help="JSON or ZIP, as exported")


class _Version(argparse.Action):
    """Prints the version of the program and of Python, which a bug report needs."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib import metadata  # noqa: PLC0415 - no other command needs it
        from platform import python_version  # noqa: PLC0415

        print(f"chatbot {metadata.version('chatbot')} (Python {python_version()})")  # noqa: T201
        parser.exit()


class _MovedTrial(argparse.Action):
    """Says where `doctor --live` is now."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        parser.exit(UNUSABLE, f"chatbot: {_MOVED}\n")


def _say(text: str) -> None:
    for line in text.splitlines():
        print(f"chatbot: {line}", file=sys.stderr)  # noqa: T201 - stderr is what it is for


if __name__ == "__main__":
    sys.exit(main())
