"""Asking until there's an answer: how often, how long, and what is shown."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from core.domain.clock import Backoff
from core.domain.errors import ModelBusyError, ModelError, ModelInterruptedError, ModelRefusedError
from core.domain.session import Usage
from core.models.port import Block, Completion, ModelMessage, ModelRequest, StopReason
from core.models.retry import Answered, RetryPolicy, ask
from core.models.scripted import ScriptedModel

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

REQUEST = ModelRequest(
    model="m",
    system=(),
    messages=(ModelMessage(role="user", blocks=(Block(text="Hello"),)),),
    max_tokens=10,
)


class Watch:
    """A clock that stands still but for sleeping, and notes how long that was."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def later(self, seconds: float, call: Callable[[], object]) -> Callable[[], None]:
        raise AssertionError("nothing here is done later")


def a_policy(attempts: int = 4, deadline: float = 60.0) -> RetryPolicy:
    """Make a policy that waits 1, 2, 4, 4, ... seconds, each half to whole."""
    return RetryPolicy(
        attempts=attempts,
        deadline=deadline,
        backoff=Backoff(first=1.0, cap=4.0, jitter=0.5, random=random.Random(1)),
    )


def broken(partial: str) -> list[str | Exception]:
    """Make a script that breaks off."""
    return [*partial, ModelInterruptedError("It broke off.", partial=partial)]


class Asked:
    """One call of `ask` on a scripted model, and all that could be seen of it."""

    def __init__(self, *scripts: str | Exception | list[str | Exception]) -> None:
        self.model = ScriptedModel(*scripts)
        self.clock = Watch()
        self.shown: list[str] = []

    async def __call__(self, policy: RetryPolicy | None = None) -> Answered:
        answered = await ask(
            self.model,
            REQUEST,
            clock=self.clock,
            policy=policy or a_policy(),
            show=self.shown.append,
        )
        self.model.finish()
        return answered

    async def fails(self, policy: RetryPolicy | None = None) -> ModelError:
        with pytest.raises(ModelError) as caught:
            await self(policy)
        self.model.finish()
        return caught.value


async def test_answer_at_once() -> None:
    asked = Asked()
    usage = Usage(input=3, output=1)
    asked.model.add(["Hel", "lo", Completion(stop=StopReason.LENGTH, usage=usage)])
    assert await asked() == Answered(text="Hello", stop=StopReason.LENGTH, usage=usage)
    assert asked.shown == ["Hel", "Hello"]
    assert asked.clock.slept == []


async def test_busy_then_answer() -> None:
    asked = Asked(ModelBusyError("busy"), ModelBusyError("busy"), "Hi.")
    assert (await asked()).text == "Hi."
    assert asked.shown == ["Hi."]  # nothing was shown, so nothing is withdrawn
    first, second = asked.clock.slept
    assert 0.5 <= first <= 1
    assert 1 <= second <= 2


async def test_interrupted_then_answer() -> None:
    asked = Asked(broken("Hal"), "Hi.")
    assert (await asked()).text == "Hi."
    assert asked.shown == ["H", "Ha", "Hal", "", "Hi."]


async def test_waits_stop_growing() -> None:
    asked = Asked(*[ModelBusyError("busy")] * 6, "Hi.")
    await asked(a_policy(attempts=7))
    assert max(asked.clock.slept) <= 4
    assert all(wait >= 2 for wait in asked.clock.slept[2:])


def test_waits_are_spread() -> None:
    waits = {RetryPolicy().wait(3, None) for _ in range(20)}
    assert len(waits) > 10
    assert all(1 <= wait <= 2 for wait in waits)


def test_a_thousand_failures_are_no_overflow() -> None:
    assert RetryPolicy().wait(1000, None) <= RetryPolicy().backoff.cap


async def test_never_sooner_than_asked_for() -> None:
    asked = Asked(ModelBusyError("busy", retry_after=7), "Hi.")
    await asked()
    assert 7 <= asked.clock.slept[0] <= 8


async def test_gives_up_after_all_attempts() -> None:
    asked = Asked(ModelBusyError("first"), ModelBusyError("last"))
    error = await asked.fails(a_policy(attempts=2))
    assert isinstance(error, ModelBusyError)
    assert str(error) == "last"
    assert len(asked.clock.slept) == 1


async def test_gives_up_at_once_when_the_wait_ends_past_the_deadline() -> None:
    asked = Asked(ModelBusyError("busy", retry_after=61))
    error = await asked.fails()
    assert isinstance(error, ModelBusyError)
    assert error.retry_after == 61
    assert asked.clock.slept == []


async def test_deadline_counts_the_attempts_as_well() -> None:
    asked = Asked(ModelBusyError("busy"), ModelBusyError("busy"))
    asked.model._clock = asked.clock
    asked.model._scripts[1] = [59.0, ModelBusyError("late")]
    assert str(await asked.fails()) == "late"


async def test_refusal_is_final() -> None:
    asked = Asked(ModelRefusedError("no"))
    assert isinstance(await asked.fails(), ModelRefusedError)


