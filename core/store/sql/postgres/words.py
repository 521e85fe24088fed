"""Shared statements in the words of PostgreSQL's driver. Pure."""

from __future__ import annotations

import re
from functools import cache

# The server's time: `:now` when the statement began, which an index can be used by; `:clock` as
# it is evaluated, which is what a lease goes by, once its thread is locked.
_TIMES = {
    ":now": "extract(epoch FROM statement_timestamp())::float8",
    ":clock": "extract(epoch FROM clock_timestamp())::float8",
}


@cache
def words(statement: str) -> bytes:
    """Return a statement that names its values `:name`."""
    timed = re.sub(r":(now|clock)\b", lambda found: _TIMES[found[0]], statement)
    return re.sub(r"(?<!:):([a-z]\w*)", r"%(\1)s", timed).encode()
