"""Logging: to stderr, one line each, and nothing secret in it.

What people and models say is never logged, by anybody; this is the net under the secrets.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_LOUD = ("anthropic", "httpx", "httpx2", "httpcore", "httpcore2", "asyncio")
"""Libraries that say at INFO and DEBUG what only they need, requests with their text included."""


class Redacting(logging.Formatter):
    """Formats a record, and blots out secrets wherever they ended up in it."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Name what must not be seen; the longest goes first, as one may be part of another."""
        super().__init__(_FORMAT)
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback where there is one, without the secrets."""
        return redact(super().format(record), self._secrets)


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return the text with each secret blotted out."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


class _Stderr:
    """Writes to what stderr is at the moment: a prompt puts itself before it for a while."""

    def write(self, text: str) -> int:
        """Write the text."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Write what is buffered."""
        sys.stderr.flush()


def set_up_logging(level: str, secrets: Iterable[str]) -> None:
    """Send the program's logs to stderr, from this level on."""
    handler = logging.StreamHandler(_Stderr())
    handler.setLevel(level)  # a library may have set its own logger to DEBUG
    handler.setFormatter(Redacting(secrets))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _LOUD:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
