"""The audit log: which admin exported or removed which conversation, and when.

It holds ids only, never what was said. The store keeps it, and `chatbot audit` prints it. Each
deed is also a line of the logger `chatbot.audit`, written at every log level, for those who
gather the logs of their programs.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from core.store.keys import unique
from core.store.values import AuditEvent

if TYPE_CHECKING:
    from core.domain.message import ThreadKey
    from core.store.port import Store

log = logging.getLogger("chatbot.audit")


async def note(
    store: Store, what: Literal["export", "forget"], *, by: str, thread: ThreadKey, at: float
) -> None:
    """Keep that somebody does something by an admin's right; `at` is seconds since 1970.

    To be called before it is done: what can't be kept (`StoreError`) is not done.
    """
    deed = AuditEvent(id=unique(), what=what, by=by, thread=thread, at=at)
    await store.audit(deed)
    log.critical("%s", deed_line(deed))  # the one level that no setting leaves out


def deed_line(deed: AuditEvent) -> str:
    """Return a deed as one line of JSON."""
    when = datetime.fromtimestamp(deed.at, UTC).isoformat(timespec="seconds")
    fields = {"deed": deed.what, "by": deed.by, "thread": str(deed.thread), "at": when}
    return json.dumps(fields)
