"""What a model writes is what Discord shows, by an independent renderer, in however many posts."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from bots.discord.outbound.format import LIMIT, cut, length, piece, preview
from bots.discord.outbound.markdown.render import MARKDOWN
from tests.discord_markdown.renderer import drawn
from tests.properties.test_splitting import TEXTS

CODE_LINES = st.sampled_from(
    [
        *("x = 1", "    if a || b:", "", "await send('@everyone')", "<@123456789012345678>"),
        *("`one`", "``two``", 'send(f"```py\\n{out}\\n```")', "echo '~~~'", "# not a heading"),
        *("| a | b |", "|---|---|", "---", "- [ ] no task", "[a](https://b.c)", "&lt;", "$x^2$"),
        *("> no quote", "sales@here.com", "\\[x\\]", "[^1]: no note", "y" * 150, "<b>x</b>"),
    ]
)
WORDS = st.sampled_from(
    [
        *(
            "Plain words.",
            "a || b",
            "**bold**",
            "`x || y`",
            "``a ` b``",
            "1. one",
            "- two",
            "a ` b",
        ),
        *("#### Fourth", "---", "~~gone~~", "_so_", "C:\\dir", "a_b_c", "5 > 3 < 4", "&amp;", "||"),
        *(
            "\u4e2d\u6587",
            "\U0001f468\u200d\U0001f469",
            "$5 and $6",
            "[a](https://b.c/d)",
            "> quoted",
        ),
        *(
            "@everyone",
            "<@123456789012345678>",
            "word " * 60,
            "\\`",
            "[^1]",
            "x\\",
            "Type ``` to open",
            "no ``` here",
        ),
    ]
)
LANGUAGES = st.sampled_from(["", "py", "js", "c++", "markdown", "python title=x"])


@st.composite
def code_blocks(draw: st.DrawFn) -> tuple[str, str]:
    """Return a block as models write it, and the code that it means."""
    lines = draw(st.lists(CODE_LINES, min_size=1, max_size=40))
    marker, quote = draw(st.sampled_from(["```", "````", "~~~"])), draw(st.sampled_from(["", "> "]))
    inner = "\n".join(f"{quote}{line}" for line in lines)
    return f"{quote}{marker}{draw(LANGUAGES)}\n{inner}\n{quote}{marker}", "\n".join(lines)


@st.composite
def answers(draw: st.DrawFn) -> tuple[str, str]:
    """Return an answer, and all code in its blocks."""
    parts, codes = [], []
    for prose, block in draw(
        st.lists(st.tuples(st.lists(WORDS, max_size=9), code_blocks()), max_size=6)
    ):
        parts += ["\n\n".join(prose), block[0]]
        codes.append(block[1])
    return "\n\n".join(parts), "\n".join(codes)


def posts(text: str) -> list[str]:
    cuts = cut(text)
    return [piece(text, cuts, index) for index in range(len(cuts))]


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u2060]+", "", text)


@given(answers())
@example(("```py\nx\n```", "x"))
@example(("> ```\n> > no quote\n> ```", "> no quote"))
@example((">> ```\n>> >>> x\n>> ```", ">>> x"))
def test_code_is_code_and_unchanged(answer: tuple[str, str]) -> None:
    text, code = answer
    found = [drawn(post) for post in posts(text)]
    blocks = squeezed("".join(text for each in found for _, text in each.blocks))
    assert not {"everyone", "here", "user"} & set().union(*(each.kinds for each in found))
    if "`" not in code:
        assert blocks == squeezed(code)
    for line in code.split("\n"):
        if "```" in line and len(line) < 100:
            assert any(line.strip() in each.strip() for one in found for each in one.inline)


@given(answers().filter(lambda answer: "```" not in answer[1]))
def test_words_are_words(answer: tuple[str, str]) -> None:
    text, _ = answer
    words = squeezed("".join(drawn(post).words for post in posts(text)))
    for sign in ("Plainwords.", "bold", "Fourth", "gone", "\u4e2d\u6587"):
        assert words.count(sign) == squeezed(text).count(sign)


@given(answers())
@example((f"The end: ||{'so ' * 900}||", ""))
@example(("".join(f"{number}. ```py\nx = {number}\n```\n" for number in range(300)), ""))
def test_many_posts_show_what_one_would(answer: tuple[str, str]) -> None:
    text = f"{answer[0]} end"
    whole = drawn(MARKDOWN.show(text, MARKDOWN.layout_of(text), 0, len(text)))
    found = [drawn(post) for post in posts(text)]
    assert squeezed("".join(each.code for each in found)) == squeezed(whole.code)
    assert squeezed("".join(each.words.replace("\0", "") for each in found)) == squeezed(
        whole.words.replace("\0", "")
    )
    assert squeezed("".join("".join(each.hidden) for each in found)) == squeezed(
        "".join(whole.hidden)
    )


@given(TEXTS | answers().map(lambda answer: answer[0]))
def test_every_post_fits_and_so_does_a_preview(text: str) -> None:
    for post in posts(text):
        assert 0 < length(post) <= LIMIT
    assert length(preview(text)) <= LIMIT


@given(TEXTS | answers().map(lambda answer: answer[0]))
def test_posted_again_nothing_changes(text: str) -> None:
    for post in posts(text):
        if length(post) < LIMIT // 2:
            again = "".join(drawn(each).code for each in posts(post))
            assert squeezed(again) == squeezed(drawn(post).code)


MARKS = st.sampled_from(
    [
        *("*", "**", "***", "_", "__", "~~", "~", "||", "[", "[x *y](https://a.b)", "[x *y]", "]"),
        *("<", "<https://a.b", ">", "https://a.b/", "# ", "> ", "-# ", "- ", "\n", "\n\n", " "),
        *("a", "b c", "\\", "!", "-", "1", "\u00e9"),
        *("](", "](https://a.b", "](https://a.b)", "(https://a.b)", "[x](<https://a.b", "<x>"),
        *('[x](https://a.b "t', "[x y]", "[x]: https://a.b\n", "http://", "![", "******", "____"),
    ]
)
"""What words may have that Discord could take for the start of something."""
CODED = st.sampled_from(
    [
        *("*", "**", "_", "__", "~~", "||", "[y](", "x", "y z", " ", ")", "[", "]", ">", "\\"),
        *("](", "](https://a.b)", "(https://a.b)", "<", "https://a.b", "****", "!", "[x]"),
    ]
)


@st.composite
def marked(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Return words full of marks with code among them that has marks too, and the code."""
    made, codes = [], []
    for words, code, is_block in draw(
        st.lists(
            st.tuples(
                st.lists(MARKS, max_size=9).map("".join),
                st.lists(CODED, min_size=1, max_size=6).map("".join).filter(str.strip),
                st.booleans(),
            ),
            min_size=1,
            max_size=4,
        )
    ):
        made.append(re.sub(" +", " ", words.rstrip("\\")) or " ")
        made.append(f"\n\n```py\n{code}\n```\n" if is_block else f"`{code}`")
        codes.append(code)
    return "".join((*made, *draw(st.lists(MARKS, max_size=9)))), codes


