"""Just enough of JSON Schema for the schemas that we hold ourselves to.

It refuses a schema with a word that it does not know, so that nothing goes unchecked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Json: TypeAlias = dict[str, Any]

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}
_IDLE = {"title", "description", "default", "definitions", "$schema", "_note", "format", "regex"}


def faults(value: Any, schema: Json, root: Json | None = None, at: str = "") -> Iterator[str]:
    """Yield what is wrong with a value, and where."""
    root = root or schema
    while "$ref" in schema:
        found: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    for word, wanted in schema.items():
        if word not in _IDLE:
            for fault in _WORDS[word](value, wanted, schema, root, at):
                yield fault if ": " in fault else f"{at or '/'}: {fault}"


def _type(value: Any, wanted: str, *_: Any) -> Iterator[str]:
    is_bool = isinstance(value, bool)
    if not isinstance(value, _TYPES[wanted]) or is_bool != (wanted == "boolean"):
        yield f"{value!r} is no {wanted}"


def _properties(value: Any, wanted: Json, schema: Json, root: Json, at: str) -> Iterator[str]:
    for name in wanted.keys() & value.keys():
        yield from faults(value[name], wanted[name], root, f"{at}/{name}")


def _additional(value: Any, wanted: bool, schema: Json, *_: Any) -> Iterator[str]:
    unknown = value.keys() - schema.get("properties", {}).keys()
    if not wanted and unknown and "patternProperties" not in schema:
        yield f"has unknown {sorted(unknown)}"


def _items(value: Any, wanted: Json, schema: Json, root: Json, at: str) -> Iterator[str]:
    for index, item in enumerate(value):
        yield from faults(item, wanted, root, f"{at}/{index}")


def _when(wrong: Callable[[Any, Any], object]) -> Callable[..., Iterator[str]]:
    def check(value: Any, wanted: Any, *_: Any) -> Iterator[str]:
        if wrong(value, wanted):
            yield f"{value!r} breaks {wanted!r}"

    return check


_WORDS: dict[str, Callable[..., Iterator[str]]] = {
    "type": _type,
    "properties": _properties,
    "additionalProperties": _additional,
    "items": _items,
    "required": _when(lambda value, wanted: set(wanted) - value.keys()),
    "enum": _when(lambda value, wanted: value not in wanted),
    "pattern": _when(lambda value, wanted: not re.search(wanted, value)),
    "minLength": _when(lambda value, wanted: len(value) < wanted),
    "maxLength": _when(lambda value, wanted: len(value) > wanted),
    "minItems": _when(lambda value, wanted: len(value) < wanted),
    "maxItems": _when(lambda value, wanted: len(value) > wanted),
    "uniqueItems": _when(lambda value, wanted: wanted and len(set(map(str, value))) < len(value)),
}
