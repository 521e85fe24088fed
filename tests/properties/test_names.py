"""A name that a person chooses stays a name in the sentences that the program says."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from core.domain.text import unlinked

SIGNS = st.sampled_from(
    [
        "[",
        "]",
        "(",
        ")",
        "!",
        ":",
        "#",
        "-",
        "+",
        "*",
        "1.",
        ">",
        " ",
        "a",
        "http://x.example",
        "~~~",
        "```",
        "\n",
    ]
)
NAMES = st.lists(SIGNS | st.text(max_size=2), max_size=20).map("".join)
_BLOCKS = {"heading_open", "bullet_list_open", "ordered_list_open", "code_block", "fence"}


@given(NAMES)
@example("[Your prize](http://x.example)")
@example("[![a](http://x.example)](http://x.example)")
@example("[a][b]")
@example("[a]: http://x.example")
@example("# a")
@example("1. a")
@example("~~~~")
@example("```")
def test_no_name_is_a_link_or_a_heading(name: str) -> None:
    said = f"{unlinked(name)} reset this conversation."
    assert "\n" not in said
    for block in MarkdownIt().parse(said):
        assert block.type not in _BLOCKS
        inside = block.children or []
        assert not [t for t in inside if t.type == "image"]
        assert not [t for t in inside if t.type == "link_open" and t.info != "auto"]


@given(st.text(alphabet=st.characters(categories=("L", "N")), max_size=40))
@example("Jo_Ann O'Neill-Özil")
@example("安娜")
def test_an_ordinary_name_stays_as_it_is(name: str) -> None:
    assert unlinked(name) == name
