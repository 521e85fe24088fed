"""Single answers on Discord: ending one that is being written."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bots.discord.ui.interaction_context import InteractionContext
    from core.commands.answers import AnswerCommands
    from core.domain.message import ThreadKey


class AnswerInteractions:
    """Does what people ask for with an answer, for those who may at that moment."""

    def __init__(self, answers: AnswerCommands) -> None:
        """Do it by `answers`."""
        self._answers = answers

    async def stop(self, context: InteractionContext, thread: ThreadKey, turn: str) -> None:
        """End the answer of a turn with what it has, and tell the person."""
        await context.show(await self._answers.stop(context.person, thread, turn))
