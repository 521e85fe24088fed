"""An answer in the form that Discord takes: in pieces, and without mentions that notify. Pure.

Lengths are those of Discord's docs (resources/message, "Create Message": content up to 2,000
characters). The docs do not say how characters are counted. Counted in UTF-16, as clients do, a
text is never shorter than in code points, so it fits either way.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bots.discord.outbound.markdown.render import GROWING, MARKDOWN
from core.delivery.port import Form
from core.delivery.splitting.splitter import Splitter
from core.domain.text import visible
from core.turn.notices import TRIM_MEANING
from core.turn.sources import links_in

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
_NOTE = 300
"""The most characters of one note under an answer."""
ACTIVE = re.compile(
    r"[^A-Za-z0-9 \n.,;:!?'\"()%/\u2019\u201c-\u201e\u2013\u2014\u2026\u00c0-\u024f\u0370-\u03ff"
    r"\u0400-\u0481\u048a-\u052f\u3001\u3002\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3]"
    r"|[0-9]\)|\n |\A\s|\s\Z"
)
"""What Discord may draw otherwise, or strip.

A text without any, as many answers are, is posted as it is; to look for it is 20 times as quick as
to read a text as Markdown.
"""
_SEEN = 4
"""How much of a text is processed for one message, as a multiple of `LIMIT`."""


def length(text: str) -> int:
    """Return a text's length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


_PIECES = Splitter(LIMIT, length, MARKDOWN)
_SMALL = Splitter(LIMIT // 4, length, MARKDOWN)
_GROWING = Splitter(LIMIT - len(WRITING) - 1, length, GROWING)


def cut(text: str, most: int = 0) -> tuple[int, ...]:
    """Return the ends of the pieces in which an answer is posted, at most `most`; 0 is no limit."""
    if _is_plain(text, LIMIT):
        return (len(text),)
    return _PIECES.split(_seen(text, most) if most else text, most)


def piece(text: str, cuts: Sequence[int], index: int) -> str:
    """Return one piece as it is posted, without the white space that Discord would strip."""
    if cuts[0] == len(text) and _is_plain(text, LIMIT):
        return text
    seen = text
    if cuts[-1] < len(text):  # the same part that `cut` read
        seen = text[: max(cuts[-1], len(_seen(text, len(cuts))))]
    shown = _PIECES.piece(seen, cuts, index).strip("\n").rstrip()
    while shown.endswith(WRITING):
        shown = shown.removesuffix(WRITING).rstrip()
    return shown if shown.strip() else _NOTHING


def _is_plain(text: str, limit: int) -> bool:
    """Return whether a text fits one message as it is, which is sooner known than cut."""
    return 0 < len(text) <= limit and ACTIVE.search(text) is None


def _seen(text: str, most: int) -> str:
    """Return as much of a text as is read for this many messages."""
    return text[: most * _SEEN * LIMIT]


def parts(text: str, form: Form) -> tuple[str, ...]:
    """Return a piece whole, or in small parts if the form says so."""
    if form is not Form.SMALL:
        return (text,)
    cuts = _SMALL.split(text)
    return tuple(_SMALL.piece(text, cuts, index) for index in range(len(cuts)))


def preview(text: str) -> str:
    """Return as much of an unfinished answer as fits one message, marked as unfinished."""
    if _is_plain(text, _GROWING.limit):
        return f"{text}\n{WRITING}"
    seen = _seen(text, 1)
    shown = _GROWING.piece(seen, _GROWING.split(seen, 1), 0).strip("\n").rstrip()
    return f"{shown}\n{WRITING}"


def is_preview(content: str) -> bool:
    """Return whether a message of the bot's is an unfinished answer."""
    return content.strip().endswith(WRITING)


def notice(text: str) -> str:
    """Return a sentence of the bot's own as it is posted; a text that is too long is cut."""
    seen = _seen(text, 1)
    return piece(seen, cut(seen, 1), 0)


def under(notes: Sequence[str], *, explain_trim: bool) -> str:
    """Return the notes under an answer, in small letters; empty if there are none."""
    lines = [*notes, *((TRIM_MEANING,) if explain_trim else ())]
    small = (" ".join(visible(line).split()).replace("```", "'''") for line in lines)
    return notice("\n".join(f"-# {_shortened(line)}" for line in small if line)) if lines else ""


def _shortened(line: str) -> str:
    return line if len(line) <= _NOTE or links_in(line) else f"{line[: _NOTE - 1]}\u2026"
