"""Token counts: by each conversation's own replies, and by the model itself near the limit."""

from __future__ import annotations

import base64
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from core.domain.message import ThreadKey
from core.domain.session import AnswerKind
from core.memory.tokens import counter_for
from tests.chat import chatting
from tests.fakes.claude import Refusal, Talk
from tests.fakes.claude_limits import WORDINGS, bytes_of, heavy
from tests.world import THREAD, message

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from core.domain.session import Answer

    Tokenizer: TypeAlias = Callable[[str], float]

GERMAN = "und dann sagte sie, dass der Zug an die Küste erst am Morgen abfahren würde. "
LIMIT, BUDGET = 16_000, 15_200
COUNTED = pytest.mark.parametrize("counts", [True, False], ids=["counted", "uncounted"])


def base64_of(length: int) -> str:
    return base64.b64encode(Random(length).randbytes(length * 3 // 4)).decode()


def emoji_of(length: int) -> str:
    random = Random(length)
    return "".join(chr(random.randrange(0x1F600, 0x1F640)) for _ in range(length))


def costly(text: str) -> float:
    """Count as a tokenizer does that has hardly any words: far more than the ruler believes."""
    return sum(0.62 if char.isascii() else 3.4 for char in text)


@COUNTED
@pytest.mark.parametrize("tokenizer", [bytes_of, heavy, costly])
async def test_growing_base64_ends_no_thread(tokenizer: Tokenizer, *, counts: bool) -> None:
    async with chatting(limit=LIMIT, budget=BUDGET, tokenizer=tokenizer, counts=counts) as chat:
        for n in range(1, 31):
            answer = await chat.say(f"{n}: {base64_of(150 * n)}")
            assert answer.kind is AnswerKind.ANSWER, answer.text
        assert (await chat.say("hello")).kind is AnswerKind.ANSWER
        assert len(chat.claude.refused) <= (0 if counts else 4)


@COUNTED
@pytest.mark.parametrize("tokenizer", [bytes_of, heavy, costly])
async def test_hello_is_answered_after_a_large_message(
    tokenizer: Tokenizer, *, counts: bool
) -> None:
    async with chatting(limit=LIMIT, budget=BUDGET, tokenizer=tokenizer, counts=counts) as chat:
        for large in (GERMAN * 520, base64_of(25_000), emoji_of(9_000), "漢字かな" * 5_000):
            await chat.say(large)
            for _ in range(4):
                answer = await chat.say("hello")
                assert answer.kind is AnswerKind.ANSWER, answer.text
                assert answer.text.startswith("Yes: hello")


async def test_a_message_that_is_estimated_too_long_is_counted_before_that_is_said() -> None:
    async with chatting(
        limit=LIMIT, budget=BUDGET, tokenizer=lambda text: len(text) / 5, counts=True
    ) as chat:
        answer = await chat.say(GERMAN * 600)  # about 20,000 tokens by the ruler, 9,400 really
        assert answer.kind is AnswerKind.ANSWER, answer.text
        assert not chat.claude.refused


async def test_only_a_request_near_the_limit_is_counted_and_never_more_than_once() -> None:
    async with chatting(limit=LIMIT, budget=BUDGET, counts=True) as chat:
        for n in range(60):
            before, asked = len(chat.claude.counted), len(chat.claude.requests)
            await chat.say(f"{n}: {GERMAN * 15}")
            assert len(chat.claude.requests) == asked + 1
            counted = chat.claude.counted[before:]
            assert len(counted) <= 1
            size = chat.claude.size(chat.claude.requests[-1])
            assert size <= BUDGET
            assert bool(counted) == (size > 0.7 * BUDGET) or 0.6 < size / BUDGET < 0.8
        assert not chat.claude.refused
        assert size > 0.85 * BUDGET  # what fits is shown


@pytest.mark.parametrize("status", [404, 429, 500, 529])
async def test_a_failed_count_falls_back_to_the_estimate_and_is_left_alone(status: int) -> None:
    async with chatting(limit=LIMIT, budget=BUDGET, counts=True) as chat:
        chat.claude.count_refusal = Refusal(status, "api_error", "no")
        for n in range(40):
            assert (await chat.say(f"{n}: {GERMAN * 15}")).kind is AnswerKind.ANSWER
        assert len(chat.claude.counted) == 1
        assert not chat.claude.refused
        assert chat.claude.size(chat.claude.requests[-1]) <= 0.95 * BUDGET


async def test_while_the_api_is_down_nothing_is_counted() -> None:
    async with chatting(limit=LIMIT, budget=BUDGET, counts=True) as chat:
        for n in range(30):
            await chat.say(f"{n}: {GERMAN * 15}")
        before = len(chat.claude.counted)
        chat.claude.next(Refusal(529, "overloaded_error", "Overloaded"))
        await chat.say("and now?")
        await chat.say("and then?")
        assert len(chat.claude.counted) == before + 1  # before the API was known to be down


async def test_it_can_be_stopped_while_it_is_counted() -> None:
    async with chatting(limit=LIMIT, budget=BUDGET, counts=True) as chat:
        for n in range(30):
            await chat.say(f"{n}: {GERMAN * 15}")
        asked = len(chat.claude.requests)
        real = chat.claude.limit.tokenizer

        def stopping(text: str) -> float:
            chat.worker.stop(THREAD)
            return real(text)

        chat.claude.limit = replace(chat.claude.limit, tokenizer=stopping)
        answer = await chat.say("and now?")
        assert answer.text == "Stopped as you asked."
        assert len(chat.claude.requests) == asked


def factor_of(answer: Answer) -> float:
    assert answer.usage is not None
    return answer.usage.prompt / answer.units


async def test_each_thread_keeps_its_own_factor_and_a_new_process_has_it_too() -> None:
    texts = {"English": "the train leaves in the morning and I will be there. ", "German": GERMAN}
    async with chatting(limit=10**6, tokenizer=heavy) as chat:
        for _ in range(4):
            for place, text in texts.items():
                thread = ThreadKey("fake", "place", place)
                answer = await chat.say(text * 20, thread=thread)
                assert answer.units > 100
        for place in texts:
            thread = ThreadKey("fake", "place", place)
            work = await chat.world.store.peek(thread)
            assert work is not None
            answers = await chat.answers(thread)
            fresh = counter_for("claude-sonnet-5-5", rank_file=None)
            counter = fresh.after(reversed(answers))
            assert counter.factor == pytest.approx(factor_of(answers[-1]), rel=0.01)
        assert chat.world.memory.counter.describe() == fresh.describe()


async def test_what_was_overheard_gives_way_to_what_is_asked() -> None:
    async with chatting(WORDINGS["OpenAI, by the window"], limit=8_000) as chat:
        chat.claude.next(Talk("Hm."))
        await chat.say("hi")
        for n in range(30):
            await chat.intake.overhear(message(900 + n, GERMAN * 20))
        answer = await chat.say("hello")
        assert answer.kind is AnswerKind.ANSWER, answer.text
        assert answer.text.startswith("Yes: hello")
