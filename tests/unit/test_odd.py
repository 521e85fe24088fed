"""What the log says of something that nobody can make sense of."""

from __future__ import annotations

import json

import pytest

from core.domain.errors import StoreRefusedError, broke, described, named
from core.domain.payload import count_of, dict_of, dicts_of, str_of


def test_an_error_is_named_by_its_kind_and_its_place_without_its_text() -> None:
    try:
        json.loads("{secret")
    except ValueError as error:
        said = broke(error)
    assert said.startswith("JSONDecodeError at json/decoder.py:")
    assert broke(KeyError("secret")) == described(KeyError("secret")) == "KeyError"
    assert described(StoreRefusedError("The store is read-only.")) == "The store is read-only."


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("message", "file_share"), "message/file_share"),
        (("MESSAGE_CREATE",), "MESSAGE_CREATE"),
        (("message", None, ""), "message"),
        (("two words",), "?"),
        ((7, ["x"], "x" * 81), "?/?/?"),
        ((), "?"),
    ],
)
def test_a_kind_is_shown_only_if_it_looks_like_one(parts: tuple[object, ...], name: str) -> None:
    assert named(*parts) == name


def test_fields_are_of_their_kind_or_not_there() -> None:
    odd = {"a": 7, "b": True, "c": -1, "d": 10**30, "e": "x", "f": {"g": 1}, "h": [{}, 1, None]}
    assert [count_of(odd, name) for name in "abcdefgh"] == [7, 0, 0, 0, 0, 0, 0, 0]
    assert [str_of(odd, name) for name in "aefh"] == ["", "x", "", ""]
    assert [dict_of(odd, name) for name in "aefh"] == [{}, {}, {"g": 1}, {}]
    assert [dicts_of(odd, name) for name in "aefh"] == [[], [], [], [{}]]
