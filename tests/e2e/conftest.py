"""What the tests of the whole program share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.program import Program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)
