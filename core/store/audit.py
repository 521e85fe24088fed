"""The part of the Store port that keeps the audit log: what admins did to conversations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.store.values import AuditEvent


class AuditLog(ABC):
    """Keeps deeds for `core.store.keys.AUDIT_SECONDS`, and of them the last `AUDIT_LIMIT`.

    They survive `erase`: they hold ids, and nothing of what was said.
    """

    @abstractmethod
    async def audit(self, deed: AuditEvent) -> None:
        """Keep a deed; one that is kept under its id already is the same. Old ones go."""

    @abstractmethod
    async def audited(self, *, after: str = "", limit: int = 100) -> tuple[AuditEvent, ...]:
        """Return the next `limit` deeds behind the one with the name `after`, oldest first.

        Empty only at the end of the log. What is too old is not in it.
        """
