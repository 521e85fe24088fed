"""The model searches its conversation: what it finds, what it may not, and what can go wrong."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.errors import StoreUnavailableError
from core.domain.message import ThreadKey
from core.domain.session import AnswerKind
from core.memory.recall.recall import Recall
from core.turn.search import SEARCH
from tests.chat import chatting
from tests.fakes.claude import Call, Refusal, Talk
from tests.world import THREAD, message, until

if TYPE_CHECKING:
    from tests.chat import Chat

NUTS = Call(SEARCH.name, {"words": "allergic nuts"})


async def filled(chat: Chat) -> None:
    """Say something that matters, and then so much that it leaves the window."""
    await chat.say("Remember that my brother Tom is allergic to nuts and to celery.")
    for n in range(6):
        await chat.say(f"Small talk number {n} about the weather in the mountains.")


def results(request: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the results of calls in a request, in order."""
    blocks = [block for each in request["messages"] for block in each["content"]]
    return [block for block in blocks if block["type"] == "tool_result"]


def found(request: dict[str, Any]) -> str:
    """Return the text of the last result in a request."""
    (block,) = results(request)[-1]["content"]
    return str(block["text"])


async def test_the_model_finds_what_was_said_and_both_parts_are_the_answer() -> None:
    async with chatting(limit=10**6, pairs=2) as chat:
        await filled(chat)
        chat.claude.next(Talk("Let me look.", calls=(NUTS,)), Talk("Tom is allergic to nuts."))
        answer = await chat.say("Who can't eat the cake?")
        first, second = chat.claude.requests[-2:]
        assert answer.text == "Let me look.\n\nTom is allergic to nuts."
        assert answer.searched == ('"allergic nuts"',)
        assert answer.recalled == (0,)
        assert "my brother Tom is allergic to nuts and to celery" in found(second)
        assert first["tools"] == second["tools"]
        assert first["tool_choice"] == second["tool_choice"]
        assert second["messages"][: len(first["messages"])] == first["messages"]
        assert [b["type"] for b in second["messages"][-2]["content"]] == [
            "thinking",
            "text",
            "tool_use",
        ]
        usages = [chat.claude.size(each) for each in (first, second)]
        assert answer.usage is not None
        assert answer.usage.prompt == sum(usages)
        assert answer.usage.prompt / answer.units == pytest.approx(1.0, rel=0.3)
        assert chat.world.platform.texts()[-1] == answer.text


async def test_it_is_offered_where_something_is_not_shown_and_stays() -> None:
    async with chatting(limit=10**6, pairs=2) as chat:
        for n in range(12):
            await chat.say(f"Message {n}.")
        offered = ["tools" in each for each in chat.claude.requests]
        assert offered == [False] * 3 + [True] * 9
        other = await chat.say("Hello there.", thread=ThreadKey("fake", "place", "other"))
        assert "tools" not in chat.claude.requests[-1]
        assert not other.searched


async def test_three_searches_are_the_most_and_the_tool_stays_in_the_prompt() -> None:
    async with chatting(limit=10**6, pairs=2) as chat:
        await filled(chat)
        calls = [
            Talk(f"Again {n}.", calls=(Call(SEARCH.name, {"words": f"nuts {n}"}, f"toolu_{n}"),))
            for n in range(4)
        ]
        chat.claude.next(*calls, Talk("I give up."))
        before = len(chat.claude.requests)
        answer = await chat.say("Who can't eat the cake?")
        asked = chat.claude.requests[before:]
        assert len(asked) == 5
        assert len(answer.searched) == 3
        assert answer.text == "\n\n".join([*(f"Again {n}." for n in range(4)), "I give up."])
        assert all(each["tools"] == asked[0]["tools"] for each in asked)
        choices = [each["tool_choice"]["type"] for each in asked]
        assert choices == ["auto"] * 4 + ["none"]
        errors = [block.get("is_error", False) for block in results(asked[-1])]
        assert errors == [False, False, False, True]
        assert "That was the last search" in str(results(asked[-1])[2])


async def test_a_model_that_calls_for_ever_comes_to_an_end() -> None:
    async with chatting(limit=10**6, pairs=2) as chat:
        await filled(chat)
        chat.claude.next(*[Talk("Hm.", calls=(NUTS,))] * 20)
        answer = await chat.say("Who can't eat the cake?")
        assert answer.text.startswith("Hm.")
        assert len(answer.searched) == 3
        assert len(chat.claude._answers) == 14


