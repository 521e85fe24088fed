"""Which messages are commands, if people write them instead of typing them after a slash. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.domain.message import ThreadKey

CommandName: TypeAlias = Literal[
    "export", "forget", "help", "listen", "memory", "quiet", "reset", "stats"
]


class ExportFormat(StrEnum):
    """The format of an exported conversation."""

    MARKDOWN = "markdown"
    JSON = "json"


_NAMES: dict[str, CommandName] = {
    "export": "export",
    "forget": "forget",
    "help": "help",
    "listen": "listen",
    "memory": "memory",
    "quiet": "quiet",
    "reset": "reset",
    "stats": "stats",
    "talk": "listen",
}
_FORMS = {"md": ExportFormat.MARKDOWN, "markdown": ExportFormat.MARKDOWN, "json": ExportFormat.JSON}
_COMMAND = re.compile(r"(!?)/?([A-Za-z]{1,20})[.!]?(?:\s+(.+))?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command that a person wrote."""

    name: CommandName
    marked: bool
    """It starts with `!`, which makes it a command wherever it is written."""
    thread: ThreadKey | None = None
    """The thread it names by a link; None for the thread it is written in."""
    form: ExportFormat = ExportFormat.MARKDOWN
    """The form in which to export."""


def parse_command(text: str, linked: Callable[[str], ThreadKey | None]) -> Command | None:
    """Return the command that a text is; None if it is an ordinary message.

    A command is its name and nothing else; an export may add a link and a form. So `help me with
    this` is a question.

    Args:
        text: What the person wrote, without the mention before it.
        linked: Returns the thread of the message that a link leads to; None if it is no such link.
    """
    found = _COMMAND.fullmatch(text.strip())
    name = _NAMES.get(found[2].lower()) if found else None
    if found is None or name is None:
        return None
    marked, rest = bool(found[1]), found[3]
    if not rest:
        return Command(name=name, marked=marked)
    return _export(rest.split(), linked, marked=marked) if name == "export" else None


def _export(
    arguments: list[str], linked: Callable[[str], ThreadKey | None], *, marked: bool
) -> Command | None:
    thread: ThreadKey | None = None
    form: ExportFormat | None = None
    for argument in arguments:
        if form is None and argument.lower() in _FORMS:
            form = _FORMS[argument.lower()]
        elif thread is None and (thread := linked(argument.strip("<>"))) is not None:
            pass
        else:
            return None
    return Command(name="export", marked=marked, thread=thread, form=form or ExportFormat.MARKDOWN)
