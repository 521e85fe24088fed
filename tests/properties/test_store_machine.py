"""Every store does what the in-process one does, and keeps its promises, whatever comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.stores import STORES
from tests.properties.store_machine import try_out

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from tests.contract.stores import Harness


# The imitation proves nothing that the real one doesn't. Behind a proxy a call may answer what
# only its retry answers; here each call is repeated on purpose instead.
LEFT_OUT = {"fakeredis", "postgresql_proxy", "redis_proxy"}

FEWER = {
    "dynamodb": 25,
    "postgresql": 4,
    "redis": 2,
    "redis_cluster": 10,
    "redis_sentinel": 10,
    "sqlite": 2,
    "valkey": 10,
}
"""By how much fewer tries: on servers that take milliseconds for what others do in microseconds,
and on those that run the same scripts as another.
"""


@pytest.mark.timeout(24 * 3600)  # the nightly profile takes its time
@pytest.mark.parametrize("name", sorted(STORES.keys() - LEFT_OUT))
def test_whatever_comes(name: str, request: pytest.FixtureRequest) -> None:
    def begin() -> AbstractAsyncContextManager[Harness]:
        return STORES[name](request)

    try_out(begin, fewer=FEWER.get(name, 1))
