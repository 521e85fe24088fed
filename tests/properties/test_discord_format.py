"""No text of a model's calls anybody on Discord or is refused, however it is cut."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from bots.discord.outbound.format import (
    LIMIT,
    WRITING,
    cut,
    inert,
    is_preview,
    length,
    piece,
    preview,
    under,
)
from core.delivery.splitting.blocks import layout_of
from tests.properties.test_splitting import TEXTS as MARKDOWN

ATTACKS = [
    *("@everyone", "@here", "@EVERYONE", "\uff20here", "@\u200bhere", "<@123456789012345678>"),
    *("<@!1>", "<@&2>", "<\u2060@1>", "<", "@", "!", "&", "1>", "\u202e", "\0", "\ud800"),
    *("```\n", "```py\n", "`", "\n", "> ", "|", "\\", WRITING, "-# ", "\U0001f600", "e\u0301"),
]
TEXTS = st.lists(st.sampled_from(ATTACKS) | st.text(max_size=4), max_size=40).map("".join)
LONG = st.tuples(st.lists(TEXTS | MARKDOWN, max_size=6), st.integers(1, 9)).map(
    lambda made: "\n\n".join(made[0]) * made[1]
)
CALLS = re.compile(r"[@\uff20](?:everyone|here)\b|<@[!&]?\d", re.IGNORECASE)
FENCE = re.compile(r"[ \t>]*(?:```|~~~)")


def squeezed(text: str) -> str:
    return "".join(text.split()).lstrip(">")


@given(LONG)
@example("```py\n" + "x = 1\n" * 900 + "```")
@example("x" * 5000)
def test_each_piece_fits_is_balanced_and_calls_nobody(text: str) -> None:
    cuts = cut(text)
    for index in range(len(cuts)):
        shown = piece(text, cuts, index)
        assert 1 <= length(shown) <= LIMIT
        assert shown.strip()
        assert not CALLS.search(shown)
        assert not is_preview(shown)
        after = f"{shown}\n\nx"
        assert layout_of(after).code_at(len(after)) is None


@given(LONG.filter(lambda text: WRITING not in text and "|" not in text))
@example("Words.\n\n```py\n" + "x = 1\n" * 900 + "```\nAnd more.")
def test_joined_again_they_are_the_source_and_added_fence_lines(text: str) -> None:
    cuts = cut(text)
    starts = (0, *cuts)
    for index, end in enumerate(cuts):
        source = squeezed(inert(text[starts[index] : end]))
        lines = piece(text, cuts, index).split("\n")
        if lines == ["\u2026"] and not source:
            continue
        made = [
            (
                lines[:first],
                squeezed("\n".join(lines[first : len(lines) - last])),
                lines[len(lines) - last :],
            )
            for first in (0, 1)
            for last in (0, 1)
        ]
        found = [added for added in made if added[1] == source]
        assert found
        before, _, after = found[0]
        assert all(FENCE.match(line) for line in before)
        assert all(FENCE.match(line) for line in after)


@given(LONG)
def test_a_preview_fits_says_that_it_is_one_and_calls_nobody(text: str) -> None:
    shown = preview(text)
    assert length(shown) <= LIMIT
    assert is_preview(shown)
    assert not CALLS.search(shown)


@given(st.lists(TEXTS, max_size=8), st.booleans())
def test_notes_are_small_and_call_nobody(notes: list[str], explain: bool) -> None:
    shown = under(notes, explain_trim=explain)
    assert length(shown) <= LIMIT
    assert not CALLS.search(shown)
    if shown not in {"", "\u2026"}:
        assert all(line.startswith("-# ") for line in shown.split("\n"))
