"""What is always true of a text that was cut into pieces, whatever is in it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import regex  # type: ignore[import-untyped] # ships no types
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from core.delivery.splitting.blocks import layout_of
from core.delivery.splitting.splitter import Splitter

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = [
    "word",
    "a longer sentence, with a comma. ",
    "Ende! ",
    "。",
    "你好",
    "snake_case",
    "\u200d",
]
INLINE = [
    "`code here`",
    "``a ` tick``",
    "**bold words here**",
    "_emphasis_",
    "[a link](https://example.com/a_b?c=d&e=f)",
    "https://example.com/long/path",
    "<https://example.com>",
    "~~gone~~",
    "&amp;",
    "👨‍👩‍👧‍👦",
    "🇦🇹🇩🇪",
    "e\u0301",
    "\U0001f44d\U0001f3fd",
    "*",
    "`",
    "[",
    "\\`",
]
INDENTS = st.sampled_from(["", "", "", " ", "   ", "    ", "> ", "- ", "1. ", "  - ", "\t"])
LINES = st.lists(
    st.sampled_from(WORDS + INLINE) | st.text("ab ._*`~|<>&#-", max_size=9), max_size=9
)
CODE = st.lists(
    st.sampled_from(
        ["x = 1", "", "    if a < b & c:", "```", "~~~", "``` nested", "| a | b |", "x" * 99]
    ),
    max_size=12,
)


@st.composite
def fences(draw: st.DrawFn) -> str:
    indent = draw(INDENTS)
    inner = ">" * (">" in indent) + " " * (len(indent) - (">" in indent))
    marker = draw(st.sampled_from(["```", "````", "~~~", "~~~~~"]))
    info = draw(st.sampled_from(["", "python", " c++ title=a&b", "js " + "x" * 90]))
    end = draw(st.sampled_from(["\n" + inner + marker, "\n" + inner + marker, ""]))
    return indent + marker + info + "".join(f"\n{inner}{line}" for line in draw(CODE)) + end


@st.composite
def tables(draw: st.DrawFn) -> str:
    rows = draw(
        st.lists(st.sampled_from(["| 1 | 2 |", "| `a` | **b** & c |", "|x|" + "y" * 40 + "|"]))
    )
    return "\n".join(["| a | b |", "|---|:-:|", *rows])


PROSE = st.tuples(INDENTS, LINES.map(" ".join)).map("".join)
BLOCKS = st.one_of(PROSE, PROSE, fences(), tables(), st.just("# Heading"), st.just("\n" * 9))
TEXTS = st.one_of(
    st.lists(st.tuples(BLOCKS, st.sampled_from(["\n", "\n\n"])).map("".join), max_size=12).map(
        "".join
    ),
    st.text(max_size=400),
    st.text("`~\n> |-a", max_size=300),
)


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def escaped(text: str) -> int:
    return len(text) + 4 * text.count("&") + 3 * text.count("<")


MEASURES = st.sampled_from([len, utf16, escaped])
LIMITS = st.integers(64, 400)


def parts(text: str, splitter: Splitter) -> list[tuple[str, str]]:
    """Return what each piece is made of, and the piece."""
    cuts = splitter.split(text)
    assert list(cuts) == sorted(set(cuts))
    assert cuts[-1] == len(text)
    starts = (0, *cuts)
    return [
        (text[starts[index] : end], splitter.piece(text, cuts, index))
        for index, end in enumerate(cuts)
    ]


def squeezed(text: str) -> str:
    """Return the text without white space, and without the mark of a quote that goes on."""
    return "".join(text.split()).lstrip(">")


def without(piece: str, first: int, last: int) -> str:
    lines = piece.split("\n")
    return "\n".join(lines[first : len(lines) - last])


@given(TEXTS, LIMITS, MEASURES)
@example("\n" * 500 + "x", 64, len)
@example(" " * 500 + "x\n\n" + "y" * 99, 64, len)
def test_no_piece_is_too_long_or_blank(
    text: str, limit: int, measure: Callable[[str], int]
) -> None:
    for _, piece in parts(text, Splitter(limit, measure)):
        assert measure(piece) <= limit
        assert piece.strip() or not text.strip()


@given(TEXTS, LIMITS, MEASURES)
def test_nothing_is_lost_and_only_fences_and_headers_are_added(
    text: str, limit: int, measure: Callable[[str], int]
) -> None:
    for source, piece in parts(text, Splitter(limit, measure)):
        made = {
            squeezed(without(piece, first, last)): (first, last)
            for first in (2, 1, 0)
            for last in (1, 0)
        }
        assert squeezed(source) in made
        first, last = made[squeezed(source)]
        lines = piece.split("\n")
        added = [*lines[:first], *lines[len(lines) - last :]]
        assert all(line.lstrip("> \t")[:3] in {"```", "~~~"} or "|" in line for line in added)


@given(TEXTS, LIMITS, MEASURES)
@example("~~~ ~\n```\n" + "x" * 99 + "\n```\n", 64, len)
def test_every_piece_closes_its_fences(
    text: str, limit: int, measure: Callable[[str], int]
) -> None:
    longest = max((len(run) for run in regex.findall("`+|~+", text)), default=0)
    for _, piece in parts(text, Splitter(limit, measure)):
        if longest <= limit // 8:
            after = f"{piece}\n\nx"
            assert layout_of(after).code_at(len(after)) is None


@given(TEXTS, LIMITS, st.integers(1, 4))
def test_no_more_pieces_than_asked_for_and_the_same_ones(text: str, limit: int, most: int) -> None:
    splitter = Splitter(limit)
    cuts, all_cuts = splitter.split(text, most), splitter.split(text)
    assert cuts == all_cuts[:most]
    assert (cuts[-1] == len(text)) == (len(all_cuts) <= most)
    pieces = [splitter.piece(text, cuts, index) for index in range(len(cuts))]
    assert pieces == [splitter.piece(text, all_cuts, index) for index in range(len(cuts))]


@given(TEXTS, LIMITS, MEASURES)
def test_no_grapheme_is_cut_that_fits(text: str, limit: int, measure: Callable[[str], int]) -> None:
    cuts = set(Splitter(limit, measure).split(text))
    for grapheme in regex.finditer(r"\X", text):
        if measure(grapheme[0]) <= limit // 4:
            assert not cuts & set(range(grapheme.start() + 1, grapheme.end()))


@given(st.lists(st.integers(0, 40), max_size=40), LIMITS)
def test_tables_are_cut_between_rows_and_repeat_their_header(rows: list[int], limit: int) -> None:
    header = "|a|b|\n|-|-|\n"
    text = "Before.\n\n" + header + "".join(f"|{'x' * width}|&|\n" for width in rows)
    for _, piece in parts(text, Splitter(limit)):
        if "|" in piece:
            table = piece.removeprefix("Before.\n\n")
            assert table.startswith(header.rstrip())
            assert all(line[0] == line[-1] == "|" for line in table.split("\n"))


def codes(text: str) -> list[str]:
    tokens = MarkdownIt().parse(text)
    return [token.content for token in tokens if token.type == "fence"]


@given(st.lists(st.tuples(st.sampled_from(["```", "~~~~"]), CODE), max_size=5), LIMITS)
def test_a_commonmark_parser_finds_the_same_code(
    blocks: list[tuple[str, list[str]]], limit: int
) -> None:
    fenced = [
        f"Words.\n\n{marker}py\n" + "".join(f"{line}\n" for line in lines if line[:3] != marker[:3])
        for marker, lines in blocks
    ]
    text = "".join(f"{block}{block.split('py')[0][8:]}\n\n" for block in fenced)
    pieces = [piece for _, piece in parts(text, Splitter(limit))]
    found = [squeezed(code) for piece in pieces for code in codes(piece)]
    assert "".join(found) == "".join(map(squeezed, codes(text)))


SPANS = [
    "`some code`",
    "**a few words**",
    "[label words](https://a.b/c?d=e)",
    "_so very_",
    "https://a.b/c/d",
]


@given(
    st.lists(st.sampled_from([*SPANS, "word", "Word.", "\n"]), max_size=99), st.integers(100, 400)
)
def test_links_code_and_emphasis_stay_whole(words: list[str], limit: int) -> None:
    text = " ".join(words)
    cuts = set(Splitter(limit).split(text))
    for span in SPANS:
        for found in regex.finditer(regex.escape(span), text):
            assert not cuts & set(range(found.start() + 1, found.end()))


@pytest.mark.parametrize(
    "unit",
    [
        "\n",
        "x",
        "a\n",
        "```\n",
        "`",
        "word ",
        "**a ",
        "[a](b",
        "🇦🇹",
        "> ```\n",
        "> ```\nx\n",
        "|a|b|\n|-|-|\n",
        "- a ```\n",
        "&a",
        "http://x ",
        "-",
        " ",
        "_a",
        "a" + "\u0301" * 9,
        "Some text, and more. " * 9 + "\n\n",
    ],
)
def test_a_megabyte_takes_no_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    splitter = Splitter(2000, utf16)
    started = time.process_time()
    cuts = splitter.split(text)
    assert all(utf16(splitter.piece(text, cuts, index)) <= 2000 for index in range(len(cuts)))
    assert time.process_time() - started < 10  # about one second; machines differ
