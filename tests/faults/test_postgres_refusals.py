"""PostgreSQL's refusals in any language: their codes decide, not their words.

The server here sends only its refusal; the texts are those of PostgreSQL's own translations
(src/backend/po), of PgBouncer, and of the clouds' poolers.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import errors, pq

from core.domain.errors import StoreRefusedError, StoreUnavailableError
from core.store.sql.postgres import PostgresStore
from core.store.sql.postgres.connecting import refusal_code
from core.store.sql.postgres.connecting.errors import explained, passes
from core.store.sql.postgres.database import Database

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

SECRET = "hunter2"
_TLS, _GSS = 80877103, 80877104


def reply(code: str, text: str) -> bytes:
    """Return a message of the protocol (PostgreSQL's documentation, "ErrorResponse")."""
    fields = ("SFATAL", "VFATAL", f"C{code}", f"M{text}", "")
    body = b"".join(field.encode() + b"\0" for field in fields)
    return b"E" + struct.pack("!I", len(body) + 4) + body


@asynccontextmanager
async def server(*replies: bytes) -> AsyncGenerator[str, None]:
    """A server that refuses each connection in turn, and all later ones like the last."""
    left = [*replies]
    writers: list[asyncio.StreamWriter] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                size, code = struct.unpack("!II", await reader.readexactly(8))
                await reader.readexactly(size - 8)
                if code not in {_TLS, _GSS}:
                    break
                writer.write(b"N")
            writer.write(left.pop(0) if len(left) > 1 else left[0])
            await writer.drain()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        yield f"postgresql://bot:{SECRET}@127.0.0.1:{port}/chat"
        await asyncio.sleep(0.02)  # until each connection is closed here, too
        for writer in writers:  # from Python 3.12 on, a server waits for those still open
            writer.transport.abort()


REFUSED = {
    "German password": (
        "28P01",
        "Passwort-Authentifizierung für Benutzer »bot« fehlgeschlagen",
        "refuses the user name or password",
    ),
    "Japanese password": (
        "28P01",
        'ユーザー"bot"のパスワード認証に失敗しました',
        "refuses the user name or password",
    ),
    "French database": (
        "3D000",
        "la base de données « chat » n'existe pas",
        "has no database of that name",
    ),
    "Spanish role": ("28000", "no existe el rol «bot»", "it has no such user, or its pg_hba.conf"),
    "English role": ("28000", 'role "bot" does not exist', "has no user of that name"),
    "Russian right": (
        "42501",
        'доступ к базе данных "chat" запрещён',
        "does not give the user in CHATBOT_STORE a right",
    ),
    "PgBouncer's database": ("3D000", "no such database: chat", "has no database of that name"),
    "PgBouncer's password": ("08P01", "SASL authentication failed", "check the host, user"),
    "PgBouncer's user": ("08P01", "no such user: bot", "(08P01): check the host, user"),
    "Supabase": ("XX000", "Tenant or user not found", "(XX000): check the host, user, password"),
    "Neon": ("XX000", "The requested endpoint could not be found", "(XX000): check the host"),
    "a code of the future": ("ZZ123", "nein", "(ZZ123): check the host"),
}


@pytest.mark.parametrize(("code", "text", "sentence"), REFUSED.values(), ids=REFUSED)
async def test_a_refusal_is_told_at_once(code: str, text: str, sentence: str) -> None:
    started = time.monotonic()
    async with server(reply(code, text)) as url:
        with pytest.raises(StoreRefusedError) as caught:
            await PostgresStore.open(url)
    assert sentence in str(caught.value)
    assert text not in str(caught.value)
    assert SECRET not in str(caught.value)
    assert time.monotonic() - started < 3


PASSING = {
    "German connections": (
        "53300",
        "tut mir leid, schon zu viele Verbindungen",
        "takes no more connections",
    ),
    "Italian start": ("57P03", "il sistema si sta avviando", "is starting up"),
    "Neon's quota": ("53400", "Your project has exceeded the quota", "has reached a limit"),
    "PgBouncer's server": ("08P01", "server login has been failing, try again", "can't be reached"),
}


@pytest.mark.parametrize(("code", "text", "sentence"), PASSING.values(), ids=PASSING)
async def test_what_passes_is_tried_again(code: str, text: str, sentence: str) -> None:
    async with server(reply(code, text)) as url:
        database = Database(psycopg.conninfo.conninfo_to_dict(url), patience=0.5)
        with pytest.raises(StoreUnavailableError) as caught:
            await database.run(lambda connection: connection.execute("SELECT 1"))
    assert sentence in str(caught.value) or "in time" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('root certificate file "/x/root.crt" does not exist', "name the file of its authority"),
        ('could not read certificate file "/x/c.pem": No such file', "certificate of this client"),
        ('private key file "/x/k.pem" has group or world access', "certificate of this client"),
    ],
)
def test_what_libpq_says_of_files_for_tls(text: str, sentence: str) -> None:
    error = psycopg.OperationalError(f"connection failed: {text}")
    assert not passes(error)
    assert sentence in str(explained(error, "host:1"))


@pytest.mark.parametrize(
    ("code", "again", "sentence"),
    [
        ("57P01", True, "is shutting down"),
        ("57P02", True, "is recovering from a crash"),
        ("57P04", True, "has just dropped the database"),
        ("57P05", True, "closes idle connections"),
        ("25P03", True, "gave up on a slow transaction"),
        ("25P04", True, "gave up on a slow transaction"),
        ("40001", True, "undid a change"),
        ("40P01", True, "undid a change"),
        ("08006", True, "can't be reached"),
        ("08003", True, "can't be reached"),
        ("53000", True, "failed (53000)"),
        ("58030", True, "failed (58030)"),
        ("XX001", False, "failed (XX001)"),
        ("25006", False, "is read-only: name the primary"),
    ],
)
def test_what_a_code_means_while_the_bot_runs(code: str, again: bool, sentence: str) -> None:
    error = errors.lookup(code)("kaputt")
    assert passes(error) is again
    assert str(explained(error, "host:1")).startswith(f"the PostgreSQL at host:1 {sentence}")


async def test_an_older_libpq_leaves_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pq, "version", lambda: 130_000)
    async with server(reply("28P01", 'password authentication failed for user "bot"')) as url:
        with pytest.raises(StoreRefusedError, match="refuses the user name or password"):
            await PostgresStore.open(url)


def test_a_trace_is_kept_in_memory_or_in_a_file_without_a_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr("os.memfd_create", raising=False)
    with refusal_code._unnamed_file() as file:
        file.write(b"x")
