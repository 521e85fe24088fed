"""What the doctor finds: one line for each thing it examines."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is."""

    FINE = "ok"
    NOTE = "note"
    """It works, but the operator should know about it."""
    WRONG = "WRONG"


_WIDTH = max(map(len, Level)) + 2


@dataclass(frozen=True, slots=True)
class Finding:
    """The result for one thing that the doctor examined."""

    level: Level
    about: str
    """The part it concerns: Store, Model, Slack."""
    text: str
    """What was found, as a sentence without its full stop."""
    fix: str = ""
    """How to fix it, as a sentence."""

    def __str__(self) -> str:
        """Return the line to print."""
        text = " ".join(f"{self.text}. {self.fix}".split()) if self.fix else self.text
        return f"{self.level:{_WIDTH}}{self.about}: {text}"


def fine(about: str, text: str) -> Finding:
    """Return a finding that something works."""
    return Finding(Level.FINE, about, text)


def note(about: str, text: str, fix: str = "") -> Finding:
    """Return a finding that the operator should know about."""
    return Finding(Level.NOTE, about, text, fix)


def wrong(about: str, text: str, fix: str) -> Finding:
    """Return a finding that something is wrong, and how to fix it."""
    return Finding(Level.WRONG, about, text, fix)
