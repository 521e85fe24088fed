"""What people see on Discord of the Markdown that models write, by an independent renderer."""

from __future__ import annotations

import pytest

from bots.discord.outbound.format import LIMIT, cut, length, piece, preview
from tests.discord_markdown.renderer import Drawn, drawn

WORDS = "Some words that explain what comes next in plain prose. "
CODE = "\n".join(f"line_{number} = compute({number})" for number in range(200))
JOINER = "\u2060"


def posts(text: str) -> list[str]:
    cuts = cut(text)
    return [piece(text, cuts, index) for index in range(len(cuts))]


def shown(text: str) -> str:
    (post,) = posts(text)
    return post


def seen(text: str) -> list[Drawn]:
    return [drawn(post) for post in posts(text)]


def squeezed(text: str) -> str:
    return "".join(text.split())


FENCES = {
    "a plain one": f"Intro.\n```python\n{CODE}\n```\nOutro. {WORDS * 30}",
    "in a list": "1. First:\n   ```python\n   "
    + CODE.replace("\n", "\n   ")
    + f"\n   ```\n2. Then {WORDS * 30}",
    "opened behind words": f"Run this: ```python\n{CODE}\n```\nAfter that. {WORDS * 30}",
    "opened behind words, without a language": f"The output: ```\n{CODE}\n```\n{WORDS * 30}",
    "opened behind words, code on its line": f"Run ```line_x = 1\n{CODE}\n```\n{WORDS * 30}",
    "opened behind a number": f"1. ```python\n{CODE}\n```\n2. After that. {WORDS * 30}",
    "opened behind a label": f"**main.py** ```python\n{CODE}\n```\n{WORDS * 60}",
    "closed behind its last line": f"```python\n{CODE}```\n{WORDS * 80}",
    "closed with words behind": f"```python\n{CODE}\n``` and then {WORDS * 80}",
    "followed by the next one": f"```python\n{CODE}```\nThen\n```js\nx()\n```\n{WORDS * 60}",
    "of tildes": f"~~~python\n{CODE}\n~~~\nAfter. {WORDS * 20}",
    "of five backticks": f"`````python\n{CODE}\n`````\nAfter. {WORDS * 20}",
    "in a quote": "> ```python\n> " + CODE.replace("\n", "\n> ") + f"\n> ```\n\n{WORDS * 20}",
    "in a quote without spaces": ">```python\n>" + CODE.replace("\n", "\n>") + "\n>```\n\nAfter.",
    "never closed": f"{WORDS}\n```python\n{CODE}",
    "indented by a tab": f"- a\n\t```python\n\t{CODE}".replace("\nline", "\n\tline") + "\n\t```",
}


@pytest.mark.parametrize("name", FENCES)
def test_code_stays_code_in_posts_of_any_number(name: str) -> None:
    found = seen(FENCES[name])
    blocks = squeezed("".join(code for each in found for _, code in each.blocks))
    assert squeezed(CODE) in blocks
    assert "Some" not in blocks
    assert "After" not in blocks
    words = "".join(each.words for each in found)
    assert "compute" not in words
    assert words.count("Some words") == FENCES[name].count("Some words")
    assert len(found) > 1


TICKS = {
    "a bot's code": (
        '```py\n@bot.command()\n    await ctx.send(f"```py\\n{out}\\n```")\n```\nThat is all.',
        ["@bot.command()", '    await ctx.send(f"```py\\n{out}\\n```")'],
    ),
    "a docstring": (
        '```py\ndef f():\n    """Use it:\n    ```\n    f()\n    ```\n    """\n```\nThat is all.',
        ["    ```", "    f()"],
    ),
    "a heredoc": (
        "```bash\ncat > R.md <<'EOF'\n# T\n````bash\nmake\n````\nEOF\n```\nThat is all.",
        ["# T", "````bash", "make", "````", "EOF"],
    ),
    "four around three": (
        "````md\n# T\n```bash\nmake\n```\nEnd\n````\nThat is all.",
        ["# T", "```bash", "make", "```", "End"],
    ),
    "three around three": (
        "```markdown\n# T\n```bash\nmake\n```\nEnd\n```\nThat is all.",
        ["# T", "```bash", "make", "```", "End"],
    ),
    "tildes around three": (
        "~~~markdown\n# T\n```bash\nmake\n```\nEnd\n~~~\nThat is all.",
        ["# T", "```bash", "make", "```", "End"],
    ),
    "a template": (
        "```js\nconst md = '```js\\ncode\\n```';\nlog(`${md}`)\n```\nThat is all.",
        ["const md = '```js\\ncode\\n```';", "log(`${md}`)"],
    ),
    "a line with all runs": (
        "```md\na `b` ``c`` ```d``` e\n```\nThat is all.",
        ["a `b` ", "``c`` ```d``` e"],
    ),
}


