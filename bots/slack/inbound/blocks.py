"""What Slack's blocks say, as text. Pure.

Block Kit has some twenty kinds of blocks, and grows (docs: reference/block-kit/blocks). Those with
a shape of their own are read as people see them. Of any other, the words are read wherever they
stand in it; if there are none, its kind is named: nothing is left out silently.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bots.slack.inbound.people import is_id, is_ts, seconds
from bots.slack.inbound.text import link, named, plain, readable, time_at
from core.domain.payload import dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TYPED = {"rich_text", "table"}
"""Blocks that people's own clients make of what they type and paste (vercel/chat, issue 803)."""
LEVELS = 12
"""Blocks stand in blocks, such as a card in a carousel; Slack nests less."""
_WORDS = (
    *("title", "rich_text_title", "subtitle", "header", "name", "label", "caption", "text"),
    *("initial_value", "body", "description", "details", "output", "hint", "placeholder"),
    *("x_label", "y_label", "alt_text", "fallback"),
)
"""Fields with words, in the order in which they are read."""
_ADDRESSES = ("title_url", "join_url", "share_url", "url")
_PARTS = (
    *("fields", "element", "elements", "accessory", "initial_option", "initial_options"),
    *("options", "option_groups", "sources", "file", "child_blocks", "tasks"),
    *("actions", "positive_button", "negative_button", "chart", "series", "segments", "data"),
    *("axis_config", "categories"),
)
"""Fields with further parts, in the order in which they are read."""
_ROWS = {"elements", "actions", "options", "categories"}
"""Fields whose parts stand on one line."""
_BUTTONS = {"button", "workflow_button"}
_MENTIONS = {
    "user": ("@", "user_id"),
    "usergroup": ("@", "usergroup_id"),
    "channel": ("#", "channel_id"),
    "team": ("", "team_id"),
    "canvas_user_mention": ("@", "user_id"),
}
"""Parts of formatted text that stand for a name: the sign before it, and the field with the id."""
_WRITTEN = {
    "text": ("text", "{}"),
    "broadcast": ("range", "@{}"),
    "emoji": ("name", ":{}:"),
    "color": ("value", "{}"),
}
"""Parts of formatted text with one field to show, and how it is shown."""
_THINGS = {
    "attachment_mention": "",
    "canvas": "a canvas",
    "canvas_message_unfurl": "a message",
    "citation": "a source",
    "file": "a file",
    "list_record": "a list",
    "message_mention": "a message",
    "work_object_mention": "",
    "workflow_mention": "a workflow",
}
"""Parts of formatted text that stand for a thing, and what it is.

In a message's `text`, all that stands for it may be its id (agentconnect-md/agentconnect, pull
request 1862).
"""
SIMPLE = {*_MENTIONS, *_WRITTEN, "link", "date"}
"""Parts of formatted text that a message's `text` shows as well."""
NESTING = {
    *("rich_text", "rich_text_section", "rich_text_list", "rich_text_quote"),
    "rich_text_preformatted",
}
_MOST_PEOPLE = 20
"""People of a huddle who are named."""
_MOST = 1_000_000
"""The largest number that a list may plausibly start from."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads blocks, with these names of people and places by id."""

    names: Mapping[str, str] = field(default_factory=dict)

    def text(self, blocks: Sequence[Mapping[str, Any]], depth: int = 0) -> str:
        """Return what blocks say, each on lines of its own."""
        return "\n".join(filter(None, [self.block(each, depth) for each in blocks]))

    def block(self, block: Mapping[str, Any], depth: int = 0) -> str:
        """Return what a block says; a divider says nothing."""
        kind = str_of(block, "type")
        if depth > LEVELS or kind == "divider":
            return ""
        said = self._shaped(kind, block, depth)
        if said is None:
            said = self._words(block, depth)
        return said or f"(a part that can't be read here: {kind or 'of an unknown kind'})"

    def _shaped(self, kind: str, block: Mapping[str, Any], depth: int) -> str | None:
        """Return what a block with a shape of its own says; None for any other."""
        match kind:
            case "rich_text":
                parts = [self._part(each, depth) for each in dicts_of(block, "elements")]
                return "\n".join([part.strip("\n") for part in parts if part.strip()])
            case "table" | "data_table":
                return self._table(block)
            case "image":
                return self._picture(block)
            case "markdown":
                return named(str_of(block, "text"), self.names).strip()
            case "call":
                return self._call(block)
        return None

    # --- formatted text (docs: reference/block-kit/blocks/rich-text-block) ------------------------

    def _part(self, part: Mapping[str, Any], depth: int) -> str:
        kind = str_of(part, "type")
        if depth > LEVELS:
            return ""
        if kind == "rich_text_list":
            return "\n".join(self._items(part, depth))
        said = "".join([self._inline(each) for each in dicts_of(part, "elements")])
        if kind == "rich_text_preformatted":
            return f"```\n{said}\n```"
        if kind == "rich_text_quote":
            return "\n".join([f"> {line}" for line in said.splitlines()])
        return said or self._words(part, depth)

    def _items(self, part: Mapping[str, Any], depth: int) -> Iterator[str]:
        indent = "    " * min(_small(part, "indent"), 8)
        ordered = str_of(part, "style") == "ordered"
        for number, item in enumerate(dicts_of(part, "elements"), _small(part, "offset") + 1):
            mark = f"{number}." if ordered else "\u2022"
            yield f"{indent}{mark} {self._part(item, depth + 1)}"

    def _inline(self, part: Mapping[str, Any]) -> str:
        style = dict_of(part, "style")
        code = style.get("code") is True
        said = self._unstyled(str_of(part, "type"), part, code=code)
        if said and code:
            return f"`{said}`"
        return f"~{said}~" if said and style.get("strike") is True else said

    def _unstyled(self, kind: str, part: Mapping[str, Any], *, code: bool) -> str:
        if kind in _MENTIONS:
            sign, name = _MENTIONS[kind]
            return f"{sign}{self.names.get(str_of(part, name), str_of(part, name))}"
        if kind in _WRITTEN:
            name, form = _WRITTEN[kind]
            return form.format(str_of(part, name))
        if kind == "link":
            return link(plain(str_of(part, "url")), str_of(part, "text"), code=code)
        return _date(part) if kind == "date" else self._thing(kind, part)

    def _thing(self, kind: str, part: Mapping[str, Any]) -> str:
        about = [_THINGS.get(kind, "")]
        channel, at = str_of(part, "channel_id"), str_of(part, "message_ts")
        if channel in self.names:
            about.append(f"in #{self.names[channel]}")
        if is_ts(at):
            about.append(f"of {time_at(seconds(at))}")
        said = [str_of(part, "text") or str_of(part, "label"), plain(str_of(part, "url"))]
        lead, words = " ".join(filter(None, about)), " ".join(filter(None, said))
        if kind not in _THINGS and not words:
            return self._words(part, 1) or f"({kind.replace('_', ' ')})"
        return f"({': '.join(filter(None, [lead, words]))})"

    def things(self, part: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, str]]:
        """Yield the id of each thing that stands in formatted text, and what people see of it."""
        for each in dicts_of(part, "elements") if depth < LEVELS else ():
            kind, id_ = str_of(each, "type"), str_of(each, "file_id")
            if kind in _THINGS and id_:
                yield id_, self._thing(kind, each)
            elif kind in NESTING:
                yield from self.things(each, depth + 1)

    # --- what apps show ---------------------------------------------------------------------------

    def _words(self, part: Mapping[str, Any], depth: int) -> str:
        """Return the words of a block or an element, wherever they stand in it."""
        if depth > LEVELS:
            return ""
        found: list[str] = []
        for name in _WORDS:
            if name in part and (said := self._value(part[name], depth + 1)) not in found:
                found.append(said)
        found += [plain(str_of(part, name)) for name in _ADDRESSES]
        found.append(_number(part.get("value")))
        for name in _PARTS:
            if name in part:
                sep = " " if name in _ROWS else "\n"
                found.append(sep.join(filter(None, self._each(part[name], depth + 1))))
        return "\n".join(filter(None, found))

    def _each(self, parts: object, depth: int) -> Iterator[str]:
        for part in parts if isinstance(parts, list) else [parts]:
            yield self._value(part, depth)

    def _value(self, value: object, depth: int) -> str:
        """Return what a field says: a text, a text object, a block, an element, or some of them."""
        if isinstance(value, str):
            return plain(value)
        if isinstance(value, list):
            return "\n".join(filter(None, self._each(value, depth)))
        return self._element(value, depth) if isinstance(value, dict) else ""

    def _element(self, element: Mapping[str, Any], depth: int) -> str:
        kind = str_of(element, "type")
        if kind == "mrkdwn":
            return readable(str_of(element, "text"), "", self.names)
        if kind in {"plain_text", "raw_text"} or (kind == "raw_number" and element.get("text")):
            return plain(str_of(element, "text"))
        if kind in _BUTTONS:
            label, address = self._value(element.get("text"), depth + 1), str_of(element, "url")
            return f"[{label}] ({plain(address)})" if address else f"[{label}]"
        if (said := self._shaped(kind, element, depth + 1)) is not None:
            return said
        return self._words(element, depth + 1)

    def _table(self, block: Mapping[str, Any]) -> str:
        """Return a table, row by row (docs: reference/block-kit/blocks/table-block)."""
        given = block.get("rows")
        rows = [row for row in given if isinstance(row, list)] if isinstance(given, list) else []
        lines = [f"| {' | '.join([self._cell(cell) for cell in row])} |" for row in rows]
        return "\n".join([*filter(None, [str_of(block, "caption")]), *lines])

    def _cell(self, cell: object) -> str:
        said = self._value(cell, 1)
        return " ".join(said.replace("|", "\\|").split())

    def _picture(self, block: Mapping[str, Any]) -> str:
        title, alt = self._value(block.get("title"), 1), plain(str_of(block, "alt_text"))
        said = ": ".join(filter(None, dict.fromkeys([title, alt])))
        return f"(picture: {said})" if said else "(a picture)"

    def _call(self, block: Mapping[str, Any]) -> str:
        """Return a call of an app such as Zoom (docs: apis/web-api/using-the-calls-api)."""
        call = dict_of(block, "call")
        said = self._words(dict_of(call, "v1") or call, 1)
        return f"(a call: {said})" if said else "(a call)"

    def huddle(self, room: Mapping[str, Any]) -> str:
        """Return what people see of a huddle: its topic, who was in it, and when.

        Slackbot's message says no more than that one has started (docs: reference/objects/
        conversation-object; mattermost/mmetl, pull request 46).
        """
        called = ", ".join([f"@{self.names.get(each, each)}" for each in people_of(room)])
        start, end = (_moment(room.get(each)) for each in ("date_start", "date_end"))
        about = [
            plain(str_of(room, "name")),
            f"with {called}" if called else "",
            f"{start} to {end}" if start and end else f"since {start}" if start else "",
            "" if end or room.get("has_ended") else "still going on",
        ]
        return f"({': '.join(filter(None, ['a huddle', ', '.join(filter(None, about))]))})"


def people_of(room: Mapping[str, Any]) -> list[str]:
    """Return the ids of the people who are or were in a huddle, without those beyond the first."""
    people = room.get("participant_history") or room.get("participants")
    known = people[:_MOST_PEOPLE] if isinstance(people, list) else []
    return [each for each in known if isinstance(each, str) and is_id(each)]


def _moment(value: object) -> str:
    known = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return time_at(value) if known else ""  # type: ignore[arg-type]


def _small(part: Mapping[str, Any], name: str) -> int:
    value = part.get(name)
    return value if isinstance(value, int) and 0 <= value <= _MOST else 0


def _number(value: object) -> str:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if known else ""


def _date(part: Mapping[str, Any]) -> str:
    """Return a date as people see it (docs: reference/block-kit/block-elements/date-element)."""
    at, address = part.get("timestamp"), plain(str_of(part, "url"))
    known = isinstance(at, int | float) and not isinstance(at, bool)
    said = plain(str_of(part, "fallback")) or (time_at(at) if known else "")  # type: ignore[arg-type]
    return link(address, said, code=False) if address else said
