"""Which words are commands."""

from __future__ import annotations

import pytest

from bots.slack.words import Command, Link, command_in, link_in

LINK = "https://acme.slack.com/archives/C1/p1700000000000100"


@pytest.mark.parametrize(
    "word", ["export", "forget", "help", "listen", "memory", "quiet", "reset", "stats"]
)
def test_a_word_alone_is_a_command(word: str) -> None:
    for text in (word, f" {word.title()}! ", f"!{word}", f"!{word.upper()}."):
        command = command_in(text)
        assert command
        assert command.word == word
        assert command.marked is text.startswith("!")


@pytest.mark.parametrize(
    "text", ["", "!", "help me", "reset it", "forgetful", "what is memory", "help\nme", "quiet?"]
)
def test_a_sentence_is_none(text: str) -> None:
    assert command_in(text) is None


def test_an_export_says_what_and_how() -> None:
    link = Link(channel="C1", ts="1700000000.000100", root="1700000000.000100")
    assert command_in(f"export {LINK} json") == Command(
        word="export", marked=False, link=link, form="json"
    )
    assert command_in("!export Markdown") == Command(word="export", marked=True, form="md")
    assert command_in("export everything you know") is None
    assert command_in("export md json") is None


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
    assert link_in(text) == Link(channel="C1", ts="1700000000.000100", root=root)


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
