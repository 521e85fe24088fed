"""A name is claimed once, by whichever process is first, on every store."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.contract.stores import Harness


async def test_one_of_many_is_first(harness: Harness) -> None:
    stores = [await harness.store() for _ in range(4)]
    told = await asyncio.gather(*(store.claim_once("discord", "press 1") for store in stores * 3))
    assert told.count(True) == 1
    assert await stores[0].claim_once("discord", "press 2")
    assert await stores[0].claim_once("slack", "press 1")
    assert not await stores[1].claim_once("discord", "press 2")
    assert (await stores[0].threads()).threads == ()
