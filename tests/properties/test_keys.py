"""Whatever stands in a button, it names nothing, or a conversation that there can be."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from bots.discord.ui import views
from bots.slack.inbound.events import Me
from bots.slack.ui.directory import SlackDirectory
from core.domain.message import ThreadKey

NOTHING: Any = None
"""Stands for Slack itself: whether a key can be one's own is decided without it."""
PIECES = st.sampled_from(
    [
        *(
            "slack:",
            "discord:",
            "T1",
            "T1%2F",
            "C2",
            "D3",
            "dm",
            "7",
            "1.5",
            "/",
            ":",
            "%2F",
            "%00",
        ),
        *(
            "chatbot:",
            "do:",
            "choose:",
            "export",
            "whole:",
            "unpin:",
            "fact:",
            "gone:1",
            "stop:1:2",
        ),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=2), max_size=12).map("".join)
KEY = re.compile(r"slack:T1%2F([\w.-]{1,64}):(\1|\d{1,11}\.\d{1,6})", re.ASCII)


@given(TEXTS | st.builds("slack:T1%2FC2:{}".format, TEXTS))
@example("slack:T1%2FC2:1.5")
@example("slack:T1%2FD3:D3")
@example("slack:T1%2FD3:D3%00")
@example("slack:T1%2FC2%ED%A0%80:1.5")
def test_slack_takes_a_text_for_a_key_only_if_it_is_the_one_of_a_conversation(text: str) -> None:
    directory = SlackDirectory(NOTHING, Me(user="U0", team="T1"), NOTHING, NOTHING, admins="")
    try:
        thread = ThreadKey.parse(text)
    except ValueError:
        return
    if directory.is_ours(thread):  # as `AuthorizedCommands` asks, which also looks at the platform
        named = str(ThreadKey("slack", thread.channel, thread.thread))
        assert KEY.fullmatch(named)
        assert ThreadKey.parse(named) == ThreadKey("slack", thread.channel, thread.thread)


@given(TEXTS | st.text(max_size=120), st.lists(TEXTS | st.none() | st.integers(), max_size=2))
@example("chatbot:choose:export:", ["discord:%FF:1"])
@example("chatbot:unpin::discord:1%2F2:3", [])
def test_discord_reads_any_id_and_any_values_as_a_press_or_as_nothing(
    custom_id: str, values: list[Any]
) -> None:
    press = views.pressed(custom_id, values)
    assert press is None or isinstance(press.thread, ThreadKey | None)
