"""Sizes as people read them."""

from __future__ import annotations

import pytest

from core.domain.limits import figures, in_bytes, too_large

MB = 1024 * 1024


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"), (1023, "1,023 bytes"), (1024, "1 KB"), (2048, "2 KB"), (1600, "1.6 KB"),
        (2_500_000, "2.4 MB"), (25_000_000, "24 MB"), (2**31, "2 GB"), (10_239, "10 KB"),
    ],
)  # fmt: skip
def test_bytes_for_people(size: int, words: str) -> None:
    assert in_bytes(size) == words


@pytest.mark.parametrize(
    ("size", "limit", "words"),
    [
        (25 * MB, 20 * MB, ("25 MB", "20 MB")),
        (int(20.4 * MB), 20 * MB, ("20.4 MB", "20 MB")),
        (int(20.04 * MB), 20 * MB, ("20.04 MB", "20 MB")),
        (20 * MB + 1, 20 * MB, ("20,971,521 bytes", "20,971,520 bytes")),
        (3 * 1024 * MB, 20 * MB, ("3 GB", "20 MB")),
        (1025 * MB, 20 * MB, ("1.01 GB", "20 MB")),
        (1500, 1023, ("1.5 KB", "1,023 bytes")),
        (5 * MB, 5 * MB // 4 * 3, ("5 MB", "3.7 MB")),
        (65 * 1024, 64 * 1024, ("65 KB", "64 KB")),
    ],
)
def test_two_sizes_that_differ_read_differently(
    size: int, limit: int, words: tuple[str, str]
) -> None:
    assert figures(size, limit) == words


def test_no_two_sizes_that_differ_read_the_same() -> None:
    for limit in (1, 999, 1024, 64 * 1024, 5 * MB // 4 * 3, 20 * MB):
        for over in (1, 7, 600, 5_000, MB // 3, MB, 30 * MB, 5_000 * MB):
            above, below = figures(limit + over, limit)
            assert above != below
            assert too_large(limit + over, limit) == (
                f"it is too large ({above}; I can read {below})"
            )
