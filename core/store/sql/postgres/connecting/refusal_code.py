"""Finds the SQLSTATE with which a PostgreSQL refuses a connection.

libpq gives the text of such a refusal, which is in the server's language (`lc_messages`), and not
its code; its trace of the protocol has the code (PostgreSQL's documentation, "libpq: PQtrace" and
"Message Formats: ErrorResponse"; the trace has it since libpq 18, which psycopg's wheels bring).
"""

from __future__ import annotations

import os
import re
import select
import tempfile
import time
from typing import IO, TYPE_CHECKING, Any

from psycopg import Error, OperationalError, errors, pq
from psycopg.conninfo import make_conninfo

from core.store.sql.postgres.connecting.address import CONNECT_SECONDS
from core.store.sql.postgres.connecting.errors import UnnamedRefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

_CODE = re.compile(rb'^B\t\d+\tErrorResponse\t.*? C "([0-9A-Z]{5})"', re.MULTILINE)
_TRACED = 140_000
"""The oldest libpq whose trace can be read."""
_OF_POOLERS = (errors.ProtocolViolation, errors.InternalError_)
"""What PgBouncer and the clouds' poolers call any refusal."""
_ENDS = (pq.PollingStatus.OK, pq.PollingStatus.FAILED)


def with_code(error: OperationalError, parameters: Mapping[str, Any]) -> Error:
    """Return the error of a refused connection with the class of its SQLSTATE.

    It connects once more, and blocks for at most `CONNECT_SECONDS`. The same error is returned if
    the server is not reached, accepts the connection now, or names no code.
    """
    if error.sqlstate is not None or pq.version() < _TRACED:
        return error
    try:
        with _unnamed_file() as trace:
            _connect(make_conninfo(**parameters), trace.fileno())
            trace.seek(0)
            found = _CODE.findall(trace.read())
    except (Error, OSError, ValueError):
        return error
    return _coded(str(error), found[-1].decode()) if found else error


def _coded(text: str, code: str) -> Error:
    try:
        kind: type[Error] = errors.lookup(code)
    except KeyError:
        kind = UnnamedRefusalError
    if kind in _OF_POOLERS:
        kind = UnnamedRefusalError
    error = kind(text)
    error.sqlstate = code
    return error


def _connect(conninfo: str, trace: int) -> None:
    """Connect, and write the trace; the connection is closed again, whatever comes of it."""
    ends = time.monotonic() + CONNECT_SECONDS
    connection = pq.PGconn.connect_start(conninfo.encode())
    try:
        connection.trace(trace)
        connection.set_trace_flags(pq.Trace.SUPPRESS_TIMESTAMPS)
        while (status := connection.connect_poll()) not in _ENDS and time.monotonic() < ends:
            writes = [connection.socket] if status == pq.PollingStatus.WRITING else []
            select.select([connection.socket], writes, [], max(0, ends - time.monotonic()))
    finally:
        connection.untrace()
        connection.finish()


def _unnamed_file() -> IO[bytes]:
    """Return a file in memory, if this system has such, since the trace holds the password."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("trace"), "w+b")
    return tempfile.TemporaryFile()
