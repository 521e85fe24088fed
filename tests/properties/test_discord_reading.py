"""What makes Discord's cutter quick changes nothing: each shortcut is held to the plain way."""

from __future__ import annotations

import regex  # type: ignore[import-untyped] # ships no types
from hypothesis import example, given
from hypothesis import strategies as st

from bots.discord.outbound.format import cut
from bots.discord.outbound.markdown import marks, pairs, tables
from bots.discord.outbound.markdown.render import MARKDOWN
from core.delivery.splitting import splitter
from tests.properties.test_splitting import TEXTS

SIGNS = [
    "*",
    "_",
    "~",
    "**",
    "__",
    "~~",
    "****",
    "_____",
    " ",
    "\n",
    ",",
    ".",
    ")",
    "\\",
    "a",
    "b ",
]
RUNS = st.lists(st.sampled_from(SIGNS), max_size=14).map("".join)
BRACKETS = ["[", "]", "(", ")", "](", "](a", "a", " ", "\n", "\\", '"t"', "<", ">", "[a](b)", "`"]
LINKED = st.lists(st.sampled_from(BRACKETS), max_size=20).map("".join)
CELLS = ["a", "|", "|", "-", "**b**", "`x|y`", "\\|", " ", "\u4e2d", "[l](u)", "<br>"]
ROWS = st.lists(st.lists(st.sampled_from(CELLS), max_size=8).map("".join), max_size=6)
PLAIN_LOOSE = (
    rf"\*++(?!{marks._NO_START})[^*\n]*+\*++|__++(?!{marks._NO_START})[^_\n]*+__++"
    rf"|~~(?!{marks._NO_START})[^~\n]*+~~|(?P<loose>\S[ \t]*+(?:(?:\*\*++|__++|~~)"
    rf"{marks._NO_START}|\*[,.;:!?)\]}}]++(?:\s|\Z)))"
)
"""Emphasis and loose marks, tried at every place."""


@given(st.lists(TEXTS, max_size=4).map("\n\n".join), st.integers(1, 12))
@example("_a_", 900)
@example("| a | b |\n|---|---|\n" + "| 1 | `x` |\n" * 20, 12)
def test_a_piece_is_what_is_shown_of_a_text_that_is_read_again(text: str, times: int) -> None:
    text = "\n".join([text] * times)
    start = 0
    for index, end in enumerate(cuts := cut(text)):
        cutter = splitter.Splitter(2000, len, MARKDOWN)
        shown = MARKDOWN.show(text, MARKDOWN.layout_of(text), start, end)
        assert cutter.piece(text, cuts, index) == shown
        start = end


@given(RUNS)
@example("\\____**  ~~~~b")
def test_a_loose_mark_is_found_wherever_it_stands(text: str) -> None:
    found = [each for each in regex.finditer(PLAIN_LOOSE, text) if each["loose"]]
    is_suspect = bool(found) or marks._SUSPECT.search(text) is not None
    assert marks._is_suspect(text) == is_suspect


@given(LINKED, st.integers(0, 40))
def test_a_link_has_the_target_that_is_read_where_its_part_of_the_text_ends(
    text: str, end: int
) -> None:
    end = min(end, len(text))
    links = pairs.Links(text)
    for start in [at for at, sign in enumerate(text[:end]) if sign == "["]:
        whole = links.at(start, len(text))
        alone = pairs.Links(text).at(start, end)
        assert links.at(start, end) == alone
        if whole and whole[1].end <= end:
            assert pairs._TARGET.match(text, whole[0].end + 1, end) is not None


@given(ROWS)
def test_a_row_is_shown_the_same_with_others_and_alone(rows: list[str]) -> None:
    table = "| a | b |\n|---|---|\n" + "\n".join(f"x|{row}" for row in rows)
    layout = MARKDOWN.layout_of(table)
    for each in layout.tables:
        form, body = layout.forms[each.start], table[each.body : each.end]
        again = MARKDOWN.layout_of(table).forms[each.start]
        whole = tables.rows_shown(form, body)
        assert tables.rows_shown(form, body) == tables.rows_shown(again, body) == whole
