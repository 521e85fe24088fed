"""What a person at a keyboard sees: answers as they grow, and other people's messages."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from bots.terminal.commands import SEE_MEMORY
from bots.terminal.text import inert, name_of
from core.domain.session import AnswerKind
from core.turn.notices import SCISSORS, TRIM_MEANING
from core.turn.sources import readable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TextIO

    from core.domain.session import Answer, Entry

_WAITING = "…"
_BOT = "bot> "
_MORE = "\n  "
"""Before each further line of someone else, so that no line of theirs begins as the bot's do."""


class TtyScreen:
    """Writes to a terminal; while it shows a prompt, above the prompt (see `above`)."""

    def __init__(self, out: TextIO | None = None) -> None:
        """Write to this file, by default stdout."""
        self._out = out or sys.stdout
        plain = "NO_COLOR" in os.environ or os.environ.get("TERM", "dumb") == "dumb"
        self._dim, self._plain = ("", "") if plain else ("\x1b[2m", "\x1b[0m")
        self._erase = "\r" + " " * len(_WAITING) + "\r"
        self._live: str | None = None
        """The part on screen of an answer that is still growing."""
        self._raw = ""
        """The text it was made from; `_held` is the white space at its end, not on screen yet."""
        self._held = ""
        self._waits = False
        """The waiting mark is on screen."""
        self.above: Callable[[Callable[[], None]], Awaitable[object]] | None = None
        """Runs a write above the prompt; None while there is no prompt."""

    async def entry(self, entry: Entry) -> None:
        """Show a message from someone else."""
        text = inert(entry.text).replace("\n", _MORE)
        await self._show(self._dimmed(f"{name_of(entry.author.name)}: {text}"))

    async def answer(self, answer: Answer, *, mine: bool) -> None:
        """Show an answer, or the rest of it if a part is on screen already."""
        text = inert(answer.text) + (f" {SCISSORS}" if answer.trimmed else "")
        remarks = ([f"{TRIM_MEANING} {SEE_MEMORY}"] if answer.explain_trim else []) + list(
            map(readable, answer.notes)
        )
        below = "".join(f"\n{self._dimmed(inert(remark))}" for remark in remarks)
        if not mine:
            await self._show(self._dimmed(f"{_BOT}{text}") + below)
            return
        if answer.kind is AnswerKind.ANSWER:
            self._write(self._rest(text))
        else:
            self._restart()
            self._write(self._dimmed(text))
        self._live, self._raw = None, ""
        self._write(f"{below}\n")

    async def preview(self, text: str) -> None:
        """Show the part of an answer that exists so far; an empty text withdraws it."""
        if text and not text.isspace():
            self._grow(text)
        elif self._live is not None:
            self._restart()

    async def working(self, *, working: bool) -> None:
        """Show a waiting mark until the answer starts."""
        if working and self._live is None and not self._waits and self.above is None:
            self._write(self._dimmed(_WAITING))
            self._waits = True

    async def tell(self, *lines: str) -> None:
        """Show explanations."""
        if lines:
            await self._show("\n".join(self._dimmed(inert(line)) for line in lines))

    def _grow(self, text: str) -> None:
        """Show what is new in a growing text, without going through the rest of it again."""
        raw = text.removesuffix("\r")  # it may be half of a line end
        if self._live is not None and self._raw and text.startswith(self._raw):
            more = self._held + inert(raw[len(self._raw) :])
            shown = more.rstrip()
            self._write(shown)
            self._live += shown
        else:
            more = inert(raw).lstrip()
            shown = more.rstrip()
            self._write(self._rest(shown))
            self._live = shown
        self._raw, self._held = raw, more[len(shown) :]

    def _rest(self, text: str) -> str:
        """Return the part of a text that is not on screen; start over if the text changed."""
        if self._live is not None and not text.startswith(self._live):
            self._restart()
        if self._live is None:
            return _BOT + text
        return text[len(self._live) :]

    def _restart(self) -> None:
        if self._live is not None:
            self._write(f"\n{self._dimmed('(starting over)')}\n")
        self._live, self._raw = None, ""

    async def _show(self, text: str) -> None:
        if self.above is not None:
            await self.above(lambda: self._write(f"{text}\n"))
        else:
            self._write(("\n" if self._live is not None else "") + f"{text}\n")

    def _dimmed(self, text: str) -> str:
        return f"{self._dim}{text}{self._plain}"

    def _write(self, text: str) -> None:
        if self._waits:
            self._waits = False
            text = self._erase + text
        self._out.write(text)
        self._out.flush()
