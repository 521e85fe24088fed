"""What people may do with a single answer of the bot, each after checking that they may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.commands.access import NOT_YOURS, may_steer
from core.domain.errors import DeniedError
from core.domain.session import next_batch, turns_of
from core.store.values import TurnState

if TYPE_CHECKING:
    from core.commands.authorized import AuthorizedCommands
    from core.domain.message import ThreadKey
    from core.store.port import Store

STOPPING = "I stop here. What I have so far stays."
NOT_RUNNING = "That answer is no longer being written."
NOT_ASKED = "Only the people whose messages it answers, and admins, can do this with an answer."


class AnswerCommands:
    """Ends answers, for those who asked for them and for admins."""

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
