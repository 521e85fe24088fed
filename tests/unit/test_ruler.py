"""The ruler: what texts of many kinds are measured as, and that it never fails."""

from __future__ import annotations

import base64
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.memory import ruler

RANDOM = Random(7)
KINDS = {
    "English": (
        (
            "Hey, are you still coming to dinner on Friday? I booked a table for six at the "
            "Italian place near the station, and Maria said she'd bring her brother along."
        ),
        50,
    ),
    "German": (
        (
            "Kommst du am Freitag eigentlich noch zum Abendessen? Ich habe f\u00fcr sechs Personen "
            "einen Tisch beim Italiener in der N\u00e4he des Bahnhofs reserviert."
        ),
        68,
    ),
    "Chinese": (
        (
            "\u4f60\u661f\u671f\u4e94\u8fd8\u6765\u5403\u665a\u996d\u5417\uff1f\u6211\u5728\u706b\u8f66\u7ad9"
            "\u9644\u8fd1\u7684\u610f\u5927\u5229\u9910\u9986\u8ba2\u4e86\u516d\u4e2a\u4eba\u7684\u4f4d\u5b50"
        ),
        39,
    ),
    "numbers": ("12.50, 803.17, 99.00, 1204.99, 7.25, 660.10", 30),
    "base64": (base64.b64encode(bytes(RANDOM.randrange(256) for _ in range(300))).decode(), 375),
    "hexadecimal": (bytes(RANDOM.randrange(256) for _ in range(150)).hex(), 182),
    "emoji": ("".join(chr(RANDOM.randrange(0x1F600, 0x1F640)) for _ in range(50)), 101),
}
"""A text of each kind, and its tokens by `ctok` 1.3.0, version 4.7."""


@pytest.mark.parametrize(("text", "tokens"), KINDS.values(), ids=KINDS)
def test_measures_about_what_the_tokenizer_makes(text: str, tokens: int) -> None:
    assert ruler.measure(text) == pytest.approx(tokens, rel=0.2)


def test_the_older_tokenizer_makes_fewer_of_latin_letters() -> None:
    english, _ = KINDS["English"]
    chinese, _ = KINDS["Chinese"]
    assert ruler.measure(english, ruler.OLDER) < 0.8 * ruler.measure(english)
    assert ruler.measure(chinese, ruler.OLDER) == ruler.measure(chinese)


def test_a_long_word_is_no_base64() -> None:
    word = "Donaudampfschifffahrtsgesellschaft"
    assert ruler.measure(word) < 0.6 * len(word)
    assert ruler.measure("a" * 30 + "1" + "b" * 30) < 0.6 * 61  # a path, or a name
    assert ruler.measure("QmFzZTY0IGVuY29kZWQgdGV4dA0K") > 0.8 * 28


def test_a_word_of_another_language_costs_more_than_one_of_english() -> None:
    assert ruler.measure(" nicht ") == pytest.approx(5 * ruler.CURRENT.latin)
    assert ruler.measure(" the ") == pytest.approx(3 * ruler.CURRENT.english)
    assert ruler.measure("\u017alebel") > ruler.measure("zlebel") + 0.5


@given(text=st.text(st.characters(codec=None, exclude_categories=())))
def test_never_fails(text: str) -> None:
    measured = ruler.measure(text)
    assert measured >= 0
    assert measured <= 3 * len(text)
    assert (measured > 0) == (text != "")
