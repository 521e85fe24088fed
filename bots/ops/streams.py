"""The standard streams, as a service or a container may hand them over: closed, full, not UTF-8.

A missing stream is the null device, so that no file of ours gets its number. stderr never fails:
explanations are lost before answers are. stdout fails with a sentence.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, cast

from typing_extensions import override

from core.domain.errors import ChatbotError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import TextIO

_MODES = {"stdin": "r", "stdout": "w", "stderr": "w"}
_CLOSED = {
    "stdin": "stdin is closed, so there is nothing to read: connect it, if only to /dev/null",
    "stdout": "stdout is closed, so nothing can be written: connect it to a file, or to a program",
}


class OutputError(ChatbotError):
    """What was asked for can't be written to stdout."""

    def __init__(self, error: OSError) -> None:
        """Say why."""
        super().__init__(f"stdout can't be written: {error.strerror or type(error).__name__}")


def prepare_streams() -> frozenset[str]:
    """Make the standard streams safe to use; return the names of those that are closed.

    Programs that read our stdout get UTF-8, whatever the locale is; a terminal gets what it can
    show, and escapes for the rest.
    """
    missing = frozenset(name for name in _MODES if getattr(sys, name) is None)
    for number, name in enumerate(_MODES):
        if name in missing:
            setattr(sys, name, _null(number, _MODES[name]))
    if isinstance(sys.stdout, TextIOWrapper):
        _encode(sys.stdout)
        sys.stdout = cast("TextIO", _Output(sys.stdout))
    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr = cast("TextIO", _Guarded(sys.stderr))
    return missing


def require_streams(needed: Collection[str], missing: Collection[str]) -> None:
    """Raise `SettingsError` if a stream that is needed is closed."""
    for name in needed:
        if name in missing:
            raise SettingsError(f"{_CLOSED[name]}.")


def _null(number: int, mode: str) -> TextIO:
    try:
        os.fstat(number)
    except OSError:
        os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
    else:  # a file has taken the number already
        number = os.open(os.devnull, os.O_RDWR)
    return cast("TextIO", os.fdopen(number, mode, encoding="utf-8", closefd=False))


def _encode(stdout: TextIOWrapper) -> None:
    if stdout.isatty():
        stdout.reconfigure(errors="backslashreplace")
    else:
        stdout.reconfigure(encoding="utf-8")


class _Guarded:
    """A stream that hands everything on, and what is written as well."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write the text."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._drop()
            self._tell(error)
            return len(text)

    def flush(self) -> None:
        """Write what is buffered."""
        try:
            self._stream.flush()
        except OSError as error:
            self._drop()
            self._tell(error)

    def _drop(self) -> None:
        """Drop what is left in the buffer, which would fail once more at the end."""
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self._stream.fileno())
        os.close(null)

    def _tell(self, error: OSError) -> None:
        """Lose what can't be written: it explains, and has no better place."""


class _Output(_Guarded):
    """stdout, whose failures are errors."""

    @override
    def _tell(self, error: OSError) -> None:
        if isinstance(error, BrokenPipeError):  # the reader has enough
            raise error
        raise OutputError(error) from error
