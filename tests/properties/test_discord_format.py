"""No text of a model's calls anybody on Discord or is refused, however it is cut."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from bots.discord.outbound import format as shape
from bots.discord.outbound.format import (
    ACTIVE,
    LIMIT,
    WRITING,
    cut,
    is_preview,
    length,
    piece,
    preview,
    under,
)
from tests.discord_markdown.renderer import drawn
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
ADDRESS = re.compile(r"https?://[^\s<>|`]+|\w@[\w-]+\.\w")
"""What is left as it is, because people copy it."""


def calls(shown: str) -> bool:
    """Return whether words of a message call anybody by their looks."""
    found = drawn(ADDRESS.sub("", shown))
    return bool(found.kinds & {"everyone", "here", "user", "role"} or CALLS.search(found.words))


WORDS = [
    *("a", "Ann", "1", "10", ". ", ", ", "!", ": ", "://", "www.", "a.py", "(", ")", "'", '"', "/"),
    *(
        " ",
        "\n",
        "\n\n",
        "%",
        "\u2019",
        "\u201c",
        "\u2026",
        "\u2014 ",
        "\u0416",
        "\u4e2d",
        "\u3002",
    ),
]
PLAIN = st.lists(st.sampled_from(WORDS) | st.text(max_size=3), max_size=60).map(
    lambda made: ACTIVE.sub("", "".join(made).strip())
)


@given(PLAIN)
def test_a_text_without_an_active_sign_is_posted_as_it_is(text: str) -> None:
    if not text or ACTIVE.search(text):  # what is left may join to one
        return
    pieces, growing = shape._PIECES, shape._GROWING
    cuts = pieces.split(text)
    assert cut(text) == cut(text, 1) == cuts == (len(text),)
    assert piece(text, cuts, 0) == pieces.piece(text, cuts, 0) == text
    assert preview(text) == f"{growing.piece(text, growing.split(text), 0)}\n{WRITING}"


@given(LONG)
@example("```py\n" + "x = 1\n" * 900 + "```")
@example("x" * 5000)
@example("\\\ud800")
@example("\n\n".join(["@everyone```py\n@everyone\n\n~~"] * 3))
def test_each_piece_fits_is_balanced_and_calls_nobody(text: str) -> None:
    cuts = cut(text)
    for index in range(len(cuts)):
        shown = piece(text, cuts, index)
        assert 1 <= length(shown) <= LIMIT
        assert shown.strip()
        assert not calls(shown)
        assert not is_preview(shown)
        assert drawn(f"{shown}\n\nx").words.endswith("x")


@given(LONG)
@example("```\n\n```\n```\n\n@everyone")
def test_a_preview_fits_says_that_it_is_one_and_calls_nobody(text: str) -> None:
    shown = preview(text)
    assert length(shown) <= LIMIT
    assert is_preview(shown)
    assert not calls(shown)


@given(st.lists(TEXTS, max_size=8), st.booleans())
def test_notes_are_small_and_call_nobody(notes: list[str], explain: bool) -> None:
    shown = under(notes, explain_trim=explain)
    assert length(shown) <= LIMIT
    assert not calls(shown)
    if shown not in {"", "\u2026"}:
        assert all(line.startswith("-# ") for line in shown.split("\n"))
