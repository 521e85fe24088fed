"""Which words are commands, where they are said rather than typed after a slash. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from core.commands.export import Form

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.domain.message import ThreadKey

Word: TypeAlias = Literal["export", "forget", "help", "listen", "memory", "quiet", "reset", "stats"]

_WORDS: dict[str, Word] = {
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
_FORMS = {"md": Form.MARKDOWN, "markdown": Form.MARKDOWN, "json": Form.JSON}
_COMMAND = re.compile(r"(!?)/?([A-Za-z]{1,20})[.!]?(?:\s+(.+))?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What somebody asks for beside the conversation."""

    word: Word
    marked: bool
    """It began with `!`, so it is a command wherever it was said."""
    thread: ThreadKey | None = None
    """The thread that it names by a link; None where it means the one that it is said in."""
    form: Form = Form.MARKDOWN


def command_in(text: str, linked: Callable[[str], ThreadKey | None]) -> Command | None:
    """Return the command that a text is, without the mention before it; None where it is none.

    A command is nothing but its word, and for an export a link and a form: `help me with this`
    is a question. `linked` returns the thread of the message that a link of the platform leads to.
    """
    found = _COMMAND.fullmatch(text.strip())
    word = _WORDS.get(found[2].lower()) if found else None
    if found is None or word is None:
        return None
    marked, rest = bool(found[1]), found[3]
    if not rest:
        return Command(word=word, marked=marked)
    return _export(rest.split(), linked, marked=marked) if word == "export" else None


def _export(
    arguments: list[str], linked: Callable[[str], ThreadKey | None], *, marked: bool
) -> Command | None:
    thread: ThreadKey | None = None
    form: Form | None = None
    for argument in arguments:
        if form is None and argument.lower() in _FORMS:
            form = _FORMS[argument.lower()]
        elif thread is None and (thread := linked(argument.strip("<>"))) is not None:
            pass
        else:
            return None
    return Command(word="export", marked=marked, thread=thread, form=form or Form.MARKDOWN)
