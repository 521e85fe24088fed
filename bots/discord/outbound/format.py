"""An answer, as Discord takes it: in pieces, with nothing in it that calls anybody. Pure.

Lengths are those of Discord's docs (resources/message, "Create Message": content up to 2,000
characters). They do not say of what kind; counted in UTF-16, as clients do, a text is never
shorter than in code points, and fits either way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types

from core.delivery.port import Form
from core.delivery.splitting.splitter import Splitter
from core.domain.text import visible
from core.turn.notices import TRIM_MEANING

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT = 2000
WRITING = "-# \u270d\ufe0f \u2026"
"""The last line of an answer that is still being written; no finished one ends with it."""
_NOTHING = "\u2026"
_JOINER = "\N{WORD JOINER}"
_HIDDEN = "[\\u200b-\\u200f\\u2060-\\u2064\\ufe00-\\ufe0f\\ufeff]*+"
_CALLS = regex.compile(
    rf"(?<=[@\uff20\ufe6b])(?={_HIDDEN}(?:here|everyone)\b)|(?<=<)(?=@[!&]?\d)", regex.IGNORECASE
)
_NOTE = 300
_SEEN = 4
"""How much of a text is looked at that one message shows, in lengths of it."""


def length(text: str) -> int:
    """Return a text's length in UTF-16."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _measure(text: str) -> int:
    return length(inert(text))


_PIECES = Splitter(LIMIT, _measure)
_SMALL = Splitter(LIMIT // 4, _measure)
_GROWING = Splitter(LIMIT - len(WRITING) - 1, _measure)


def cut(text: str, most: int = 0) -> tuple[int, ...]:
    """Return the ends of the pieces that an answer is posted in, `most` at most; 0 is no limit."""
    return _PIECES.cut(text, most)


def piece(text: str, cuts: Sequence[int], index: int) -> str:
    """Return one piece as it is posted; Discord takes away the white space around it."""
    shown = inert(_PIECES.piece(text, cuts, index)).strip("\n").rstrip()
    while shown.endswith(WRITING):
        shown = shown.removesuffix(WRITING).rstrip()
    return shown if shown.strip() else _NOTHING


def parts(text: str, form: Form) -> tuple[str, ...]:
    """Return a piece as it is, or in small parts of it."""
    if form is not Form.SMALL:
        return (text,)
    cuts = _SMALL.cut(text)
    return tuple(_SMALL.piece(text, cuts, index) for index in range(len(cuts)))


def preview(text: str) -> str:
    """Return as much of an unfinished answer as one message shows, marked as unfinished."""
    seen = text[: _SEEN * LIMIT]
    shown = inert(_GROWING.piece(seen, _GROWING.cut(seen, 1), 0)).strip("\n").rstrip()
    return f"{shown}\n{WRITING}"


def is_preview(content: str) -> bool:
    """Tell whether a message of ours was never finished."""
    return content.strip().endswith(WRITING)


def notice(text: str) -> str:
    """Return something that the bot says beside answers; too long a text is cut."""
    seen = text[: _SEEN * LIMIT]
    return piece(seen, cut(seen, 1), 0)


def under(notes: Sequence[str], *, explain_trim: bool) -> str:
    """Return what stands under an answer, in small letters; empty where that is nothing."""
    lines = [*notes, *((TRIM_MEANING,) if explain_trim else ())]
    small = (" ".join(visible(line).split()) for line in lines)
    return notice("\n".join(f"-# {_shortened(line)}" for line in small if line)) if lines else ""


def inert(text: str) -> str:
    """Return a text in which no sign calls anybody.

    No message of ours may call anybody, as `allowed_mentions` says with each; a word joiner in the
    signs themselves is a second lock on that door. It can't be seen.
    """
    harmless: str = _CALLS.sub(_JOINER, visible(text))
    return harmless


def _shortened(line: str) -> str:
    return line if len(line) <= _NOTE else f"{line[: _NOTE - 1]}\u2026"
