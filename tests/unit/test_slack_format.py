"""What Slack is given to show."""

from __future__ import annotations

import pytest

from bots.slack.outbound.escape import escaped, restored
from bots.slack.outbound.format import (
    MARKDOWN,
    NOTE,
    REMEMBER,
    TEXT,
    cut,
    fallback,
    growing,
    inert,
    message,
    piece,
    text_of,
)
from bots.slack.outbound.titles import title_of
from tests.fakes.slack.blocks import check_blocks

TABLE = "| a | b |\n|---|---|\n| 1 | 2 |"


def test_markdown_stays_what_it_is() -> None:
    text = f"# Title\n\n**bold** and [a link](https://a.b?c=1&d=2)\n\n> quoted\n>> twice\n\n{TABLE}"
    assert inert(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!channel> <@U1> <#C1|x>", "&lt;!channel&gt; &lt;@U1&gt; &lt;#C1|x&gt;"),
        ("`<!here>`", "`&lt;!here&gt;`"),
        ("<https://evil|bank>", "&lt;https://evil|bank&gt;"),
        ("a -> b", "a -&gt; b"),
        ("AT&T, a && b, ?c=1&d=2", "AT&T, a && b, ?c=1&d=2"),
        ("&lt;!here&gt; &#60; &#x3c;", "&amp;lt;!here&amp;gt; &amp;#60; &amp;#x3c;"),
        ("@here, @Channel", "@\u2060here, @\u2060Channel"),
        ("@hereby me@heresy.org", "@hereby me@heresy.org"),
        ("\uff20everyone \uff1c!here\uff1e", "\uff20\u2060everyone \uff1c\u2060!here\uff1e"),
        ("@\u200bhere", "@\u2060\u200bhere"),
        ("[you](@U123) [all](!here)", "[you](\u2060@U123) [all](\u2060!here)"),
        ("a[0](!done)", "a[0](!done)"),
        ("a\0b\x1b[31m\u202ec\r\n", "a\ufffdbc\n"),
    ],
)
def test_nothing_calls_anybody(text: str, shown: str) -> None:
    assert inert(text) == shown


def test_own_markup_is_escaped_whole() -> None:
    assert escaped("> a & <b> @here") == "&gt; a &amp; &lt;b&gt; @\u2060here"


def test_a_message_has_a_block_and_a_text() -> None:
    made = message("# A *title*\n\nSee **this** [page](https://a.b) & more:\n\n```py\nx < 1\n```")
    assert made["blocks"] == [
        {
            "type": "markdown",
            "text": "# A *title*\n\nSee **this** [page](https://a.b) & more:\n\n"
            "```py\nx &lt; 1\n```",
        }
    ]
    assert made["text"] == "A *title*\n\nSee this page (https://a.b) &amp; more:\n\nx &lt; 1"
    assert (made["parse"], made["link_names"]) == ("none", False)


def test_notes_stand_under_it() -> None:
    made = message("Hi.", ("One <!here>.", "x" * 999), explain_trim=True)
    notes, meaning, button = made["blocks"][1:]
    assert notes["type"] == meaning["type"] == "context"
    assert [note["type"] for note in notes["elements"]] == ["plain_text"] * 2
    assert notes["elements"][0]["text"] == "One <!here>."  # plain text is only shown
    assert len(notes["elements"][1]["text"]) == NOTE
    assert meaning["elements"][0]["text"].startswith("✂️ means")
    assert button["elements"][0]["action_id"] == REMEMBER
    check_blocks(made["blocks"])


@pytest.mark.parametrize("text", ["", "  \n", "\x00", "```\n```"])
def test_there_is_always_something_to_show(text: str) -> None:
    made = message(text)
    check_blocks(made["blocks"])
    assert made["text"].strip()