@pytest.mark.parametrize("name", TICKS)
def test_code_with_backticks_is_code_word_for_word(name: str) -> None:
    text, lines = TICKS[name]
    (found,) = seen(text)
    code = [*found.inline, *(line for _, block in found.blocks for line in block.split("\n"))]
    assert set(lines) <= set(code)
    assert found.words.replace("\0", "").strip() == "That is all."


@pytest.mark.parametrize(
    "text",
    [
        "```py\nawait channel.send('@everyone', parse=['@here'])\n```",
        "```py\nif content.startswith('<@123456789012345678>'):\n    pass\n```",
        "```sh\nnpm install @here/maps-api-for-javascript\n```",
        "`@everyone`",
        "``a ` @here``",
        "Write to sales@here.com",
        "[docs](https://medium.com/@everyone/post)",
        "https://medium.com/@here/post",
        "```ansi\n\u001b[2;31mred\u001b[0m\n```",
        "\u0628\u0647 \u0645\u06cc\u200c\u0631\u0648\u0645",
        "a\u00adb",
        "e\u200bf",
    ],
)
def test_what_people_copy_is_unchanged(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "@everyone",
        "@heretic",
        "\uff20here",
        "a @here b",
        "\\@everyone",
        "&#64;everyone",
        "[@here](https://a.b)",
        "[a](@everyone)",
        "#### @here",
        "- [ ] @everyone",
        "<b>@here</b>",
        "<@123456789012345678>",
        "&lt;@&123456789012345678>",
        "\\<@123456789012345678>",
        "x<sup>@here</sup>",
    ],
)
def test_words_mention_nobody(text: str) -> None:
    post = shown(text)
    assert not drawn(post).kinds & {"everyone", "here", "user", "role"}
    assert JOINER in post


def test_colours_go_on_in_the_next_post() -> None:
    text = "```ansi\n\u001b[1;31m" + "red line\n" * 400 + "\u001b[0mplain\n```"
    found = [code for each in seen(text) for _, code in each.blocks]
    assert len(found) > 1
    assert all(code.startswith("\u001b[1;31m") for code in found)


# --- spoilers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"The end: ||{WORDS * 60}||",
        f"||{WORDS * 30}\n\n{WORDS * 30}||",
        f"||Look:\n```py\n{CODE}\n```||",
        f"Why: ||{'secret ' * 300}|| and ||{'secret ' * 300}||",
    ],
)
def test_a_spoiler_stays_hidden_in_all_posts(text: str) -> None:
    for each in seen(text):
        open_words = each.words
        for hidden in each.hidden:
            open_words = open_words.replace(hidden, "", 1)
        assert not {"secret", "explain"} & set(open_words.split())
        assert "|" not in each.words


def test_a_spoiler_is_hidden_while_it_is_written() -> None:
    text = "The murderer is ||the gardener||."
    for end in range(19, len(text)):
        found = drawn(preview(text[:end]))
        assert "gard" not in found.words.replace("".join(found.hidden), "")


@pytest.mark.parametrize(
    "text",
    [
        "if a || b then c || d",
        "a||b and c||d",
        "`a || b` or c || d",
        "x || y\n```js\nx || y\n```\n||",
    ],
)
def test_bars_of_logic_hide_nothing(text: str) -> None:
    found = drawn(shown(text))
    assert not found.hidden
    assert squeezed(found.words.replace("\0", "")).count("||") == squeezed(
        text.replace("`a || b`", "").replace("\nx || y\n", "")
    ).count("||")