WRONG = {
    "no object": '"nuts"',
    "no JSON": '{"words": ',
    "another type": {"words": ["nuts"]},
    "too long": {"words": "nuts " * 200},
    "no day": {"words": "nuts", "from": "last week"},
    "a day that is none": {"words": "nuts", "to": "2026-02-31"},
    "far away": {"words": "nuts", "to": "9999-12-31"},
    "backwards": {"words": "nuts", "from": "2026-05-02", "to": "2026-05-01"},
    "unknown": {"words": "nuts", "thread": "another"},
    "nothing": {"words": "  "},
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
async def test_wrong_arguments_go_back_in_words(arguments: object) -> None:
    async with chatting(limit=10**6, pairs=2) as chat:
        await filled(chat)
        chat.claude.next(Talk("", calls=(Call(SEARCH.name, arguments),)), Talk("I don't know."))
        answer = await chat.say("Who can't eat the cake?")
        assert answer.text == "I don't know."
        (result,) = results(chat.claude.requests[-1])
        assert result["is_error"]
        assert 10 < len(found(chat.claude.requests[-1])) < 200


async def test_another_tool_is_refused_in_words() -> None:
    async with chatting(limit=10**6, pairs=2) as chat:
        await filled(chat)
        chat.claude.next(Talk("", calls=(Call("run_code", {"code": "1"}),)), Talk("I can't."))
        assert (await chat.say("Run it.")).text == "I can't."
        assert "no tool of this name" in found(chat.claude.requests[-1])


async def test_who_and_when_narrow_a_search() -> None:
    async with chatting(limit=10**6, pairs=2) as chat:
        await filled(chat)
        for arguments, is_found in (
            ({"words": "nuts", "who": "ann"}, True),
            ({"words": "nuts", "who": "Bob"}, False),
            ({"words": "nuts", "from": "2001-01-01", "to": "2001-01-02"}, False),
            ({"words": "nuts", "from": "1970-01-01"}, True),
        ):
            chat.claude.next(Talk("", calls=(Call(SEARCH.name, arguments),)), Talk("Well."))
            await chat.say("Who can't eat the cake?")
            assert ("allergic to nuts" in found(chat.claude.requests[-1])) == is_found, arguments


async def test_it_never_finds_what_another_thread_said() -> None:
    async with chatting(limit=10**6, pairs=2) as chat:
        other = ThreadKey("fake", "place", "other")
        for n in range(6):
            await chat.say(f"The secret password of the vault is swordfish {n}.", thread=other)
        await filled(chat)
        chat.claude.next(
            Talk("", calls=(Call(SEARCH.name, {"words": "secret password vault swordfish"}),)),
            Talk("No."),
        )
        await chat.say("What is the password?")
        assert "swordfish" not in str(chat.claude.requests[-1]["messages"][-1]["content"][0])


async def test_large_results_are_cut_to_the_room_that_is_left() -> None:
    async with chatting(limit=8_000, budget=7_800, pairs=2) as chat:
        for n in range(12):
            await chat.say(f"Nuts {n}: " + "allergic to many nuts, almonds and hazelnuts. " * 30)
        chat.claude.next(Talk("", calls=(NUTS,)), Talk("All of them."))
        answer = await chat.say("Who can't eat the cake?")
        assert answer.kind is AnswerKind.ANSWER, answer.text
        assert not chat.claude.refused
        assert len(found(chat.claude.requests[-1])) < 6_000


async def test_a_store_that_fails_is_told_to_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    async with chatting(limit=10**6, pairs=2) as chat:
        await filled(chat)

        async def fail(*_: object, **__: object) -> None:
            raise StoreUnavailableError("The store is down.")

        chat.claude.next(Talk("", calls=(NUTS,)), Talk("I could not look."))
        monkeypatch.setattr(Recall, "search", fail)
        assert (await chat.say("Who can't eat the cake?")).text == "I could not look."
        assert results(chat.claude.requests[-1])[-1]["is_error"]


async def test_the_second_call_is_shown_behind_the_first_and_can_be_stopped() -> None:
    gate = asyncio.Event()
    async with chatting(limit=10**6, pairs=2) as chat:
        await filled(chat)
        chat.claude.next(Talk("Let me look.", calls=(NUTS,)), Talk("Tom is allergic", gate=gate))
        await chat.intake.take(message(500, "Who can't eat the cake?"))
        shown = "Let me look.\n\nTom is allergic"
        await until(lambda: chat.world.platform.texts()[-1] == shown)
        chat.worker.stop(THREAD)
        await chat.world.settled()
        answer = (await chat.answers())[-1]
        assert answer.text == shown
        assert "Stopped as you asked." in answer.notes
        assert answer.usage is not None  # that of the first call
        assert answer.searched == ('"allergic nuts"',)


@pytest.mark.parametrize(
    "failure", [Refusal(529, "overloaded_error"), Talk("Tom is", then="cut")], ids=["busy", "cut"]
)
async def test_the_second_call_is_retried_alone(failure: Refusal | Talk) -> None:
    async with chatting(limit=10**6, pairs=2) as chat:
        await filled(chat)
        before = len(chat.claude.requests)
        chat.claude.next(Talk("Let me look.", calls=(NUTS,)), failure, Talk("Tom is allergic."))
        answer = await chat.say("Who can't eat the cake?")
        assert answer.text == "Let me look.\n\nTom is allergic."
        assert len(answer.searched) == 1
        assert len(chat.claude.requests) == before + 3
        assert chat.world.platform.texts().count(answer.text) == 1


async def test_a_refusal_in_the_second_call_is_asked_again_with_less() -> None:
    too_long = Refusal(400, "invalid_request_error", "prompt is too long")
    async with chatting(limit=10**6, pairs=2) as chat:
        await filled(chat)
        chat.claude.next(
            Talk("Let me look.", calls=(NUTS,)), too_long, Talk("Tom is allergic, I think.")
        )
        answer = await chat.say("Who can't eat the cake?")
        assert answer.text == "Tom is allergic, I think."
        assert answer.kind is AnswerKind.ANSWER
        assert answer.usage is not None
        assert chat.world.platform.texts()[-1] == answer.text


async def test_a_turn_that_dies_between_two_calls_is_answered_once() -> None:
    gate = asyncio.Event()
    async with chatting(limit=10**6, pairs=2) as chat:
        await filled(chat)
        chat.claude.next(
            Talk("Let me look.", calls=(NUTS,)),
            Talk("Tom is", gate=gate, then="hang"),
            Talk("Let me look.", calls=(NUTS,)),
            Talk("Tom is allergic."),
        )
        await chat.intake.take(message(500, "Who can't eat the cake?"))
        await until(lambda: "Tom is" in chat.world.platform.texts()[-1])
        chat.world.expire_leases()
        async with chat.world.worker():
            await until(lambda: "Tom is allergic." in str(chat.world.platform.texts()))
            gate.set()
            await chat.world.settled()
        answers = [each for each in await chat.answers() if "allergic." in each.text]
        assert [each.text for each in answers] == ["Let me look.\n\nTom is allergic."]
        posts = [text for text in chat.world.platform.texts() if "Tom is" in text]
        assert posts == ["Let me look.\n\nTom is allergic."]


async def test_a_declined_second_call_keeps_what_was_said() -> None:
    async with chatting(limit=10**6, pairs=2) as chat:
        await filled(chat)
        chat.claude.next(Talk("Let me look.", calls=(NUTS,)), Talk("Tom", stop_reason="refusal"))
        answer = await chat.say("Who can't eat the cake?")
        assert answer.text == "Let me look.\n\nTom"
        assert "The model declined to continue here." in answer.notes


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("nuts \ud83c\udf78", '"nuts \N{COCKTAIL GLASS}"'),
        ("nuts \ud83d", '"nuts \N{REPLACEMENT CHARACTER}"'),
        ("nuts\0", '"nuts\N{REPLACEMENT CHARACTER}"'),
    ],
)
async def test_half_an_emoji_in_a_search_loses_no_answer(words: str, shown: str) -> None:
    """What the model looked for is sent again with what it found.

    Sources: github.com/agent0ai/agent-zero, issue 1773; HKUDS/nanobot, pull request 4952.
    """
    async with chatting(limit=10**6, pairs=2) as chat:
        await filled(chat)
        call = Call(SEARCH.name, {"words": words})
        chat.claude.next(Talk("Let me look.", calls=(call,)), Talk("Tom is allergic to nuts."))
        answer = await chat.say("Who can't eat the cake?")
        assert answer.kind is AnswerKind.ANSWER
        assert answer.text == "Let me look.\n\nTom is allergic to nuts."
        assert answer.searched == (shown,)
