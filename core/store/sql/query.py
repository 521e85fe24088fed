"""Queries that SQLite and PostgreSQL understand alike.

They are generators: each yields a statement and is sent its rows. So a query and the use of its
result are written once, whether the database is a file or behind a network.
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
    """A statement with named values (`:name`); the store adds `:now`, the time."""

    text: str
    values: Mapping[str, Value] = field(default_factory=dict)


Queries = Generator[Query, list[Row], Result]


def run(connection: sqlite3.Connection, now: float, queries: Queries[Result]) -> Result:
    """Run queries on a SQLite file, inside an open transaction."""
    try:
        query = next(queries)
        while True:
            rows = connection.execute(query.text, {**query.values, "now": now})
            query = queries.send(rows.fetchall())
    except StopIteration as end:
        result: Result = end.value
        return result
