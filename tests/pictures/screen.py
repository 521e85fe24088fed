"""What stands on a terminal after a program has written to it; as much of one as ours needs."""

from __future__ import annotations

import re

_PART = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b[=>]|\x1b\][^\x07]*\x07|([\s\S])")
_DIM = "2"


class Screen:
    """Lines of characters, each with whether it is dim."""

    def __init__(self) -> None:
        """Begin with an empty screen."""
        self._lines: list[dict[int, tuple[str, bool]]] = [{}]
        self._row = self._column = 0
        self._dim = False

    def write(self, text: str) -> None:
        """Take what a program wrote."""
        for found in _PART.finditer(text):
            numbers, command, character = found.groups()
            if command:
                self._control(numbers, command)
            elif character:
                self._character(character)

    def lines(self) -> list[tuple[str, bool]]:
        """Return each line, and whether it is dim."""
        shown = []
        for line in self._lines:
            last = max((at for at, (sign, _) in line.items() if sign != " "), default=-1)
            text = "".join(line.get(at, (" ", False))[0] for at in range(last + 1))
            shown.append((text, bool(text) and line.get(0, ("", False))[1]))
        return shown

    def _character(self, character: str) -> None:
        if character == "\n":
            self._row += 1
            while len(self._lines) <= self._row:
                self._lines.append({})
        elif character == "\r":
            self._column = 0
        elif character == "\b":
            self._column = max(0, self._column - 1)
        elif character >= " ":
            self._lines[self._row][self._column] = character, self._dim
            self._column += 1

    def _control(self, numbers: str, command: str) -> None:
        count = int(numbers) if numbers.isdigit() else 0
        if command == "m":
            self._dim = _DIM in numbers.split(";")
        elif command == "A":
            self._row = max(0, self._row - (count or 1))
        elif command == "C":
            self._column += count or 1
        elif command == "D":
            self._column = max(0, self._column - (count or 1))
        elif command in "JK" and not count:
            line = self._lines[self._row]
            self._lines[self._row] = {at: s for at, s in line.items() if at < self._column}
            if command == "J":
                del self._lines[self._row + 1 :]
