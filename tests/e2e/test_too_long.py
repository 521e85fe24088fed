"""Requests that the model refuses as too large: what was said before goes, and nobody waits."""

from __future__ import annotations

import asyncio
import base64
import re
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.message import Attachment, ThreadKey
from core.domain.session import AnswerKind
from tests.chat import LIMIT, WORDS, chatting
from tests.fakes.claude import Refusal, Talk
from tests.fakes.claude_limits import WORDINGS, bytes_of, heavy
from tests.paper import pdf, png
from tests.world import THREAD, message, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.domain.session import Answer
    from tests.chat import Chat
    from tests.fakes.claude_limits import Wording


def an_hour_later(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what refusals have taught be forgotten."""
    now = chat.world.clock.monotonic
    monkeypatch.setattr(chat.world.clock, "monotonic", lambda: now() + 3601)


@pytest.mark.parametrize("wording", WORDINGS.values(), ids=WORDINGS)
async def test_in_whatever_words_a_thread_goes_on(wording: Wording) -> None:
    async with chatting(wording) as chat:
        for n in range(30):
            answer = await chat.say(f"Message {n}. {WORDS}")
            assert answer.kind is AnswerKind.ANSWER, answer.text
            assert answer.text.startswith(f"Yes: Message {n}.")
        assert (await chat.say("short?")).text.startswith("Yes: short?")
        assert len(await chat.answers()) == 31
        # It is learned: not every turn begins with a refusal.
        assert len(chat.claude.refused) <= 6
        assert any("This answer leaves out" in note for note in answer.notes)


async def test_scissors_stand_where_less_is_seen_and_words_at_each_reply() -> None:
    async with chatting() as chat:
        answers = [await chat.say(f"Message {n}. {WORDS}") for n in range(14)]
    left_out = [_left_out(answer) for answer in answers]
    assert [bool(count) for count in left_out] == sorted(bool(count) for count in left_out)
    more = [after > before for before, after in pairwise([0, *left_out])]
    assert [a.trimmed for a in answers] == more
    assert sum(more) >= 4, left_out
    assert [a.explain_trim for a in answers].count(True) == 1


def _left_out(answer: Answer) -> int:
    """Return how many messages the notes of an answer say that it leaves out."""
    told = [re.search(r"leaves out (one|\d+) earlier", note) for note in answer.notes]
    numbers = [found[1] for found in told if found]
    return sum(1 if number == "one" else int(number) for number in numbers)


async def test_another_thread_is_not_refused_where_the_refusal_named_the_limit() -> None:
    async with chatting() as chat:
        await chat.say_until_refused()
        refused = len(chat.claude.refused)
        other = ThreadKey("fake", "place", "another")
        for _ in range(12):
            assert (await chat.say(f"Message. {WORDS}", thread=other)).kind is AnswerKind.ANSWER
        assert len(chat.claude.refused) == refused


async def test_another_thread_keeps_its_room_where_the_refusal_named_no_limit() -> None:
    async with chatting(WORDINGS["Bedrock"]) as chat:
        await chat.say_until_refused()
        memory, now = chat.world.memory, chat.world.clock.monotonic()
        assert memory.room(THREAD, now=now) < memory.room(now=now) == memory.budget


async def test_what_was_learned_is_forgotten_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    async with chatting() as chat:
        await chat.say_until_refused()
        chat.claude.limit = replace(chat.claude.limit, tokens=1_000_000)  # as before a failover
        await chat.say("still little")
        assert len(chat.claude.requests[-1]["messages"]) < 2 * chat.said - 1
        an_hour_later(chat, monkeypatch)
        await chat.say("all of it")
        assert len(chat.claude.requests[-1]["messages"]) == 2 * chat.said - 1


TEXTS: dict[str, Callable[[Random, int], str]] = {
    "base64": lambda random, n: base64.b64encode(random.randbytes(n)).decode(),
    "digits": lambda random, n: "".join(random.choice("0123456789 ") for _ in range(n)),
    "emoji": lambda random, n: "".join(chr(random.randrange(0x1F600, 0x1F640)) for _ in range(n)),
    "Chinese": lambda random, n: "".join(chr(random.randrange(0x4E00, 0x9000)) for _ in range(n)),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_text_that_is_counted_too_low_does_not_end_a_thread(
    text: Callable[[Random, int], str],
) -> None:
    random, other = Random(1), ThreadKey("fake", "place", "English")
    async with chatting(limit=16_000, tokenizer=heavy, budget=15_000) as chat:
        for _ in range(20):
            answer = await chat.say("Look at this: " + text(random, 1_500))
            assert answer.kind is AnswerKind.ANSWER, answer.text
            # By what is said elsewhere, the count is too low again each time.
            assert (await chat.say("English words.", thread=other)).kind is AnswerKind.ANSWER
        assert (await chat.say("hello")).kind is AnswerKind.ANSWER
        assert len(chat.claude.refused) <= 3


async def test_one_message_that_is_too_long_is_told_so_and_the_next_are_answered() -> None:
    async with chatting() as chat:
        await chat.say("hi")
        long = await chat.say("viel zu lang " * 1_500)
        assert long.kind is AnswerKind.NOTICE
        assert long.text.startswith("This message is too long: it is about ")
        size, most = (int(n.replace(",", "")) for n in re.findall(r"[\d,]+\d", long.text))
        (first, *_), *_ = (refused["system"] for refused in chat.claude.refused)
        last = chat.claude.refused[-1]["messages"][-1]["content"]
        scene = next(block for block in last if "<chat_scene>" in block["text"])
        real = LIMIT - 100 - bytes_of(first["text"]) - bytes_of(scene["text"])
        assert size > most
        assert most == pytest.approx(real, rel=0.12)  # fewer, since the worst scene is counted
        for _ in range(4):
            assert (await chat.say("hello")).kind is AnswerKind.ANSWER


@pytest.mark.parametrize("wording", ["Anthropic", "Bedrock", "nobody's words"])
@pytest.mark.parametrize("first", ["hello", "long"])
async def test_hello_is_answered_whatever_waits_beside_it(wording: str, first: str) -> None:
    texts = {"hello": "hello", "long": "viel zu lang " * 1_500}
    order = sorted(texts, key=lambda name: name != first)
    gate = asyncio.Event()
    async with chatting(WORDINGS[wording]) as chat:
        chat.claude.next(Talk("wait", gate=gate))
        await chat.intake.take(message(100, "first of all"))
        await until(lambda: bool(chat.claude.requests))
        for n, name in enumerate(order):
            await chat.intake.take(message(101 + n, texts[name]))
        gate.set()
        await chat.world.settled()
        answers = (await chat.answers())[1:]
    by_name = dict(zip(order, answers, strict=True))
    assert by_name["hello"].kind is AnswerKind.ANSWER
    assert by_name["hello"].text.startswith("Yes: hello")
    assert by_name["long"].kind is AnswerKind.NOTICE
    expected = "can't take this request" if wording == "nobody's words" else "This message is too"
    assert expected in by_name["long"].text


async def test_messages_that_fit_only_one_by_one_are_answered_one_by_one() -> None:
    gate = asyncio.Event()
    async with chatting(limit=100_000, budget=2_400) as chat:
        chat.claude.next(Talk("wait", gate=gate))
        await chat.intake.take(message(100, "first of all"))
        await until(lambda: bool(chat.claude.requests))
        for n in range(3):
            await chat.intake.take(message(101 + n, f"{n}: " + "word " * 600))
        gate.set()
        await chat.world.settled()
        answers = (await chat.answers())[1:]
    assert [a.kind for a in answers] == [AnswerKind.ANSWER] * 3
    assert [a.text[:12] for a in answers] == [f"Yes: {n}: word" for n in range(3)]


@pytest.mark.parametrize("wording", ["Anthropic", "Bedrock"])
async def test_where_nothing_ever_fits_the_message_is_not_blamed(
    wording: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with chatting(WORDINGS[wording], limit=300) as chat:
        answer = await chat.say("hello")
        assert answer.kind is AnswerKind.NOTICE
        assert answer.text.startswith("The model rejects this message as too long, although")
    (logged,) = [r.message for r in caplog.records if r.levelname == "WARNING"]
    assert "does not fit beside" in logged
    assert ("and takes 300" in logged) == (wording == "Anthropic")
    assert "hello" not in logged


async def test_where_settings_leave_no_room_that_is_said() -> None:
    async with chatting(budget=300) as chat:
        answer = await chat.say("hello")
        assert answer.kind is AnswerKind.NOTICE
        assert "I can't read any message, however short" in answer.text
        assert not chat.claude.requests


@pytest.mark.parametrize(("limit", "least"), [(4_000, 2_000), (2_048, 512)])
async def test_room_for_the_answer_gives_way_where_the_model_holds_little(
    limit: int, least: int
) -> None:
    wording = WORDINGS["Anthropic, with the answer's room"]
    async with chatting(wording, limit=limit, answer_tokens=4_000) as chat:
        for _ in range(3):
            assert (await chat.say("hello")).kind is AnswerKind.ANSWER
        assert len(chat.claude.refused) == 1
        last = chat.claude.requests[-1]
        assert least <= last["max_tokens"] <= limit // 2
        assert chat.claude.size(last) + last["max_tokens"] <= limit


async def test_more_room_for_the_answer_than_the_model_gives_is_learned() -> None:
    words = (
        "max_tokens: 100 > 64, which is the maximum allowed number of output tokens for claude-x"
    )
    async with chatting(limit=100_000) as chat:
        chat.claude.next(Refusal(400, "invalid_request_error", words))
        for _ in range(2):
            assert (await chat.say("hello")).kind is AnswerKind.ANSWER
        assert [r["max_tokens"] for r in chat.claude.requests] == [100, 64, 64]


NOT_COUNTS = {
    "a code": "Error 1261: maximum context length exceeded (code 1261), see section 2013",
    "another unit": "prompt is too long: 9000000 tokens > 600 maximum",
    "far too little": "This model's maximum context length is 300 tokens.",
}


@pytest.mark.parametrize("words", NOT_COUNTS.values(), ids=NOT_COUNTS)
async def test_numbers_that_can_be_no_counts_teach_nothing_but_that_it_was_too_large(
    words: str,
) -> None:
    async with chatting(limit=100_000) as chat:
        for _ in range(20):  # beside which the instructions count little
            await chat.say(WORDS)
        factor = chat.world.memory.counter.factor
        chat.claude.next(Refusal(400, "invalid_request_error", words))
        assert (await chat.say("and now?")).kind is AnswerKind.ANSWER
        memory, now = chat.world.memory, chat.world.clock.monotonic()
        assert memory.room(now=now) == memory.budget
        assert memory.limits.answer_tokens(100, now=now) == 100
        assert memory.counter.factor == pytest.approx(factor, rel=0.1)
        refused, last = (len(body["messages"]) for body in chat.claude.requests[-2:])
        assert refused / 2 < last < refused == 2 * chat.said - 1


async def test_a_window_that_is_full_before_the_first_word_is_planned_again() -> None:
    async with chatting(limit=100_000) as chat:
        for _ in range(5):
            await chat.say(f"Message. {WORDS}")
        chat.claude.next(Talk("", stop_reason="model_context_window_exceeded"))
        answer = await chat.say("and now?")
        assert answer.kind is AnswerKind.ANSWER
        assert "and now?" in answer.text
        assert len(chat.claude.requests) == 7


async def test_something_said_before_that_is_refused_does_not_end_the_thread() -> None:
    async with chatting(limit=100_000) as chat:
        for text in ("something that it will not have", *[WORDS] * 5):
            await chat.say(text)
        refusal = Refusal(400, "invalid_request_error", "messages.0: not this")
        chat.claude.next(refusal, refusal)  # the first might have passed
        answer = await chat.say("hello")
        assert answer.kind is AnswerKind.ANSWER
        assert "something" not in str(chat.claude.requests[-1]["messages"])
        chat.claude.next(refusal, refusal, refusal)
        before = len(chat.claude.requests)
        answer = await chat.say("and this is what is wrong")
        assert "can't take this request" in answer.text
        assert len(chat.claude.requests) == before + 3


async def test_too_many_bytes_are_planned_again_without_files_and_else_with_less(
    caplog: pytest.LogCaptureFixture,
) -> None:
    page = Refusal(413, message="<html><title>413 Request Entity Too Large</title></html>")
    async with chatting(limit=1_000_000) as chat:
        chat.world.platform.files |= {"cat": png(300, 200), "plan": pdf(2)}
        await chat.say(f"Message. {WORDS}")
        chat.claude.next(page)
        files = tuple(
            Attachment(id=name, name=name, media_type="image/png", size=9)
            for name in ("cat", "plan")
        )
        await chat.intake.take(replace(message(50, "What is it?"), attachments=files))
        await chat.world.settled()
        first, second = chat.claude.requests[-2:]
        assert "base64" in str(first)
        assert "base64" not in str(second)
        assert len(first["messages"]) == len(second["messages"])
        chat.claude.next(page)
        assert (await chat.say("and now?")).kind is AnswerKind.ANSWER
        assert len(chat.claude.requests[-1]["messages"]) < 5
    assert not [r.message for r in caplog.records if r.levelname == "WARNING"]


async def test_a_preview_shows_the_answer_to_the_smaller_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = asyncio.Event()
    async with chatting() as chat:
        await chat.say_until_refused()
        an_hour_later(chat, monkeypatch)
        chat.claude.refused.clear()
        chat.claude.next(Talk("Slowly does it.", gate=gate))
        await chat.intake.take(message(200, "go on"))
        await until(lambda: chat.world.platform.texts()[-1] == "Slowly does it.")
        assert chat.claude.refused
        gate.set()
        await chat.world.settled()
        assert chat.world.platform.texts().count("Slowly does it.") == 1


async def test_it_can_be_stopped_between_two_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    async with chatting() as chat:

        def stop(*_: int) -> dict[str, Any]:
            chat.worker.stop(THREAD)
            return {"message": "Input is too long for requested model."}

        await chat.say_until_refused()
        an_hour_later(chat, monkeypatch)
        wording = replace(chat.claude.limit.wording, words=stop)
        chat.claude.limit = replace(chat.claude.limit, wording=wording)
        asked = len(chat.claude.requests)
        answer = await chat.say("go on")
        assert answer.text == "Stopped as you asked."
        assert len(chat.claude.requests) == asked
