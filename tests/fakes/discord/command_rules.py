"""Which commands Discord takes (docs: interactions/application-commands; discord.md 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.discord.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.discord.model import Json

SUBCOMMAND, GROUP = 1, 2
CHAT, USER, MESSAGE = 1, 2, 3
MOST = {CHAT: 100, USER: 15, MESSAGE: 15}
MOST_OPTIONS, MOST_TEXT = 25, 8000


def check_all(commands: list[Json]) -> None:
    """Refuse what can't be registered together.

    Raises:
        DiscordError: 50035, with the place.
    """
    seen: set[tuple[int, str]] = set()
    for index, command in enumerate(commands):
        at, kind = str(index), int(command.get("type") or CHAT)
        check(command, at)
        if (kind, command["name"]) in seen:
            words = "Application command names must be unique"
            raise invalid(f"{at}/name", "APPLICATION_COMMANDS_DUPLICATE_NAME", words)
        seen.add((kind, command["name"]))
        if sum(1 for other, _ in seen if other == kind) > MOST[kind]:
            raise invalid("", "APPLICATION_COMMAND_TOO_MANY", f"Must be {MOST[kind]} or fewer.")


def check(command: Json, at: str) -> None:
    """Refuse a command that Discord doesn't take."""
    kind = int(command.get("type") or CHAT)
    name, described = str(command.get("name") or ""), str(command.get("description") or "")
    if kind == CHAT:
        _called(name, described, at)
        _options(command.get("options") or [], at, depth=0)
        if sum(map(len, _texts(command))) > MOST_TEXT:
            words = f"Command exceeds maximum size ({MOST_TEXT})"
            raise invalid(at, "APPLICATION_COMMAND_TOO_LARGE", words)
        return
    if not 1 <= len(name.strip()) <= 32:
        raise invalid(f"{at}/name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 32 in length.")
    for field in ("description", "options"):
        if command.get(field):
            words = "Context menu commands cannot have a description or options"
            raise invalid(f"{at}/{field}", "APPLICATION_COMMAND_INVALID", words)


def _called(name: str, described: str, at: str) -> None:
    letters = all(letter in "-_'" or letter.isalnum() for letter in name)
    if not 1 <= len(name) <= 32 or not letters or name != name.lower():
        words = "Command name is invalid"
        raise invalid(f"{at}/name", "APPLICATION_COMMAND_INVALID_NAME", words)
    if not 1 <= len(described) <= 100:
        words = "Must be between 1 and 100 in length."
        raise invalid(f"{at}/description", "BASE_TYPE_BAD_LENGTH", words)


def _options(options: list[Json], at: str, depth: int) -> None:
    """Check one level: commands, groups, subcommands, options, never mixed."""
    if len(options) > MOST_OPTIONS:
        words = f"Must be {MOST_OPTIONS} or fewer in length."
        raise invalid(f"{at}/options", "BASE_TYPE_BAD_LENGTH", words)
    kinds = [int(option.get("type") or 0) for option in options]
    nested = [kind in {SUBCOMMAND, GROUP} for kind in kinds]
    if any(nested) and (not all(nested) or depth > 1 or (depth == 1 and GROUP in kinds)):
        words = "Sub-command and sub-command group option types are mutually exclusive"
        raise invalid(f"{at}/options", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", words)
    needed = [bool(option.get("required")) for option in options]
    if needed != sorted(needed, reverse=True):
        words = "Required options must be placed before non-required options"
        raise invalid(f"{at}/options", "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", words)
    if len({option.get("name") for option in options}) < len(options):
        words = "Option names must be unique"
        raise invalid(f"{at}/options", "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", words)
    for index, option in enumerate(options):
        place = f"{at}/options/{index}"
        _called(str(option.get("name") or ""), str(option.get("description") or ""), place)
        if len(option.get("choices") or ()) > MOST_OPTIONS:
            raise invalid(f"{place}/choices", "BASE_TYPE_BAD_LENGTH", "Must be 25 or fewer.")
        if kinds[index] in {SUBCOMMAND, GROUP}:
            _options(option.get("options") or [], place, depth + 1)


def _texts(part: Json) -> Iterator[str]:
    yield str(part.get("name") or "")
    yield str(part.get("description") or "")
    for inner in (*(part.get("options") or ()), *(part.get("choices") or ())):
        yield from _texts(inner)
        yield str(inner.get("value") or "")
