"""The privacy page says what the settings are, for every way in which they can be set."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, get_args

import pytest

from bots.ops.operator import privacy_page
from bots.settings.privacy import VENDOR_TERMS, Place, lines, page, short
from bots.settings.settings import Settings
from core.store.urls import SCHEMES

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACES: tuple[Place, ...] = get_args(Place)
KEY = {"ANTHROPIC_API_KEY": "sk-secret"}
GATEWAY = {"ANTHROPIC_BASE_URL": f"https://{'gateway.' * 7}example.com"}


def made(**given: Any) -> Settings:
    return Settings.model_validate({"store": "sqlite:////srv/hidden/chat.db", **given})


def combinations() -> Iterator[Settings]:
    for key, overhear, dms, unseen, admins in itertools.product(
        ({}, KEY, KEY | GATEWAY), (True, False), (True, False), (True, False), ("workspace", "")
    ):
        yield made(
            **key,
            overhear=overhear,
            slack_admins_read_dms=dms,
            admins_read_private=unseen,
            slack_admins=admins,
            discord_admins=admins and "server",
            model="m" * 200,
            summary_model="s" * 200,
            ttl_thread=3.25,
            ttl_dm=1,
        )


@pytest.mark.parametrize("place", PLACES)
def test_it_fits_a_message_however_the_bot_is_set_up(place: Place) -> None:
    for settings in combinations():
        assert len(short(settings, place)) <= 1990
        assert "\n" not in "".join(lines(settings, place))


def test_it_says_which_vendor_sees_what_and_that_none_does() -> None:
    offline, vendor = short(made(), "slack"), short(made(**KEY, model="claude-5"), "slack")
    assert "no vendor's model" in offline
    assert "Anthropic" not in offline
    assert "Anthropic (claude-5; claude-haiku-5-5 for summaries; a channel" in vendor
    assert VENDOR_TERMS in vendor
    by_way = short(made(**KEY, ANTHROPIC_BASE_URL="https://ann:pw@gate.example/x"), "slack")
    assert "by way of gate.example," in by_way
    assert not {"pw", "sk-secret", "ann:"} & {*by_way.split()}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_says_what_kind_of_store_it_is_and_not_where(scheme: str) -> None:
    text = page(made(store=f"{scheme}://user:pw@db.internal/x"), PLACES)
    assert "\n- It is in " in text
    for hidden in ("db.internal", "pw", "hidden", "srv"):
        assert hidden not in text


def test_times_rights_and_reading_follow_the_settings() -> None:
    text = short(made(ttl_dm=7, ttl_thread=30, ttl_group=1), "slack")
    assert "30 days in threads, 7 days in direct messages, 1 day in group conversations" in text
    assert "removed after 30 days of silence" in short(made(), "discord")
    assert "what people say to each other" in text
    assert "I don't keep what people say" in short(made(overhear=False), "discord")
    assert "no direct messages" in text
    opened = short(made(slack_admins_read_dms=True, admins_read_private=True), "slack")
    assert "all channels, and direct messages" in opened
    assert "no direct messages" in short(made(slack_admins_read_dms=True), "discord")
    assert "no admin may" in short(made(discord_admins=""), "discord")
    assert "Admins" not in short(made(), "terminal")


async def test_the_program_prints_it_for_the_platforms_that_are_set_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await privacy_page(made()) == 0
    terminal = capsys.readouterr().out
    assert terminal.startswith("# Privacy\n\n")
    assert "/forget 3" in terminal
    tokens = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "DISCORD_BOT_TOKEN": "t"}
    assert await privacy_page(made(**tokens)) == 0
    both = capsys.readouterr().out
    assert "Admins on Slack" in both
    assert "Admins on Discord" in both
    assert both.count("Those who took part") == 1
