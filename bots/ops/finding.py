"""What the doctor finds: a line for each thing that it examines."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    FINE = "ok"
    NOTE = "note"
    """Works, but the operator should know."""
    WRONG = "WRONG"


_WIDTH = max(map(len, Level)) + 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    about: str
    """What it is a part of: Store, Model, Slack."""
    text: str
    """What is so, as a sentence without its full stop."""
    mend: str = ""
    """How to mend it, as a sentence."""

    def __str__(self) -> str:
        """Return the line to print."""
        text = " ".join(f"{self.text}. {self.mend}".split()) if self.mend else self.text
        return f"{self.level:{_WIDTH}}{self.about}: {text}"


def fine(about: str, text: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(Level.FINE, about, text)


def note(about: str, text: str, mend: str = "") -> Finding:
    """Return what the operator should know."""
    return Finding(Level.NOTE, about, text, mend)


def wrong(about: str, text: str, mend: str) -> Finding:
    """Return what is wrong, and how to repair it."""
    return Finding(Level.WRONG, about, text, mend)
