"""Plans the request of a turn: how much of the conversation it shows, so that it fits."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import dropwhile
from typing import TYPE_CHECKING

from core.domain.errors import MessageTooLargeError
from core.domain.session import Status
from core.memory.learned import Beginning, lasts_an_hour
from core.memory.plan import least_size, plan, shows_all
from core.models.port import Document
from core.prompt.pins import pins_size
from core.prompt.prompt import fixed_size, reply_request, scene_of
from core.turn.search import SEARCH

if TYPE_CHECKING:
    from core.domain.clock import Clock
    from core.domain.session import Entry, Session
    from core.memory.memory import Memory
    from core.memory.strategies.strategy import Strategy
    from core.memory.tokens import TokenCounter
    from core.models.port import ModelRequest
    from core.prompt.files import Files
    from core.prompt.prompt import Plan
    from core.turn.turn import TurnConfig

COUNTED_FROM = 0.7
"""The share of the room from which a request is large enough for an exact count."""
UNSURE = 0.1
"""The share of the room that stays unused if only the ruler has counted: no reply of this
conversation says how many tokens its texts have, or the exact count failed."""


_TOOL_TEXT = json.dumps([SEARCH.description, SEARCH.schema])
_TOOL_SHARE = 0.1
"""The most of the room that the tool may take."""
_TOOL_UNITS = 350
"""The system prompt that Claude adds where tools are offered: 290 to 350 tokens by Anthropic's
documentation, "Pricing", "Tool use"."""


class Least(IntEnum):
    """What a request shows at least, whatever a refusal has taught."""

    ADDRESSED = 0
    """The new messages from the first one that is addressed to the bot."""
    NEW = 1
    """All new messages, and nothing else."""
    ONLY_ADDRESSED = 2
    """As the first, and nothing else."""
    BEYOND = 3
    """As the one before, even if it is more than the settings allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A request, with the plan and the count that it was made of."""

    session: Session
    plan: Plan
    request: ModelRequest
    counter: TokenCounter
    fixed_units: float
    """The units of the fixed part of the request."""
    room: int
    """The tokens that it may have, as far as is known."""
    is_guess: bool = False
    """It has a PDF."""

    @property
    def tokens(self) -> int:
        """Return the tokens of the request by our count."""
        return self.plan.tokens.total

    @property
    def units(self) -> float:
        """Return the units of the request."""
        return self._units(self.tokens - self.plan.tokens.fixed)

    @property
    def known_units(self) -> float:
        """Return the units to learn from; 0 if a PDF is in it, whose tokens are only a guess."""
        return 0 if self.is_guess else self.units

    def counted(self, tokens: int) -> TokenCounter:
        """Return the counter by which this request has so many tokens, as the model says."""
        rest = self.units - self.fixed_units
        return self.counter.meeting(tokens, fixed=self.fixed_units, rest=rest)

    def units_without(self, share: float) -> float:
        """Return the units of a request with this share less of what was said before."""
        parts = self.plan.tokens
        past = parts.window + parts.summary
        return self._units(self.tokens - parts.fixed - round(past * share))

    def _units(self, rest: int) -> float:
        return self.counter.units(fixed=self.fixed_units, rest=rest)

    @property
    def has_overheard(self) -> bool:
        """Return whether new messages are shown that came before the first one to answer."""
        return len(_from_addressed(self.plan.batch)) < len(self.plan.batch)

    @property
    def beginning(self) -> Beginning:
        """Return what a change of the prompt's start has to be due to."""
        session = self.session
        state = (session.summary.covers, session.revision, self.plan.seen_from, session.pins)
        return Beginning(thread=session.thread, state=hash(state))


