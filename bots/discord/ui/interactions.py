"""Interactions: slash commands, entries of message menus, buttons and lists.

Discord sends each once to every process that has the shard. Each process acknowledges it, so that
it is in time however slow one of them is; the first to claim it in the store runs it. It makes a
change before it tells the person. If the process dies in between, the person sees that no answer
came, and may ask again.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from bots.discord.ids import is_id
from bots.discord.inbound.events import NAME, ChannelInfo
from bots.discord.outbound.files_out import parts_of
from bots.discord.outbound.permalinks import link_in
from bots.discord.ui import views
from bots.discord.ui.interaction_context import (
    Acknowledgement,
    InteractionContext,
    answer_raw,
    open_modal,
)
from bots.discord.ui.pins import target_of
from bots.discord.ui.refusals import why
from core.commands.export.parts import TooLongError, about_parts
from core.commands.export.request import THREAD_AS_MARKDOWN, ExportOf
from core.commands.export.writing import SO_FAR
from core.commands.in_thread import unwritten
from core.domain.errors import ChatbotError, DeniedError, PlatformError, broke
from core.domain.message import ThreadKey
from core.domain.payload import dict_of, str_of
from core.domain.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

    import discord

    from bots.discord.api import Api
    from bots.discord.inbound.channels import Channels
    from bots.discord.ui.answers import AnswerInteractions
    from bots.discord.ui.directory import DiscordDirectory
    from bots.discord.ui.pins import PinInteractions
    from bots.discord.ui.replies import DiscordReplies
    from core.commands.export.request import ExportRequest
    from core.commands.export.writing import Progress
    from core.domain.message import Message
    from core.store.port import Store

    Interaction: TypeAlias = discord.Interaction[Any]
    Act: TypeAlias = Callable[[InteractionContext], Awaitable[None]]

log = logging.getLogger(__name__)

FAILED = "That did not work just now. Please try again in a minute."
UNREAD = "I could not read that request. Please reload Discord (Ctrl+R) and try again."
_UNEXPECTED = (1, 4)
"""Types of interactions that need no answer: a ping, and suggestions while a person types."""
_SENT = "Here is the conversation. Only you can see this."
_SENT_SEVERAL = "Here are the conversations that you may have. Only you can see this."
_KEPT = "Nothing was removed."
_NO_LINK = "That is not a link to a message I can see."
_NOT_ANNOUNCED = "I could not announce it in the thread, because I may not write there."
_IN_A_THREAD = (
    "Pins belong to one conversation: use this inside a thread, or in a direct message with me. "
    "In a channel, mention me with the same words."
)
_NUMBERED_IN_A_THREAD = (
    "Messages are numbered in each conversation: use this inside a thread, or in a direct message "
    "with me."
)
_CLOSING = 3.0
"""Seconds that commands get to finish when the bot stops."""


class Interactions:
    """Takes commands, has them done, and shows their results."""

    def __init__(
        self,
        api: Api,
        channels: Channels,
        replies: DiscordReplies,
        directory: DiscordDirectory,
        pins: PinInteractions,
        answers: AnswerInteractions,
        *,
        store: Store,
    ) -> None:
        """Run commands by the `authorized` ones of `pins`, each once, as `store` records.

        Args:
            api: Discord's REST API.
            channels: Looks up where commands are used.
            replies: Reaches people in their threads and direct messages.
            directory: Names threads.
            pins: Does what concerns pins.
            answers: Does what concerns single answers.
            store: Records what is claimed.
        """
        self._api = api
        self._channels = channels
        self._authorized = pins.authorized
        self._replies = replies
        self._directory = directory
        self._pins = pins
        self._answers = answers
        self._store = store
        self._tasks = Tasks("a command")

    # --- from discord.py ------------------------------------------------------------------------

    async def slash(
        self,
        interaction: Interaction,
        word: str,
        request: ExportRequest = THREAD_AS_MARKDOWN,
        link: str = "",
        text: str = "",
    ) -> None:
        """Run a slash command; `text` is what it needs, if it needs any."""
        if text:
            await self._handle(interaction, lambda context: self._with_text(context, word, text))
            return
        await self._handle(interaction, lambda context: self._slash(context, word, request, link))

    async def menu(self, interaction: Interaction, word: str, message: discord.Message) -> None:
        """Run an entry of a message's menu."""
        if word == "why":
            await self._ask(interaction, views.reason(str(message.id)))
            return
        before = message.reference.message_id if message.reference else None
        ids = [str(id_) for id_ in (message.id, before) if id_]

        async def act(context: InteractionContext) -> None:
            channel = await self._here(context)
            thread = await self._thread_of(channel, ids)
            if word == "pin":
                target = target_of(interaction.data or {})
                await self._pins.menu(context, target, channel, thread)
            else:
                await self._run(context, word, thread)

        await self._handle(interaction, act)

    async def press(self, interaction: Interaction) -> None:
        """Run what a button does, or what was chosen in a list."""
        given: object = interaction.data
        data: dict[str, Any] = given if isinstance(given, dict) else {}
        custom_id, values = str_of(data, "custom_id"), data.get("values")
        if views.is_kept(custom_id):
            await self.say(interaction, _KEPT)
            return
        press = views.pressed(custom_id, values if isinstance(values, list) else ())
        if press is None:  # of another version, or made up
            await self.say(interaction, UNREAD)
        elif press.word == "wrong" and press.thread is not None:
            await self._ask(interaction, views.correction(press.thread))
        else:
            await self._handle(interaction, lambda context: self._pressed(context, press))

    async def submit(self, interaction: Interaction) -> None:
        """Keep what a person typed in a modal."""
        given: object = interaction.data
        data: dict[str, Any] = given if isinstance(given, dict) else {}
        press = views.pressed(str_of(data, "custom_id"), ())
        thread, text = press.thread if press is not None else None, views.typed(data)
        if press is not None and press.word == "why":
            post = press.what
            await self._handle(interaction, lambda it: self._answers.reasoned(it, post, text))
        elif press is not None and press.word == "fact" and thread is not None:
            await self._handle(interaction, lambda it: self._pins.corrected(it, thread, text))
        else:
            await self.say(interaction, UNREAD)

    def unread(self, payload: Mapping[str, Any]) -> None:
        """Tell a person that what they pressed or typed can't be read, if they can be reached."""
        if payload.get("type") not in _UNEXPECTED:
            self._tasks.start(self._say_unread(payload))

    def reacted(self, payload: Mapping[str, Any], *, taken_back: bool) -> None:
        """Keep what a person thinks of an answer, by their reaction to it."""
        if (opinion := self._answers.opinion_in(payload, taken_back=taken_back)) is not None:
            self._tasks.start(self._answers.reacted(payload, opinion))

    async def say(self, interaction: Interaction, text: str) -> None:
        """Answer with a text only."""
        await self._handle(interaction, lambda context: context.show(text))

    def soon(self, job: Coroutine[Any, Any, None], message: Message) -> None:
        """Do something for a message in the background, and tell its author if it fails."""

        async def tell(text: str) -> None:
            await self._replies.refuse(message, text)

        self._tasks.start(self._tried(job, tell))

    async def close(self) -> None:
        """Give running commands a moment to finish."""
        await self._tasks.close(grace=_CLOSING)

    # --- once, and in time ----------------------------------------------------------------------

    async def _handle(self, interaction: Interaction, act: Act) -> None:
        context = InteractionContext(interaction, self._api, self._replies)
        await asyncio.shield(self._tasks.start(self._once(context, act)))

    async def _ask(self, interaction: Interaction, modal: Mapping[str, Any]) -> None:
        """Ask a person by a modal; each process may, since it changes nothing."""
        try:
            await open_modal(self._api, interaction, modal)
        except ChatbotError as error:
            log.warning("a person was not asked what they mean: %s", error)

    async def _say_unread(self, payload: Mapping[str, Any]) -> None:
        user = dict_of(dict_of(payload, "member"), "user") or dict_of(payload, "user")
        person = str_of(user, "id")
        try:
            answered = await answer_raw(self._api, payload, UNREAD)
            if not answered and is_id(person):
                await self._replies.tell(person, UNREAD)
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
            text = UNREAD
        else:
            return
        try:
            await tell(text)
        except ChatbotError as error:
            log.warning("a person was not told that their command failed: %s", error)

    # --- what each does -------------------------------------------------------------------------

    async def _slash(
        self, context: InteractionContext, word: str, request: ExportRequest, link: str
    ) -> None:
        texts = {"help": self._replies.help, "privacy": self._replies.privacy}
        if word in texts:
            await context.show(texts[word])
            return
        channel = await self._here(context)
        if word == "stats":
            lines = await self._authorized.stats(context.person, channel.whole)
            await context.show("\n".join(lines))
        elif link:
            await self._run(context, word, await self._linked(link), request)
        elif channel.is_channel and request.of is ExportOf.THREAD:
            infos = await self._authorized.threads(context.person, limit=views.LISTED)
            title, now = self._directory.title, context.at
            word = "memory" if word == "pins" else word
            text, view = views.choose(word, request, infos, title, now)
            await context.show(text, view=view)
        else:
            await self._run(context, word, channel.whole, request)

    async def _with_text(self, context: InteractionContext, word: str, text: str) -> None:
        channel = await self._here(context)
        if channel.is_channel:
            raise DeniedError(_NUMBERED_IN_A_THREAD if word == "forget" else _IN_A_THREAD)
        await self._pins.command(context, word, channel.whole, text)

    async def _pressed(self, context: InteractionContext, press: views.Press) -> None:
        named = [press.what] if press.word == "pin" else [press.root] if press.root else []
        thread = press.thread or await self._thread_of(await self._here(context), named)
        if press.extent:
            text = await self._authorized.forget(
                context.person, thread, "whole" if press.extent == "whole" else "own", at=context.at
            )
            await context.show(text)
        elif press.word == "stop":
            await self._answers.stop(context, thread, press.what)
        elif press.word == "pin":
            await self._pins.keep(context, thread, press.what)
        elif press.word == "unpin":
            await self._pins.remove(context, thread, press.what)
        elif press.word == "one":
            await self._pins.ask(context, thread, press.what)
        elif press.word == "gone":
            await self._pins.forget(context, thread, press.what)
        else:
            await self._run(context, press.word, thread, press.request)

    async def _run(
        self,
        context: InteractionContext,
        word: str,
        thread: ThreadKey,
        request: ExportRequest = THREAD_AS_MARKDOWN,
    ) -> None:
        """Run one command on one thread."""
        person, authorized = context.person, self._authorized
        if word == "export":
            tell = partial(self._progress, context)
            async with authorized.exported(person, thread, request, tell) as file:
                parts = await asyncio.to_thread(parts_of, file, context.limit)
                sent = _SENT if request.of is ExportOf.THREAD else _SENT_SEVERAL
                await context.show(sent + about_parts(parts), files=parts)
        elif word == "forget":
            text, view = views.confirm(thread, await authorized.may_forget(person, thread))
            await context.show(text, view=view)
        elif word == "reset":
            await self._reset(context, thread)
        else:
            await self._pins.show(context, thread)

    @staticmethod
    async def _progress(context: InteractionContext, progress: Progress) -> None:
        await context.show(SO_FAR.format(progress=progress))

    async def _reset(self, context: InteractionContext, thread: ThreadKey) -> None:
        text = await self._authorized.reset(context.person, thread, at=context.at)
        try:
            await self._replies.announce(thread, text, behind=context.id)
        except PlatformError as error:
            log.warning("a reset was not announced: %s", error)
            text = f"{text} {_NOT_ANNOUNCED}"
        await context.show(text)

    # --- which thread is meant ------------------------------------------------------------------

    async def _here(self, context: InteractionContext) -> ChannelInfo:
        return await self._visible(context.channel, context.guild)

    async def _visible(self, channel: str, guild: str) -> ChannelInfo:
        if not is_id(channel):
            raise DeniedError(UNREAD)
        found = await self._channels.find(channel, guild)
        if found is None:
            raise DeniedError(_NO_LINK)
        return found

    async def _linked(self, text: str) -> ThreadKey:
        link = link_in(text)
        if link is None:
            raise DeniedError(_NO_LINK)
        return await self._thread_of(await self._visible(link.channel, link.guild), [link.message])

    async def _thread_of(self, channel: ChannelInfo, messages: Sequence[str]) -> ThreadKey:
        """Return the thread that one of these messages opened, else the one that it is in."""
        for message in messages if channel.is_channel else ():
            thread = ThreadKey(NAME, channel.place, message)
            if await self._store.peek(thread) is not None:
                return thread
        return channel.whole


async def _show_unread(context: InteractionContext) -> None:
    await context.show(UNREAD)
