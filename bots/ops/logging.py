"""Logging: to stderr, one line each, with no secret in it and nothing of what people say.

Our own lines say neither. What a library says may hold anything, at any level: a request, a
payload, a person's message in the text of an error. So of a library's line there is only what its
source has there as a constant, with numbers in their places; below WARNING there is nothing. And
of an error that is not ours there are the type and the places, not the text.
"""

from __future__ import annotations

import ast
import asyncio
import errno
import linecache
import logging
import sys
import threading
import warnings
from functools import lru_cache
from traceback import StackSummary, format_list, walk_tb
from typing import TYPE_CHECKING, Any, TextIO, TypeGuard

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types

from bots.ops.redaction import redact
from core.domain.errors import ChatbotError
from core.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

log = logging.getLogger(__name__)

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_OURS = ("__main__", "bots", "chatbot", "core")
"""The roots of the loggers whose lines we write."""
_LONGEST = 4_000
"""Characters of a line: what a platform says of a failure may be a whole page."""
_FRAMES = 40
"""Frames of an error's trace, the innermost."""
_CAUSES = 10
_LEFT_OUT = "\u2026"
_VALUE = regex.compile(r"%(?:\(\w++\))?+[-#0 +]*+[\d*]*+(?:\.[\d*]++)?+[a-zA-Z%]")
_FIELD = regex.compile(r"\{[^{}]*+\}")
_METHODS = {"critical", "debug", "error", "exception", "fatal", "info", "log", "warn", "warning"}


class Redacting(logging.Formatter):
    """Formats a record, and blots out secrets wherever they ended up in it."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Name what must not be seen; the longest goes first, as one may be part of another."""
        super().__init__(_FORMAT)
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the trace of an error below it, without the secrets."""
        return redact(super().format(record), self._secrets)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the record's one line, however many its message has."""
        said = " ".join(visible(record.message).split("\n"))
        record.message = said if len(said) <= _LONGEST else said[:_LONGEST] + _LEFT_OUT
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802 - as logging has it
        """Return an error's trace, without what errors say that are not ours."""
        return trace_of(ei[1]) if ei[1] is not None else ""


class _Stderr:
    """Writes to what stderr is at the moment: a prompt puts itself before it for a while."""

    def write(self, text: str) -> int:
        """Write the text."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Write what is buffered."""
        sys.stderr.flush()


class _Handler(logging.StreamHandler[Any]):
    """The one handler: it takes our lines, and those of libraries from WARNING on."""

    def handle(self, record: logging.LogRecord) -> Any:  # noqa: ANN401 - as logging has it
        """Write a record, unless it is a library's that only it needs."""
        return super().handle(record) if is_shown(record) else False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say only where a line came from that can't be written: its values would be shown."""
        place = f"{record.pathname}:{record.lineno}"
        self.stream.write(f"chatbot: a line of the log could not be written: {place}\n")


