"""What a PostgreSQL must fulfil, and what the operator should know of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.errors import StoreRefusedError

if TYPE_CHECKING:
    from psycopg import AsyncConnection

OLDEST = 14
"""The oldest major version that still gets fixes (https://www.postgresql.org/support/versioning)."""
_LOSES = (
    "The PostgreSQL at {at} does not wait for its disk ({name} is off): what was said last is "
    "lost when its machine fails. Set {name} to on."
)
_DURABLE = ["fsync", "full_page_writes", "synchronous_commit"]


def refuse_unfit(connection: AsyncConnection, at: str) -> None:
    """Raise `StoreRefusedError` for a server that can't store what people say."""
    version = connection.info.server_version // 10_000
    if version < OLDEST:
        raise StoreRefusedError(
            f"the PostgreSQL at {at} is version {version}: use version {OLDEST} or later"
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StoreRefusedError(
            f"the database in the PostgreSQL at {at} can't store every character (its encoding "
            f"is {encoding}): make one with UTF8 (createdb --encoding=UTF8 --template=template0)"
        )


async def sentences(connection: AsyncConnection, at: str) -> tuple[str, ...]:
    """Return a sentence for each thing the operator should know."""
    found = await connection.execute(
        "SELECT name FROM pg_settings WHERE name = ANY(%s) AND setting = 'off' ORDER BY name",
        (_DURABLE,),
    )
    return tuple(_LOSES.format(at=at, name=name) for (name,) in await found.fetchall())
