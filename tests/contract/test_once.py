"""Who is first to name a thing is told so, and nobody else, on every store."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core.store.dedupe import claim_once

if TYPE_CHECKING:
    from tests.contract.stores import Harness


async def test_one_of_many_is_first(harness: Harness) -> None:
    stores = [await harness.store() for _ in range(4)]
    told = await asyncio.gather(*(claim_once(store, "discord", "press 1") for store in stores * 3))
    assert told.count(True) == 1
    assert await claim_once(stores[0], "discord", "press 2")
    assert await claim_once(stores[0], "slack", "press 1")
    assert not await claim_once(stores[1], "discord", "press 2")
    assert (await stores[0].threads()).threads == ()
