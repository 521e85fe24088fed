"""Pins on Discord: what is pinned by a command, a menu or a button, corrected, and removed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bots.discord.outbound.files_out import parts_of
from bots.discord.ui import views
from core.commands.export import temp_files
from core.commands.parser import parse_command
from core.commands.pins import Saying, new_pin
from core.domain.errors import DeniedError
from core.domain.message import Author
from core.domain.payload import dict_of, str_of
from core.domain.pins import PinKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.discord.inbound.audience import Audience
    from bots.discord.inbound.events import ChannelInfo
    from bots.discord.ui.directory import DiscordDirectory
    from bots.discord.ui.interaction_context import InteractionContext
    from core.commands.authorized import AuthorizedCommands
    from core.domain.message import ThreadKey

_UNREAD = "I could not read that message, so I did not pin it."
_NO_WORDS = "That message has no words that I could pin."
_NO_NUMBER = "That is not the number of a message: `/chatbot memory` shows the numbers."
_KINDS = {"correct": PinKind.CORRECTION, "remember": PinKind.WISH}


class PinInteractions:
    """Does what people ask for with pins, for those who may at that moment."""

    def __init__(
        self, authorized: AuthorizedCommands, directory: DiscordDirectory, audience: Audience
    ) -> None:
        """Do it by `authorized`; `audience` reads the messages whose menus are used."""
        self.authorized = authorized
        """Runs commands for those who may."""
        self._directory = directory
        self._audience = audience

    async def command(
        self, context: InteractionContext, word: str, thread: ThreadKey, text: str
    ) -> None:
        """Run `remember`, `unpin`, `forget 3` or a correction on a thread; tell the person."""
        if word == "unpin":
            said = await self.authorized.unpin(context.person, thread, text)
        elif word == "forget":
            said = await self.authorized.forget(context.person, thread, _number_in(text))
        else:
            said = await self._pin(context, thread, _KINDS[word], text)
        await context.show(said)

    async def menu(
        self,
        context: InteractionContext,
        payload: Mapping[str, Any],
        channel: ChannelInfo,
        thread: ThreadKey,
    ) -> None:
        """Pin the message whose menu was used, and tell the person."""
        message = await self._audience.recall(payload, channel)
        if message is None:
            raise DeniedError(_UNREAD)
        text = message.text or "\n".join(quote.text for quote in message.quotes)
        if not text.strip():
            raise DeniedError(_NO_WORDS)
        said = Saying(
            text=text,
            author=message.author,
            at=message.sent_at,
            source=message.id,
            edited_at=message.edited_at,
        )
        by = await self._person(context, thread)
        pin = new_pin(PinKind.MESSAGE, said, by, at=context.at, key=message.id)
        await context.show(await self.authorized.pin(thread, pin))

    async def keep(self, context: InteractionContext, thread: ThreadKey, message: str) -> None:
        """Pin a stored message, as its author was offered, and tell the person."""
        by = await self._person(context, thread)
        said = await self.authorized.pin_message(by, thread, message, at=context.at)
        await context.show(said)

    async def remove(self, context: InteractionContext, thread: ThreadKey, pin: str) -> None:
        """Remove a pin, and show what is remembered then."""
        await self.authorized.unpin(context.person, thread, pin)
        await self.show(context, thread)

    async def ask(self, context: InteractionContext, thread: ThreadKey, number: str) -> None:
        """Ask whether to forget one message, if the person may forget any."""
        await self.authorized.may_forget(context.person, thread)
        text, view = views.confirm_one(thread, _number_in(number))
        await context.show(text, view=view)

    async def forget(self, context: InteractionContext, thread: ThreadKey, number: str) -> None:
        """Remove one message, and show what is remembered then."""
        await self.authorized.forget(context.person, thread, _number_in(number))
        await self.show(context, thread)

    async def corrected(self, context: InteractionContext, thread: ThreadKey, text: str) -> None:
        """Keep what a person typed in the modal for a correction, and show what is remembered."""
        await self._pin(context, thread, PinKind.CORRECTION, text)
        await self.show(context, thread)

    async def show(self, context: InteractionContext, thread: ThreadKey) -> None:
        """Show what the bot remembers, with buttons to change it."""
        memory = await self.authorized.remembered(context.person, thread)
        text, whole = views.shown(memory.lines)
        view = views.remembered(thread, memory)
        if not whole:
            await context.show(text, view=view)
            return
        with temp_files.folder() as folder:
            file = folder / "memory.md"
            await asyncio.to_thread(file.write_bytes, whole)
            parts = await asyncio.to_thread(parts_of, file, context.limit)
            await context.show(text, view=view, files=parts)

    async def _pin(
        self, context: InteractionContext, thread: ThreadKey, kind: PinKind, text: str
    ) -> str:
        by = await self._person(context, thread)
        said = Saying(text=text, author=by, at=context.at)
        pin = new_pin(kind, said, by, at=context.at, key=context.id)
        return await self.authorized.pin(thread, pin)

    async def _person(self, context: InteractionContext, thread: ThreadKey) -> Author:
        name = await self._directory.name_of(context.person, thread)
        return Author(id=context.person, name=name)


def _number_in(text: str) -> int:
    """Return the number of a message; raise `DeniedError` if there is none in it."""
    given = parse_command(f"forget {text}", lambda _: None)
    if given is None or not given.number:
        raise DeniedError(_NO_NUMBER)
    return int(given.number)


def target_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload of the message whose menu was used."""
    messages = dict_of(dict_of(data, "resolved"), "messages")
    return dict_of(messages, str_of(data, "target_id"))
