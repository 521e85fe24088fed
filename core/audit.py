"""The audit log: which admin exported or removed which conversation, and when.

It holds ids only, never what was said. It is the logger `chatbot.audit`, whose lines are written
at every log level, so that whoever keeps the program's logs keeps it.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from core.message import ThreadKey

log = logging.getLogger("chatbot.audit")

Deed: TypeAlias = Literal["export", "forget"]


def note(deed: Deed, *, by: str, thread: ThreadKey, at: float) -> None:
    """Write that somebody did something by an admin's right; `at` is seconds since 1970."""
    when = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
    fields = {"deed": deed, "by": by, "thread": str(thread), "at": when}
    log.critical("%s", json.dumps(fields))  # the one level that no setting leaves out
