"""Links to messages on Slack."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.slack.outbound.permalinks import Permalink, link_in, link_to, links_in

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


HOME = "https://acme.slack.com/"
TS = st.integers(10**15, 2 * 10**15).map(lambda n: f"{n // 10**6}.{n % 10**6:06d}")
IDS = st.from_regex(r"[CDG][A-Z0-9]{2,12}", fullmatch=True)
AROUND = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), max_size=20)


@given(IDS, TS, TS, AROUND, AROUND)
def test_links_are_found_in_any_text(
    channel: str, ts: str, root: str, before: str, after: str
) -> None:
    address = link_to(HOME, channel, ts, root)
    text = f"{before} ({address}) {after}, <{address}>"
    assert links_in(text, HOME, in_organisation=False) == (
        Permalink(channel=channel, ts=ts, root=root),
    )
    assert links_in(text, "https://other.slack.com/", in_organisation=True) == ()
    assert links_in(text, "", in_organisation=True) == ()


@given(st.text(), st.booleans())
def test_any_text_can_be_looked_through(text: str, in_organisation: bool) -> None:
    for found in links_in(text, HOME, in_organisation=in_organisation):
        assert link_to(HOME, found.channel, found.ts, found.root)


def test_an_organisations_own_address_counts_in_it_alone() -> None:
    text = "https://acme.enterprise.slack.com/archives/C1/p1700000000000100"
    assert len(links_in(text, HOME, in_organisation=True)) == 1
    assert links_in(text, HOME, in_organisation=False) == ()
    evil = text.replace(".slack.com", ".slack.com.evil.example")
    assert links_in(evil, HOME, in_organisation=True) == ()
