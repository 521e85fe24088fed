"""Running what people ask for by interactions: once, in time, and never silently in vain.

Discord sends each interaction once to every process that has the shard. Each process acknowledges
it, so that it is in time however slow one of them is; the first to claim it in the store runs it.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from bots.discord.ids import is_id
from bots.discord.inbound.events import NAME, ChannelInfo
from bots.discord.ui.interaction_context import (
    Acknowledgement,
    InteractionContext,
    answer_raw,
    open_modal,
)
from bots.discord.ui.refusals import why
from core.commands.export.parts import TooLongError
from core.commands.in_thread import unwritten
from core.domain.errors import ChatbotError, DeniedError, broke
from core.domain.payload import dict_of, str_of
from core.domain.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    import discord

    from bots.discord.api import Api
    from bots.discord.inbound.channels import Channels
    from bots.discord.ui.replies import DiscordReplies
    from core.commands.authorized import AuthorizedCommands
    from core.domain.message import Message
    from core.store.port import Store

    Interaction: TypeAlias = discord.Interaction[Any]
    Act: TypeAlias = Callable[[InteractionContext], Awaitable[None]]
    Make: TypeAlias = Callable[[InteractionContext], Awaitable[Mapping[str, Any]]]

log = logging.getLogger(__name__)

FAILED = "That did not work just now. Please try again in a minute."
UNREADABLE = "I could not read that request. Please reload Discord (Ctrl+R) and try again."
_UNEXPECTED = (1, 4)
"""Types of interactions that need no answer: a ping, and suggestions while a person types."""
_MODAL_SECONDS = 1.5
"""Seconds to make a modal; Discord waits three for it, or for a word that there is none."""
_CLOSING = 3.0
"""Seconds that commands get to finish when the bot stops."""


class InteractionRunner:
    """Runs what interactions ask for, and tells people if it fails."""

    def __init__(
        self,
        api: Api,
        channels: Channels,
        replies: DiscordReplies,
        authorized: AuthorizedCommands,
        store: Store,
    ) -> None:
        """Run each once, as `store` records.

        Args:
            api: Discord's REST API.
            channels: Looks up where commands are used.
            replies: Reaches people in their threads and direct messages.
            authorized: Knows whom the bot listens to.
            store: Records what is claimed.
        """
        self._api = api
        self._channels = channels
        self.replies = replies
        """Reach people in their threads and direct messages."""
        self._authorized = authorized
        self._store = store
        self._tasks = Tasks("a command")

    def unread(self, payload: Mapping[str, Any]) -> None:
        """Tell a person that what they pressed or typed can't be read, if they can be reached."""
        if payload.get("type") not in _UNEXPECTED:
            self._tasks.start(self._say_unread(payload))

    async def say(self, interaction: Interaction, text: str) -> None:
        """Answer with a text only."""
        await self.handle(interaction, lambda context: context.show(text))

    def soon(self, job: Coroutine[Any, Any, None], message: Message) -> None:
        """Do something for a message in the background, and tell its author if it fails."""

        async def tell(text: str) -> None:
            await self.replies.refuse(message, text)

        self._tasks.start(self._tried(job, tell))

    def begin(self, job: Coroutine[Any, Any, None]) -> None:
        """Do something in the background, of which nobody waits for a result."""
        self._tasks.start(job)

    async def close(self) -> None:
        """Give running commands a moment to finish."""
        await self._tasks.close(grace=_CLOSING)

    async def handle(self, interaction: Interaction, act: Act) -> None:
        """Acknowledge an interaction and run `act` for it, once in all processes."""
        context = InteractionContext(interaction, self._api, self.replies)
        await asyncio.shield(self._tasks.start(self._once(context, act)))

    async def ask(self, interaction: Interaction, modal: Mapping[str, Any]) -> None:
        """Ask a person by a modal; each process may, since it changes nothing."""
        try:
            await open_modal(self._api, interaction, modal)
        except ChatbotError as error:
            log.warning("a person was not asked what they mean: %s", error)

    async def ask_with(self, interaction: Interaction, make: Make) -> None:
        """Ask a person by a modal that takes a moment to make; say why if it can't be made.

        The modal has to be the first answer, so the interaction is not acknowledged before.
        """
        try:
            async with asyncio.timeout(_MODAL_SECONDS):
                modal = await make(InteractionContext(interaction, self._api, self.replies))
        except TimeoutError:
            await self.say(interaction, FAILED)
        except Exception as error:  # noqa: BLE001 - a person waits for an answer
            await self.handle(interaction, partial(_fail, error))
        else:
            await self.ask(interaction, modal)

    async def _say_unread(self, payload: Mapping[str, Any]) -> None:
        user = dict_of(dict_of(payload, "member"), "user") or dict_of(payload, "user")
        person = str_of(user, "id")
        try:
            answered = await answer_raw(self._api, payload, UNREADABLE)
            if not answered and is_id(person):
                await self.replies.tell(person, UNREADABLE)
        except ChatbotError as error:
            log.warning("a person was not told that their command can't be read: %s", error)

    async def _once(self, context: InteractionContext, act: Act) -> None:
        """Acknowledge an interaction, and run it if this process is the first to claim it."""
        acknowledged, mine = await asyncio.gather(
            context.acknowledge(),
            self._store.claim_once(NAME, context.id),
            return_exceptions=True,
        )
        if isinstance(acknowledged, BaseException):
            raise acknowledged
        if not context.person:
            act = _show_unread
        if isinstance(mine, BaseException):
            log.warning("a command was not run: %s", broke(mine))
            if acknowledged is Acknowledgement.OURS:  # else another process may have run it
                await self._tried(context.show(FAILED), context.show)
        elif mine and acknowledged is not Acknowledgement.FAILED:
            await self._tried(self._admitted(context, act), context.show)

    async def _admitted(self, context: InteractionContext, act: Act) -> None:
        """Run it if the bot listens to the person where they are; `act` checks its own thread.

        Raises what `act` does, and `DeniedError`.
        """
        if not is_id(context.channel):  # of no channel that discord.py can read
            raise DeniedError(UNREADABLE)
        found = await self._channels.find(context.channel, context.guild)
        channel = found or ChannelInfo(id=context.channel, guild=context.guild)
        await self._authorized.admit(context.person, channel.whole)
        await act(context)

    async def _tried(self, job: Awaitable[None], tell: Callable[[str], Awaitable[None]]) -> None:
        try:
            await job
        except (DeniedError, TooLongError) as denied:
            text = str(denied)
        except ChatbotError as error:
            log.warning("a command failed: %s", error)
            text = why(error) or FAILED
        except OSError as error:
            log.error("a command failed: %s", broke(error))  # noqa: TRY400 - no text
            text = unwritten(error) or FAILED
        except Exception as error:  # noqa: BLE001 - a person waits for an answer
            log.error("a command failed: %s", broke(error))  # noqa: TRY400 - no text
            text = UNREADABLE
        else:
            return
        try:
            await tell(text)
        except ChatbotError as error:
            log.warning("a person was not told that their command failed: %s", error)


async def _fail(error: Exception, _context: InteractionContext) -> None:
    raise error


async def _show_unread(context: InteractionContext) -> None:
    await context.show(UNREADABLE)
