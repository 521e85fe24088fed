"""What a person's words ask of the bot itself: a command, or a standing wish. Pure.

A command may be written in a thread instead of typed after a slash. A wish, such as "always answer
in French", is offered to be pinned and never pinned by itself, so a wish that is not recognized
costs nothing, while an offer in ordinary talk is a nuisance. So a sentence counts only if it tells
the bot, by an order or a polite question, how to answer from now on, or what to keep in mind. How
people say that in each language is in `wishes.txt`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias
from unicodedata import category

from core.commands.export.request import (
    ALWAYS,
    ExportFormat,
    ExportOf,
    ExportRequest,
    Period,
    asked,
)
from core.domain.pins import correction_in, wish_in
from core.domain.settings import NAMED, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.domain.message import ThreadKey
    from core.domain.pins import Pin
    from core.domain.settings import Field

CommandName: TypeAlias = Literal[
    "correct",
    "export",
    "forget",
    "help",
    "listen",
    "memory",
    "pins",
    "privacy",
    "quiet",
    "remember",
    "reset",
    "settings",
    "stats",
    "unpin",
]


_NAMES: dict[str, CommandName] = {
    "export": "export",
    "forget": "forget",
    "help": "help",
    "listen": "listen",
    "memory": "memory",
    "pins": "pins",
    "privacy": "privacy",
    "quiet": "quiet",
    "reset": "reset",
    "settings": "settings",
    "stats": "stats",
    "talk": "listen",
    "unpin": "unpin",
}
_NAME = re.compile(r"(?:/(?:chatbot\s+)?)?([A-Za-z]{1,20})")
_LONGEST_NAME = 60
"""Characters in which a command's name must end, once it has begun."""
_FULL_WIDTH = str.maketrans({code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)})
"""Letters and signs as Chinese and Japanese keyboards type them."""
_NUMBERED: dict[str, re.Pattern[str]] = {
    "forget": re.compile(r"(?:message\s+)?(?:#|no\.?\s+)?(\d{1,7})", re.ASCII | re.IGNORECASE),
    "unpin": re.compile(r"(?:pin\s+)?(?:#|no\.?\s+)?(\d{1,3})", re.ASCII | re.IGNORECASE),
}
_NEGATIVE = re.compile(r"[-\N{MINUS SIGN}]\d")
"""A number that no message and no pin has; its sign is not punctuation around it."""
_QUESTION = re.compile("[?\N{ARABIC QUESTION MARK}]")
_MARKDOWN = frozenset("`~|")
_EXPORT_WORDS = 16
"""Words of the longest request to export something."""
_MEANT = frozenset("@#%&/\\")
"""Punctuation that makes another word of what it stands at."""


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
    of: ExportOf = ExportOf.THREAD
    """Which conversations to export."""
    period: Period = ALWAYS
    """Of which days."""
    text: str = ""
    """What to remember, the right fact of a correction, or which setting to change, and how."""
    number: str = ""
    """Of the pin to remove, or of the message to forget; empty to choose."""

    @property
    def request(self) -> ExportRequest:
        """Return what is to be exported."""
        return ExportRequest(form=self.form, of=self.of, period=self.period)


def parse_command(
    text: str, linked: Callable[[str], ThreadKey | None], *, slash: bool = False
) -> Command | None:
    """Return the command that a text is; None if it is an ordinary message.

    A command is its name and nothing else. An export may add a link, or which conversations, and a
    form and days; `unpin` and `forget` a number. So `help me with this` is a question. Punctuation,
    quotation marks and Markdown around a command change nothing. `remember` and `that's wrong:` are
    followed by any text; see `core.domain.pins`.

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
    if name == "export":
        return _export(rest.split(), linked, marked=marked)
    return _with_words(name, rest, marked=marked, slash=slash)


def _with_words(name: CommandName, rest: str, *, marked: bool, slash: bool) -> Command | None:
    """Return the command with a number or a setting behind it; None if it is none."""
    if name == "settings" and wanted(rest, slash=slash) is not None:
        return Command(name=name, marked=marked, text=rest.strip())
    if name not in _NUMBERED:
        return None
    rest = rest.translate(_FULL_WIDTH)
    number = None if _NEGATIVE.search(rest) else _NUMBERED[name].fullmatch(_bare(rest))
    return Command(name=name, marked=marked, number=number[1]) if number else None


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
    """Return the export that words ask for; a link is the only thread that they may name."""
    if len(arguments) > _EXPORT_WORDS:
        return None
    words = list(filter(None, map(_bare, arguments)))
    links = [(word, thread) for word in words if (thread := linked(word)) is not None]
    if len(links) > 1:
        return None
    word, thread = links[0] if links else ("", None)
    request = asked([each for each in words if each != word])
    if request is None or (thread is not None and request.of is not ExportOf.THREAD):
        return None
    form, of, period = request.form, request.of, request.period
    return Command(name="export", marked=marked, thread=thread, form=form, of=of, period=period)


def _bare(argument: str) -> str:
    """Return an argument without what people put around it."""
    start, end = 0, len(argument)
    while start < end and (argument[start] == "<" or _is_around(argument[start])):
        start += 1
    while end > start and (argument[end - 1] == ">" or _is_around(argument[end - 1])):
        end -= 1
    return argument[start:end]


# --- settings ------------------------------------------------------------------------------------

_SCOPES: dict[str, Scope] = {
    "thread": Scope.THREAD,
    "channel": Scope.CHANNEL,
    "server": Scope.SERVER,
    "workspace": Scope.SERVER,
}


class Wanted(NamedTuple):
    """What a person's words want to change; a field of None only shows what holds."""

    scope: Scope
    field: Field | None = None
    text: str = ""