@given(marked().filter(lambda made: "~~~" not in made[0]))
@example(("***`_`**# *`*`", ["_", "*"]))
@example((" `*`~~*~~_`~~`", ["*", "~~"]))
@example(("*`**`# *`*`", ["**", "*"]))
@example((" `*`[\\[x *y](https://a.b)`*`", ["*", "*"]))
@example((" `*`[x](<https://a.b`)`", ["*", ")"]))
@example(('\\[x](https://a.b "t`\\](`', ["\\]("]))
@example((" `*`\\[x](<https://a.b`*`\\](", ["*", "*"]))
@example(("____*_`*`____", ["*"]))
@example((" `*`**[`**](https://a.b)`**", ["*", "**](https://a.b)"]))
@example((" `x`**<https://a.b`x`**", ["x", "x"]))
@example((" `*`[`*`****](https://a.b)", ["*", "*"]))
@example(("> [x]\n# `*`[x]: y\n`](https://a.b)`", ["*", "](https://a.b)"]))
@example((">[x *y]`](https://a.b)` \n\n```py\n*\n```\n](https://a.b)", ["](https://a.b)", "*"]))
@example((" `*`\n>\n# *`**` \n\n```py\n***\n```\n", ["*", "**", "***"]))
@example((" `*`[x *y](https://a.b)`](https://a.b)`", ["*", "](https://a.b)"]))
@example((" `*`<****||\n\n```py\n**\n```\n**<https://a.b> ", ["*", "**"]))
def test_no_mark_in_words_takes_code_apart(made: tuple[str, list[str]]) -> None:
    def plain(code: str) -> str:
        return re.sub(r"[|\s]", "", code)  # bars in a spoiler may be split

    found = [drawn(post) for post in posts(made[0])]
    seen = [code for each in found for code in (*each.inline, *(text for _, text in each.blocks))]
    assert sorted(filter(str.strip, map(plain, seen))) == sorted(
        filter(str.strip, map(plain, made[1]))
    )


SIGNS = st.tuples(
    st.sampled_from(["", "f", "a:", "\u4e2d", "("]), st.sampled_from("*_~"), st.integers(4, 9)
)
"""Words, or none, with signs behind them that stand for letters, or for a gap to fill in."""


@given(
    st.lists(SIGNS.map(lambda made: f"{made[0]}{made[1] * made[2]}") | st.just("so,"), min_size=1)
)
def test_signs_that_stand_for_letters_are_shown(words: list[str]) -> None:
    text = f"See {' '.join(words)}"
    assert "".join(drawn(post).words for post in posts(text)) == text
