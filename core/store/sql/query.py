"""Questions that SQLite and PostgreSQL take in the same words.

They are generators: each yields a statement and is sent its rows, so that what is asked and what
becomes of the answer is written once, whether the database is a file or behind a network.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

Row = tuple[Any, ...]
Value = str | float | None
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Query:
    """A statement with values by name (`:name`); `:now` is the time, which the database adds."""

    text: str
    values: Mapping[str, Value] = field(default_factory=dict)


Queries = Generator[Query, list[Row], Result]


def run(connection: sqlite3.Connection, now: float, queries: Queries[Result]) -> Result:
    """Ask a SQLite file, inside an open transaction."""
    try:
        query = next(queries)
        while True:
            rows = connection.execute(query.text, {**query.values, "now": now})
            query = queries.send(rows.fetchall())
    except StopIteration as end:
        result: Result = end.value
        return result
