"""JSON that is read value by value, so that a document of any size takes little memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from core.domain.message import clean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

_CHUNK = 64 * 1024
"""Characters that are read at once, at least."""
LONGEST = 64 * 1024 * 1024
"""Characters of the longest value that is read in one piece."""
_SPACE = " \t\r\n"
_BROKEN = "it is no whole JSON document"


class JsonStream:
    """Reads one JSON document from a text, in order. Each method raises ValueError if it can't."""

    def __init__(self, source: TextIO) -> None:
        """Read this text."""
        self._source = source
        self._buffer = ""
        self._at = 0
        self._is_over = False
        self._decode = json.JSONDecoder(parse_constant=_refuse).raw_decode

    def fields(self) -> Iterator[str]:
        """Yield the name of each field of the object that comes next.

        The caller reads the value, by `value`, `fields` or `items`, before the next name.
        """
        self._take("{")
        if self._next() == "}":
            self._take("}")
            return
        while True:
            name = self.value()
            if type(name) is not str:
                raise ValueError(_BROKEN)
            self._take(":")
            yield name
            if self._either(",", "}") == "}":
                return

    def items(self) -> Iterator[None]:
        """Yield once for each item of the list that comes next; the caller reads it, as above."""
        self._take("[")
        if self._next() == "]":
            self._take("]")
            return
        while True:
            yield
            if self._either(",", "]") == "]":
                return

    def value(self) -> Any:  # noqa: ANN401 - any JSON
        """Return the value that comes next, its texts cleaned."""
        self._next()
        while True:
            try:
                found, end = self._decode(self._buffer, self._at)
            except RecursionError:
                raise ValueError("it is nested too deeply") from None
            except ValueError:
                if not self._more():
                    raise ValueError(_BROKEN) from None
                continue
            if end < len(self._buffer) or not self._more():  # a number may go on
                self._at = end
                return _cleaned(found)

    def end(self) -> None:
        """Raise ValueError if anything but space follows."""
        if self._next():
            raise ValueError("something follows its end")

    def _take(self, sign: str) -> None:
        if self._next() != sign:
            raise ValueError(_BROKEN)
        self._at += 1

    def _either(self, one: str, other: str) -> str:
        sign = self._next()
        if not sign or sign not in one + other:
            raise ValueError(_BROKEN)
        self._at += 1
        return sign

    def _next(self) -> str:
        """Return the next sign that is no space, without taking it; empty at the end."""
        while True:
            buffer, at = self._buffer, self._at
            while at < len(buffer) and buffer[at] in _SPACE:
                at += 1
            self._at = at
            if at < len(buffer):
                return buffer[at]
            if not self._more():
                return ""

    def _more(self) -> bool:
        """Read as much again as is left; return False at the end."""
        if self._is_over:
            return False
        left = self._buffer[self._at :]
        if len(left) > LONGEST:
            raise ValueError("one value in it is too long")
        chunk = self._source.read(max(_CHUNK, len(left)))
        self._is_over = not chunk
        self._buffer, self._at = left + chunk, 0
        return bool(chunk)


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _cleaned(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a value whose texts every store can hold."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    if isinstance(value, dict):
        return {clean(name): _cleaned(each) for name, each in value.items()}
    return value
