"""Which words are commands."""

from __future__ import annotations

import pytest

from core.commands.parser import Command, ExportFormat, parse_command
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
        command = parse_command(text, linked)
        assert command
        assert command.name == word
        assert command.marked is text.startswith("!")


@pytest.mark.parametrize(
    "text", ["", "!", "help me", "reset it", "forgetful", "what is memory", "help\nme", "quiet?"]
)
def test_a_sentence_is_none(text: str) -> None:
    assert parse_command(text, linked) is None


def test_an_export_says_what_and_how() -> None:
    for text in (f"export {LINK} json", f"export JSON <{LINK}>"):
        assert parse_command(text, linked) == Command(
            name="export", marked=False, thread=THREAD, form=ExportFormat.JSON
        )
    assert parse_command("!export Markdown", linked) == Command(name="export", marked=True)
    assert parse_command("export everything you know", linked) is None
    assert parse_command("export md json", linked) is None
    assert parse_command(f"export {LINK} {LINK}", linked) is None
