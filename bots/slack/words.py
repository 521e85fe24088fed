"""Commands that are said rather than typed after a slash, and links to messages. Pure.

Slash commands can't be used in threads (docs: interactivity/implementing-slash-commands), so the
same words work after a mention of the bot, and after `!`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

Word: TypeAlias = Literal["export", "forget", "help", "listen", "memory", "quiet", "reset", "stats"]
Form: TypeAlias = Literal["", "md", "json"]

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
_FORMS: dict[str, Form] = {"md": "md", "markdown": "md", "json": "json"}
_COMMAND = re.compile(r"\s*(!?)/?([A-Za-z]+)[.!]?(?:\s+(.*\S))?\s*", re.DOTALL)
_LINK = re.compile(
    r"https://[\w.-]+\.slack(?:-gov)?\.com/archives/([A-Z0-9]+)/p(\d{7,12})(\d{6})"
    r"(?:\?(?:[^\s#]*&)?thread_ts=(\d{1,12}\.\d{6})[^\s#]*|\?[^\s]*)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A message that a permalink leads to."""

    channel: str
    ts: str
    root: str
    """The root of its thread; the message itself, where it is in none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What somebody asks for beside the conversation."""

    word: Word
    marked: bool
    """It began with `!`, so it is a command wherever it was said."""
    link: Link | None = None
    form: Form = ""


def command_in(text: str) -> Command | None:
    """Return the command that a text is, without the mention before it; None where it is none.

    A command is nothing but its word, and for an export a link and a form: `help me with this`
    is a question.
    """
    found = _COMMAND.fullmatch(text)
    word = _WORDS.get(found[2].lower()) if found else None
    if found is None or word is None:
        return None
    marked, rest = bool(found[1]), found[3]
    if not rest:
        return Command(word=word, marked=marked)
    return _export(rest.split(), marked=marked) if word == "export" else None


def link_in(text: str) -> Link | None:
    """Return the message that a permalink leads to (docs: reference/methods/chat.getPermalink)."""
    found = _LINK.fullmatch(text.strip())
    if found is None:
        return None
    ts = f"{found[2]}.{found[3]}"
    return Link(channel=found[1], ts=ts, root=found[4] or ts)


def _export(arguments: list[str], *, marked: bool) -> Command | None:
    link: Link | None = None
    form: Form = ""
    for argument in arguments:
        if argument.lower() in _FORMS and not form:
            form = _FORMS[argument.lower()]
        elif link is None and (link := link_in(argument.strip("<>"))) is not None:
            pass
        else:
            return None
    return Command(word="export", marked=marked, link=link, form=form)
