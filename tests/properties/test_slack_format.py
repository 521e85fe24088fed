"""No text of a model's calls anybody or is refused, however it is cut.

What is checked is the payload, as Slack gets it.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bots.slack.outbound.escape import ACTIVE, escaped, length, restored
from bots.slack.outbound.format import MARKDOWN, cut, growing, inert, message, piece
from bots.slack.ui.views import words
from core.delivery.splitting.splitter import Splitter
from tests.fakes.slack.blocks import check_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

ATTACKS = [
    *("<!channel>", "<!here|x>", "<!everyone>", "<!subteam^S1>", "<@U123>", "<@U123|x>", "<#C1>"),
    *("@here", "@channel", "@everyone", "@HERE", "\uff20here", "@\u200bhere", "\uff1c!here\uff1e"),
    *("&lt;!here&gt;", "&#60;!here&#62;", "&amp;lt;", "[x](@U123)", "[x](!here)", "[x]: !channel"),
    *(
        "`@here`",
        "a@here.com",
        "x@group",
        "https://a.b/@here",
        "```\n@channel\n```\n",
        "``",
        "~~~\n",
    ),
    *("<", ">", "&", "!", "here", "`", "```\n", "\n", "> ", "|", "\\", "\0", "\u202e", "\r", "@"),
    *(
        "<https://a.b|x>",
        "<mailto:a@b>",
        "<!date^1^{date}|x>",
        "https://a.b?c=1&d=2",
        "| a | b |\n",
    ),
]
TEXTS = st.lists(st.sampled_from(ATTACKS) | st.text(max_size=4), max_size=40).map("".join)
PINGS = re.compile(r"[@\uff20](?:here|channel|everyone|group)\b", re.IGNORECASE)
ADDRESS = re.compile(r"https?://[^\s<>|`]+|\w@[\w-]+\.\w")
WORDS_ONLY = MarkdownIt().disable(["link", "image", "autolink", "reference", "html_inline"])
"""A parser of CommonMark that leaves the signs of links in the words."""
LINKS = re.compile(r"\]\(\s*[!@#](?:[UW][A-Z0-9]{2,}|here|channel|everyone|subteam)")


def parsed(value: Any, key: str = "") -> Iterator[str]:
    """Yield the texts that Slack reads signs in: all but plain text, and ids of our own."""
    if isinstance(value, dict):
        if value.get("type") != "plain_text":
            for name, inner in value.items():
                yield from parsed(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from parsed(inner, key)
    elif isinstance(value, str) and key == "text":
        yield value


def words_in(text: str) -> str:
    """Return a text without its code, its web addresses and its mail addresses."""

    def of(tokens: list[Token]) -> Iterator[str]:
        for token in tokens:
            yield from of(token.children or [])
            if token.type in {"text", "softbreak", "hardbreak"}:
                yield token.content or "\n"
            elif token.type in {"paragraph_close", "link_open", "link_close"}:
                yield "\n"

    return ADDRESS.sub("x", "".join(of(WORDS_ONLY.parse(html.unescape(text)))))


def assert_harmless(payload: object) -> None:
    for text in parsed(payload):
        assert "<" not in text
        assert not PINGS.search(words_in(text))
        assert not LINKS.search(words_in(text))


@given(TEXTS, st.lists(TEXTS, max_size=3), st.booleans())
@example(text="@here\U0003d000", notes=[], explain=False)
@example(text="`<!channel>```\n@channel\n```\n`@here`", notes=[], explain=False)
@example(text="https://a.b/@here<!channel>@here", notes=[], explain=False)
@example(text="`@here````\n`@here`", notes=[], explain=False)
@example(text="https://a.b?c=1&d=2``@here", notes=[], explain=False)
@example(text="https://a.b/@here&lt;!here&gt;@here", notes=[], explain=False)
def test_no_message_calls_anybody(text: str, notes: list[str], explain: bool) -> None:
    made = message(text, [note or "-" for note in notes], explain_trim=explain)
    assert_harmless(made)
    assert made["parse"] == "none"
    assert made["link_names"] is False
    check_blocks(made["blocks"])


@given(TEXTS, st.integers(64, 200))
def test_no_cut_makes_a_text_call_anybody(text: str, limit: int) -> None:
    splitter = Splitter(limit, lambda part: len(inert(part)))
    cuts = splitter.split(text)
    for index in range(len(cuts)):
        assert_harmless(message(splitter.piece(text, cuts, index)))


MISLEADING = "[bank.com](https://evil.example/a?b=c) "


@given(st.lists(TEXTS | st.just(MISLEADING), max_size=6), st.integers(1, 60))
@example([MISLEADING], 900)
def test_every_piece_fits_with_what_is_added_to_it(texts: list[str], times: int) -> None:
    text = "".join(texts) * times
    cuts = cut(text)
    shown = [message(piece(text, cuts, index)) for index in range(len(cuts))]
    blocks = [made["blocks"][0]["text"] for made in shown]
    assert all(len(block) <= MARKDOWN for block in blocks)
    assert all(len(made["text"]) < 4_000 for made in shown)
    if texts == [MISLEADING]:
        assert "".join(blocks).count("(leads to https://evil.example/a?b=c)") == times


@given(TEXTS, st.lists(st.integers(0, 200), max_size=5))
@example("@channel\u202ea", [9, 10])
@example("@chan\u202enela", [9, 10])
def test_no_stream_calls_anybody(text: str, ends: list[int]) -> None:
    sent = ""
    for end in sorted(ends):
        now = growing(text[:end])
        assert now.startswith(sent)
        sent = now
    assert_harmless({"text": sent})


@given(TEXTS | st.text())
@example("@\u200bhere [x](!here) \uff1c!here\uff1e")
def test_a_text_without_an_active_sign_is_inert_already(text: str) -> None:
    plain = ACTIVE.sub("", text)
    assert plain == inert(plain) == escaped(plain) == escaped(plain, has_code=False)
    assert length(plain) == len(plain)


@given(TEXTS)
def test_what_is_shown_is_what_was_written(text: str) -> None:
    seen = restored(inert(text))
    hidden = dict.fromkeys([0x2060, 0xFFFD, 0x202E, 0, *range(9), *range(11, 32), *range(127, 160)])
    hidden |= dict.fromkeys(
        [*range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000)]
    )
    assert seen.translate(hidden) == text.translate(hidden)
    assert "<" not in escaped(text)


@given(TEXTS, st.lists(TEXTS))
def test_no_view_calls_anybody(title: str, lines: list[str]) -> None:
    view = words(title[:20] or "-", lines)
    assert_harmless(view)
    check_blocks(view["blocks"], view=True)
