"""What Discord itself says of its API: its OpenAPI description, where it is at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Self

    from tests.fakes.discord.call import Call, Route


class Contract:
    """Discord's description."""

    @classmethod
    def known(cls) -> Self | None:
        """Return it where it's at hand."""
        return None

    def take(self, route: Route, call: Call, kind: str) -> None:
        """Refuse a call that doesn't fit."""

    def give(self, route: Route, status: int, answer: Any) -> list[str]:
        """Return where an answer doesn't fit."""
        return []
