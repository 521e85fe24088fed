"""A drawing of the rooms, from the code's own imports, those for types included."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING

from tests.e2e.program import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ASSEMBLING = {"__main__", "app", "factories", "run"}
"""The files of bots that put the parts together; the others serve the platforms."""
ASSEMBLED, SHARED = "bots (run)", "bots (shared)"


def imports() -> dict[str, set[str]]:
    """Return each room with the rooms that it imports from."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for package in ("core", "bots"):
        for file in sorted((ROOT / package).rglob("*.py")):
            here = _room(".".join(file.relative_to(ROOT).with_suffix("").parts))
            for name in _imported(file):
                there = _room(name)
                if here and there and here != there:
                    found[here].add(there)
            if here:
                found[here] |= set()
    return dict(found)


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _room(module: str) -> str:
    """Return the room of a module: core.store, bots.slack, or what a file of bots does."""
    parts = module.split(".")
    if parts[0] not in {"core", "bots"} or len(parts) == 1:
        return ""
    folder = ROOT / parts[0] / parts[1]
    if folder.is_dir():
        return ".".join(parts[:2])
    if parts[0] == "core" or parts[1] == "__init__":
        return ""
    return ASSEMBLED if parts[1] in _ASSEMBLING else SHARED


def reduced(rooms: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the arrows without those that a longer way already shows."""
    left = {room: set(near) for room, near in rooms.items()}
    for room in sorted(left):
        for there in sorted(left[room]):
            left[room].discard(there)
            if there not in _reached(left, room):
                left[room].add(there)
    return left


def _reached(rooms: dict[str, set[str]], room: str) -> set[str]:
    seen: set[str] = set()
    ahead = [room]
    while ahead:
        new = rooms[ahead.pop()] - seen
        seen |= new
        ahead += new
    return seen


def circles(rooms: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Return the pairs of rooms that import each other."""
    return sorted((a, b) for a, near in rooms.items() for b in near if a < b and a in rooms[b])


def drawn() -> str:
    """Return the drawing, as Mermaid, and all arrows as a table."""
    rooms = imports()
    lines = ["```mermaid", "flowchart TD"]
    for package in ("bots", "core"):
        lines.append(f"  subgraph {package}_ [{package}]")
        inside = sorted(room for room in rooms if room.startswith(package))
        lines += [f'    {_id(room)}["{room.split(".")[-1]}"]' for room in inside]
        lines.append("  end")
    for room, near in sorted(reduced(rooms).items()):
        lines += [f"  {_id(room)} --> {_id(there)}" for there in sorted(near)]
    lines += ["```", "", "| room | imports from |", "|---|---|"]
    lines += [
        f"| {room} | {', '.join(sorted(near)) or 'nothing'} |"
        for room, near in sorted(rooms.items())
    ]
    return "\n".join(lines)


def _id(room: str) -> str:
    return "".join(sign if sign.isalnum() else "_" for sign in room)