# --- what Discord can't show --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#### Deep **heading**", "**Deep heading**"),
        ("###### Deepest ##", "**Deepest**"),
        ("  ## Second ##", "## Second"),
        ("> #### quoted\n>no space", "> **quoted**\n> no space"),
        ("Title\n=====\ntext", "# Title\ntext"),
        ("Title\n-----\n\ntext", "## Title\n\ntext"),
        ("a\n\n---\n\nb", "a\n\n" + "\u2500" * 10 + "\n\nb"),
        ("* * *\n- - -\n___", "\n".join(["\u2500" * 10] * 3)),
        ("- [ ] open\n- [x] done\n  1. [X] sub", "- \u2610 open\n- \u2611 done\n  1. \u2611 sub"),
        ("+ a\n  + b\n    1) c", "- a\n  - b\n    1. c"),
        ("1. ### One\n2) ## **Two** ##", "1. **One**\n2. **Two**"),
        ("- # a\n    * #### b `c`", "- **a**\n    * **b `c`**"),
        ("[---](https://a.b) [1) x](https://c.d)", "[---](https://a.b) [1) x](https://c.d)"),
        ("So[^1].\n\n[^1]: Because.", "So\u00b9.\n\n-# \u00b9 Because."),
        ("![a cat](https://a.b/c.png)", "[a cat](https://a.b/c.png)"),
        ("![](https://a.b/c.png)", "[image](https://a.b/c.png)"),
        ("[![b](https://a.b/s.svg)](https://c.d)", "[b](https://c.d)"),
        ('[x](https://a.b "Title")', "[x](https://a.b) (Title)"),
        ("[x][1] [y]\n\n[1]: https://a.b\n[Y]: <https://c.d>", "[x](https://a.b) [y](https://c.d)"),
        ("[top](#top) [file](docs/a.md)", "top (#top) file (docs/a.md)"),
        ("[mail](mailto:a@b.example)", "mail (a@b.example)"),
        ("`a`[`b`](docs/b.md)<code>c</code>", f"`a`{JOINER}`b` (docs/b.md)`c`"),
        ("`a`<code>c</code>", f"`a`{JOINER}`c`"),
        ("[\\*T\\*](https://a.b)", "\\*T\\* (https://a.b)"),
        ("[a\\_b c](https://a.b)", "[a_b c](https://a.b)"),
        ("[see ****](https://a.b)", "see \\*\\*\\*\\* (https://a.b)"),
        ("<a.b+c@d.example> <mailto:x@here.com>", "a.b+c@d.example x@here.com"),
        ("> a\n# B\n> c\n> d\n-# e", "> a\n\n# B\n> c\n> d\n\n-# e"),
        ("> [!WARNING]\n> Careful", "> **Warning**\n> Careful"),
        (">[!note] \n>x\n\n[!TIP]", "> **Note**\n> x\n\n[!TIP]"),
        ("a<br>b", "a\nb"),
        ("<b>bold</b> <i>so</i> <u>u</u>", "**bold** *so* __u__"),
        ("H<sub>2</sub>O x<sup>2</sup> x<sup>ab</sup>", "H\u2082O x\u00b2 x^(ab)"),
        ("<kbd>Ctrl</kbd>+<code>a_b</code>", "`Ctrl`+`a_b`"),
        ("<details><summary>More</summary>x</details>", "**More**x"),
        (
            '<a href="https://a.b">x</a> <img src="https://c.d" alt="y">',
            "[x](https://a.b) [y](https://c.d)",
        ),
        ("a <!-- hidden - note --> b", "a  b"),
        ("List<String>, <your-token>, <b> alone", "List<String>, <your-token>, <b> alone"),
        ("&lt;b&gt; &amp; &#42;x&#42;", "<b> & \\*x\\*"),
        ("AT&T; &notathing1;", "AT&T; &notathing1;"),
        ("__bold__ words and __init__", "**bold** words and \\_\\_init\\_\\_"),
        ("![x][1]\n\n[1]: https://a.b", "[x](https://a.b)"),
        ("<b>\n```\nx\n```\n</b>", "**\n```\nx\n```\n**"),
        (
            "Look:\n\n    a_b_c = 1\n\n    #### x\n\nDone.",
            "Look:\n\n```\na_b_c = 1\n\n#### x\n```\n\nDone.",
        ),
        ("- a\n\n    more of it\n\n    - b", "- a\n\n    more of it\n\n    - b"),
        ("> | a | b |\n> |---|---|\n> | 1 | 2 |", "> ```\n> a  b\n> \u2500  \u2500\n> 1  2\n> ```"),
        ("__bold words__", "**bold words**"),
        ("hard\\\nbreak", "hard\nbreak"),
        ("it is $x^2$, for $5 and $10", "it is `x^2`, for $5 and $10"),
        ("\\(a_b\\) and \\[x]", "`a_b` and \\[x]"),
        ("$$\n\\frac{a}{b}\n$$", "```tex\n\\frac{a}{b}\n```"),
        ("So \\[ E = mc^2 \\]", "So \n```tex\nE = mc^2\n```"),
        ('```c++ title="a.cpp"\nx\n```', "-# a.cpp\n```c++\nx\n```"),
        ("```\n```", "```\n \n```"),
        ("```\n\x1b[31mred\n```", "```ansi\n\x1b[31mred\n```"),
        ("```sh\n\x1b[1;31mred\x1b[0m\n```", "```sh\nred\n```"),
        ("``` {.python}\nx\n```", "```\nx\n```"),
        ("```txt\na\n```not-a-close\nb\n```", "```txt\na\n```\n` ```not-a-close`\n```txt\nb\n```"),
        ("Line 1\nLine 2\n---\nLine 3", "Line 1\nLine 2\n" + "\u2500" * 10 + "\nLine 3"),
        ("a lone ` tick\n\nand ` another", "a lone \\` tick\n\nand \\` another"),
        ("Type ``` to open it.", "Type \\`\\`\\` to open it."),
    ],
)
def test_markdown_becomes_what_discord_shows(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_a_narrow_table_is_aligned_by_what_people_see() -> None:
    table = (
        "| Name | Age | City |\n|------|:---:|-----:|\n| **Bob** | 4 | `S\u00e3o Paulo` |\n"
        "| \u4e2d\u6587\u5b57 | \U0001f468\u200d\U0001f469\u200d\U0001f467 | x \\| y |\nAfter."
    )
    assert shown(table) == (
        "```\nName    Age       City\n\u2500\u2500\u2500\u2500\u2500\u2500  \u2500\u2500\u2500  "
        "\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\nBob      4   S\u00e3o Paulo\n"
        "\u4e2d\u6587\u5b57  \U0001f468\u200d\U0001f469\u200d\U0001f467       x | y\n```\nAfter."
    )


def test_a_wide_table_or_one_with_links_is_a_list() -> None:
    wide = "| A | B | C |\n|--|--|--|\n| a | `x || y` | " + "long " * 20 + "|\n| b | | d |"
    assert shown(wide) == (
        f"**A: a**\n- B: `x || y`\n- C: {'long ' * 20}".rstrip() + "\n**A: b**\n- C: d"
    )
    linked = "| Site | Use |\n|--|--|\n| [a](https://a.b) | x |"
    assert shown(linked) == "**Site: [a](https://a.b)**\n- Use: x"


def test_a_table_over_several_posts_keeps_its_columns_and_header() -> None:
    rows = "".join(f"| {number} | {'x' * (number % 20)} |\n" for number in range(300))
    found = posts(f"| Number | Bar |\n|--|--|\n{rows}")
    assert len(found) > 1
    assert all(post.startswith("```\nNumber  Bar\n\u2500\u2500\u2500") for post in found)
    assert sum(post.count("\n") - 3 for post in found) == 300
    assert all(length(post) <= LIMIT for post in found)


# --- links --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[https://bank.com](https://evil.com)", "https://bank.com (leads to https://evil.com)"),
        ("[bank.com/login](https://evil.com)", "bank.com/login (leads to https://evil.com)"),
        ("**[bank.com](https://evil.com)**", "**bank.com (leads to https://evil.com)**"),
        ("[`bank.com`](https://evil.com)", "`bank.com` (leads to https://evil.com)"),
        ("[a@bank.com](mailto:b@evil.com)", "a@bank.com (leads to b@evil.com)"),
        ("[bank.com](https://bank.com.evil.ru)", "bank.com (leads to https://bank.com.evil.ru)"),
        ("[bank.com](https://bank.com@evil.ru)", "bank.com (leads to https://bank.com@evil.ru)"),
        ("![bank.com](https://evil.com/a.png)", "bank.com (leads to https://evil.com/a.png)"),
        ("[https://a.b/c](https://a.b/c)", "https://a.b/c"),
        ("[main.py](https://github.com/a/main.py)", "[main.py](https://github.com/a/main.py)"),
        ("[Node.js](https://nodejs.org)", "[Node.js](https://nodejs.org)"),
        ("[e.g. this](https://a.b)", "[e.g. this](https://a.b)"),
    ],
)
def test_a_link_whose_words_are_another_address_says_where_it_leads(
    text: str, expected: str
) -> None:
    assert shown(text) == expected


