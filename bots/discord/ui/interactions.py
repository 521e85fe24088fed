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
from bots.discord.ui import settings_views, views
from bots.discord.ui.pins import target_of
from bots.discord.ui.runner import UNREADABLE
from core.commands.export.parts import about_parts
from core.commands.export.request import THREAD_AS_MARKDOWN, ExportOf
from core.commands.export.writing import SO_FAR
from core.domain.errors import DeniedError, PlatformError
from core.domain.message import ThreadKey
from core.domain.payload import str_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import discord

    from bots.discord.inbound.channels import Channels
    from bots.discord.ui.answers import AnswerInteractions
    from bots.discord.ui.directory import DiscordDirectory
    from bots.discord.ui.interaction_context import InteractionContext
    from bots.discord.ui.pins import PinInteractions
    from bots.discord.ui.runner import InteractionRunner
    from bots.discord.ui.settings import SettingsInteractions
    from bots.discord.ui.settings_views import Asked
    from core.commands.export.request import ExportRequest
    from core.commands.export.writing import Progress
    from core.store.port import Store

    Interaction: TypeAlias = discord.Interaction[Any]

log = logging.getLogger(__name__)

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


class Interactions:
    """Takes commands, has them done, and shows their results."""

    def __init__(
        self,
        channels: Channels,
        directory: DiscordDirectory,
        pins: PinInteractions,
        answers: AnswerInteractions,
        settings: SettingsInteractions,
        *,
        runner: InteractionRunner,
        store: Store,
    ) -> None:
        """Run commands by the `authorized` ones of `pins`.

        Args:
            channels: Looks up where commands are used.
            directory: Names threads.
            pins: Does what concerns pins.
            answers: Does what concerns single answers.
            settings: Does what concerns settings.
            runner: Runs each interaction once, and tells people if it fails.
            store: Knows which threads there are.
        """
        self.runner = runner
        self._channels = channels
        self._authorized = pins.authorized
        self._replies = runner.replies
        self._directory = directory
        self._pins = pins
        self._answers = answers
        self._settings = settings
        self._store = store

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
            await self.runner.handle(
                interaction, lambda context: self._with_text(context, word, text)
            )
            return
        await self.runner.handle(
            interaction, lambda context: self._slash(context, word, request, link)
        )

    async def menu(self, interaction: Interaction, word: str, message: discord.Message) -> None:
        """Run an entry of a message's menu."""
        if word == "why":
            await self.runner.ask(interaction, views.reason(str(message.id)))
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

        await self.runner.handle(interaction, act)

    async def press(self, interaction: Interaction) -> None:
        """Run what a button does, or what was chosen in a list."""
        given: object = interaction.data
        data: dict[str, Any] = given if isinstance(given, dict) else {}
        custom_id, values = str_of(data, "custom_id"), data.get("values")
        if views.is_kept(custom_id):
            await self.runner.say(interaction, _KEPT)
            return
        if (of_settings := settings_views.asked(data)) is not None:
            await self._press_settings(interaction, of_settings)
            return
        press = views.pressed(custom_id, values if isinstance(values, list) else ())
        if press is None:  # of another version, or made up
            await self.runner.say(interaction, UNREADABLE)
        elif press.word == "wrong" and press.thread is not None:
            await self.runner.ask(interaction, views.correction(press.thread))
        else:
            await self.runner.handle(interaction, lambda context: self._pressed(context, press))

    async def _press_settings(self, interaction: Interaction, asked: Asked) -> None:
        if asked.page is not None:
            await self.runner.ask_with(interaction, lambda it: self._settings.form(it, asked))
        else:
            thread, scope = asked.thread, asked.scope
            await self.runner.handle(interaction, lambda it: self._settings.show(it, thread, scope))

    async def submit(self, interaction: Interaction) -> None:
        """Keep what a person typed in a modal."""
        given: object = interaction.data
        data: dict[str, Any] = given if isinstance(given, dict) else {}
        asked = settings_views.asked(data)
        if asked is not None and asked.given is not None:
            await self.runner.handle(interaction, lambda it: self._settings.save(it, asked))
            return
        press = views.pressed(str_of(data, "custom_id"), ())
        thread, text = press.thread if press is not None else None, views.typed(data)
        if press is not None and press.word == "why":
            post = press.what
            await self.runner.handle(interaction, lambda it: self._answers.reasoned(it, post, text))
        elif press is not None and press.word == "fact" and thread is not None:
            await self.runner.handle(interaction, lambda it: self._pins.corrected(it, thread, text))
        else:
            await self.runner.say(interaction, UNREADABLE)

    def reacted(self, payload: Mapping[str, Any], *, taken_back: bool) -> None:
        """Keep what a person thinks of an answer, by their reaction to it."""
        if (opinion := self._answers.opinion_in(payload, taken_back=taken_back)) is not None:
            self.runner.begin(self._answers.reacted(payload, opinion))

    # --- what each does -------------------------------------------------------------------------

    async def _slash(
        self, context: InteractionContext, word: str, request: ExportRequest, link: str
    ) -> None:
        texts = {"help": self._replies.help, "privacy": self._replies.privacy}
        if word in texts:
            await context.show(texts[word])
            return
        channel = await self._here(context)
        if word == "settings":
            await self._settings.command(context, channel, "")
        elif word == "stats":
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
        if word == "settings":
            await self._settings.command(context, channel, text)
            return
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
        elif word == "settings":
            await self._settings.show(context, thread)
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
            raise DeniedError(UNREADABLE)
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
