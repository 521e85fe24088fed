"""Which messages are commands, if people write them instead of typing them after a slash. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, TypeAlias
from unicodedata import category

from core.domain.pins import correction_in, wish_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.domain.message import ThreadKey

CommandName: TypeAlias = Literal[
    "correct",
    "export",
    "forget",
    "help",
    "listen",
    "memory",
    "pins",
    "quiet",
    "remember",
    "reset",
    "stats",
    "unpin",
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
    "pins": "pins",
    "quiet": "quiet",
    "reset": "reset",
    "stats": "stats",
    "talk": "listen",
    "unpin": "unpin",
}
_FORMS = {"md": ExportFormat.MARKDOWN, "markdown": ExportFormat.MARKDOWN, "json": ExportFormat.JSON}
_NAME = re.compile(r"(?:/(?:chatbot\s+)?)?([A-Za-z]{1,20})")
_LONGEST_NAME = 60
"""Characters in which a command's name must end, once it has begun."""
_FULL_WIDTH = str.maketrans({code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)})
"""Letters and signs as Chinese and Japanese keyboards type them."""
_NUMBERED: dict[str, re.Pattern[str]] = {
    "forget": re.compile(r"(?:message\s+)?(?:#|no\.?\s+)?(\d{1,7})", re.ASCII | re.IGNORECASE),
    "unpin": re.compile(r"(?:pin\s+)?(?:#|no\.?\s+)?(\d{1,3})", re.ASCII | re.IGNORECASE),
}
_QUESTION = re.compile("[?\N{ARABIC QUESTION MARK}]")
_MARKDOWN = frozenset("`~|")
_MEANT = frozenset("@#%&/\\")
"""Punctuation that makes another word of what it stands at."""
_FILLERS = {"as", "in"}
"""Words that may stand before the form of an export."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command that a person wrote."""

    name: CommandName
    marked: bool
    """It starts with `!`, which makes it a command wherever it is written."""
    is_question: bool = False
    """It ends with a question mark: its author may not mean it to be run."""
    thread: ThreadKey | None = None
    """The thread it names by a link; None for the thread it is written in."""
    form: ExportFormat = ExportFormat.MARKDOWN
    """The form in which to export."""
    text: str = ""
    """What to remember, or the right fact of a correction."""
    number: str = ""
    """Of the pin to remove, or of the message to forget; empty to choose."""


def parse_command(
    text: str, linked: Callable[[str], ThreadKey | None], *, slash: bool = False
) -> Command | None:
    """Return the command that a text is; None if it is an ordinary message.

    A command is its name and nothing else; an export may add a link and a form, and `unpin` and
    `forget` a number. So `help me with this` is a question. Punctuation, quotation marks and
    Markdown around a command change nothing. `remember` and `that's wrong:` are followed by any
    text; see `core.domain.pins`.

    Args:
        text: What the person wrote, without the mention before it.
        linked: Returns the thread of the message that a link leads to; None if it is no such link.
        slash: It was typed after a slash, so it is no talk.
    """
    if (kept := _kept(text, slash=slash)) is not None:
        return kept
    start = next((at for at, sign in enumerate(text) if not _is_around(sign)), None)
    if start is None:
        return None
    found = _NAME.match(text[start : start + _LONGEST_NAME].translate(_FULL_WIDTH))
    name = _NAMES.get(found[1].lower()) if found else None
    if found is None or name is None:
        return None
    marked = text.strip()[0].translate(_FULL_WIDTH) == "!"
    rest = text[start + found.end() :]
    if all(map(_is_around, rest)):
        is_question = _QUESTION.search(rest.translate(_FULL_WIDTH)) is not None
        return Command(name=name, marked=marked, is_question=is_question)
    if name in _NUMBERED:
        number = _NUMBERED[name].fullmatch(_bare(rest.translate(_FULL_WIDTH)))
        return Command(name=name, marked=marked, number=number[1]) if number else None
    return _export(rest.split(), linked, marked=marked) if name == "export" else None


def _kept(text: str, *, slash: bool) -> Command | None:
    """Return the command that asks to remember a text, or that corrects a fact."""
    marked = text.lstrip()[:1].translate(_FULL_WIDTH) == "!"
    if (wish := wish_in(text, always=slash)) is not None:
        return Command(name="remember", marked=marked, text=wish)
    fact = correction_in(text)
    if fact is None and slash:
        fact = _corrects(text)
    if fact is not None:
        return Command(name="correct", marked=marked, text=fact)
    return None


def _corrects(text: str) -> str | None:
    """Return what follows the word `correct`, which is a command after a slash only."""
    word, _, fact = text.strip().partition(" ")
    return fact.strip() if word.lower().rstrip(":") == "correct" else None


def _is_around(sign: str) -> bool:
    """Return whether people put a sign around a command without meaning more than the command."""
    if sign.isalnum() or sign.translate(_FULL_WIDTH) in _MEANT:
        return False
    # Punctuation, and what is invisible: a joiner, a mark of direction.
    return sign.isspace() or sign in _MARKDOWN or category(sign)[0] == "P" or category(sign) == "Cf"


def _export(
    arguments: list[str], linked: Callable[[str], ThreadKey | None], *, marked: bool
) -> Command | None:
    thread: ThreadKey | None = None
    form: ExportFormat | None = None
    for argument in map(_bare, arguments):
        if not argument or argument.lower() in _FILLERS:
            pass
        elif form is None and argument.lower() in _FORMS:
            form = _FORMS[argument.lower()]
        elif thread is None and (thread := linked(argument)) is not None:
            pass
        else:
            return None
    return Command(name="export", marked=marked, thread=thread, form=form or ExportFormat.MARKDOWN)


def _bare(argument: str) -> str:
    """Return an argument without what people put around it."""
    start, end = 0, len(argument)
    while start < end and (argument[start] == "<" or _is_around(argument[start])):
        start += 1
    while end > start and (argument[end - 1] == ">" or _is_around(argument[end - 1])):
        end -= 1
    return argument[start:end]
