"""What people see beside the conversation, within what Slack takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bots.slack.blocks import BLOCKS, clipped, modal, select
from bots.slack.format import REMEMBER
from bots.slack.screens import (
    EXPORT_JSON,
    EXPORT_MD,
    FORGET,
    ROWS,
    Habits,
    Row,
    chooser,
    home,
    memory,
    sure,
    told,
)
from core.admission import FollowUp
from core.commands import View
from core.memory.plan import Parts, Plan
from core.message import ThreadKey
from tests.fakes.slack.blocks import check_blocks, texts
from tests.talk import entry, turn

if TYPE_CHECKING:
    from core.session import Turn

KEY = str(ThreadKey("slack", "T1/C1", "1700000000.000100"))
HABITS = Habits(strategy="hybrid", follow_up=FollowUp.ALONE, overhears=True, days=30)
ROW = Row(key=KEY, where="#general", about="3 replies, 2 hours ago", first="Where is <!here>?")


def seen(*turns: Turn, summary: str = "", withheld: bool = False, left_out: int = 0) -> View:
    tokens = Parts(fixed=100, summary=20, window=1234, new=0)
    plan = Plan(
        summary=summary,
        withheld=withheld,
        turns=turns,
        batch=(),
        left_out=left_out,
        seen_from=0,
        trimmed=False,
        tokens=tokens,
    )
    return View(strategy="hybrid", plan=plan)


def words(view: dict[str, Any]) -> str:
    """Return all that somebody reads in a view that Slack would take."""
    check_blocks(view["blocks"], view="type" in view)
    return "\n".join(texts(view["blocks"]))


def named(view: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [block for block in view["blocks"] if block["type"] == "actions"]
    return [(e["action_id"], e.get("value", "")) for block in rows for e in block["elements"]]


def test_app_home_lists_a_persons_threads_and_what_to_do_with_them() -> None:
    view = home([ROW], HABITS)
    assert view["type"] == "home"
    assert "#general · 3 replies, 2 hours ago · Where is <!here>?" in words(view)
    assert named(view) == [
        (REMEMBER, KEY),
        (EXPORT_MD, KEY),
        (EXPORT_JSON, KEY),
        (FORGET, KEY),
    ]


def test_app_home_says_how_it_remembers_and_what_it_overhears() -> None:
    text = words(home([], HABITS))
    assert "After 30 days of silence" in text
    assert "I also keep what people say to each other" in text
    assert "as long as only one person talks to me" in text
    assert "None yet" in text
    quiet = replace(HABITS, overhears=False, whole_dm=False, follow_up=FollowUp.MENTIONED)
    assert "What is not meant for me I do not keep." in words(home([], quiet))
    assert "thread by thread" in words(home([], quiet))


def test_app_home_shows_the_strategy_that_is_set() -> None:
    view = home([], HABITS)
    menu = next(block["accessory"] for block in view["blocks"] if "accessory" in block)
    assert menu["initial_option"] in menu["options"]
    assert menu["initial_option"]["value"] == "hybrid"


def test_app_home_holds_many_threads() -> None:
    view = home([replace(ROW, first="x" * 5_000)] * 60, HABITS)
    assert len(view["blocks"]) <= BLOCKS
    assert f"And {60 - ROWS} more" in words(view)


def test_what_is_remembered_is_the_summary_and_what_is_seen_word_for_word() -> None:
    one = turn(entry(0, "Where is the <!channel>?", "Ann"))
    view = memory(seen(one, summary="Ann asks.", left_out=2), KEY, "#general")
    text = words(view)
    assert view["private_metadata"] == KEY
    assert "#general, by hybrid: 1,354 tokens in all" in text
    assert "Ann asks." in text
    assert "Word for word (1 exchange, 1,234 tokens)" in text
    assert "Ann: Where is the <!channel>?\nI: " in text
    assert "2 messages left out" in text
    assert all(b["text"]["type"] == "plain_text" for b in view["blocks"] if "text" in b)


def test_nothing_remembered_is_said_so() -> None:
    assert "I remember nothing of this thread yet." in words(memory(None, KEY))
    text = words(memory(seen(), KEY))
    assert "None: nothing was summed up yet." in text
    assert "made anew" in words(memory(seen(withheld=True), KEY))


@pytest.mark.parametrize("length", [1, 300, 9_000])
@pytest.mark.parametrize("count", [1, 45, 500])
def test_a_long_memory_fits_a_view(length: int, count: int) -> None:
    turns = [turn(*(entry(n + m, "x" * length) for m in range(3))) for n in range(0, count * 3, 3)]
    view = memory(seen(*turns, summary="Words. " * length), KEY)
    text = words(view)
    assert len(view["blocks"]) <= BLOCKS
    assert "before" in text or count == 1
    assert (EXPORT_MD, KEY) in named(view)


def test_a_slash_command_in_a_channel_asks_which_thread() -> None:
    made = chooser("export", [ROW, replace(ROW, key="k" * 500)])
    assert "export" in words(made)
    menu = made["blocks"][1]["elements"][0]
    assert menu["action_id"] == "choose_thread_to_export"
    assert [option["value"] for option in menu["options"]] == [KEY]
    assert made["text"]
    assert len(chooser("forget", [ROW] * 300)["blocks"][1]["elements"][0]["options"]) == 100
    assert "What I remember of which" in words(chooser("memory", [ROW]))


def test_a_slash_command_without_threads_says_so() -> None:
    made = chooser("export", [])
    assert "no conversation" in words(made)


def test_what_is_gone_for_good_is_asked_for_twice() -> None:
    view = sure("forget", KEY, "Everything said in #general is forgotten.")
    assert "Everything" in words(view)
    assert view["callback_id"] == "sure_to_forget"
    assert view["private_metadata"] == KEY
    assert view["submit"]["text"] == "Forget"
    assert len(view["title"]["text"]) <= 24


def test_a_long_word_is_cut_to_what_slack_takes() -> None:
    view = told("A title that is much too long for Slack", "word " * 9_000)
    assert len(view["title"]["text"]) <= 24
    assert words(view).endswith("…")
    assert clipped("", 9) == "…"
    assert clipped("one two three", 9) == "one two…"
    assert clipped("👨‍👩‍👧‍👦" * 9, 9) == "👨‍👩‍👧‍👦…"
    assert len(modal("x", [{}] * 200)["blocks"]) == BLOCKS
    assert select("a", "b", [("", "empty")])["options"] == []
