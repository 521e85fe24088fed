"""Breaks that people would see, one by one; `tests/properties` has what is always true."""

from __future__ import annotations

import pytest

from core.delivery.splitting.splitter import Splitter


def pieces(text: str, limit: int = 64) -> list[str]:
    splitter = Splitter(limit)
    break_points = splitter.split(text)
    return [splitter.piece(text, break_points, index) for index in range(len(break_points))]


def test_a_short_text_is_one_piece() -> None:
    assert pieces("Hello.\n") == ["Hello."]
    assert Splitter(64).split("") == (0,)


def test_code_is_closed_and_opened_again_with_its_language() -> None:
    code = [f"line number {n}" for n in range(6)]
    text = "\n".join(["Look:", "````python", *code, "````", "Done."])
    assert pieces(text) == [
        "Look:\n````python\nline number 0\nline number 1\nline number 2\n````",
        "````python\nline number 3\nline number 4\nline number 5\n````\nDone.",
    ]


def test_a_long_info_is_not_repeated() -> None:
    text = "~~~js " + "x" * 20 + "\n" + "\n".join(f"line number {n}" for n in range(5)) + "\n~~~"
    assert pieces(text)[1].startswith("~~~js\nline number 2\n")


def test_code_in_a_list_is_opened_again_as_deep_as_a_fence_may_be() -> None:
    code = "\n".join(f"      line number {n}" for n in range(6))
    text = f"1. Look:\n   - this\n\n      ```\n{code}\n      ```\n   - that"
    last = pieces(text)[-1]
    assert last.startswith("   ```\n      line number")
    assert "\n   ```\n" in last


def test_code_in_a_quote_stays_in_it() -> None:
    text = "> ```\n" + "\n".join(f"> line number {n}" for n in range(6)) + "\n> ```"
    for piece in pieces(text):
        lines = piece.split("\n")
        assert lines[0] == lines[-1] == "> ```"


def test_code_that_is_never_closed_is_closed_with_the_text() -> None:
    assert pieces("```\nx") == ["```\nx\n```"]


@pytest.mark.parametrize("block", ["```\n" + "x\n" * 25 + "```", "|a|b|\n|-|-|\n" + "|1|2|\n" * 7])
def test_a_block_that_fits_stays_whole(block: str) -> None:
    assert pieces(f"Some words before.\n\n{block}\n\nAnd after.")[1].startswith(block.strip())


def test_paragraphs_come_before_sentences_and_sentences_before_words() -> None:
    assert pieces("One two three four five six seven.\n\nEight. Nine ten eleven twelve 13.") == [
        "One two three four five six seven.",
        "Eight. Nine ten eleven twelve 13.",
    ]
    assert pieces("One two three four five six seven eight. Nine ten eleven twelve ten.") == [
        "One two three four five six seven eight.",
        "Nine ten eleven twelve ten.",
    ]


def test_a_heading_stays_with_what_it_heads() -> None:
    text = "A first paragraph that is long enough.\n\n## Heading\n\nWords that it heads."
    assert pieces(text) == [
        "A first paragraph that is long enough.",
        "## Heading\n\nWords that it heads.",
    ]


def test_a_flag_and_a_family_are_one_character() -> None:
    for unit in ("🇦🇹", "👨‍👩‍👧‍👦", "e\u0301"):
        assert all(piece == unit * (len(piece) // len(unit)) for piece in pieces(unit * 200))


def test_an_absurd_grapheme_is_cut_rather_than_refused() -> None:
    assert max(map(len, pieces("a" + "\u0301" * 500))) <= 64


def test_a_limit_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        Splitter(10)
