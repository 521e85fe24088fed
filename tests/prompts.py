"""Reading requests to a model: what people said is found again in the prompt's words.

This knows the prompt's tags only, so that what a model is shown is told from its words, and not
from what the product says of them.
"""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

from core.models.port import Block, ModelRequest, Purpose, Shown, ShownMessage, ShownQuote
from core.prompt.tags import (
    FILE,
    LINKED,
    MESSAGE,
    NOTICE,
    QUOTE,
    RECALLED,
    SCENE,
    SUMMARY,
    TIME,
    TRANSCRIPT,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_TAG = re.compile(r"<(?=\s*/?\s*chat_)", re.IGNORECASE)
_ESCAPED = re.compile(r"&lt;(?=\s*/?\s*chat_)", re.IGNORECASE)
_OPENED = re.compile(rf"<{MESSAGE}([^<>]*)>\n")
_CLOSED = f"\n</{MESSAGE}>"
_PART = re.compile(
    rf"(?:^|\n)<(?P<tag>{FILE}|{QUOTE}|{NOTICE})(?P<marks>[^<>]*?)"
    r"(?:/>|>\n(?P<body>.*?)\n</(?P=tag)>)",
    re.DOTALL,
)
_MARK = re.compile(r' (\w+)="([^"]*)"')
_TIMES = re.compile(rf"<{TIME}[^<>]*/>\n")
_LEFT_OUT = re.compile(r"not shown to you: (\d+)")


def shown_in(request: ModelRequest) -> Shown:
    """Return what a request shows, by its words."""
    users = [message for message in request.messages if message.role == "user"]
    blocks = [b.text for message in users for b in message.blocks if isinstance(b, Block)]
    summary = ""
    if f"<{SUMMARY}>\n" in blocks[0]:
        while f"</{SUMMARY}>" not in blocks[0]:  # it is cut behind what lasts
            blocks[:2] = ["".join(blocks[:2])]
        summary = unquoted(inside(SUMMARY, blocks.pop(0)))
    if request.purpose is Purpose.SUMMARY:
        if f"<{TRANSCRIPT}>" not in blocks[0]:  # it asks which notes correct which
            return Shown()
        new = inside(TRANSCRIPT, blocks[0])
        return Shown(summary=summary, new=messages_in(new) if new else ())
    recalled = [text for text in blocks if text.startswith(f"<{RECALLED}>")]
    *earlier, new, scene = [text for text in blocks if text not in recalled]
    found = _LEFT_OUT.search(scene)
    return Shown(
        summary=summary,
        earlier=tuple(said for text in earlier for said in messages_in(text)),
        new=messages_in(new),
        left_out=int(found[1]) if found else 0,
        recalled=tuple(said for text in recalled for said in messages_in(inside(RECALLED, text))),
    )


def newest(request: ModelRequest) -> str:
    """Return what people said last, in the words of the prompt: the block before the scene."""
    return words_before_scene([block.text for block in request.messages[-1].blocks])


def newest_in(body: dict[str, Any]) -> str:
    """Return what people said last, as `newest`, in a request as it was sent."""
    return words_before_scene([part.get("text", "") for part in body["messages"][-1]["content"]])


def words_before_scene(texts: Sequence[str]) -> str:
    """Return what people said last, of the texts of the last message."""
    beside = (f"<{RECALLED}>", f"<{LINKED} ")
    texts = [text for text in texts if not text.startswith(beside)]
    place = next(n for n, text in enumerate(texts) if text.startswith(f"<{SCENE}>"))
    return _TIMES.sub("", texts[place - 1])


def messages_in(text: str) -> tuple[ShownMessage, ...]:
    """Return what people said in the words of one turn, or of a transcript."""
    found: list[ShownMessage] = []
    text, end = _TIMES.sub("", text), 0
    while opened := _OPENED.search(text, end):
        end = text.find(_CLOSED, opened.end())
        if end < 0:
            break
        found.append(_said(opened[1], text[opened.end() : end]))
    if found or _TAG.search(text):
        return tuple(found)
    return (ShownMessage(unquoted(text)),)


def unquoted(text: str) -> str:
    """Return a text as it was before it was quoted."""
    return _ESCAPED.sub("<", text)


def inside(tag: str, text: str) -> str:
    """Return what stands between a tag and its end, still quoted."""
    _, _, rest = text.partition(f"<{tag}>\n")
    content, end, _ = rest.partition(f"\n</{tag}>")
    assert end, f"there is no {tag} in: {text}"
    return content


def marks_in(attributes: str) -> dict[str, str]:
    """Return the attributes of a tag."""
    return {name: unescape(value) for name, value in _MARK.findall(attributes)}


def _said(attributes: str, body: str) -> ShownMessage:
    marks = marks_in(attributes)
    typed = _PART.sub("", body)
    texts = [typed.removeprefix("\n") if _PART.match(body) else typed]
    quotes: list[ShownQuote] = []
    files: list[str] = []
    for part in _PART.finditer(body):
        inner, named = unquoted(part["body"] or ""), marks_in(part["marks"])
        if part["tag"] == QUOTE:
            quotes.append(ShownQuote(inner, named.get("from", "")))
        elif part["tag"] == FILE:
            files.append(named["name"])
            texts.append(inner)
    return ShownMessage(
        text=unquoted("\n".join(filter(None, texts))),
        speaker=marks.get("from", ""),
        overheard="overheard" in marks,
        quotes=tuple(quotes),
        files=tuple(files),
        person=marks.get("person", ""),
        day=marks.get("on", ""),
    )
