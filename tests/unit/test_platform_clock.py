"""A platform's time, estimated from the times that it tells."""

from __future__ import annotations

import pytest

from core.domain.clock import PlatformClock
from tests.clocks import ManualClock


@pytest.fixture
def host() -> ManualClock:
    return ManualClock()


def test_until_a_time_is_heard_it_is_the_hosts(host: ManualClock) -> None:
    clock = PlatformClock(host)
    assert clock.now() == host.now()
    clock.guess(host.now() - 3600)
    assert clock.now() == pytest.approx(host.now() - 3600)
    clock.heard(host.now() + 60)
    clock.guess(host.now() - 3600)
    assert clock.now() == pytest.approx(host.now() + 60), "what is heard is more exact"


def test_the_latest_time_counts_and_goes_on(host: ManualClock) -> None:
    clock, there = PlatformClock(host), host.now() - 100
    clock.heard(there)
    host.advance(10)
    clock.heard(there - 50)  # the event arrives late
    assert clock.now() == pytest.approx(there + 10)
    clock.heard(there + 12)
    assert clock.now() == pytest.approx(there + 12)


def test_clocks_may_drift_apart(host: ManualClock) -> None:
    clock, there = PlatformClock(host), host.now()
    for minute in range(60):
        clock.heard(there + 59 * minute)
        host.advance(60)
    assert clock.now() - (there + 59 * 60) < 25


def test_a_time_that_can_not_be_is_no_time(host: ManualClock) -> None:
    clock = PlatformClock(host)
    clock.heard(host.now() + 10**9)
    assert clock.now() == host.now()
