"""What a turn asks of the model: what is remembered, the files to look at, and the answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from core.attachments import Attachments
from core.errors import PromptRefusedError, StoppedByUserError
from core.files import rules_for, without_media
from core.memory import attachments_in_view, plan
from core.models.port import Stop
from core.models.retry import Answered, ask
from core.preview import Preview
from core.prompt import Scene, fixed_size, reply_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.clock import Clock
    from core.conversation import Manner
    from core.delivery import Delivery
    from core.files import Files
    from core.memory import Plan, Strategy
    from core.memory.choice import Memory
    from core.message import Attachment
    from core.models.port import Model, ModelRequest
    from core.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied:
    """The model's answer, and what it was shown for it."""

    answered: Answered
    plan: Plan
    files: Files


class Answering:
    """Asks the model. Keeps files that were fetched, and nothing else of any thread."""

    def __init__(self, model: Model, memory: Memory, clock: Clock, manner: Manner) -> None:
        """Answer with this model, from this memory."""
        self._model = model
        self._memory = memory
        self._clock = clock
        self._manner = manner
        self._files = Attachments(clock, rules_for(manner.model, memory.budget))

    async def answer(self, session: Session, strategy: Strategy, delivery: Delivery) -> Replied:
        """Return the model's answer, shown as it comes.

        Raises `MessageTooLargeError`, and what the model raises.
        """
        platform = delivery.platform
        await platform.working(delivery.where, working=True)
        try:
            wanted = attachments_in_view(session, strategy)
            files = await self._files.load(platform, session.thread, wanted)
            try:
                return await self._ask_with(files, session, strategy, delivery)
            except PromptRefusedError:
                if not any(file.is_media for file in files.values()):
                    raise
            # One of the files may be what it refuses, and would be with each message to come.
            bare = without_media(files)
            replied = await self._ask_with(bare, session, strategy, delivery)
            self._files.reject(platform.name, _suspects(session, wanted, files))
            return replied
        finally:
            await platform.working(delivery.where, working=False)

    async def _ask_with(
        self, files: Files, session: Session, strategy: Strategy, delivery: Delivery
    ) -> Replied:
        scene = self._scene(session)
        count, system = self._memory.counter.count, self._manner.system
        fixed = fixed_size(scene, system=system, count=count)
        budget = self._memory.budget
        seen = plan(session, strategy, budget=budget, count=count, fixed=fixed, files=files)
        request = reply_request(
            seen,
            session,
            scene,
            system=system,
            model=self._manner.model,
            max_tokens=self._manner.answer_tokens,
            files=files,
        )
        return Replied(answered=await self._ask(request, delivery), plan=seen, files=files)

    async def _ask(self, request: ModelRequest, delivery: Delivery) -> Answered:
        """Ask the model, and show the answer as it comes."""
        async with Preview(delivery, delivery.platform.capabilities, self._clock) as preview:
            asking = ask(
                self._model,
                request,
                clock=self._clock,
                policy=self._manner.retry,
                show=preview.show,
            )
            try:
                answered = await preview.unless_stopped(asking)
            except StoppedByUserError:
                return Answered(text=preview.text, stop=Stop.ASKED, usage=None)
        # What media cost is a rule's guess, and no word's length.
        if answered.usage is not None and not request.has_media:
            self._memory.counter.learn(_tokens(request, self._memory), answered.usage)
        return answered

    def _scene(self, session: Session) -> Scene:
        return Scene(
            now=datetime.fromtimestamp(self._clock.now(), self._manner.timezone),
            platform=session.thread.platform,
            place=session.thread.place,
            kind=session.kind,
            speakers=tuple(dict.fromkeys(entry.author.name for entry in session.batch)),
        )


def _suspects(session: Session, wanted: Sequence[Attachment], files: Files) -> list[Attachment]:
    """Return the files that may have been refused: the new ones, or else all."""
    new = [each for entry in session.batch for each in entry.attachments]
    return [each for each in new if files[each.id].is_media] or list(wanted)


def _tokens(request: ModelRequest, memory: Memory) -> int:
    """Return how large the prompt was held to be, to be compared with what was billed."""
    blocks = (*request.system, *(b for message in request.messages for b in message.blocks))
    return sum(memory.counter.count(block.text) for block in blocks)
