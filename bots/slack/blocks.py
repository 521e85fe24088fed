"""The parts that views are made of, cut to what Slack takes. Pure.

Lengths are those of Slack's docs (reference/block-kit, reference/views). What people or models
wrote is plain text only, in which Slack reads no signs (composition-objects/text-object).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from bots.slack.inert import visible
from core.cuts import in_line

if TYPE_CHECKING:
    from collections.abc import Sequence

Json: TypeAlias = dict[str, Any]

SECTION = 3_000
HEADER = 150
LABEL = 75
VALUE = 150
"""Characters of an option's value; a button's may be 2,000."""
TITLE = 24
PRIVATE = 3_000
BLOCKS = 100
OPTIONS = 100


def clipped(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters, cut between words; never an empty one."""
    text = visible(text).strip() or "\u2026"
    return text if len(text) <= limit else text[: in_line(text, 0, limit - 1)].rstrip() + "\u2026"


def plain(text: str, limit: int) -> Json:
    """Return a plain text; `:smile:` in it stays as it was written."""
    return {"type": "plain_text", "text": clipped(text, limit), "emoji": False}


def section(text: str, accessory: Json | None = None) -> Json:
    """Return a paragraph, perhaps with an element beside it."""
    block: Json = {"type": "section", "text": plain(text, SECTION)}
    return block | ({"accessory": accessory} if accessory else {})


def header(text: str) -> Json:
    """Return a heading."""
    return {"type": "header", "text": plain(text, HEADER)}


def small(text: str) -> Json:
    """Return a paragraph in small letters."""
    return {"type": "context", "elements": [plain(text, SECTION)]}


def actions(*elements: Json) -> Json:
    """Return a row of buttons."""
    return {"type": "actions", "elements": list(elements)}


def button(action: str, label: str, value: str = "", *, danger: bool = False) -> Json:
    """Return a button; `value` comes back with its action."""
    style = {"style": "danger"} if danger else {}
    known = {"value": value} if value else {}
    return {"type": "button", "action_id": action, "text": plain(label, LABEL), **known, **style}


def select(action: str, label: str, options: Sequence[tuple[str, str]], chosen: str = "") -> Json:
    """Return a menu of (value, label); those whose value is too long are left out."""
    made = [
        {"text": plain(text, LABEL), "value": value}
        for value, text in options
        if 0 < len(value) <= VALUE
    ][:OPTIONS]
    initial = [option for option in made if option["value"] == chosen][:1]
    first = {"initial_option": initial[0]} if initial else {}
    element = {"type": "static_select", "action_id": action, "options": made, **first}
    return element | {"placeholder": plain(label, LABEL)}


def modal(title: str, blocks: Sequence[Json], private: str = "", **more: Any) -> Json:
    """Return a modal; `private` comes back with what is done in it."""
    return {
        "type": "modal",
        "title": plain(title, TITLE),
        "close": plain("Close", TITLE),
        "private_metadata": private[:PRIVATE],
        "blocks": list(blocks[:BLOCKS]),
        **more,
    }
