"""A DynamoDB for tests: moto's, as a server on a free port of the loopback."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aiobotocore.session import AioSession

from tests.dynamodb_units import Bill
from tests.servers import StartError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.dynamodb_units import Item

REGION = "eu-central-1"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "hunter2hunter2",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""For a process that looks for credentials as usual, and must not find this machine's."""
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class DynamoServer:
    """A running one, and a session whose credentials it takes; it takes any."""

    port: int
    session: AioSession

    def url(self, table: str, port: int = 0) -> str:
        """Return where a store finds a table, here or through another port."""
        return f"dynamodb://{table}?region={REGION}&endpoint=http://127.0.0.1:{port or self.port}"

    def bill(self) -> Bill:
        """Return what AWS would have charged for everything so far."""
        return Bill(**json.loads(self._ask("bill")))

    def fill(self, table: str, items: Iterable[Item]) -> None:
        """Put items into a table of ours as they are, at no charge."""
        self._ask(table, "\n".join(map(json.dumps, items)).encode())

    def _ask(self, path: str, body: bytes | None = None) -> bytes:
        url = f"http://127.0.0.1:{self.port}/{path}"
        with urllib.request.urlopen(url, body, timeout=60) as answer:
            said: bytes = answer.read()
        return said


@contextlib.contextmanager
def dynamodb_server() -> Iterator[DynamoServer]:
    """Run one in a process of its own for as long as the block lasts."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.moto_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        said = process.stdout.readline()
        if not said:
            assert process.stderr is not None
            raise StartError(process.stderr.read().decode()[-1000:])
        try:
            yield DynamoServer(int(said), credentials())
        finally:
            process.kill()


def credentials(*, known: bool = True) -> AioSession:
    """Return a session with credentials of nothing, or none: this machine's are not looked at."""
    nowhere = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    session = AioSession(session_vars=nowhere)
    if known:
        session.set_credentials("nobody", "nothing")
    return session