def set_up_logging(level: str, secrets: Iterable[str]) -> None:
    """Send the program's logs to stderr, from this level on, and what nobody catches with them.

    Changes the process as a whole: this is for the program, once, before anything is logged.
    """
    handler = _Handler(_Stderr())
    handler.setLevel(level)
    handler.setFormatter(Redacting(secrets))
    # A library's own level, lower than this, is of no effect: the handler looks again.
    loudest = max(logging.WARNING, logging.getLevelName(level))
    logging.basicConfig(level=loudest, handlers=[handler], force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(level)
    logging.setLogRecordFactory(_record)  # so a handler of a library's own has no more to write
    logging.raiseExceptions = False
    warnings.showwarning = _warned
    sys.excepthook = _ended_by
    threading.excepthook = lambda told: report("a thread ended badly", told.exc_value)
    sys.unraisablehook = lambda told: report("an error that nobody can catch", told.exc_value)


def watch_loop() -> None:
    """Report what tasks and callbacks of the running event loop leave to nobody.

    asyncio's own words for it hold the error, and what a callback was called with.
    """

    def left(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        del loop
        said = str(context.get("message", ""))
        kind = next((each for each in _LEFT if said.startswith(each)), "an error was left")
        of = context.get("task") or context.get("future")
        coro = of.get_coro() if isinstance(of, asyncio.Task) else None
        name = getattr(coro, "__qualname__", "")
        report(f"{kind} {name}".rstrip(), context.get("exception"))

    asyncio.get_running_loop().set_exception_handler(left)


_LEFT = (
    "Task exception was never retrieved",
    "Future exception was never retrieved",
    "Task was destroyed but it is pending!",
    "Exception in callback",
    "socket.accept() out of system resource",
)
"""How asyncio's messages begin that say what happened; behind it come values."""


def report(what: str, error: BaseException | None) -> None:
    """Log an error that nothing caught, and where; not its words, unless they are ours."""
    log.error("%s", what, exc_info=error)


def is_shown(record: logging.LogRecord) -> bool:
    """Tell whether a record of this name and level may be written at all."""
    return record.levelno >= logging.WARNING or is_ours(record.name)


def is_ours(name: str) -> bool:
    """Tell whether a logger is one of the program's own."""
    return name.partition(".")[0] in _OURS


def trace_of(error: BaseException) -> str:
    """Return an error's trace with those that led to it; the words of our own errors alone.

    The source lines in it are code, and hold no value.
    """
    told = [_told(each) for each in _led_to(error)]
    return "\n\n".join(reversed(told))


# --- the lines of libraries ---------------------------------------------------------------------


def _record(name: str, level: int, *args: Any, **named: Any) -> logging.LogRecord:
    """Make a record: a library's holds nothing but what is constant in its source."""
    made = logging.LogRecord(name, level, *args, **named)
    if is_ours(name):
        return made
    made.msg, made.args = constant_of(made), ()
    if isinstance(made.exc_info, tuple) and made.exc_info[1] is not None:
        made.exc_text, made.exc_info = trace_of(made.exc_info[1]), None
    return made


def constant_of(record: logging.LogRecord) -> str:
    """Return what a library says whatever it says it of: its values are left out, but numbers."""
    said = _said_at(record.pathname, record.lineno)
    values = record.args if isinstance(record.args, tuple) else ()
    left = iter(values)

    def shown(place: regex.Match[str]) -> str:
        if place[0].endswith("%"):
            return "%"
        value = next(left, None)
        plain = isinstance(value, (int, float)) and not isinstance(value, bool)
        return f"{value:.6g}" if plain else _LEFT_OUT

    message: str = _VALUE.sub(shown, said)
    return f"{message} ({record.module}:{record.lineno})"


@lru_cache(maxsize=1000)
def _said_at(path: str, line: int) -> str:
    """Return the constant part of the message in the call at a line of a source."""
    try:
        tree = ast.parse("".join(linecache.getlines(path)))
    except (SyntaxError, ValueError):
        return _LEFT_OUT
    calls = [node for node in ast.walk(tree) if _is_call_at(node, line)]
    if not calls:
        return _LEFT_OUT
    call = min(calls, key=lambda node: (node.end_lineno or 0) - node.lineno)
    given = call.args[1:] if getattr(call.func, "attr", "") == "log" else call.args
    return _constant(given[0]) if given else _LEFT_OUT


def _is_call_at(node: ast.AST, line: int) -> TypeGuard[ast.Call]:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    return node.func.attr in _METHODS and node.lineno <= line <= (node.end_lineno or 0)


def _constant(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(map(_constant, parts))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _constant(left) + _constant(right)
        case ast.BinOp(left=left, op=ast.Mod()):
            return _constant(left)
        case ast.Call(func=ast.Attribute(value=text, attr="format")):
            filled: str = _FIELD.sub(_LEFT_OUT, _constant(text))
            return filled
    return _LEFT_OUT


# --- errors -------------------------------------------------------------------------------------


def _led_to(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, the one that it came of, and so on."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen and len(seen) < _CAUSES:
        seen.add(id(each))
        yield each
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)


def _told(error: BaseException) -> str:
    frames = StackSummary.extract(walk_tb(error.__traceback__), limit=-_FRAMES)
    lines = ["Traceback (most recent call last):\n", *format_list(frames)] if frames else []
    within = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    named = ", ".join(type(each).__qualname__ for each in within)
    code = errno.errorcode.get(error.errno or 0, "") if isinstance(error, OSError) else ""
    words = str(error) if isinstance(error, ChatbotError) else named or code
    return (
        "".join(lines)
        + f"{type(error).__module__}.{type(error).__qualname__}"
        + (f": {words}" if words else "")
    )


# --- where errors and warnings end that nobody takes ----------------------------------------------


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del message, file, line  # it may quote a value
    log.warning("%s at %s:%d", category.__name__, filename, lineno)


def _ended_by(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    del kind, trace
    log.critical("the program ends by an error that is no fault of yours", exc_info=error)
