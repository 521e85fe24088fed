"""An answer in the form that Discord takes: in pieces, and without mentions that notify. Pure.

Lengths are those of Discord's docs (resources/message, "Create Message": content up to 2,000
characters). The docs do not say how characters are counted. Counted in UTF-16, as clients do, a
text is never shorter than in code points, so it fits either way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

# not `re`: before Python 3.11.5, its possessive groups match wrongly
import regex  # type: ignore[import-untyped] # ships no types

from core.delivery.port import Form
from core.delivery.splitting.splitter import Splitter
from core.domain.text import visible
from core.turn.notices import TRIM_MEANING

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMATTING = (
    "Discord's Markdown: bold, italics, strikethrough, lists, quotes, headings up to ###, links, "
    "||spoilers||, `code`, and code blocks that open and close with exactly three backticks. It "
    "shows no tables, horizontal rules, footnotes, task lists, inline images, HTML or LaTeX."
)
"""What Discord shows (docs: support article 210298617, "Markdown Text 101")."""
LIMIT = 2000
"""Characters of one message."""
WRITING = "-# \u270d\ufe0f \u2026"
"""The last line of a preview; no finished answer ends with it."""
_NOTHING = "\u2026"
_JOINER = "\N{WORD JOINER}"
_HIDDEN = "[\\u200b-\\u200f\\u2060-\\u2064\\ufe00-\\ufe0f\\ufeff]*+"
_MENTIONS = regex.compile(
    rf"(?<=[@\uff20\ufe6b])(?={_HIDDEN}(?:here|everyone)\b)|(?<=<)(?=@[!&]?\d)", regex.IGNORECASE
)
_NOTE = 300
"""The most characters of one note under an answer."""
_SEEN = 4
"""How much of a text is processed for one message, as a multiple of `LIMIT`."""


def length(text: str) -> int:
    """Return a text's length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _posted_length(text: str) -> int:
    return length(inert(text))


_PIECES = Splitter(LIMIT, _posted_length)
_SMALL = Splitter(LIMIT // 4, _posted_length)
_GROWING = Splitter(LIMIT - len(WRITING) - 1, _posted_length)


def cut(text: str, most: int = 0) -> tuple[int, ...]:
    """Return the ends of the pieces in which an answer is posted, at most `most`; 0 is no limit."""
    return _PIECES.split(text, most)


def piece(text: str, cuts: Sequence[int], index: int) -> str:
    """Return one piece as it is posted, without the white space that Discord would strip."""
    shown = inert(_PIECES.piece(text, cuts, index)).strip("\n").rstrip()
    while shown.endswith(WRITING):
        shown = shown.removesuffix(WRITING).rstrip()
    return shown if shown.strip() else _NOTHING


def parts(text: str, form: Form) -> tuple[str, ...]:
    """Return a piece whole, or in small parts if the form says so."""
    if form is not Form.SMALL:
        return (text,)
    cuts = _SMALL.split(text)
    return tuple(_SMALL.piece(text, cuts, index) for index in range(len(cuts)))


def preview(text: str) -> str:
    """Return as much of an unfinished answer as fits one message, marked as unfinished."""
    seen = text[: _SEEN * LIMIT]
    shown = inert(_GROWING.piece(seen, _GROWING.split(seen, 1), 0)).strip("\n").rstrip()
    return f"{shown}\n{WRITING}"


def is_preview(content: str) -> bool:
    """Return whether a message of the bot's is an unfinished answer."""
    return content.strip().endswith(WRITING)


def notice(text: str) -> str:
    """Return a sentence of the bot's own as it is posted; a text that is too long is cut."""
    seen = text[: _SEEN * LIMIT]
    return piece(seen, cut(seen, 1), 0)


def under(notes: Sequence[str], *, explain_trim: bool) -> str:
    """Return the notes under an answer, in small letters; empty if there are none."""
    lines = [*notes, *((TRIM_MEANING,) if explain_trim else ())]
    small = (" ".join(visible(line).split()) for line in lines)
    return notice("\n".join(f"-# {_shortened(line)}" for line in small if line)) if lines else ""


def inert(text: str) -> str:
    """Return a text in which no mention notifies anybody.

    Each post says in `allowed_mentions` that it notifies nobody. An invisible word joiner inside
    the mentions makes sure of it a second time.
    """
    harmless: str = _MENTIONS.sub(_JOINER, visible(text))
    return harmless


def _shortened(line: str) -> str:
    return line if len(line) <= _NOTE else f"{line[: _NOTE - 1]}\u2026"
