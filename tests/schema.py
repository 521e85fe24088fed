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
    "null": type(None),
}
_IDLE = {
    *("title", "description", "default", "definitions", "$schema", "_note", "format", "regex"),
    *("contentEncoding", "x-discord-union"),
}
# Words that say nothing of values of another type.
_ABOUT: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("properties", "additionalProperties", "required", "maxProperties"), dict),
    **dict.fromkeys(("items", "minItems", "maxItems", "uniqueItems"), list),
    **dict.fromkeys(("pattern", "minLength", "maxLength"), str),
    **dict.fromkeys(("minimum", "maximum"), (int, float)),
}


def faults(value: Any, schema: Json, root: Json | None = None, at: str = "") -> Iterator[str]:
    """Yield what is wrong with a value, and where."""
    root = root or schema
    while "$ref" in schema:
        found: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    for word, wanted in schema.items():
        if word not in _IDLE and isinstance(value, _ABOUT.get(word, object)):
            for fault in _WORDS[word](value, wanted, schema, root, at):
                yield fault if fault.startswith("/") else f"{at or '/'}: {fault}"


def _type(value: Any, wanted: str | list[str], *_: Any) -> Iterator[str]:
    names = [wanted] if isinstance(wanted, str) else wanted
    if not any(_is(value, name) for name in names):
        yield f"{value!r} is no {' or '.join(names)}"


def _is(value: Any, name: str) -> bool:
    return isinstance(value, _TYPES[name]) and isinstance(value, bool) == (name == "boolean")


def _properties(value: Any, wanted: Json, schema: Json, root: Json, at: str) -> Iterator[str]:
    for name in wanted.keys() & value.keys():
        yield from faults(value[name], wanted[name], root, f"{at}/{name}")


def _additional(
    value: Any, wanted: bool | Json, schema: Json, root: Json, at: str
) -> Iterator[str]:
    unknown = value.keys() - schema.get("properties", {}).keys()
    if isinstance(wanted, dict):
        for name in sorted(unknown):
            yield from faults(value[name], wanted, root, f"{at}/{name}")
    elif not wanted and unknown and "patternProperties" not in schema:
        yield f"has unknown {sorted(unknown)}"


def _all_of(value: Any, wanted: list[Json], schema: Json, root: Json, at: str) -> Iterator[str]:
    for one in wanted:
        yield from faults(value, one, root, at)


def _fitting(low: int, high: float) -> Callable[..., Iterator[str]]:
    """Check how many of several schemas fit; where none does, say why the nearest doesn't."""

    def check(value: Any, wanted: list[Json], schema: Json, root: Json, at: str) -> Iterator[str]:
        found = [list(faults(value, one, root, at)) for one in wanted]
        fit = found.count([])
        if fit > high:
            yield f"{value!r} fits {fit} of the alternatives"
        elif fit < low:
            yield from min(found, key=lambda wrong: (_shallow(wrong, at), len(wrong)))

    return check


def _shallow(wrong: list[str], at: str) -> int:
    """Return whether a schema is out of the question: it's wrong where the value itself stands."""
    return sum(fault.startswith(f"{at or '/'}: ") for fault in wrong)


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
    "const": _when(lambda value, wanted: value != wanted),
    "oneOf": _fitting(1, 1),
    "anyOf": _fitting(1, float("inf")),
    "allOf": _all_of,
    "minimum": _when(lambda value, wanted: value < wanted),
    "maximum": _when(lambda value, wanted: value > wanted),
    "maxProperties": _when(lambda value, wanted: len(value) > wanted),
    "maxItems": _when(lambda value, wanted: len(value) > wanted),
    "uniqueItems": _when(lambda value, wanted: wanted and len(set(map(str, value))) < len(value)),
}
