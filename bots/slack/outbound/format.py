"""Answers in Slack's format: a markdown block, its plain-text fallback, and our notes. Pure.

Lengths are those of Slack's docs (reference/block-kit/blocks/markdown-block: 12,000 characters in
all of a message's markdown blocks), or of practice if that is less: Slack refuses a `text` of 4,000
or more (github.com/seratch/ChatGPT-in-Slack, issue 102), and blocks of about 13,200 or more in all
(github.com/slackapi/bolt-js, issue 2509). They count after escaping.
"""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types

from bots.slack.outbound.escape import (
    ACTIVE,
    escaped,
    inert,
    is_code,
    length,
    restored,
    settled,
)
from core.delivery.links import told, untold
from core.delivery.port import Form
from core.delivery.splitting.splitter import Splitter
from core.domain.payload import dicts_of, str_of
from core.domain.text import visible
from core.turn.notices import TRIM_MEANING
from core.turn.sources import BETWEEN, SOURCES, links_in, readable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["cut", "fallback", "growing", "inert", "message", "piece", "settled", "text_of"]

Json: TypeAlias = dict[str, Any]

FORMATTING = (
    "Markdown: bold, italics, strikethrough, headings (all of one size), lists, task lists, "
    "quotes, links, tables, horizontal rules, `code` and code blocks. It shows no footnotes, HTML "
    "or LaTeX, and an image only as a link."
)
"""What a markdown block shows (docs: reference/block-kit/blocks/markdown-block)."""
MARKDOWN = 11_500
TEXT = 3_900
SMALL = 1_000
"""Characters of the parts of a text that Slack refused at a length it usually accepts."""
_SEEN = 4
"""How much of a text is processed, in multiples of the shown length: invisible characters, and
escapes, make a text longer than what is shown of it."""
NOTE = 300
NOTES = 5
"""Notes under an answer at most; there are five kinds of them."""
REMEMBER = "what_i_remember"
"""The action of the button that shows what the bot remembers of a thread."""
NO_PREVIEWS: Final[Mapping[str, Any]] = MappingProxyType(
    {"unfurl_links": False, "unfurl_media": False}
)
"""Part of each post: otherwise Slack would fetch what a text links to, even a model's links."""
REFUSED = "I have something to say here, but Slack refuses my words. Please try it another way."
"""Stands for a notice that Slack refuses in each form."""
_NOTHING = "\u2026"
_MORE = "\n\u2026"

_HEADING = regex.compile(r"^[ \t]*+#{1,6}[ \t]++", regex.MULTILINE)
_BOLD = regex.compile(r"\*\*(?=\S)([^*\n]++)\*\*")
_LINK = regex.compile(r"!?\[([^\[\]\n]*+)\]\(([^()\s]*+)\)")
_FENCE = regex.compile(r"^[ \t]*+(?:`{3,}+|~{3,}+)[^\n`]*+$\n?", regex.MULTILINE)

_PIECES = Splitter(MARKDOWN, lambda text: length(_told(text)) if ACTIVE.search(text) else len(text))
_TEXTS = Splitter(TEXT - len(_MORE), lambda text: len(escaped(text)))
_FALLBACK = Splitter(TEXT - len(_MORE), lambda text: len(escaped(text, has_code=False)))
_SMALL = Splitter(SMALL, lambda text: len(escaped(text)))


def cut(text: str, most: int = 0) -> tuple[int, ...]:
    """Return the ends of the pieces that an answer is posted in, `most` at most; 0: no limit."""
    return _PIECES.split(text, most)


def piece(text: str, cuts: Sequence[int], index: int) -> str:
    """Return one piece, as Markdown; `message` makes it inert."""
    return _PIECES.piece(text, cuts, index)


def growing(text: str) -> str:
    """Return as much of a text that still grows as can be streamed.

    The result for a text starts with the result for any earlier part of it.
    """
    return _shown(settled(text[: _SEEN * MARKDOWN]))[:MARKDOWN]


