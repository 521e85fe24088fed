"""Which words are commands."""

from __future__ import annotations

import pytest

from core.commands.export.request import ExportFormat
from core.commands.parser import Command, parse_command
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
    "text", ["", "!", "help me", "reset it", "forgetful", "what is memory", "help\nme", "forget it"]
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


AROUND = (
    *("、{}", "。{}", "：{}", "{}？", "「{}」", "（{}）", "{}！", "{}。"),  # noqa: RUF001
    *("{}?", "{}?!", "{}...", "{};", ", {}", ": {}.", "(“{}”)", "'{}'", "«{}»", "¿{}?", "{}؟"),
    *("`{}`", "**{}**", "*{}*", "_{}_", "||{}||", "```\n{}\n```", "--{}", ".{}", "{}~"),
    *("{}\n", "\u200b{}", "{}\ufeff", "\u3000{}\xa0", "/{}", "/chatbot {}", "/chatbot  {}."),
)


@pytest.mark.parametrize("around", AROUND)
def test_punctuation_quotes_and_markdown_around_a_command_change_nothing(around: str) -> None:
    for word in ("help", "Reset", "STATS"):
        command = parse_command(around.format(word), linked)
        assert command
        assert command.name == word.lower()
        assert not command.marked
        assert command.is_question is any(mark in around for mark in "?？؟")  # noqa: RUF001


@pytest.mark.parametrize(
    "text",
    [
        *(
            "help, please",
            "help: how do I start?",
            "reset: the router",
            "reset and go on",
            "help-me",
        ),
        *(
            "help's",
            "helps",
            "help2",
            "@help",
            "#help",
            "help@home",
            "help/",
            "resetが",
            "/chatbot",
        ),
        *(
            "> help",
            "<help>",
            "please help",
            "help 🙏",
            "export everything, as json",
            "memory leak?",
        ),
        *(
            "forget about it!",
            "forget 3 of them",
            "forget 2026-11-30",
            "forget 99999999",
            "forget -1",
            "forget \N{MINUS SIGN}1",
            "forget \N{FULLWIDTH HYPHEN-MINUS}1",
            "forget pin 3",
            "quiet!! they come",
            "talk to me",
            "listen: I…",
            "…",
            "``",
            "!?",
            "a",
        ),
    ],
)
def test_a_sentence_that_begins_with_a_command_is_none(text: str) -> None:
    assert parse_command(text, linked) is None


def test_full_width_letters_and_marks_are_those_of_other_keyboards() -> None:
    for text in ("！ｒｅｓｅｔ", "！reset", " ！Ｒｅｓｅｔ。"):  # noqa: RUF001
        command = parse_command(text, linked)
        assert command
        assert (command.name, command.marked) == ("reset", True)
    quoted = parse_command("`!reset`", linked)
    assert quoted
    assert not quoted.marked, "it is about the command"


def test_an_exports_arguments_may_have_signs_around_them_too() -> None:
    for text in (f"export as json {LINK}.", f"export “{LINK}”, (JSON)!", f"`export <{LINK}> json`"):
        assert parse_command(text, linked) == Command(
            name="export", marked=False, thread=THREAD, form=ExportFormat.JSON
        )


@pytest.mark.parametrize(
    "text",
    [
        "forget 3",
        "!forget 3",
        "forget #3.",
        "forget - 3",
        "/chatbot forget message 3",
        "Forget no. 3",
    ],
)
def test_forget_may_name_one_message(text: str) -> None:
    command = parse_command(text, linked)
    assert command
    assert (command.name, command.number) == ("forget", "3")
