"""What people may do with a single answer of the bot, each after checking that they may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.commands.access import NOT_YOURS, may_steer
from core.domain.errors import DeniedError
from core.domain.session import Answer, next_batch, turns_of
from core.store.values import TurnState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.commands.authorized import AuthorizedCommands
    from core.domain.message import ThreadKey
    from core.domain.ratings import Opinion
    from core.domain.session import Record
    from core.store.port import Store
    from core.store.values import Work

STOPPING = "I stop here. What I have so far stays."
NOT_RUNNING = "That answer is no longer being written."
NOT_ASKED = "Only the people whose messages it answers, and admins, can do this with an answer."


THANKS = "Thank you, I have noted that."
NO_ANSWER = "That is none of my answers in this conversation."
_PORTION = 400
"""Positions of a log that are looked through at a time, from its end."""
_LATEST = 3 * 24 * 3600.0
"""Seconds after a message in which its answer is posted, or given up (`TurnConfig.wait_seconds`),
with a margin for clocks that differ."""


class AnswerCommands:
    """Ends answers, for those who may, and keeps what people think of them."""

    def __init__(self, authorized: AuthorizedCommands, store: Store) -> None:
        """Check rights by `authorized`, and do it in `store`."""
        self._authorized = authorized
        self._store = store

    async def stop(self, person: str, thread: ThreadKey, turn: str) -> str:
        """End the answer of a turn with what it has, in whichever process it is being written.

        Returns:
            A sentence that says so. Repeating it does no harm.

        Raises:
            DeniedError: The person may not, or no such turn is running.
        """
        standing = await self._authorized.standing(person, thread)
        work = await self._store.peek(thread)
        if work is None or not standing.can_see:
            raise DeniedError(NOT_YOURS)
        if work.lease.turn != turn or work.state is not TurnState.OPEN:
            raise DeniedError(NOT_RUNNING)
        batch = next_batch(turns_of(work.records)[1], alone=False)
        asked = any(entry.author.id == person for entry in batch)
        if not may_steer(standing, self._authorized.held(standing), asked=asked):
            raise DeniedError(NOT_ASKED)
        if not await self._store.stop(thread, turn):
            raise DeniedError(NOT_RUNNING)
        return STOPPING

    async def rate(
        self,
        thread: ThreadKey,
        post: str,
        opinion: Opinion,
        *,
        posted_at: float,
        seen: bool = False,
    ) -> bool:
        """Keep what a person thinks of an answer.

        Args:
            thread: The thread.
            post: The platform's id of a message of the bot's that carries the answer.
            opinion: What the person thinks.
            posted_at: When that message was posted, by the platform's clock.
            seen: The platform has told of the person's reaction, so they see the message.

        Returns:
            False if the message carries no answer that is still kept.

        Raises:
            DeniedError: The bot does not listen to the person, or they can't see the thread.
        """
        if seen:
            await self._authorized.admit(opinion.person, thread)
        elif not (await self._authorized.standing(opinion.person, thread)).can_see:
            raise DeniedError(NOT_YOURS)
        answer = await self._carried(thread, post, posted_at)
        if answer is None:
            return False
        return await self._store.rate(thread, answer.position, answer.turn, opinion)

    async def _carried(self, thread: ThreadKey, post: str, posted_at: float) -> Answer | None:
        """Return the answer that a message of the bot's carries; most are in the window."""
        work = await self._store.peek(thread)
        if work is None:
            return None
        found = _answer_in(work.records, post) or _being_delivered(work, post)
        stop = work.since
        while found is None and stop > 0:
            start = max(0, stop - _PORTION)
            page = [record async for record in self._store.records(thread, start, stop)]
            found = _answer_in(page, post)
            if page and page[0].sent_at < posted_at - _LATEST:
                return found
            stop = start
        return found


def _answer_in(records: Iterable[Record], post: str) -> Answer | None:
    answers = (each for each in records if isinstance(each, Answer))
    return next((each for each in answers if post in each.posted), None)


def _being_delivered(work: Work, post: str) -> Answer | None:
    """Return the recorded answer that stands already in place of its preview."""
    if work.state is not TurnState.COMMITTED or work.preview != post:
        return None
    answers = (each for each in reversed(work.records) if isinstance(each, Answer))
    return next((each for each in answers if each.turn == work.lease.turn), None)
