"""Where commands are handed in and done: after a slash, in a message's menu, by a button.

Discord tells of each once, but each process that has the shard is told. All of them tell Discord
that it was heard, so that it is in time whoever is slow; the first to name it in the store does
it. What is changed is changed before it is said to be, so nobody is told of what was not done;
where a process dies in between, the person sees that no answer came, and may ask again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeAlias

from bots.discord.ids import is_id
from bots.discord.inbound.events import NAME, Spot
from bots.discord.outbound.files_out import TooLongError, parts_of
from bots.discord.ui import views
from bots.discord.ui.interaction_context import InteractionContext, Taken, answer_raw
from bots.discord.ui.refusals import why
from bots.discord.ui.replies import link_in
from core.commands import temp_files
from core.commands.export import Form
from core.commands.in_thread import unwritten
from core.domain.errors import ChatbotError, DeniedError, PlatformError, broke
from core.domain.message import ThreadKey
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    import discord

    from bots.discord.outbound.platform import DiscordPlatform
    from bots.discord.ui.directory import DiscordDirectory
    from bots.discord.ui.replies import DiscordVoice
    from core.commands.authorized import AuthorizedCommands
    from core.domain.clock import Clock
    from core.store.port import Store

    Interaction: TypeAlias = discord.Interaction[Any]
    Act: TypeAlias = Callable[[InteractionContext], Awaitable[None]]

log = logging.getLogger(__name__)

FAILED = "That did not work just now. Please try again in a minute."
UNREAD = "I could not tell what that was about. Please reload Discord (Ctrl+R), and try again."
_NOT_ASKED = (1, 4)
"""Interactions that nobody waits for: a ping, and what is offered while a person types."""
_SENT = "Here is the conversation. Only you see this."
_KEPT = "Nothing was removed."
_NO_LINK = "That is no link to a message that I can see."
_UNSAID = "I could not say so in the thread: I may not write there."
_CLOSING = 3.0


class Interactions:
    """Takes commands in, has them done, and shows what came of them."""

    def __init__(
        self,
        desk: AuthorizedCommands,
        voice: DiscordVoice,
        directory: DiscordDirectory,
        platform: DiscordPlatform,
        store: Store,
        clock: Clock,
    ) -> None:
        """Have things done by `desk`."""
        self._desk = desk
        self._voice = voice
        self._directory = directory
        self._platform = platform
        self._store = store
        self._clock = clock
        self._jobs: set[asyncio.Task[None]] = set()

    # --- the ways in ----------------------------------------------------------------------------

    async def slash(
        self, interaction: Interaction, word: str, form: Form = Form.MARKDOWN, link: str = ""
    ) -> None:
        """Do what was typed behind a slash."""
        await self._do(interaction, lambda asked: self._slash(asked, word, form, link))

    async def menu(self, interaction: Interaction, word: str, message: discord.Message) -> None:
        """Do what was chosen in the menu of a message."""
        before = message.reference.message_id if message.reference else None
        ids = [str(id_) for id_ in (message.id, before) if id_]

        async def act(asked: InteractionContext) -> None:
            await self._on(asked, word, await self._thread_of(await self._spot(asked), ids))

        await self._do(interaction, act)

    async def press(self, interaction: Interaction) -> None:
        """Do what a button stands for, or what was chosen in a list."""
        given: object = interaction.data
        data: dict[str, Any] = given if isinstance(given, dict) else {}
        custom_id, values = str_of(data, "custom_id"), data.get("values")
        if views.is_kept(custom_id):
            await self._do(interaction, lambda asked: asked.show(_KEPT))
            return
        press = views.pressed(custom_id, values if isinstance(values, list) else ())
        if press is None:  # of another version, or of nobody's
            await self.say(interaction, UNREAD)
        else:
            await self._do(interaction, lambda asked: self._pressed(asked, press))

    def unread(self, payload: dict[str, Any]) -> None:
        """Tell a person that what they pressed or typed can't be read, as far as that can be."""
        if payload.get("type") not in _NOT_ASKED:
            self._keep(asyncio.create_task(self._say_unread(payload)))

    async def say(self, interaction: Interaction, text: str) -> None:
        """Answer with nothing but words."""
        await self._do(interaction, lambda asked: asked.show(text))

    def soon(self, job: Coroutine[Any, Any, None], person: str) -> None:
        """Do something beside what goes on, and tell the person where it fails."""

        async def tell(text: str) -> None:
            await self._voice.tell(person, text)

        self._keep(asyncio.create_task(self._tried(job, tell)))

    async def close(self) -> None:
        """Let what was asked for come to its end, for a moment."""
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=_CLOSING)

    # --- once, and in time ----------------------------------------------------------------------

    async def _do(self, interaction: Interaction, act: Act) -> None:
        asked = InteractionContext(interaction, self._platform.api, self._voice)
        task = asyncio.create_task(self._taken(asked, act))
        self._keep(task)
        await asyncio.shield(task)

    async def _say_unread(self, payload: dict[str, Any]) -> None:
        user = dict_of(dict_of(payload, "member"), "user") or dict_of(payload, "user")
        person, told = str_of(user, "id"), False
        try:
            told = await answer_raw(self._platform.api, payload, UNREAD)
            if not told and is_id(person):
                await self._voice.tell(person, UNREAD)
        except ChatbotError as error:
            log.warning("nobody was told that a command can't be read: %s", error)

    async def _taken(self, asked: InteractionContext, act: Act) -> None:
        taken, mine = await asyncio.gather(
            asked.take(), self._store.claim_once(NAME, asked.id), return_exceptions=True
        )
        if isinstance(taken, BaseException):
            raise taken
        if not asked.person:
            act = _unreadable
        if isinstance(mine, BaseException):
            log.warning("a command was not done: %s", broke(mine))
            if taken is Taken.BY_US:  # else another process may have done it
                await self._tried(asked.show(FAILED), asked.show)
        elif mine and taken is not Taken.NO:
            await self._tried(self._done(asked, act), asked.show)

    async def _done(self, asked: InteractionContext, act: Act) -> None:
        """Do it for whom the bot listens to where they ask; the thread they mean is asked for too.

        Raises what `act` does, and `DeniedError`.
        """
        found = await self._platform.places.spot(asked.channel, asked.guild)
        spot = found or Spot(channel=asked.channel, guild=asked.guild)  # what it may not see
        await self._desk.admit(asked.person, spot.whole)
        await act(asked)

    async def _tried(self, job: Awaitable[None], tell: Callable[[str], Awaitable[None]]) -> None:
        try:
            await job
        except (DeniedError, TooLongError) as denied:
            said = str(denied)
        except ChatbotError as error:
            log.warning("a command failed: %s", error)
            said = why(error) or FAILED
        except OSError as error:
            log.error("a command failed: %s", broke(error))  # noqa: TRY400 - no text
            said = unwritten(error) or FAILED
        except Exception as error:  # noqa: BLE001 - whatever it is, a person waits for a word
            log.error("a command failed: %s", broke(error))  # noqa: TRY400 - no text
            said = UNREAD
        else:
            return
        try:
            await tell(said)
        except ChatbotError as error:
            log.warning("what came of a command could not be told: %s", error)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    # --- what they come to ----------------------------------------------------------------------

    async def _slash(self, asked: InteractionContext, word: str, form: Form, link: str) -> None:
        if word == "help":
            await asked.show(self._voice.help)
            return
        spot = await self._spot(asked)
        if word == "stats":
            await asked.show("\n".join(await self._desk.stats(asked.person, spot.whole)))
        elif link:
            await self._on(asked, word, await self._linked(link), form)
        elif spot.is_channel:
            infos = await self._desk.threads(asked.person, limit=views.LISTED)
            title, now = self._directory.title, self._clock.now()
            text, view = views.choose(word, form, infos, title, now)
            await asked.show(text, view=view)
        else:
            await self._on(asked, word, spot.whole, form)

    async def _pressed(self, asked: InteractionContext, press: views.Press) -> None:
        thread = press.thread or (await self._spot(asked)).whole
        if press.extent:
            whole = press.extent == "whole"
            said = await self._desk.forget(
                asked.person, thread, "whole" if whole else "own", at=asked.at
            )
            await asked.show(said)
        else:
            await self._on(asked, press.word, thread, press.form)

    async def _on(
        self, asked: InteractionContext, word: str, thread: ThreadKey, form: Form = Form.MARKDOWN
    ) -> None:
        """Do one command on one thread."""
        person, desk = asked.person, self._desk
        if word == "export":
            async with desk.exported(person, thread, form) as file:
                parts = await asyncio.to_thread(parts_of, file, asked.limit)
                await asked.show(_SENT, files=parts)
        elif word == "forget":
            text, view = views.sure(thread, await desk.may_forget(person, thread))
            await asked.show(text, view=view)
        elif word == "reset":
            await self._reset(asked, thread)
        else:
            await self._show(asked, await desk.remembered(person, thread))

    async def _reset(self, asked: InteractionContext, thread: ThreadKey) -> None:
        said = await self._desk.reset(asked.person, thread, at=asked.at)
        try:
            await self._voice.announce(thread, said, behind=asked.id)
        except PlatformError as error:
            log.warning("a reset was not announced: %s", error)
            said = f"{said} {_UNSAID}"
        await asked.show(said)

    async def _show(self, asked: InteractionContext, lines: Sequence[str]) -> None:
        text, rest = views.shown(lines)
        if not rest:
            await asked.show(text)
            return
        with temp_files.folder() as folder:
            file = folder / "memory.md"
            await asyncio.to_thread(file.write_bytes, rest)
            await asked.show(text, files=await asyncio.to_thread(parts_of, file, asked.limit))

    # --- which thread is meant ------------------------------------------------------------------

    async def _spot(self, asked: InteractionContext) -> Spot:
        return await self._seen(asked.channel, asked.guild)

    async def _seen(self, channel: str, guild: str) -> Spot:
        if not is_id(channel):
            raise DeniedError(UNREAD)
        spot = await self._platform.places.spot(channel, guild)
        if spot is None:
            raise DeniedError(_NO_LINK)
        return spot

    async def _linked(self, link: str) -> ThreadKey:
        found = link_in(link)
        if found is None:
            raise DeniedError(_NO_LINK)
        guild, channel, message = found
        return await self._thread_of(await self._seen(channel, guild), [message])

    async def _thread_of(self, spot: Spot, messages: Sequence[str]) -> ThreadKey:
        """Return the thread that one of these messages began, else the one that it is in."""
        for message in messages if spot.is_channel else ():
            thread = ThreadKey(NAME, spot.place, message)
            if await self._store.peek(thread) is not None:
                return thread
        return spot.whole


async def _unreadable(asked: InteractionContext) -> None:
    await asked.show(UNREAD)
