"""Links to messages on Slack."""

from __future__ import annotations

import pytest

from bots.slack.outbound.permalinks import Permalink, link_in

LINK = "https://acme.slack.com/archives/C1/p1700000000000100"


@pytest.mark.parametrize(
    ("text", "root"),
    [
        (LINK, "1700000000.000100"),
        (f"{LINK}?thread_ts=1690000000.000200&cid=C1", "1690000000.000200"),
        (f"{LINK}?cid=C1&thread_ts=1690000000.000200", "1690000000.000200"),
        (f"{LINK}?cid=C1", "1700000000.000100"),
    ],
)
def test_a_link_names_a_message_and_its_thread(text: str, root: str) -> None:
    assert link_in(text) == Permalink(channel="C1", ts="1700000000.000100", root=root)


@pytest.mark.parametrize(
    "text",
    [
        "https://slack.com/archives/C1/p1700000000000100",
        "https://evil.com/acme.slack.com/archives/C1/p1700000000000100",
        "http://acme.slack.com/archives/C1/p1700000000000100",
        "https://acme.slack.com/archives/C1/p17",
        f"{LINK} more",
    ],
)
def test_other_links_name_none(text: str) -> None:
    assert link_in(text) is None
