"""Logging to stderr, one line per record, without secrets or anything that people said.

Our own lines contain neither. A library's line may contain anything, at any level: a request, a
payload, a person's message in the text of an error. So of a library's line the log shows only the
constant text in its source, with numbers filled in, and nothing below WARNING. Of an error that is
not ours it shows the type and the traceback, but not the text.
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
"""The roots of our own loggers."""
_MAX_LENGTH = 4_000
"""Characters of a line; a platform may report a failure with a whole page."""
_FRAMES = 40
"""The most frames of a traceback to show, the innermost ones."""
_CAUSES = 10
"""The most errors of a chain to show."""
_OMITTED = "\u2026"
_VALUE = regex.compile(r"%(?:\(\w++\))?+[-#0 +]*+[\d*]*+(?:\.[\d*]++)?+[a-zA-Z%]")
_FIELD = regex.compile(r"\{[^{}]*+\}")
_METHODS = {"critical", "debug", "error", "exception", "fatal", "info", "log", "warn", "warning"}


class Redacting(logging.Formatter):
    """Formats a record and replaces secrets, wherever they are in it, by ***."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Hide these secrets, the longest first, since one may be part of another."""
        super().__init__(_FORMAT)
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and below it an error's traceback, without secrets."""
        return redact(super().format(record), self._secrets)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the record as one line, even if its message has several."""
        text = " ".join(visible(record.message).split("\n"))
        record.message = text if len(text) <= _MAX_LENGTH else text[:_MAX_LENGTH] + _OMITTED
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802 - as logging has it
        """Return an error's traceback, without the text of errors that are not ours."""
        return trace_of(ei[1]) if ei[1] is not None else ""


class _Stderr:
    """Writes to the current `sys.stderr`, which a prompt replaces while it is shown."""

    def write(self, text: str) -> int:
        """Write the text."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush the buffer."""
        sys.stderr.flush()


class _Handler(logging.StreamHandler[Any]):
    """The only handler: it writes our lines, and those of libraries from WARNING up."""

    def handle(self, record: logging.LogRecord) -> Any:  # noqa: ANN401 - as logging has it
        """Write a record, unless it is a library's below WARNING."""
        return super().handle(record) if is_shown(record) else False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Report only where an unwritable line came from, since its values could be secret."""
        place = f"{record.pathname}:{record.lineno}"
        self.stream.write(f"chatbot: a log line could not be written: {place}\n")


def set_up_logging(level: str, secrets: Iterable[str]) -> None:
    """Log to stderr from this level up, including errors and warnings that nothing catches.

    It changes the whole process. The program calls it once, before anything is logged.
    """
    handler = _Handler(_Stderr())
    handler.setLevel(level)
    handler.setFormatter(Redacting(secrets))
    # A library may set a lower level of its own: the handler checks again.
    loudest = max(logging.WARNING, logging.getLevelName(level))
    logging.basicConfig(level=loudest, handlers=[handler], force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(level)
    logging.setLogRecordFactory(_record)  # so a library's own handler gets no more either
    logging.raiseExceptions = False
    warnings.showwarning = _show_warning
    sys.excepthook = _log_crash
    threading.excepthook = lambda args: report("a thread failed", args.exc_value)
    sys.unraisablehook = lambda args: report("an error that nothing can catch", args.exc_value)


def watch_loop() -> None:
    """Report errors that tasks and callbacks of the running event loop leave unhandled.

    asyncio's own message would contain the error's text, and a callback's arguments.
    """

    def unhandled(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        del loop
        message = str(context.get("message", ""))
        kind = next((each for each in _UNHANDLED if message.startswith(each)), "an unhandled error")
        future = context.get("task") or context.get("future")
        coro = future.get_coro() if isinstance(future, asyncio.Task) else None
        name = getattr(coro, "__qualname__", "")
        report(f"{kind} {name}".rstrip(), context.get("exception"))

    asyncio.get_running_loop().set_exception_handler(unhandled)


_UNHANDLED = (
    "Task exception was never retrieved",
    "Future exception was never retrieved",
    "Task was destroyed but it is pending!",
    "Exception in callback",
    "socket.accept() out of system resource",
)
"""The constant starts of asyncio's messages, which values follow."""


