"""Whatever text a model sends, and wherever it is cut: what comes in can be stored and shown."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from core.domain.message import PieceCleaner, clean

ODD = st.text(st.sampled_from("a \0\n\ud83d\ude00\udfff\U0001f600\u00e9\u65e5"))
ANY = st.text(st.characters(codec=None, exclude_categories=()))


@example(pieces=["\ud83d", "", "\ude00"])
@given(pieces=st.lists(ODD | ANY))
def test_cleaned_piece_by_piece_it_is_what_it_is_as_a_whole(pieces: list[str]) -> None:
    cleaner = PieceCleaner()
    taken = [cleaner.take(piece) for piece in pieces]
    for piece in taken:
        assert piece.encode().decode() == piece
    assert "".join(taken) + cleaner.rest() == clean("".join(pieces))


@given(text=ODD | ANY)
def test_clean_text_can_be_stored_and_stays_as_it_is(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.encode().decode() == cleaned
    assert "\0" not in cleaned
    assert clean(cleaned) == cleaned


@given(text=ANY)
def test_it_joins_halves_as_a_json_parser_does(text: str) -> None:
    assert clean(text) == clean(json.loads(json.dumps(text)))


@given(text=st.text().filter(lambda text: "\0" not in text))
def test_sound_text_is_left_alone(text: str) -> None:
    assert clean(text) == text
