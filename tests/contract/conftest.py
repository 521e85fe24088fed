"""One contract for every store: each test here runs on all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.stores import STORES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from core.store.port import Store
    from tests.contract.stores import Harness


QUICK = "memory"
"""The store that `make quick` holds to the contract; all others are slow."""


@pytest.fixture(
    params=[
        pytest.param(name, marks=() if name == QUICK else pytest.mark.slow)
        for name in sorted(STORES)
    ]
)
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    """Return empty data of each kind of store, and what can be done to it from outside."""
    async with STORES[request.param](request) as harness:
        yield harness


@pytest.fixture
async def store(harness: Harness) -> Store:
    """Return a store on the empty data."""
    return await harness.store()