@pytest.mark.parametrize("unit", ["word ", "<", "&lt;", "@here ", "line\n", f"{TABLE}\n\n", "🇦🇹"])
def test_slack_takes_every_piece_of_a_long_answer(unit: str) -> None:
    text = unit * (60_000 // len(unit))
    cuts = cut(text)
    for index in range(len(cuts)):
        made = message(piece(text, cuts, index), ("x" * NOTE,) * 9, explain_trim=True)
        check_blocks(made["blocks"])
        assert len(made["blocks"][0]["text"]) <= MARKDOWN
        assert 0 < len(made["text"]) <= TEXT


def test_a_text_that_is_too_long_is_shown_as_far_as_it_fits() -> None:
    made = message("word " * 9_000)
    check_blocks(made["blocks"])
    assert made["text"].endswith("…")


def test_a_text_beside_code_that_goes_on_is_whole() -> None:
    assert fallback("~~~\ncode\n~~~\nwords") == "code\nwords"
    assert len(fallback("&" * 9_000)) <= TEXT


def test_what_is_read_back_is_what_was_posted() -> None:
    text = f"Hi & <b> &lt; @here\n\n{TABLE}"
    assert text_of(message(text)) == text
    assert text_of({"blocks": [{"type": "rich_text"}], "text": "Hi"}) == ""
    assert text_of({}) == ""


def test_a_stream_waits_for_what_may_come_to_mean_something_else() -> None:
    whole = "See &lt; and @here, and [x](@U123)."
    sent = ""
    for end in range(len(whole) + 1):
        now = growing(whole[:end])
        assert now.startswith(sent)
        sent = now
    assert restored(sent) == whole


@pytest.mark.parametrize(
    "text",
    [
        "```py\nsend('@channel', '@Group', '@here')\n```",
        "~~~\n@everyone\n~~~",
        "> ```\n> @here\n> ```",
        "`@Group` and ``a ` @here``",
        "npm i `@here/maps`",
        "Write to info@group.com or sales@here.example",
        "https://medium.com/@everyone/post",
        "[docs](https://medium.com/@here/post)",
        "`[a](!here)`",
    ],
)
def test_what_people_copy_is_unchanged(text: str) -> None:
    assert inert(text) == text
    for end in range(len(text)):
        assert text.startswith(growing(text[:end]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@here b", "a@\u2060here b"),
        ("`a` @here `b`", "`a` @\u2060here `b`"),
        ("\\`@here\\`", "\\`@\u2060here\\`"),
        ("` @here", "` @\u2060here"),
        ("```\n\x1b[1;31mred\x1b[0m\n```", "```\nred\n```"),
        ("```\nx\n```\n@here", "```\nx\n```\n@\u2060here"),
        (f"`{'x' * 400} @here`", f"`{'x' * 400} @\u2060here`"),
    ],
)
def test_words_beside_code_call_nobody(text: str, expected: str) -> None:
    assert inert(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[https://bank.com](https://evil.com)!", " (leads to https://evil.com)!"),
        ("[a@bank.com](mailto:b@evil.com)!", " (leads to b@evil.com)!"),
        ("![bank.com](https://evil.com/a.png)!", " (leads to https://evil.com/a.png)!"),
        ("[www.bank.com/x](https://bank.com/x)!", "!"),
        ("[main.py](https://github.com/a/main.py)!", "!"),
        ("`[bank.com](https://evil.com)`!", "!"),
        ("```\n[bank.com](https://evil.com)\n```", ""),
    ],
)
def test_a_link_whose_words_are_another_address_says_where_it_leads(
    text: str, expected: str
) -> None:
    shown = message(text)["blocks"][0]["text"]
    assert shown == text.removesuffix("!" if expected else "") + expected
    assert text_of(message(text)) == text
    sent = ""
    for end in range(len(text) + 1):
        now = growing(text[:end])
        assert now.startswith(sent)
        sent = now


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ("why does ```py\nprint('x')\n``` fail?", "why does print('x') fail?"),
        ("```\nx = 1\n```\nis wrong", "x = 1 is wrong"),
        ("~~~js\nx\n~~~ what", "x what"),
        ("what is `a_b` <@U1>?", "what is a_b ?"),
    ],
)
def test_a_title_has_no_marks_of_code(asked: str, title: str) -> None:
    assert title_of(asked) == title
