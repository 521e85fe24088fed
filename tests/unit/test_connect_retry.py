"""What can't be reached is tried until it is there, ever more seldom, and said once."""

from __future__ import annotations

import logging

import pytest

from bots.connect_retry import retry_until_reached
from core.domain.errors import OutOfReachError, PlatformError
from tests.unit.test_retry import Watch


class Platform:
    """Out of reach for some tries."""

    def __init__(self, down: int) -> None:
        self.down = down

    async def reached(self) -> str:
        self.down -= 1
        if self.down >= 0:
            raise OutOfReachError("Slack can't be reached")
        return "there"


async def test_it_waits_from_a_second_to_a_minute_and_never_all_at_once() -> None:
    clock = Watch()
    assert await retry_until_reached(Platform(10).reached, clock) == "there"
    longest = [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert all(most / 2 <= slept <= most for slept, most in zip(clock.slept, longest, strict=True))
    again = Watch()
    await retry_until_reached(Platform(10).reached, again)
    assert clock.slept != again.slept


async def test_it_says_once_that_it_waits(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await retry_until_reached(Platform(5).reached, Watch())
    assert [record.getMessage() for record in caplog.records] == [
        "Slack can't be reached; retrying."
    ]


async def test_what_waiting_does_not_mend_is_raised_at_once() -> None:
    clock = Watch()

    async def refused() -> None:
        raise PlatformError("no")

    with pytest.raises(PlatformError):
        await retry_until_reached(refused, clock)
    assert clock.slept == []
