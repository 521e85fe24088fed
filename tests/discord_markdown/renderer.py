"""Draws a message as Discord does: its code blocks, its words, its links and its hidden parts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import quickjs  # type: ignore[import-untyped] # ships no types

from tests.discord_markdown.bundle import BUNDLE

_START = """
const loaded = {};
function load(path) {
    if (!(path in modules)) path += "/index";
    if (!(path in loaded)) {
        const module = loaded[path] = { exports: {} };
        const folder = path.split("/").slice(0, -1);
        modules[path](module.exports, (name) => {
            const parts = folder.slice();
            for (const part of name.split("/")) {
                if (part === "..") parts.pop();
                else if (part !== ".") parts.push(part);
            }
            return load(parts.join("/"));
        }, module);
    }
    return loaded[path].exports;
}
const parse = load("index").parse;
// Discord draws masked links in the messages of bots, as in those of webhooks.
function drawn(text) { return JSON.stringify(parse(text, "extended")); }
"""


@dataclass(slots=True)
class Drawn:
    """What people see of a message."""

    blocks: list[tuple[str, str]] = field(default_factory=list)
    """The language and the text of each code block."""
    inline: list[str] = field(default_factory=list)
    """What is inline code."""
    words: str = ""
    """All text that is not code, with a NUL for each piece of code."""
    hidden: list[str] = field(default_factory=list)
    """The words and the code of each spoiler."""
    links: list[tuple[str, str]] = field(default_factory=list)
    """The words and the address of each link."""
    kinds: set[str] = field(default_factory=set)
    """What there is: `strong`, `heading`, `everyone` ..."""

    @property
    def code(self) -> str:
        """Return the text of all blocks."""
        return "\n".join(text for _, text in self.blocks)


def drawn(message: str) -> Drawn:
    """Return what people see of a message."""
    found = Drawn()
    found.words = "".join(
        _words(node, found) for node in json.loads(_context().get("drawn")(message))
    )
    return found


@cache
def _context() -> Any:
    context = quickjs.Context()
    context.set_max_stack_size(64 << 20)
    context.eval(BUNDLE.read_text(encoding="utf-8") + _START)
    return context


def _words(node: Any, found: Drawn) -> str:
    if isinstance(node, list):
        return "".join(_words(each, found) for each in node)
    kind, content = node["type"], node.get("content", "")
    found.kinds.add(kind)
    if kind == "codeBlock":
        found.blocks.append((node["lang"], content))
        return "\0"
    if kind == "inlineCode":
        found.inline.append(content)
        return "\0"
    if kind == "br":
        return "\n"
    if isinstance(content, str):
        return content or _sign(node)
    words = _words(content, found)
    if kind == "spoiler":
        found.hidden.append(words)
    elif kind == "link":
        found.links.append((words, node["target"]))
    return words


def _sign(node: Any) -> str:
    """Return the words for a node that has none: a mention, an emoji, a time."""
    match node["type"]:
        case "everyone" | "here":
            return f"@{node['type']}"
        case "twemoji":
            return str(node.get("name", ""))
        case kind:
            return f"<{kind} {node.get('id', '')}>"
