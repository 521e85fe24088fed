"""The commands of the terminal: lines that start with a slash, which never reach the model."""

from __future__ import annotations

import difflib
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bots.terminal.platform import NAME
from bots.terminal.text import is_name
from core.commands.answers import THANKS
from core.commands.export.files import export_to, form_for
from core.commands.export.request import ExportFormat, ExportOf, ExportRequest, asked
from core.commands.export.writing import Look, Reporter, Source
from core.commands.memory_view import thread_line, view_lines
from core.commands.parser import parse_command as parsed
from core.commands.parser import wanted
from core.commands.pins import UNPINNED, Saying, new_pin
from core.domain.errors import DeniedError
from core.domain.message import Author, Kind
from core.domain.pins import PinKind
from core.domain.ratings import BAD, GOOD, Opinion, Value
from core.domain.session import Answer
from core.domain.settings import NAMED, Scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from bots.terminal.session import TerminalSession
    from core.commands.export.writing import Progress

_COMMAND = re.compile(r"/([A-Za-z]\w*)(?:\s+(.*))?", re.DOTALL)
_CHATBOT = "/chatbot "
"""What stands before a command elsewhere."""
_WORDS = 8
"""The most words behind the file's name in an export."""
_SETTINGS = (
    "Change one with /settings NAME VALUE, or for all your threads with /settings channel NAME "
    f"VALUE. The value default takes it away. The names are {', '.join(NAMED)}."
)
SEE_MEMORY = "/memory shows what I remember."
_HELP = {
    "new": ("/new [NAME]", "start a new thread"),
    "threads": ("/threads", "list your threads"),
    "switch": ("/switch NAME", "switch to another thread"),
    "memory": ("/memory", "show what the model would see if you wrote now"),
    "remember": ("/remember TEXT", "keep a text word for word in this thread"),
    "pins": ("/pins", "list what is kept that way"),
    "unpin": ("/unpin NUMBER", "remove one of them"),
    "correct": ("/correct FACT", "correct what I remember"),
    "rate": ("/rate good|bad", "say what you think of the last answer, and why if you like"),
    "export": ("/export FILE", "write this thread to .md, .json or .zip; with mine: all of yours"),
    "forget": ("/forget [N]", "permanently delete this thread, or its message of that number"),
    "reset": ("/reset", "reset this thread; exports still include what was said"),
    "settings": ("/settings [NAME VALUE]", "show the settings here, or change one"),
    "privacy": ("/privacy", "say what I keep, for how long, and who sees it"),
    "help": ("/help", "show this list; a line that starts with // is sent with one slash"),
    "quit": ("/quit", "leave; you can continue the thread later"),
}


def parse_command(line: str) -> tuple[str, str] | None:
    """Return a command's name and its argument; None if the line is not a command."""
    found = _COMMAND.fullmatch(line.strip())
    return (found[1].lower(), (found[2] or "").strip()) if found else None


def unescaped(line: str) -> str:
    """Return the message that a line is: `//` at its start stands for one slash."""
    return line[1:] if line.startswith("//") else line


def _path(file: str) -> Path:
    return Path(file).expanduser()


def _exported(rest: str) -> tuple[str, ExportRequest]:
    """Return the file to export to, and what: the last words, as far as they say that.

    The file is empty if there are no other words: `mine` is no name of a file that people mean.
    """
    if asked(rest.split()) is not None:
        return "", ExportRequest()
    count = len(rest.split())
    for behind in range(min(count - 1, _WORDS), 0, -1):
        file, *words = rest.rsplit(None, behind)
        request = asked(words)
        if request is not None and request.of in {ExportOf.THREAD, ExportOf.MINE}:
            return file, request
    return rest, ExportRequest()


_VALUES: dict[str, Value] = {"good": GOOD, "bad": BAD}


