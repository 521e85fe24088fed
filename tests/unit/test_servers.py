"""The servers that the other tests rely on are real."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.servers import RedisServer, StartError, redis_server

if TYPE_CHECKING:
    from pathlib import Path


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
