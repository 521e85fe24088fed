"""The tables in PostgreSQL, and how to migrate a database of an older version.

The migrations are those of SQLite in PostgreSQL's types, plus what only PostgreSQL needs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from core.domain.errors import StoreRefusedError
from core.store.sql.sqlite.schema import MIGRATIONS

if TYPE_CHECKING:
    from psycopg import AsyncConnection

# Sort by bytes as SQLite and Redis do: pages of threads must not depend on the server's locale.
_TYPES = {"TEXT": 'TEXT COLLATE "C"', "REAL": "DOUBLE PRECISION", "INTEGER": "BIGINT"}
# Copies of header values, so that one statement can select the records that a verb will read.
_OF_ITS_OWN = {
    0: tuple(
        f"ALTER TABLE thread ADD COLUMN {name} BIGINT NOT NULL DEFAULT 0"
        for name in ("head", "shown", "waiting")
    )
}
STEPS = tuple(
    tuple(
        re.sub(r"\b(TEXT|REAL|INTEGER)\b", lambda found: _TYPES[found[0]], statement)
        for statement in statements
    )
    + _OF_ITS_OWN.get(number, ())
    for number, statements in enumerate(MIGRATIONS)
)
"""STEPS[n] leads from version n to n + 1."""
VERSION = len(STEPS)
_LOCK = 0x63686174626F74  # "chatbot" in ASCII: any number that no other program uses
_TABLES = ["thread", "entry", "who", "seen", "trace", "place", "cursor", "deed"]


async def migrate(connection: AsyncConnection, at: str) -> None:
    """Bring a database to the current version, each step in a transaction, one replica at a time.

    Raises:
        StoreRefusedError: The database has a newer version, or belongs to another program. It is
            left alone.
    """
    while await _version(connection, at) < VERSION:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            version = await _version(connection, at)  # another replica may have done it by now
            if version == 0:
                await _begin(connection, at)
            for statement in STEPS[version] if version < VERSION else ():
                await connection.execute(statement.encode())
            await connection.execute(
                "UPDATE chatbot_schema SET version = %s", (min(version + 1, VERSION),)
            )


async def _version(connection: AsyncConnection, at: str) -> int:
    """Return the version of the tables; 0 if there are none yet."""
    # Not to_regclass: after the lock it may not see yet what the lock's last owner has created.
    found = await connection.execute(
        "SELECT 1 FROM pg_class WHERE relname = 'chatbot_schema' AND pg_table_is_visible(oid)"
    )
    if await found.fetchone() is None:
        return 0
    row = await (await connection.execute("SELECT version FROM chatbot_schema")).fetchone()
    version: int = row[0] if row else 0
    if version > VERSION:
        raise StoreRefusedError(
            f"the store in the PostgreSQL at {at} was written by a newer program (version "
            f"{version} of its tables, this one knows {VERSION}): run the newer program, "
            "or choose another database"
        )
    return version


async def _begin(connection: AsyncConnection, at: str) -> None:
    """Refuse tables of another program under our names, and create the table of versions."""
    found = await connection.execute(
        "SELECT table_name FROM information_schema.tables"
        " WHERE table_schema = current_schema() AND table_name = ANY(%s) LIMIT 1",
        (_TABLES,),
    )
    if (row := await found.fetchone()) is not None:
        raise StoreRefusedError(
            f"the database in the PostgreSQL at {at} has a table named {row[0]} that is another "
            "program's: give the bot a database or a schema of its own"
        )
    await connection.execute("CREATE TABLE chatbot_schema (version BIGINT NOT NULL)")
    await connection.execute("INSERT INTO chatbot_schema (version) VALUES (0)")