def message(text: str, notes: Sequence[str] = (), *, explain_trim: bool = False) -> Json:
    """Return the arguments of `chat.postMessage` and `chat.update` for one piece or one notice.

    `notes` are lines of the bot's own under it; `explain_trim` adds what ✂️ means, and a button
    that shows what the bot remembers. A text that is too long is cut.
    """
    seen = text[: _SEEN * MARKDOWN]
    shown = _shown(seen)
    if len(shown) > MARKDOWN:
        shown = _shown(piece(seen, cut(seen, 1), 0))
    blocks: list[Json] = [{"type": "markdown", "text": shown if shown.strip() else _NOTHING}]
    if plain_notes := [note for note in notes if not links_in(note)][:NOTES]:
        blocks.append({"type": "context", "elements": [_note(note) for note in plain_notes]})
    blocks += [{"type": "context", "elements": [_linked(note)]} for note in notes if links_in(note)]
    if explain_trim:
        blocks += [{"type": "context", "elements": [_note(TRIM_MEANING)]}, _remember()]
    # The default of `parse` in chat.update is `client` (docs: reference/methods/chat.update), and
    # with `full` both methods find names in plain text.
    return {"text": fallback(text), "blocks": blocks, "parse": "none", "link_names": False}


def parts(text: str, form: Form) -> tuple[str, ...]:
    """Return a piece in parts that are posted as plain text."""
    splitter = _SMALL if form is Form.SMALL else _TEXTS
    cuts = splitter.split(text)
    return tuple(splitter.piece(text, cuts, index) for index in range(len(cuts)))


def plain(text: str, notes: Sequence[str] = ()) -> Json:
    """Return the arguments of `chat.postMessage` for text without blocks, shown unchanged."""
    lines = [text, *(f"({visible(readable(note))})" for note in notes)]
    shown = escaped("\n".join(lines))
    return {
        "text": shown if shown.strip() else _NOTHING,
        "mrkdwn": False,
        "parse": "none",
        "link_names": False,
    }


def forms_of(notice: Json) -> tuple[Json, ...]:
    """Return a notice, its words without blocks, and a sentence, each for when Slack refuses more.

    Words without blocks have no buttons.
    """
    words = {name: value for name, value in notice.items() if name != "blocks"}
    return notice, words, words | {"text": REFUSED}


def fallback(text: str) -> str:
    """Return a text for notifications, search and screen readers: without Markdown.

    Without its fences, what is left of its backticks says nothing of where code is.
    """
    seen = text[: _SEEN * TEXT]
    plain = _HEADING.sub("", _FENCE.sub("", seen))
    plain = _LINK.sub(r"\1 (\2)", _BOLD.sub(r"\1", plain)).strip() or _NOTHING
    shown = escaped(plain, has_code=False) if ACTIVE.search(plain) else plain
    if seen == text and len(shown) <= TEXT - len(_MORE):
        return shown
    return escaped(_FALLBACK.piece(plain, _FALLBACK.split(plain, 1), 0), has_code=False) + _MORE


def text_of(found: Mapping[str, Any]) -> str:
    """Return the Markdown of a message of ours that was read back; empty if it is unknown.

    Slack may return a markdown block as rich text, which has less information.
    """
    texts = [str_of(b, "text") for b in dicts_of(found, "blocks") if b.get("type") == "markdown"]
    return untold(restored("\n".join(texts)))


def _shown(text: str) -> str:
    """Return Markdown as a block takes it, in which links say where they lead."""
    return inert(_told(text)) if ACTIVE.search(text) else text


def _told(text: str) -> str:
    """Return Markdown in which a link whose words are another address says where it leads."""
    return told(text, partial(is_code, text)) if "](" in text else text


def _note(text: str) -> Json:
    """Return a line in small letters, as plain text, which Slack only shows."""
    text = visible(text) or _NOTHING
    line = text if len(text) <= NOTE else f"{text[: NOTE - 1]}\u2026"
    return {"type": "plain_text", "text": line, "emoji": True}


def _linked(note: str) -> Json:
    """Return the links to an answer's sources, which plain text would not open."""
    links = [f"<{escaped(link.address)}|{escaped(link.label)}>" for link in links_in(note)]
    return {"type": "mrkdwn", "text": f"{SOURCES}{BETWEEN.join(links)}", "verbatim": True}


def _remember() -> Json:
    label = {"type": "plain_text", "text": "What I remember"}
    return {
        "type": "actions",
        "elements": [{"type": "button", "action_id": REMEMBER, "text": label}],
    }
