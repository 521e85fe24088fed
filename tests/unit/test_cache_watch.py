"""A cache that is not read is noticed, and logged once for each cause."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from core.domain.message import ThreadKey
from core.domain.session import Usage
from core.memory.learned import Beginning, CacheWatch
from core.models.port import Block, ModelMessage, ModelRequest

if TYPE_CHECKING:
    import pytest

THREAD = ThreadKey("slack", "C1", "1")
READ, MISSED = Usage(input=9, cache_read=2_000, cache_write=90), Usage(input=9, cache_write=2_090)


def asked(*words: str, system: str = "Be kind.") -> ModelRequest:
    """Return a request whose last words but the scene have a breakpoint."""
    blocks = [Block(word, cache=n == len(words) - 1) for n, word in enumerate(words)]
    message = ModelMessage("user", (*blocks, Block("SECRETSCENE")))
    marked = (Block(system, cache=True),)
    return ModelRequest(model="m", system=marked, messages=(message,), max_tokens=9)


def talk(watch: CacheWatch, *bills: Usage | None, wait: float = 60, state: int = 0) -> None:
    """Make a request for each bill; each shows one message more."""
    for number, usage in enumerate(bills):
        words = [f"m{n}" for n in range(number + 1)]
        watch.note(asked(*words), usage, Beginning(THREAD, state), wait * number)


def test_a_cache_that_is_read_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    talk(CacheWatch(), MISSED, *[READ] * 20)
    assert not caplog.records


def test_a_cache_that_is_never_read_is_logged_once_and_without_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    talk(CacheWatch(), *[MISSED] * 30)
    (record,) = caplog.records
    assert record.getMessage() == (
        "5 prompts in a row were not read from the model's cache, as they should be: they begin as "
        "the prompts before did, so what is between the bot and the model does not cache them: see "
        "ANTHROPIC_BASE_URL"
    )
    assert "SECRET" not in str(record.__dict__)


def test_prompts_that_begin_differently_are_a_cause_of_their_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    watch = CacheWatch()
    for number in range(9):
        request = asked("a", "b", system=f"Be kind {number} times.")
        watch.note(request, MISSED, Beginning(THREAD, 0), number)
    talk(watch, *[MISSED] * 9)
    texts = [record.getMessage() for record in caplog.records]
    assert len(texts) == 2
    assert "their beginnings differ" in texts[0]


def test_what_need_not_be_read_is_no_miss(caplog: pytest.LogCaptureFixture) -> None:
    talk(CacheWatch(), *[MISSED] * 30, wait=290)  # it may be gone by then
    talk(CacheWatch(), *[Usage(input=900)] * 30)  # below the minimum, nothing is cached
    talk(CacheWatch(), *[None] * 30)
    talk(CacheWatch(), *[MISSED, MISSED, MISSED, READ] * 9)  # not again and again
    watch = CacheWatch()
    for number in range(30):  # folded, or edited, each time
        watch.note(asked("a"), MISSED, Beginning(THREAD, number), number)
    assert not caplog.records
