"""Asks the model for one answer, which may take several calls: it can search its conversation.

What the model says before a search stays part of the answer, and people see it meanwhile. The tool
stays in all requests of a turn, and may be called in all but the last: a change of either would
make the API read the whole prompt again (Anthropic's documentation, "Tool use with prompt
caching").
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.domain.errors import ModelBusyError, ModelInterruptedError, StoppedByUserError
from core.domain.session import Usage
from core.models.port import Block, ModelMessage, StopReason
from core.models.retry import Answered, ask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.delivery.preview import Preview
    from core.domain.clock import Clock
    from core.models.port import Model, ModelRequest, Part, ToolResult
    from core.models.retry import RetryPolicy
    from core.turn.planning import Prompt
    from core.turn.search import ConversationSearch

_CALLS = 6
"""The most calls of the model for one answer, if it goes on to search when it may not."""
_FRAME_TOKENS = 30
"""Tokens of a call and of the frame of its result."""


@dataclass(slots=True)
class Spent:
    """What all calls of a turn were billed for, those for nothing included."""

    usage: Usage | None = None
    units: float = 0.0
    """What the token counter measured in their prompts; 0 if one of them is not known."""
    _is_known: bool = True

    def add(self, usage: Usage | None, units: float) -> None:
        """Add a call that was answered; without a usage or units, the units are unknown."""
        if usage is not None:
            self.usage = (self.usage or Usage()) + usage
        self._is_known = self._is_known and usage is not None and units > 0
        self.units = self.units + units if self._is_known else 0.0


class ToolLoop:
    """Asks one model."""

    def __init__(self, model: Model, clock: Clock, policy: RetryPolicy) -> None:
        """Ask this model, and retry by this policy."""
        self._model = model
        self._clock = clock
        self._policy = policy

    async def answer(
        self,
        prompt: Prompt,
        search: ConversationSearch,
        preview: Preview,
        spent: Spent,
        *,
        since: float,
    ) -> Answered:
        """Return the answer to a prompt, and show it as it comes.

        Args:
            prompt: The prompt.
            search: The searches of the turn.
            preview: Shows the text so far.
            spent: Counts what the calls cost.
            since: The steady time from which the time for retries counts.

        Raises:
            ModelError: Whatever the model raises; its `partial` has the text of all calls.
        """
        if preview.text:  # of an earlier request, which was refused
            preview.show("")
        request, said, added = prompt.request, "", 0
        for _ in range(_CALLS):
            try:
                answered = await self._ask(request, said, preview, since)
            except StoppedByUserError:
                return _stopped(preview)
            except (ModelBusyError, ModelInterruptedError) as error:
                error.partial = joined(said, error.partial)
                raise
            spent.add(answered.usage, _units(prompt, added))
            said = joined(said, answered.text)
            if answered.stop is not StopReason.CALLS:
                return replace(answered, text=said)
            may_call = not search.is_used_up  # it gets its results, or hears that it was the last
            try:
                results = await preview.unless_stopped(
                    search.results(answered.calls, prompt.room - prompt.tokens - added)
                )
            except StoppedByUserError:
                return _stopped(preview)
            request = _continued(request, answered, results, may_call=may_call)
            added += sum([prompt.counter.count(each.text) + _FRAME_TOKENS for each in results])
            added += prompt.counter.count(answered.text)
        return replace(answered, text=said, stop=StopReason.END)

    async def _ask(
        self, request: ModelRequest, said: str, preview: Preview, since: float
    ) -> Answered:
        """Make one call; show its text behind what the model has said before."""
        asking = ask(
            self._model,
            request,
            clock=self._clock,
            policy=self._policy,
            show=lambda text: preview.show(joined(said, text)),
            since=since,
        )
        return await preview.unless_stopped(asking)


def joined(said: str, text: str) -> str:
    """Return two texts of one answer, between which the model has searched, as two paragraphs."""
    if not said.strip() or not text.strip():
        return said if said.strip() else text
    return f"{said.rstrip()}\n\n{text.lstrip()}"


def _stopped(preview: Preview) -> Answered:
    return Answered(text=preview.text, stop=StopReason.STOPPED, usage=None)


def _units(prompt: Prompt, added: int) -> float:
    known = prompt.known_units
    return known + added / prompt.counter.factor if known else 0.0


def _continued(
    request: ModelRequest, answered: Answered, results: Sequence[ToolResult], *, may_call: bool
) -> ModelRequest:
    """Return the request that goes on behind the results of calls."""
    text = (Block(answered.text),) if answered.text.strip() else ()
    calls: tuple[Part, ...] = (*answered.thoughts, *text, *answered.calls)
    messages = (
        *request.messages,
        ModelMessage("assistant", calls),
        ModelMessage("user", tuple(results)),
    )
    return replace(request, messages=messages, may_call=may_call)