def wanted(words: str, *, slash: bool = False) -> Wanted | None:
    """Return what the words behind `settings` want; None if they are ordinary talk.

    Instructions are any text, so their scope has to be named; any other value is one word.
    """
    parts = words.split(None, 1)
    scope = _SCOPES.get(parts[0].lower()) if parts else None
    if scope is not None:
        parts = parts[1].split(None, 1) if len(parts) > 1 else []
    if not parts:
        return Wanted(scope or Scope.THREAD)
    field = NAMED.get(parts[0].lower())
    value = parts[1].strip() if len(parts) > 1 else ""
    if field is None or not value or not (slash or scope is not None or " " not in value):
        return None
    if field.kind != "text" and len(value.split()) > 1:
        return None
    return Wanted(scope or Scope.THREAD, field, value)


# --- standing wishes ------------------------------------------------------------------------------

_READ: Final = 2_000
"""Characters of a message in which a wish is looked for."""
_SENTENCE: Final = 240
"""Characters of the longest sentence that counts: people say such wishes in a few words."""
_QUESTION_MARKS = "?\N{FULLWIDTH QUESTION MARK}\N{ARABIC QUESTION MARK}"
_STOPS = (
    "\N{IDEOGRAPHIC FULL STOP}\N{FULLWIDTH EXCLAMATION MARK}\N{FULLWIDTH SEMICOLON}"
    "\N{HORIZONTAL ELLIPSIS}\N{ARABIC SEMICOLON}\N{DEVANAGARI DANDA}"
)
_END = re.compile(rf"[.!;\n{_STOPS}{_QUESTION_MARKS}]+")
_AROUND = " \t\r\"'()[]*_>-,\N{EN DASH}\N{EM DASH}\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb"
_ASKED = re.compile(
    r"(?:can|could|would|will|kannst|könntest|würdest|peux|pourrais|puedes|podrías)"
    r"(?: you| du| tu)? (?:please )?(?=always |immer |toujours |siempre )"
)
"""A polite question that is an order all the same."""


class _Patterns(NamedTuple):
    spaced: re.Pattern[str]
    anywhere: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    text = resources.files("core.commands").joinpath("wishes.txt").read_text("utf-8")
    parts: dict[str, list[str]] = {"": []}
    name = ""
    for line in text.splitlines():
        if line.startswith("="):
            name = line[1:]
            parts[name] = []
        elif line and not line.startswith("#"):
            parts[name].append(f"(?:{line})")
    polite = rf"(?:(?:{'|'.join(parts['polite'])})[,:]?\s+){{0,3}}"
    return _Patterns(
        spaced=re.compile(f"{polite}(?:{'|'.join(parts['spaced'])})"),
        anywhere=re.compile("|".join(parts["anywhere"])),
    )


def has_wish(text: str) -> bool:
    """Return whether a message holds a standing wish, as far as its words show."""
    return any(map(_is_wish, _sentences(text[:_READ])))


def wish_named(text: str) -> str:
    """Return a name for the wish in a message, the same if only its form differs; or nothing."""
    return " ".join([_plain(each) for each in _sentences(text[:_READ]) if _is_wish(each)])


def is_pinned(text: str, pins: tuple[Pin, ...]) -> bool:
    """Return whether the words of a message are pinned already, or a part of it is."""
    said = _plain(text)
    return any(said in _plain(pin.text) or _plain(pin.text) in said for pin in pins)


def _sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text that are short enough, each question with its mark."""
    start = 0
    for end in _END.finditer(text):
        yield from _trimmed(
            text[start : end.start()], asks=any(s in end[0] for s in _QUESTION_MARKS)
        )
        start = end.end()
    yield from _trimmed(text[start:], asks=False)


def _trimmed(sentence: str, *, asks: bool) -> Iterator[str]:
    said = sentence.strip(_AROUND)
    if 0 < len(said) <= _SENTENCE:
        yield f"{said}?" if asks else said


def _is_wish(sentence: str) -> bool:
    said = sentence.replace("\u2019", "'").lower()
    if said.endswith("?"):
        said, asked = _ASKED.subn("", said[:-1], count=1)
        if not asked:
            return False
    if wish_in(said):
        return True
    spaced, anywhere = _patterns()
    return spaced.match(said) is not None or (
        not said.isascii() and anywhere.search(said) is not None
    )


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