MARKS = {
    "an operator": ("2 ** 3 is `x ** y`.", "2 ** 3 is \0.", ["x ** y"]),
    "no pair": ("Use *args, *kw or `f(*a)`: `a*b`", "Use *args, *kw or \0: \0", ["f(*a)", "a*b"]),
    "a name": ("snake_case\n```py\nfor _ in x: y_ \n```", "snake_case\n\0", ["for _ in x: y_ "]),
    "a strike": ("~~ is `a ~~ b`", "~~ is \0", ["a ~~ b"]),
    "a strike into a block": ("x ~~y\n```py\n@everyone\n~~\n```", "x ~~y\n\0", ["@everyone\n~~"]),
    "bold code": ("**`**kwargs`** is a dict", "\0 is a dict", ["**kwargs"]),
    "italic code": ("*`*args`*, *`*b`*", "\0, \0", ["*args", "*b"]),
    "code between pairs": ("`a`**`**`** b", f"\0{JOINER}\0 b", ["a", "**"]),
    "bold around code": ("**No `x**y` here**, **so**", "No \0 here, so", ["x**y"]),
    "italic around code": ("*Use `a*b`*, _or `my_ a`_", "Use \0, or \0", ["a*b", "my_ a"]),
    "both around code": ("***x `a**b*c` y***", "x \0 y", ["a**b*c"]),
    "one in the other": ("**a *b `x*y` c* d**", "a b \0 c d", ["x*y"]),
    "in a quote": ("> **q `a**` x**\n> y", "q \0 x\ny", ["a**"]),
    "in a heading": ("# a *b\n`x*y` *c*", "a *b\0 c", ["x*y"]),
    "in a link": ("[a *b](https://b.c) `x*y`", "a *b \0", ["x*y"]),
    "behind an address": ("https://b.c/`x`", "https://b.c/ \0", ["x"]),
    "in an angle": ("<https://b.c\n```\nx>y\n```", "<https://b.c \n\0", ["x>y"]),
    "a bracket": ("see [x\n```js\na[1](y)\n```", "see [x\n\0", ["a[1](y)"]),
    "a bracket behind code": ("[`](https://b.c)` x", "[\0 x", ["](https://b.c)"]),
    "a backslash": ("*\\ `*`*", "\\ \0", ["*"]),
    "a link's end in code": (
        " `*`[x *y](https://a.b)`](https://a.b)`",
        " \0[x *y](https://a.b) \0",
        ["*", "](https://a.b)"],
    ),
    "an address with code": ("[x](https://a.b`y)z` c", "[x](https://a.b \0 c", ["y)z"]),
    "a formula's end in code": ("\\[x `a\\]`", "[x \0", ["a\\]"]),
    "in a deep heading": ("#### **Use** `**kwargs`", "Use \0", ["**kwargs"]),
    "in a list's heading": ("- # `**`", "- \0", ["**"]),
    "in a table": (
        "|a|b|\n|-|-|\n|`**x`|[y](https://b.c)|",
        "a: \0\n- b: y",
        ["**x"],
    ),
    "many": ("***`_`**# *`*`", "***\0**# *\0", ["_", "*"]),
}