class PromptPlanner:
    """Plans requests. It holds no state of any thread."""

    def __init__(
        self, memory: Memory, clock: Clock, config: TurnConfig, *, has_tools: bool
    ) -> None:
        """Plan by this memory and configuration, for a model with tools or without."""
        self._tools = (SEARCH,) if has_tools and config.recall_tokens else ()
        self._tool_units = memory.counter.measure(_TOOL_TEXT) + _TOOL_UNITS
        self._memory = memory
        self._clock = clock
        self._config = config

    def plan(
        self,
        files: Files,
        session: Session,
        strategy: Strategy,
        *,
        least: Least = Least.ADDRESSED,
        counter: TokenCounter | None = None,
        spare: float = 0.0,
        offers: bool = False,
    ) -> Prompt:
        """Plan a request.

        What is learned or unsure only reduces what was said before and what was overheard. Whether
        a message to answer is too large by itself is decided by the settings or by the model.

        Args:
            files: The files to show.
            session: The conversation.
            strategy: Its strategy.
            least: What is shown in any case, if the settings allow it.
            counter: Counts the tokens; None for the one that the conversation's replies teach.
            spare: The share of the room that stays unused.
            offers: Offer the tool, whatever is loaded.

        Raises:
            MessageTooLargeError: The new messages don't fit.
        """
        memory, now = self._memory, self._clock.monotonic()
        scene, system = scene_of(session, self._clock.now()), self._config.system
        units = fixed_size(scene, system=system, count=memory.counter.measure)
        may_offer = self._may_offer(least, memory.room(now=now))
        offers = may_offer and (offers or _has_more(session, strategy, files))
        tools = self._tools if offers else ()
        if tools:
            units += self._tool_units
        replies = (turn.answer for turn in reversed(session.turns))
        counter = counter or memory.counter.after(replies, units)
        fixed, count = counter.fixed_tokens(units), counter.count
        room = memory.room(session.thread, now=now, counter=counter)
        budget = 0
        if least is Least.ADDRESSED:
            budget = int(room * (1 - max(spare, 0 if counter.is_sure else UNSURE)))
        if budget < memory.budget:
            shown = session.batch if least is Least.NEW else _from_addressed(session.batch)
            always = fixed + (pins_size(session, count) if session.pins else 0)
            needed = least_size(
                shown, fixed=always, counter=counter, files=files, zone=session.zone
            )
            least_budget = needed if least is Least.BEYOND else min(memory.budget, needed)
            budget = max(budget, least_budget)
        seen = plan(session, strategy, budget=budget, counter=counter, fixed=fixed, files=files)
        if _leaves_out(session, seen):  # they are answered one after the other instead
            raise MessageTooLargeError(size=seen.tokens.new, room=room - fixed)
        if seen.left_out and may_offer and not tools:  # from now on it is offered
            return self.plan(
                files,
                session,
                strategy,
                least=least,
                counter=counter,
                spare=spare,
                offers=True,
            )
        if session.linked and least is Least.ADDRESSED:
            from core.prompt.linked import with_linked  # noqa: PLC0415 - few messages have links

            seen = with_linked(seen, session, budget - seen.tokens.total, count)
        request = reply_request(
            seen,
            session,
            scene,
            system=system,
            model=self._config.model,
            max_tokens=memory.limits.answer_tokens(self._config.answer_tokens, now=now),
            files=files,
        )
        hour = lasts_an_hour(session.turns, scene.now.timestamp())
        return Prompt(
            session=session,
            plan=seen,
            request=replace(request, tools=tools, cache_hour=hour),
            counter=counter,
            fixed_units=units,
            room=memory.room(now=now),
            is_guess=bool(files) and _has_document(request),
        )

    def _may_offer(self, least: Least, room: int) -> bool:
        """Return whether the tool may be offered: not where room is scarce."""
        cost = self._tool_units * self._memory.counter.start
        return bool(self._tools) and least is Least.ADDRESSED and cost <= _TOOL_SHARE * room


def _has_document(request: ModelRequest) -> bool:
    blocks = (block for message in request.messages for block in message.blocks)
    return any(isinstance(block, Document) for block in blocks)


def _has_more(session: Session, strategy: Strategy, files: Files) -> bool:
    """Return whether something of the conversation lies outside of what the strategy shows.

    It stays so for as long as an answer is loaded for which less was shown, or that was searched
    for: if the tool came and went, nothing behind it could be read from the cache.
    """
    if not shows_all(session, strategy):
        return True
    if any(file.faded for file in files.values()):
        return True
    return any(turn.answer.trimmed or turn.answer.searched for turn in session.turns)


def _from_addressed(batch: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Return the entries from the first one that is addressed to the bot."""
    return tuple(dropwhile(lambda entry: entry.status is not Status.ADDRESSED, batch))


def _leaves_out(session: Session, seen: Plan) -> bool:
    """Return whether the plan leaves out a message that is to be answered now."""
    left_out = session.batch[: len(session.batch) - len(seen.batch)]
    return any(entry.status is Status.ADDRESSED for entry in left_out)
