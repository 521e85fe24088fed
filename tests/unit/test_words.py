"""Which words are commands."""

from __future__ import annotations

import pytest

from core.commands.export import Form
from core.commands.parser import Command, command_in
from core.domain.message import ThreadKey

LINK = "https://acme.example/general/1"
THREAD = ThreadKey("slack", "general", "1")


def linked(link: str) -> ThreadKey | None:
    return THREAD if link == LINK else None


@pytest.mark.parametrize(
    "word", ["export", "forget", "help", "listen", "memory", "quiet", "reset", "stats"]
)
def test_a_word_alone_is_a_command(word: str) -> None:
    for text in (word, f" {word.title()}! ", f"!{word}", f"!{word.upper()}."):
        command = command_in(text, linked)
        assert command
        assert command.word == word
        assert command.marked is text.startswith("!")


@pytest.mark.parametrize(
    "text", ["", "!", "help me", "reset it", "forgetful", "what is memory", "help\nme", "quiet?"]
)
def test_a_sentence_is_none(text: str) -> None:
    assert command_in(text, linked) is None


def test_an_export_says_what_and_how() -> None:
    for text in (f"export {LINK} json", f"export JSON <{LINK}>"):
        assert command_in(text, linked) == Command(
            word="export", marked=False, thread=THREAD, form=Form.JSON
        )
    assert command_in("!export Markdown", linked) == Command(word="export", marked=True)
    assert command_in("export everything you know", linked) is None
    assert command_in("export md json", linked) is None
    assert command_in(f"export {LINK} {LINK}", linked) is None
