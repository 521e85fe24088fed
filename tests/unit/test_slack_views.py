"""What people see beside messages on Slack, within what Slack takes."""

from __future__ import annotations

from typing import Any

import pytest

from bots.settings.settings import Settings
from bots.slack.ui import views
from bots.slack.ui.commands import help_text
from bots.slack.ui.home import setup_lines
from core.commands.authorized import Remembered
from core.domain.message import Kind, ThreadKey
from core.store.values import ThreadInfo
from tests.fakes.slack.blocks import check_blocks, texts

FAMILY = "👨‍👩‍👧‍👦"


def settings(**given: Any) -> Settings:
    return Settings(**given)


def infos(count: int) -> list[ThreadInfo]:
    return [
        ThreadInfo(
            thread=ThreadKey("slack", "T1/C1", f"17000000{number:02}.000001"),
            kind=Kind.THREAD,
            turns=number,
            waiting=0,
            started_at=1_700_000_000,
            last_at=1_700_000_000 + number,
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, 10, 300])
def test_lists_of_any_length_fit_into_a_view(count: int) -> None:
    setup = setup_lines(settings())
    home = views.home(infos(count), 1_700_000_900, overhears=True, setup=setup)
    check_blocks(home["blocks"], view=True)
    for command in views.ACTIONS:
        check_blocks(views.choose(command, infos(count), 1_700_000_900)["blocks"], view=True)
    shown = "\n".join(texts(home["blocks"]))
    assert ("Older threads are not listed" in shown) == (count >= 10)
    assert len([block for block in home["blocks"] if block["type"] == "actions"]) == min(count, 20)


@pytest.mark.parametrize("count", [0, 1, 100, 300])
def test_the_menu_of_messages_lists_as_many_as_slack_takes_the_newest_first(count: int) -> None:
    thread = ThreadKey("slack", f"T{'A' * 10}/C{'B' * 10}", "1700000000.000001")
    lines = [(number, f"{number}. {FAMILY * 20}\n\n word") for number in range(1, count + 1)]
    modal = views.remembered(thread, Remembered(["All."], (), tuple(lines)))
    check_blocks(modal["blocks"], view=True)
    menus = [each for each in modal["blocks"][-1]["elements"] if each["type"] == "static_select"]
    values = [each["value"] for menu in menus for each in menu["options"]]
    assert values == [f"{n} {thread}" for n in range(count, max(0, count - 100), -1)]


@pytest.mark.parametrize("text", ["word " * 40_000, "x" * 90_000, FAMILY * 3_000, "\n" * 9_000, ""])
def test_a_text_of_any_length_fits_and_breaks_no_sign(text: str) -> None:
    modal = views.words("What I remember", [text])
    check_blocks(modal["blocks"], view=True)
    shown = list(texts(modal["blocks"]))
    if len(text) > 20_000:
        assert shown.pop().startswith("… and more")
    if FAMILY in text:
        assert {part.replace(FAMILY, "") for part in shown} == {""}


def test_a_text_that_fits_is_shown_whole() -> None:
    text = " ".join(f"word{number}" for number in range(1_000))
    blocks = views.words("What I remember", [text])["blocks"]
    assert "".join(block["text"]["text"] for block in blocks) == text


def test_help_and_home_say_what_is_overheard_where_it_is() -> None:
    for overhears in (True, False):
        home = views.home([], 0, overhears=overhears, setup=["x"])
        for shown in (help_text(overhears=overhears), "\n".join(texts(home["blocks"]))):
            assert ("what people say to each other" in shown) == overhears
            assert ("only what is said to me" in shown) != overhears


def test_home_tells_how_the_bot_is_set_up() -> None:
    lines = "\n".join(setup_lines(settings(slack_allow_bots=True, slack_dm_scope="thread")))
    assert "I answer other bots, and I don't answer people of other organisations." in lines
    assert "Each thread of your direct messages" in lines
    assert "while only one person talks" in lines
