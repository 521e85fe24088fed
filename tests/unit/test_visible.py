"""What of a text is seen."""

from __future__ import annotations

import pytest

from core.domain.text import is_blank, visible


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t",
        "\N{ZERO WIDTH SPACE}",
        "\N{ZERO WIDTH JOINER}\N{WORD JOINER}",
        "\ufeff",
        "\N{NO-BREAK SPACE}\N{IDEOGRAPHIC SPACE}",
        "\N{SOFT HYPHEN}",
        "\N{HANGUL FILLER}",
        "\N{BRAILLE PATTERN BLANK}",
        "\N{VARIATION SELECTOR-16}",
        "\x1b\x07",
    ],
)
def test_nobody_sees_it(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize(
    "text",
    [".", "\N{ZERO WIDTH SPACE}a", "\N{HEAVY BLACK HEART}\ufe0f", "\N{REPLACEMENT CHARACTER}"],
)
def test_somebody_sees_it(text: str) -> None:
    assert not is_blank(text)


def test_signs_that_turn_text_round_are_left_out() -> None:
    assert visible("a\N{RIGHT-TO-LEFT OVERRIDE}b\0c") == "ab\N{REPLACEMENT CHARACTER}c"
