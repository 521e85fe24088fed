"""The audit log: which admin exported or removed which conversation, who changed which setting.

It holds ids only, never what people said. The store keeps it and `chatbot audit` prints it. Each
event is also a line of the logger `chatbot.audit`, written at every log level, for operators who
collect their programs' logs.
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

EVERY = "*"
"""Stands for all threads of a channel, or of a workspace or server, in an event."""


async def record(
    store: Store,
    what: Literal["export", "forget", "settings"],
    *,
    by: str,
    thread: ThreadKey,
    at: float,
    about: str = "",
) -> None:
    """Record that an admin uses their right on a thread, or that a person changes settings.

    Call this before acting: what can't be recorded (`StoreError`) must not be done. `at` is seconds
    since 1970, and `about` which setting, without what people wrote.
    """
    event = AuditEvent(id=unique(), what=what, by=by, thread=thread, at=at, about=about)
    await store.audit(event)
    log.critical("%s", event_line(event))  # the one level that no setting leaves out


def event_line(event: AuditEvent) -> str:
    """Return an event as one line of JSON."""
    when = datetime.fromtimestamp(event.at, UTC).isoformat(timespec="seconds")
    thread = event.thread
    place = f"{thread.platform}:{thread.channel}"
    about = {"all_of": place} if thread.thread == EVERY else {"thread": str(thread)}
    fields = {"deed": event.what, "by": event.by, **about, "at": when}
    if event.about:
        fields["setting"] = event.about
    return json.dumps(fields)
