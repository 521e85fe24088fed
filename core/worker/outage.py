"""A store that is out: known to all of a worker, and said once when it begins and when it ends."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from core.domain.errors import StoreRefusedError

if TYPE_CHECKING:
    from core.domain.errors import StoreError

log = logging.getLogger(__name__)


class Outage:
    """Whether the store is out, as far as this worker knows."""

    def __init__(self) -> None:
        """Begin without an outage."""
        self.lasts = False

    def failed(self, error: StoreError) -> None:
        """Note that the store did not serve; a refusal is louder, since it may need a person."""
        if not self.lasts:
            level = logging.ERROR if isinstance(error, StoreRefusedError) else logging.WARNING
            log.log(level, "%s. The store is tried again until it serves.", str(error).rstrip("."))
        self.lasts = True

    def over(self) -> None:
        """Note that the store serves."""
        if self.lasts:
            log.warning("The store serves again.")
        self.lasts = False