@pytest.mark.parametrize("name", MARKS)
def test_no_mark_in_words_ends_in_code(name: str) -> None:
    text, words, codes = MARKS[name]
    found = drawn(shown(text))
    assert found.words == words
    assert [*found.inline, *(code for _, code in found.blocks)] == codes


@pytest.mark.parametrize(
    ("text", "words", "kind"),
    [
        ("2 ** 3 and 4 ** 5", "2 ** 3 and 4 ** 5", "strong"),
        ("foo_bar and baz_ too", "foo_bar and baz_ too", "em"),
        ("a ~~ b ~~ c", "a ~~ b ~~ c", "strikethrough"),
        ("The password is ****** and so on", "The password is ****** and so on", "em"),
        ("rated ***** (5 stars) or ***", "rated ***** (5 stars) or ***", "strong"),
        ("s**** and f****, d****", "s**** and f****, d****", "em"),
        ("Card **** **** **** 1234", "Card **** **** **** 1234", "strong"),
        ("Name: ______ Date: ____", "Name: ______ Date: ____", "em"),
        ("a_______b and c___d", "a_______b and c___d", "underline"),
        ("a ~~~~~~ b", "a ~~~~~~ b", "strikethrough"),
        ("`a` ****** `b`", "\0 ****** \0", "em"),
        ("f** this, f** that", "f** this, f** that", "strong"),
        ("h*** no, f*** yes", "h*** no, f*** yes", "em"),
        ("a__ b__ c", "a__ b__ c", "underline"),
        ("x~~ y~~ z", "x~~ y~~ z", "strikethrough"),
        ("**> 5 s** is slow", "> 5 s is slow", "blockQuote"),
        ("Done.\n*# 1* of them", "Done.\n# 1 of them", "heading"),
        ("||> 5||", "> 5", "blockQuote"),
        ("# **-# x**", "-# x", "subtext"),
        ("[# 3](https://a.b)", "# 3 (https://a.b)", "heading"),
        ("You *** liar, *** off", "You *** liar, *** off", "strong"),
        ("That ***, and ***! Yes", "That ***, and ***! Yes", "strong"),
        ("Free*, or cheap*.", "Free*, or cheap*.", "em"),
        ("a**, b**; c", "a**, b**; c", "strong"),
    ],
)
def test_what_is_no_emphasis_in_commonmark_is_none(text: str, words: str, kind: str) -> None:
    found = drawn(shown(text))
    assert found.words == words
    assert kind not in found.kinds


