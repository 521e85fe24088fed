"""Payloads as no documentation has them: a field is missing, null, of another type, empty, huge.

Each change is made to a copy, at one place or at several. All that may stand in a payload in JSON
may come: what is not to be taken for something else is for the reader to find out.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, TypeAlias

from hypothesis import strategies as st

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

Path: TypeAlias = tuple[str | int, ...]

GONE = object()
"""In the place of a value: its name is missing, too."""
TEXTS = (
    *("", " ", "x", "0", "-1", "nan", "\0", "\ud800", "\u202e", "<|>", "<|x>", "<@>", "<", "<#|>"),
    *(
        "9" * 40,
        "9" * 12 + ".000001",
        "1e999",
        "true",
        "null",
        "\U0001f4a9" * 3,
        "a b",
        "<@U0>|<!>",
    ),
)
HUGE = ("y" * 200_000, "<@" * 20_000, [{"id": "x"}] * 2_000)


def nested(depth: int) -> Any:
    """Return something in something, so often; JSON's own reader goes no deeper than about 990."""
    found: Any = "deep"
    for number in range(depth):
        found = {"a": found} if number % 2 else [found]
    return found


OTHERS: tuple[Any, ...] = (
    *(GONE, None, True, False, 0, 1, -1, 1.5, 10**30, *TEXTS),
    *([], [None], [[]], ["x"], [0], [{}], {}, {"id": None}, {"id": 7}, {"a": [{}]}, nested(200)),
)
"""What may stand anywhere."""


def places(value: Any, above: Path = ()) -> Iterator[Path]:
    """Yield where something stands in a payload, of lists only the first two."""
    inner: Sequence[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value[:2]))
    for name, found in inner:
        yield (*above, name)
        yield from places(found, (*above, name))


def changed(payload: Any, place: Path, value: Any) -> Any:
    """Return a payload with something else at a place; the place may be gone by now."""
    found = copy.deepcopy(payload)
    inside = found
    for name in place[:-1]:
        try:
            inside = inside[name]
        except (IndexError, KeyError, TypeError):
            return found
    put(inside, place[-1], value)
    return found


def put(inside: Any, name: str | int, value: Any) -> None:
    """Put something in an object or a list, or take away what is there."""
    if isinstance(inside, dict) and isinstance(name, str):
        if value is GONE:
            inside.pop(name, None)
        else:
            inside[name] = value
    elif isinstance(inside, list) and isinstance(name, int) and name < len(inside):
        if value is GONE:
            del inside[name]
        else:
            inside[name] = value


def each_change(payload: Any, others: Sequence[Any] = OTHERS) -> Iterator[tuple[Path, Any]]:
    """Yield each place of a payload and, in turn, each thing that may stand there instead."""
    for place in places(payload):
        for value in others:
            yield place, value


def oddly(payloads: Sequence[Any], most: int = 4) -> st.SearchStrategy[Any]:
    """Return a strategy for one of these payloads, changed in up to so many places."""

    @st.composite
    def made(draw: st.DrawFn) -> Any:
        payload = draw(st.sampled_from(payloads))
        for _ in range(draw(st.integers(1, most))):
            known = list(places(payload))
            if known:
                value = draw(st.sampled_from((*OTHERS, *HUGE)))
                payload = changed(payload, draw(st.sampled_from(known)), value)
        return payload

    return made()


class Generator:
    """Makes what a JSON Schema describes; the same for the same seed."""

    def __init__(self, root: dict[str, Any], chance: random.Random) -> None:
        """Look references up in `root`."""
        self._root = root
        self._chance = chance

    def of(self, schema: Any, depth: int = 0) -> Any:
        """Return something that fits; of what need not be there, ever less further in."""
        while "$ref" in schema:
            found: Any = self._root
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        for several in ("oneOf", "anyOf"):
            if several in schema:
                return self.of(self._chance.choice(schema[several]), depth)
        if "allOf" in schema:
            return self.of(schema["allOf"][0], depth)
        if "const" in schema or "enum" in schema:
            return schema.get("const", self._chance.choice(schema.get("enum", [None])))
        kinds = schema.get("type", "object")
        kind = self._chance.choice(kinds) if isinstance(kinds, list) else kinds
        return getattr(self, f"_{kind}")(schema, depth)

    def _object(self, schema: Any, depth: int) -> dict[str, Any]:
        needed = schema.get("required", ())
        known = schema.get("properties", {})
        wanted = [n for n in known if n in needed or self._chance.random() < 0.7 / (depth + 1)]
        return {name: self.of(known[name], depth + 1) for name in wanted}

    def _array(self, schema: Any, depth: int) -> list[Any]:
        most = 2 if depth < 3 else 0
        count = max(schema.get("minItems", 0), self._chance.randint(0, most))
        return [self.of(schema.get("items", {}), depth + 1) for _ in range(count)]

    def _string(self, schema: Any, _: int) -> str:
        if schema.get("format") == "snowflake":
            return str(self._chance.randint(1, 2**60))
        if schema.get("format") == "date-time":
            return "2026-11-29T10:00:00.000000+00:00"
        if schema.get("format") == "uri":
            return "https://cdn.discordapp.com/x.png"
        return self._chance.choice(("hello", "a" * 50, "", "\u2028", "1"))

    def _integer(self, schema: Any, _: int) -> int:
        return self._chance.randint(schema.get("minimum", 0), min(schema.get("maximum", 99), 99))

    def _number(self, schema: Any, _: int) -> float:
        return float(self._integer(schema, 0))

    def _boolean(self, *_: Any) -> bool:
        return self._chance.random() < 0.5

    def _null(self, *_: Any) -> None:
        return None