async def test_giving_up_keeps_the_longest_text() -> None:
    asked = Asked(broken("Ha"), broken("Hal"), broken("H"))
    error = await asked.fails(a_policy(attempts=3))
    assert isinstance(error, ModelInterruptedError)
    assert error.partial == "Hal"
    assert asked.shown == ["H", "Ha", "", "H", "Ha", "Hal", "", "H"]


async def test_giving_up_on_a_busy_model_keeps_what_it_once_said() -> None:
    asked = Asked(broken("Hal"), ModelBusyError("It is overloaded."))
    error = await asked.fails(a_policy(attempts=2))
    assert isinstance(error, ModelBusyError)
    assert (str(error), error.partial) == ("It is overloaded.", "Hal")


async def test_giving_up_says_whether_the_message_may_be_the_cause_and_when_to_come_back() -> None:
    busy = await Asked(broken("Hal"), ModelBusyError("busy", retry_after=240)).fails()
    assert isinstance(busy, ModelBusyError)
    assert (busy.blames_message, busy.retry_after, busy.partial) == (False, 240, "Hal")
    cut = await Asked(ModelBusyError("busy"), broken("Hal")).fails(a_policy(attempts=2))
    assert isinstance(cut, ModelInterruptedError)
    assert cut.blames_message
    refused = await Asked(ModelRefusedError("no")).fails()
    assert refused.blames_message


GRIN = "\N{GRINNING FACE}"
FIRST, SECOND = "\ud83d", "\ude00"
"""Its halves, as JSON writes them: `json` joins them only within one string."""
LOST = "\N{REPLACEMENT CHARACTER}"

PIECES = {
    "halves in two pieces": ((f"hi {FIRST}", f"{SECOND} there"), f"hi {GRIN} there"),
    "halves with nothing between": ((FIRST, "", SECOND), GRIN),
    "halves in one piece": ((f"hi {FIRST}{SECOND}",), f"hi {GRIN}"),
    "three halves": ((f"{FIRST}", f"{FIRST}{SECOND}"), f"{LOST}{GRIN}"),
    "a lone first half": ((f"hi {FIRST} there",), f"hi {LOST} there"),
    "a lone second half": ((SECOND, "hi"), f"{LOST}hi"),
    "halves the wrong way round": ((SECOND, FIRST, "."), f"{LOST}{LOST}."),
    "half at the end": (("hi ", FIRST), f"hi {LOST}"),
    "nothing but half": ((FIRST,), LOST),
    "NUL": (("a\0", "\0b"), f"a{LOST}{LOST}b"),
    "all at once": ((f"\0{FIRST}", f"{SECOND}{SECOND}\0"), f"{LOST}{GRIN}{LOST}{LOST}"),
}


@pytest.mark.parametrize(("pieces", "text"), PIECES.values(), ids=PIECES)
async def test_text_is_cleaned_where_it_comes_in(pieces: tuple[str, ...], text: str) -> None:
    asked = Asked([*pieces])
    assert (await asked()).text == text
    for shown in asked.shown:
        assert text.startswith(shown)
        assert shown.encode()  # never empty, which means something else, and never with a half


async def test_what_broke_off_within_a_character_is_shown_without_it() -> None:
    asked = Asked([f"Hal {FIRST}", ModelInterruptedError("cut", partial=f"Hal {FIRST}")])
    error = await asked.fails(a_policy(attempts=1))
    assert isinstance(error, ModelInterruptedError)
    assert error.partial == "Hal "


async def test_what_a_model_says_of_a_break_is_cleaned_too() -> None:
    asked = Asked(ModelInterruptedError("cut", partial=f"Hal\0{FIRST}"))
    error = await asked.fails(a_policy(attempts=1))
    assert isinstance(error, ModelInterruptedError)
    assert error.partial == f"Hal{LOST}{LOST}"


async def test_text_before_an_outage_is_void_when_the_answer_starts_over() -> None:
    asked = Asked(["Hal", ModelBusyError("busy")], "Hi.")
    await asked()
    assert asked.shown == ["Hal", "", "Hi."]


async def test_stream_without_an_end_is_no_answer() -> None:
    class Endless(ScriptedModel):
        async def stream(self, request: ModelRequest) -> AsyncGenerator[str | Completion, None]:
            yield "Hal"

    with pytest.raises(ModelInterruptedError) as caught:
        await ask(
            Endless(),
            REQUEST,
            clock=Watch(),
            policy=a_policy(attempts=1),
            show=lambda _: None,
        )
    assert caught.value.partial == "Hal"


async def test_stream_is_closed_when_showing_fails() -> None:
    model = ScriptedModel(["Hal", "lo"])

    def show(text: str) -> None:
        raise RuntimeError(text)

    with pytest.raises(RuntimeError, match="Hal"):
        await ask(model, REQUEST, clock=Watch(), policy=a_policy(), show=show)
    assert model.given_up == 1


async def test_policy_without_attempts_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one attempt"):
        await Asked()(a_policy(attempts=0))