@pytest.mark.parametrize(
    "text",
    [
        *("****so****", "*****so*****", "**the code is** \\*\\*\\*\\*", "https://a.b/**** x"),
        *("**a** **b** and **c**", "**bold** words, __x__ and ~~y~~ z", "> **a** b"),
        *("```\n**** # ____\n```", "`f****`, `____`", "see **> 5** of them"),
    ],
)
def test_marks_around_words_code_and_addresses_stay(text: str) -> None:
    assert shown(text).replace("**x**", "__x__") == text


def test_emphasis_around_code_that_does_not_end_it_stays() -> None:
    text = "**bold `x*y`** and *it `a**b`* and ~~`a~b`~~ and 5 * 3 a_b_c `d_e`"
    assert shown(text) == text


ADDRESS = "https://a.b/c_d_/"
ADDRESSES = {
    "a name": (f"gimmick_: <{ADDRESS}>", f"gimmick_: {ADDRESS}", set()),
    "a link in italics": (
        f"by _[x]({ADDRESS})_ or _[y]({ADDRESS})_.",
        "by x or y.",
        {"em", "link"},
    ),
    "an address in italics": (f"_reason: {ADDRESS}_", f"reason: {ADDRESS}", {"em"}),
    "underlined": ("__a https://x.y/a__b c__", "a https://x.y/a__b c", {"underline"}),
    "italics by stars": ("*see https://a.b/x*y*", "see https://a.b/x*y", {"em"}),
    "bold": ("**see https://a.b/x**y**", "see https://a.b/x**y", {"strong"}),
    "an open mark": ("Use *args: https://a.b/*.js", "Use *args: https://a.b/*.js", set()),
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_no_mark_in_words_ends_in_an_address(name: str) -> None:
    text, words, kinds = ADDRESSES[name]
    found = drawn(shown(text))
    assert found.words == words
    assert found.kinds - {"text", "url", "autolink"} == kinds


def test_an_address_in_bold_or_beside_marks_stays() -> None:
    text = f"**{ADDRESS}** *[x]({ADDRESS})* [*y*]({ADDRESS}) ~~{ADDRESS}~~ {ADDRESS}*"
    assert shown(text) == text


@pytest.mark.parametrize("sign", ["\ud800", "\u202e", "\0", "\x1b"])
def test_a_backslash_lets_nothing_unseen_through(sign: str) -> None:
    assert sign not in shown(f"a\\{sign}b")
