"""The fake's prompt cache follows the documented rules."""

from __future__ import annotations

import pytest

from tests.fakes.claude_cache import Bill, CachedBlock, PromptCache, fault_in


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def prompt(*parts: str) -> list[CachedBlock]:
    """Return blocks of 100 tokens; `*` at its end marks one for 5 minutes, `!` for an hour."""
    ttls = {"*": "5m", "!": "1h"}
    return [CachedBlock(part.rstrip("*!").encode(), 100, ttls.get(part[-1], "")) for part in parts]


def test_a_prefix_is_written_at_a_breakpoint_and_read_from_there() -> None:
    cache = PromptCache()
    assert cache.bill("m", prompt("s", "a*", "b")) == Bill(100, 0, 200, 0)
    assert cache.bill("m", prompt("s", "a", "c*", "d")) == Bill(100, 200, 100, 0)
    assert cache.bill("m", prompt("s", "x", "c*")) == Bill(0, 0, 300, 0)
    assert cache.bill("other", prompt("s", "a*")) == Bill(0, 0, 200, 0)
    assert cache.bill("m", prompt("s", "a", "b")) == Bill(300, 0, 0, 0)


def test_nothing_is_found_where_no_breakpoint_was() -> None:
    cache = PromptCache()
    cache.bill("m", prompt("s", "a", "b*"))
    assert cache.bill("m", prompt("s", "a*", "x")) == Bill(100, 0, 200, 0)


def test_an_earlier_entry_is_found_at_most_twenty_blocks_before() -> None:
    cache = PromptCache()
    cache.bill("m", prompt("s*"))
    near = [f"n{number}" for number in range(18)]
    assert cache.bill("m", prompt("s", *near, "end*")).read == 100
    far = [f"f{number}" for number in range(19)]
    assert cache.bill("m", prompt("s", *far, "end*")).read == 0
    assert cache.bill("m", prompt("s*", *far, "other*")).read == 100


def test_a_prefix_below_the_minimum_is_silently_not_cached() -> None:
    cache = PromptCache(minimum=250)
    assert cache.bill("m", prompt("s", "a*")) == Bill(200, 0, 0, 0)
    assert cache.bill("m", prompt("s", "a*", "b*")) == Bill(0, 0, 300, 0)
    assert cache.bill("m", prompt("s", "a*", "b*")) == Bill(0, 300, 0, 0)


@pytest.mark.parametrize(("mark", "seconds"), [("*", 300), ("!", 3600)])
def test_an_entry_lives_for_its_time_from_when_it_was_last_read(mark: str, seconds: int) -> None:
    clock = Clock()
    cache = PromptCache(now=clock)
    cache.bill("m", prompt(f"s{mark}"))
    for _ in range(3):
        clock.now += seconds - 1
        assert cache.bill("m", prompt(f"s{mark}")).read == 100
    clock.now += seconds + 1
    assert cache.bill("m", prompt(f"s{mark}")).read == 0


def test_what_is_written_is_billed_by_its_time() -> None:
    cache = PromptCache()
    first = cache.bill("m", prompt("s!", "a", "b*", "c"))
    assert first == Bill(100, 0, 200, 100)
    assert first.cost == 100 + 250 + 200
    assert first.usage["cache_creation_input_tokens"] == 300
    assert first.usage["cache_creation"]["ephemeral_1h_input_tokens"] == 100
    assert cache.bill("m", prompt("s!", "a", "b*", "c")) == Bill(100, 300, 0, 0)


def test_reading_with_a_longer_time_makes_no_entry_live_longer() -> None:
    clock = Clock()
    cache = PromptCache(now=clock)
    cache.bill("m", prompt("s*"))
    cache.bill("m", prompt("s!"))
    clock.now += 301
    assert cache.bill("m", prompt("s!")).read == 0


def test_wrong_breakpoints_are_refused() -> None:
    assert not fault_in(prompt("a!", "b*", "c*", "d*", "e"))
    assert "maximum of 4" in fault_in(prompt("a*", "b*", "c*", "d*", "e*"))
    assert "must not come after" in fault_in(prompt("a*", "b!"))
    assert "'5m' or '1h'" in fault_in([CachedBlock(b"a", 1, "2h")])
