"""The servers that the other tests rely on are real."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import psycopg
import pytest

from tests.postgres_server import PostgresServer, postgres_server
from tests.servers import RedisServer, StartError, redis_server

pytestmark = pytest.mark.slow


def ask(server: RedisServer, line: str) -> str:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(f"{line}\r\n".encode())
        return connection.recv(4096).decode()


def test_a_redis_runs_as_long_as_the_block(tmp_path: Path) -> None:
    with redis_server(directory=tmp_path) as server:
        assert ask(server, "PING") == "+PONG\r\n"
    with pytest.raises(ConnectionRefusedError):
        ask(server, "PING")


def test_a_persistent_redis_keeps_its_data_when_killed(tmp_path: Path) -> None:
    with redis_server(directory=tmp_path, persistent=True) as server:
        assert ask(server, "SET k v") == "+OK\r\n"
        server.kill()
        with pytest.raises(ConnectionRefusedError):
            ask(server, "PING")
        server.restart()
        assert ask(server, "GET k") == "$1\r\nv\r\n"


def test_another_redis_loses_its_data_when_killed(tmp_path: Path) -> None:
    with redis_server(directory=tmp_path) as server:
        ask(server, "SET k v")
        server.restart()
        assert ask(server, "GET k") == "$-1\r\n"


def test_a_taken_port_is_no_server_of_ours(tmp_path: Path) -> None:
    with redis_server(directory=tmp_path) as server:
        (tmp_path / "second").mkdir()
        second = RedisServer(tmp_path / "second", server.port)
        with pytest.raises(StartError, match="already in use"):
            second.start()
        assert ask(server, "PING") == "+PONG\r\n"


def test_redis_takes_more_words(tmp_path: Path) -> None:
    with redis_server(directory=tmp_path, extra=["--requirepass", "secret"]) as server:
        assert ask(server, "PING").startswith("-NOAUTH")


def ask_postgres(server: PostgresServer, user: str = "owner") -> str:
    url = server.url.replace("owner@", f"{user}@")
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT current_user").fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize("wheel", [False, True])
def test_a_postgres_runs_as_long_as_the_block(wheel: bool) -> None:
    with postgres_server(wheel=wheel) as server:
        assert ask_postgres(server) == "owner"
        assert wheel == ("wheel" in server.binaries.parts)
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0 or sys.platform != "linux"
    assert not server.directory.exists()
    with pytest.raises(psycopg.OperationalError, match="refused"):
        ask_postgres(server)


def test_a_postgres_keeps_its_data_when_killed() -> None:
    with postgres_server() as server:
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept (n INT)")
        server.kill()
        with pytest.raises(psycopg.OperationalError, match="refused"):
            ask_postgres(server)
        server.restart()
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_a_postgres_may_want_a_password() -> None:
    with postgres_server(password="secret") as server:
        assert ask_postgres(server, "owner:secret") == "owner"
        with pytest.raises(psycopg.OperationalError, match="password"):
            ask_postgres(server, "owner:wrong")


def test_a_taken_port_is_no_postgres_of_ours() -> None:
    with postgres_server() as server, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server.kill()
        first, server.port = server.port, taken.getsockname()[1]
        with pytest.raises(StartError, match="already in use"):
            server.start()
        server.port = first
        server.start()
        assert ask_postgres(server) == "owner"
