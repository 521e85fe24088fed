"""Where the messages of a turn go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.delivery.port import DeliveryTarget
from core.domain.session import Entry

if TYPE_CHECKING:
    from core.domain.message import Message
    from core.store.values import Work


def where_of(work: Work) -> DeliveryTarget:
    """Return where the messages of a turn go: to the place its oldest message asks for."""
    entries = (record for record in reversed(work.records) if isinstance(record, Entry))
    trigger = next((entry for entry in entries if entry.id == work.lease.turn), None)
    return DeliveryTarget(
        thread=work.lease.thread,
        kind=work.kind,
        turn=work.lease.turn,
        trigger=trigger.platform_id if trigger else work.lease.turn,
        answer_in=trigger.answer_in if trigger else "",
        at=trigger.at if trigger else 0.0,
        reader=trigger.author.id if trigger and work.people <= 1 else "",
        asker=f"{work.lease.thread.platform} {trigger.author.id}" if trigger else "",
        asked=trigger.text if trigger else "",
        opens=work.head == 0,
    )


def asker_of(message: Message) -> str:
    """Return whose turn would answer a message, as `DeliveryTarget.asker` names them."""
    return f"{message.thread.platform} {message.author.id}"
