"""Text on a card, as SVG that is readable on a light page and on a dark one."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STYLE = """\
  text { font: 14px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
  .mono { font: 13px ui-monospace, SFMono-Regular, Menlo, "DejaVu Sans Mono", monospace; }
  .small { font-size: 12px; } .bold { font-weight: 600; } .title { font-size: 15px; }
  .card { fill: #ffffff; stroke: #d0d7de; } .bar { fill: #f6f8fa; } .line { stroke: #d0d7de; }
  .ink { fill: #1f2328; } .dim { fill: #656d76; } .link { fill: #0969da; }
  .button { fill: #f6f8fa; stroke: #afb8c1; } .aside { fill: #f6f8fa; stroke: #d0d7de; }
  .person { fill: #8250df; } .bot { fill: #0969da; } .face { fill: #ffffff; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0d1117; stroke: #30363d; } .bar { fill: #161b22; } .line { stroke: #30363d; }
    .ink { fill: #e6edf3; } .dim { fill: #8d96a0; } .link { fill: #4493f8; }
    .button { fill: #21262d; stroke: #484f58; } .aside { fill: #161b22; stroke: #30363d; }
  }
"""
_WHEN = re.compile(r"\b[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d\b")
_ONCE = "Mon 2026-11-23 14:05"
"""A time that stands for all, since they differ each time the pictures are drawn."""
WIDTH = 760
_WIDE = {"sans": 7.6, "small": 6.6, "mono": 8.0, "bold": 9.2}
"""Pixels of a character of each font: rather too many, so that no line leaves its card."""


@dataclass
class Drawing:
    """A card that grows downwards."""

    label: str
    """What it shows, for people who can't see it."""
    y: float = 0
    parts: list[str] = field(default_factory=list)

    def text(self, x: float, words: str, *classes: str) -> None:
        """Write a line whose baseline is here."""
        names = " ".join(classes or ("ink",))
        self.parts.append(
            f'<text x="{x:g}" y="{self.y:g}" class="{names}" xml:space="preserve">'
            f"{escape(_WHEN.sub(_ONCE, words))}</text>"
        )

    def lines(self, x: float, words: str, *classes: str, step: float = 20) -> None:
        """Write a text, wrapped at the card's edge."""
        font = next((name for name in ("mono", "small") if name in classes), "sans")
        for line in wrapped(_WHEN.sub(_ONCE, words), int((WIDTH - 24 - x) / _WIDE[font])):
            self.y += step
            self.text(x, line, *classes)

    def box(
        self, x: float, width: float, height: float, kind: str, *, down: float = 0, round_: int = 6
    ) -> None:
        """Draw a box whose top is here."""
        self.parts.append(
            f'<rect x="{x:g}" y="{self.y + down:g}" width="{width:g}" height="{height:g}" '
            f'rx="{round_}" class="{kind}"/>'
        )

    def button(self, x: float, label: str) -> float:
        """Draw a button below what is there; return its right edge."""
        width = len(label) * _WIDE["bold"] + 24
        self.box(x, width, 30, "button", down=10)
        self.y += 30
        self.text(x + 12, label, "ink", "bold")
        self.y += 10
        return x + width

    @contextlib.contextmanager
    def aside(self, x: float) -> Iterator[None]:
        """Draw a box below what is there, around what is drawn in the block."""
        at, top = len(self.parts), self.y + 8
        self.y = top
        yield
        bottom, self.y = self.y + 16, top
        self.box(x, WIDTH - 24 - x, bottom - top, "aside")
        self.parts.insert(at, self.parts.pop())
        self.y = bottom

    def face(self, name: str, *, bot: bool) -> None:
        """Draw who speaks, beside the line that comes next."""
        self.box(20, 34, 34, "bot" if bot else "person", down=8, round_=8)
        self.y += 31
        self.text(31, name[0].upper(), "face", "bold", "title")
        self.y -= 31

    def svg(self) -> str:
        """Return the whole picture."""
        height = self.y + 20
        label = escape(self.label, {'"': "&quot;"})
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" '
            f'width="{WIDTH}" height="{height:g}" role="img" aria-label="{label}">'
        )
        card = f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:g}" rx="8" '
        body = "\n".join(self.parts)
        return f'{head}\n<style>\n{STYLE}</style>\n{card}class="card"/>\n{body}\n</svg>\n'


def wrapped(text: str, width: int) -> Sequence[str]:
    """Return a text in lines of at most so many characters, cut at spaces; indents are kept."""
    done: list[str] = []
    for each in text.splitlines() or [""]:
        line = each
        indent = line[: len(line) - len(line.lstrip())]
        while len(line) > width and (at := line.rfind(" ", len(indent) + 1, width + 1)) > 0:
            done.append(line[:at])
            line = indent + line[at + 1 :]
        done.append(line)
    return done
