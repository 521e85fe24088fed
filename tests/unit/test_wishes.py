"""Standing wishes are heard in many languages, and seldom in ordinary talk."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.commands.parser import has_wish, is_pinned, wish_named
from core.domain.message import Author
from core.domain.pins import Pin, PinKind

_HERE = Path(__file__).parent
WISHES = (_HERE / "wishes.txt").read_text("utf-8").splitlines()
TALK = (_HERE / "talk.txt").read_text("utf-8").splitlines()
"""Ordinary talk, and what comes close to a wish: about others, about now, questions."""


@pytest.mark.parametrize("text", WISHES)
def test_a_standing_wish_is_heard(text: str) -> None:
    assert has_wish(text)
    assert has_wish(f"Thank you.\n{text}")


@pytest.mark.parametrize("text", TALK)
def test_ordinary_talk_is_no_wish(text: str) -> None:
    assert not has_wish(text)


def test_a_wish_in_a_long_text_that_is_pasted_is_none() -> None:
    assert not has_wish("word " * 500 + ". Always answer in French.")
    assert not has_wish("and so on, and so on " * 20 + "always answer in French")


def test_a_wish_has_the_same_name_however_it_is_written() -> None:
    assert wish_named("Always answer in French!") == wish_named("Hi.  always  answer in french")
    assert wish_named("Always answer in French!") != wish_named("Always answer in German!")
    assert wish_named("Hello") == ""


def test_what_is_pinned_is_known_by_its_words() -> None:
    ann = Author(id="U1", name="Ann")
    pin = Pin(
        id="1",
        kind=PinKind.WISH,
        text="always answer in French, please",
        author=ann,
        by=ann,
        said_at=1,
        pinned_at=1,
    )
    assert is_pinned("Always answer in French", (pin,))
    assert not is_pinned("Always answer in German", (pin,))
    assert not is_pinned("Always answer in French", ())