def report(what: str, error: BaseException | None) -> None:
    """Log an error that nothing caught, with its traceback, but its text only if it is ours."""
    log.error("%s", what, exc_info=error)


def is_shown(record: logging.LogRecord) -> bool:
    """Return whether a record's logger and level allow it to be written."""
    return record.levelno >= logging.WARNING or is_ours(record.name)


def is_ours(name: str) -> bool:
    """Return whether a logger is one of our own."""
    return name.partition(".")[0] in _OURS


def trace_of(error: BaseException) -> str:
    """Return the traceback of an error and of its causes, with the text of our own errors only.

    The source lines in it are code and contain no values.
    """
    return "\n\n".join(reversed([_formatted(each) for each in _chain(error)]))


# --- the lines of libraries ---------------------------------------------------------------------


def _record(name: str, level: int, *args: Any, **named: Any) -> logging.LogRecord:
    """Create a record; a library's gets only the constant text of its source."""
    record = logging.LogRecord(name, level, *args, **named)
    if is_ours(name):
        return record
    record.msg, record.args = constant_of(record), ()
    if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
        record.exc_text, record.exc_info = trace_of(record.exc_info[1]), None
    return record


def constant_of(record: logging.LogRecord) -> str:
    """Return the constant text of a library's message, with its numbers but no other values."""
    template = _template_at(record.pathname, record.lineno)
    values = record.args if isinstance(record.args, tuple) else ()
    remaining = iter(values)

    def shown(place: regex.Match[str]) -> str:
        if place[0].endswith("%"):
            return "%"
        value = next(remaining, None)
        plain = isinstance(value, (int, float)) and not isinstance(value, bool)
        return f"{value:.6g}" if plain else _OMITTED

    message: str = _VALUE.sub(shown, template)
    return f"{message} ({record.module}:{record.lineno})"


@lru_cache(maxsize=1000)
def _template_at(path: str, line: int) -> str:
    """Return the constant text of the message in the logging call at a line of source."""
    try:
        tree = ast.parse("".join(linecache.getlines(path)))
    except (SyntaxError, ValueError):
        return _OMITTED
    calls = [node for node in ast.walk(tree) if _is_call_at(node, line)]
    if not calls:
        return _OMITTED
    call = min(calls, key=lambda node: (node.end_lineno or 0) - node.lineno)
    arguments = call.args[1:] if getattr(call.func, "attr", "") == "log" else call.args
    return _constant(arguments[0]) if arguments else _OMITTED


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
            filled: str = _FIELD.sub(_OMITTED, _constant(text))
            return filled
    return _OMITTED


# --- errors -------------------------------------------------------------------------------------


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, its cause, the cause of that, and so on."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen and len(seen) < _CAUSES:
        seen.add(id(each))
        yield each
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)


def _formatted(error: BaseException) -> str:
    frames = StackSummary.extract(walk_tb(error.__traceback__), limit=-_FRAMES)
    lines = ["Traceback (most recent call last):\n", *format_list(frames)] if frames else []
    members = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    named = ", ".join(type(each).__qualname__ for each in members)
    code = errno.errorcode.get(error.errno or 0, "") if isinstance(error, OSError) else ""
    text = str(error) if isinstance(error, ChatbotError) else named or code
    return (
        "".join(lines)
        + f"{type(error).__module__}.{type(error).__qualname__}"
        + (f": {text}" if text else "")
    )


# --- errors and warnings that nothing catches ---------------------------------------------------


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del message, file, line  # it may quote a value
    log.warning("%s at %s:%d", category.__name__, filename, lineno)


def _log_crash(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    del kind, trace
    log.critical("the program crashed because of a bug in it", exc_info=error)
