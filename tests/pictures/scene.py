"""What is said in the pictures, and when."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from core.domain.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator

SAID: Final = (
    """\
Our offsite is in Lisbon, from 12 to 14 May. The hotel is the Aurora, on Rua do Salitre. \
Ben books the flights for all eleven of us.""",
    "Where is the hotel?",
    """\
The budget is 9,400 euros for everything. Dinner on Tuesday is at eight, at Cervejaria Ramiro, \
and on Wednesday morning we take the boat to Almada.""",
    "Who books the flights?",
)
EDITED: Final = ("The hotel is the Aurora.", "The hotel is the Bela Vista, on Rua do Salitre.")
"""A message before and after its edit."""
SETTINGS: Final[dict[str, Any]] = {
    "memory_high": 200,
    "memory_low": 50,
    "keep_exchanges": 1,
    "timezone": "UTC",
}
"""So little that a short conversation is enough for a summary."""
BEGAN = 1_780_390_800.0  # Tuesday, 2 June 2026, 09:00 UTC
ENVIRONMENT: Final = {"TIKTOKEN_CACHE_DIR": "/nowhere"}
"""Tokens are counted by bytes, whatever the machine has."""


@contextlib.contextmanager
def fixed_time() -> Iterator[None]:
    """Let the program's clock begin at the same time, however late it is."""
    off = BEGAN - time.time()
    later = patch.object(SystemClock, "now", lambda _: time.time() + off)
    with later, patch.dict(os.environ, ENVIRONMENT):
        yield
