"""Tells spoilers from the bars of logic and of shells. Pure.

Discord hides what stands between any `||` and the next one, be it in prose or in code (measured
with the npm package discord-markdown-parser 1.3.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bots.discord.outbound.markdown.spans import Part

if TYPE_CHECKING:
    from collections.abc import Sequence


BARS = "||"
SPLIT_BARS = "| |"
SPLIT_NOTE = f"-# In the hidden code, `{SPLIT_BARS}` stands for two bars without a space."
"""Said of hidden code with `||`, which would end the spoiler there."""
_LITERAL = "\\|\\|"
_OPENING = frozenset(" \t\n([{\"'*_~>:;,.!?\u201c\u2018\u2014\u2013-\u3000\u3001\u3002\uff0c\uff1a")


class Spoiler(NamedTuple):
    """A hidden part of a text, from its first bar to the end of its last."""

    start: int
    end: int


def spoilers_of(
    text: str, bars: Sequence[int], *, grows: bool
) -> tuple[tuple[Spoiler, ...], list[Part]]:
    """Return the spoilers of a text, and the bars that are none, to be escaped.

    Args:
        text: The text.
        bars: Where `||` stands outside of code.
        grows: Whether the text is not finished: a spoiler at its end may be closed later.
    """
    spoilers: list[Spoiler] = []
    literal: list[Part] = []
    opened = -1
    for at in bars:
        if opened >= 0 and _closes(text, at, opened):
            spoilers.append(Spoiler(opened, at + len(BARS)))
            opened = -1
            continue
        if opened >= 0:
            literal.append(Part(opened, opened + len(BARS), _LITERAL))
            opened = -1
        if _opens(text, at):
            opened = at
        else:
            literal.append(Part(at, at + len(BARS), _LITERAL))
    if opened >= 0 and grows and "\n\n" not in text[opened:]:
        spoilers.append(Spoiler(opened, len(text) + len(BARS)))
    elif opened >= 0:
        literal.append(Part(opened, opened + len(BARS), _LITERAL))
    return tuple(spoilers), literal


def _opens(text: str, at: int) -> bool:
    following = text[at + len(BARS) : at + len(BARS) + 1]
    return (not at or text[at - 1] in _OPENING) and bool(following.strip())


def _closes(text: str, at: int, opened: int) -> bool:
    after = text[at + len(BARS) : at + len(BARS) + 1]
    return at > opened + len(BARS) and not (after.isascii() and after.isalnum())