class SlashCommands:
    """Runs the commands in one session."""

    def __init__(self, session: TerminalSession) -> None:
        """Act on this session."""
        self._session = session
        self._bot = session.bot
        self._tell = session.screen.tell
        self._commands: dict[str, Callable[[str], Awaitable[None]]] = {
            "new": self._new,
            "threads": self._threads,
            "switch": self._switch,
            "memory": self._memory,
            "remember": partial(self._pin, PinKind.WISH),
            "correct": partial(self._pin, PinKind.CORRECTION),
            "pins": self._pins,
            "unpin": self._unpin,
            "rate": self._rate,
            "export": self._export,
            "forget": self._forget,
            "reset": self._reset,
            "help": self._help,
            "privacy": self._privacy,
            "settings": self._settings,
        }

    async def run(self, name: str, rest: str) -> bool:
        """Run a command; return False if the person wants to leave."""
        if name == "quit":
            return False
        command = self._commands.get(name)
        if command is None:
            near = difflib.get_close_matches(name, _HELP, n=1)
            hint = f"did you mean /{near[0]}?" if near else "/help lists what there is."
            await self._session.complain(f"There is no command /{name}: {hint}")
        else:
            await command(rest)
        return True

    async def _new(self, name: str) -> None:
        names = await self._names()
        if not name:
            number = next(n for n in range(2, len(names) + 3) if f"thread-{n}" not in names)
            name = f"thread-{number}"
        if not is_name(name):
            await self._session.complain("A thread's name has 1 to 64 characters, all on one line.")
        elif name in names:
            await self._session.complain(f"There is already a thread “{name}”: /switch {name}")
        else:
            await self._session.open(name)
            await self._tell(f"This is a new thread, “{name}”.")

    async def _threads(self, _rest: str) -> None:
        now = self._bot.clock.now()
        current = self._session.thread.thread
        found = await self._bot.commands.threads(NAME, self._bot.user)
        lines = [
            f"{'*' if info.thread.thread == current else ' '} {info.thread.thread}: "
            f"{thread_line(info, now)}"
            for info in found
        ]
        if current not in {info.thread.thread for info in found}:
            lines.insert(0, f"* {current}: nothing said yet")
        await self._tell(*lines)

    async def _switch(self, name: str) -> None:
        names = await self._names()
        if name in names:
            await self._session.open(name)
            await self._tell(f"You are back in “{name}”.")
            await self._session.finish_interrupted()
            return
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean “{near[0]}”?" if near else "/threads lists yours."
        if name:
            await self._session.complain(f"There is no thread “{name}”: {hint}")
        else:
            await self._session.complain("Which one? /switch NAME; /threads lists yours.")

    async def _memory(self, _rest: str) -> None:
        found = await self._bot.commands.threads(NAME, self._bot.user)
        info = next((each for each in found if each.thread == self._session.thread), None)
        view = await self._bot.commands.view(self._session.thread, info=info)
        await self._tell(*view_lines(view))

    async def _pin(self, kind: PinKind, text: str) -> None:
        at, by = self._bot.clock.now(), Author(id=self._bot.user, name=self._bot.user)
        said = Saying(text=text, author=by, at=at)
        pin = new_pin(kind, said, by, at=at, key=f"{at!r} {text}")
        try:
            done = await self._bot.commands.pins.add(self._session.thread, Kind.TERMINAL, pin)
        except DeniedError as denied:
            await self._session.complain(str(denied).replace(_CHATBOT, "/"))
        else:
            await self._tell(done.replace(_CHATBOT, "/"))

    async def _pins(self, _rest: str) -> None:
        pins = self._bot.commands.pins
        lines = pins.lines(await pins.of(self._session.thread))
        await self._tell(*(lines or ["Nothing is pinned here. /remember TEXT pins something."]))

    async def _unpin(self, number: str) -> None:
        if not number:
            await self._pins("")
            return
        done = await self._bot.commands.pins.remove(self._session.thread, number)
        if done == UNPINNED:
            await self._tell(done)
        else:
            await self._session.complain(done.replace(_CHATBOT, "/"))

    async def _export(self, rest: str) -> None:
        file, request = _exported(rest)
        if not file:
            await self._session.complain(
                "Where to? /export FILE [mine] [since 2026-11-01] [until 2026-11-30]; JSON if it "
                "ends in .json, both in a ZIP if it ends in .zip."
            )
            return
        zone = self._bot.commands.zone
        span, several = request.period.span(zone), request.of is ExportOf.MINE
        look = Look(at=self._bot.clock.now(), zone=zone, span=span, several=several)
        reporter = Reporter(self._bot.clock, self._progress)
        try:
            path = _path(file)
            form = form_for(path) if request.form is ExportFormat.MARKDOWN else request.form
            done = await export_to(
                self._bot.store, self._sources(request.of), path, form, look, reporter
            )
        except OSError as error:
            await self._session.complain(f"{file} can't be written: {error.strerror or error}.")
        except (ValueError, RuntimeError):
            await self._session.complain(f"{file!r} is not a valid file name.")
        else:
            await self._tell(f"Written to {path}: {done}.")

    async def _sources(self, of: ExportOf) -> AsyncIterator[Source]:
        if of is ExportOf.THREAD:
            yield Source(self._session.thread)
            return
        async for info in self._bot.store.all_threads(channel=(NAME, self._bot.user)):
            yield Source(info.thread)

    async def _progress(self, progress: Progress) -> None:
        await self._tell(f"Writing: {progress} so far.")

    async def _forget(self, rest: str) -> None:
        if rest:
            await self._forget_message(rest)
            return
        done = await self._bot.commands.forget(self._session.thread)
        await self._tell(f"{done} This screen and the history of lines you typed remain.")

    async def _forget_message(self, rest: str) -> None:
        given = parsed(f"forget {rest}", lambda _: None)
        if given is None or not given.number:
            await self._session.complain("Which one? /forget NUMBER; /memory shows the numbers.")
            return
        try:
            done = await self._bot.commands.forget_message(self._session.thread, int(given.number))
        except DeniedError as denied:
            await self._session.complain(str(denied))
        else:
            await self._tell(done)

    async def _reset(self, _rest: str) -> None:
        await self._tell(await self._bot.commands.reset(self._session.thread))

    async def _help(self, _rest: str) -> None:
        width = max(len(usage) for usage, _ in _HELP.values())
        await self._tell(*(f"{usage:{width}}  {what}" for usage, what in _HELP.values()))

    async def _settings(self, rest: str) -> None:
        given, settings = wanted(rest, slash=True), self._bot.commands.settings
        thread, kind = self._session.thread, Kind.TERMINAL
        if given is None:
            await self._session.complain("Which setting, and to what? /settings lists them.")
            return
        if given.field is None:
            layers = await self._bot.store.layers(thread)
            await self._tell(*settings.lines(layers, kind, server="computer"), _SETTINGS)
            return
        is_whole = Scope.THREAD not in given.field.scopes or given.scope is not Scope.THREAD
        scope = Scope.CHANNEL if is_whole else Scope.THREAD  # a terminal is its user's alone
        try:
            by, text = self._bot.user, given.text
            await settings.change(by, thread, kind, scope, {given.field: text})
        except DeniedError as denied:
            await self._session.complain(str(denied))
        else:
            where = "all your threads" if scope is Scope.CHANNEL else "this thread"
            await self._tell(f"It is set for {where}, from the next answer on.")

    async def _privacy(self, _rest: str) -> None:
        await self._tell(*self._bot.privacy)

    async def _names(self) -> list[str]:
        found = await self._bot.commands.threads(NAME, self._bot.user)
        return [info.thread.thread for info in found]

    async def _rate(self, rest: str) -> None:
        word, _, reason = rest.partition(" ")
        value = _VALUES.get(word.lower())
        if value is None:
            await self._session.complain("Write /rate good or /rate bad, and why if you like.")
            return
        store, thread = self._bot.store, self._session.thread
        work = await store.peek(thread)
        answers = [each for each in work.records if isinstance(each, Answer)] if work else []
        if not answers:
            await self._session.complain("There is no answer here yet.")
            return
        by, at, last = self._bot.user, self._bot.clock.now(), answers[-1]
        opinion = Opinion(person=by, at=at, value=value, reason=reason.strip())
        await store.rate(thread, last.position, last.turn, opinion)
        await self._tell(THANKS)
