"""Pins on Slack: what is pinned by a command, a shortcut or a button, corrected, and removed."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from bots.slack.inbound.events import channel_of
from bots.slack.inbound.people import is_id, is_ts
from bots.slack.ui import views
from core.commands.access import NOT_YOURS
from core.commands.pins import Saying, new_pin
from core.domain.errors import DeniedError, PlatformError
from core.domain.message import Author, ThreadKey
from core.domain.payload import dict_of, str_of
from core.domain.pins import PinKind

if TYPE_CHECKING:
    from bots.slack.inbound.audience import Audience
    from bots.slack.ui.directory import SlackDirectory
    from bots.slack.ui.replies import SlackReplies
    from core.commands.authorized import AuthorizedCommands
    from core.commands.parser import Command

log = logging.getLogger(__name__)

_UNREAD = "I could not read that message, so I did not pin it."
_NO_WORDS = "That message has no words that I could pin."
_NUMBER = re.compile(r"\d{1,7}", re.ASCII)
"""The number of a message. A longer one is refused, not cut: it would be another message's."""
_KINDS = {"correct": PinKind.CORRECTION, "remember": PinKind.WISH}


class PinInteractions:
    """Does what people ask for with pins, for those who may at that moment."""

    def __init__(
        self,
        authorized: AuthorizedCommands,
        replies: SlackReplies,
        directory: SlackDirectory,
        audience: Audience,
    ) -> None:
        """Do it by `authorized`; `audience` reads the messages that shortcuts come with."""
        self.authorized = authorized
        """Runs commands for those who may."""
        self._replies = replies
        self._directory = directory
        self._audience = audience

    async def command(self, user: str, given: Command, thread: ThreadKey, at: float) -> None:
        """Run `remember`, `unpin`, `forget 3` or a correction on a thread; tell the person."""
        if given.name == "unpin":
            said = await self.authorized.unpin(user, thread, given.number)
        elif given.name == "forget":
            said = await self.authorized.forget(user, thread, int(given.number))
        else:
            said = await self._pin(user, thread, _KINDS[given.name], given.text, at)
        await self._tell(user, thread, said)

    async def shortcut(self, body: dict[str, Any], user: str, thread: ThreadKey, at: float) -> None:
        """Pin the message on which a shortcut was used, and tell the person."""
        found, channel = dict_of(body, "message"), str_of(dict_of(body, "channel"), "id")
        kind = "im" if channel.startswith("D") else ""
        messages = await self._audience.read_before([found], channel, kind)
        if not messages:
            raise DeniedError(_UNREAD)
        message = messages[0]
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
        by = await self._person(user, thread)
        pin = new_pin(PinKind.MESSAGE, said, by, at=at, key=message.id)
        await self._tell(user, thread, await self.authorized.pin(thread, pin))

    async def press(self, command: str, body: dict[str, Any], named: str, at: float) -> None:
        """Do what a button or a menu asks for, of `views.PIN_ACTIONS`; `named` is its value."""
        user = str_of(dict_of(body, "user"), "id")
        what, _, rest = named.rpartition(" ")
        thread = _thread_in(rest)
        if command == "keep":
            by = await self._person(user, thread)
            said = await self.authorized.pin_message(by, thread, what, at=at)
            await self._whisper(body, user, thread, said)
        elif command == "unpin":
            said = await self.authorized.unpin(user, thread, what)
            await self._refreshed(body, user, thread, said)
        elif command == "message":
            said = await self.authorized.forget(user, thread, _number_in(what))
            await self._refreshed(body, user, thread, said)
        else:
            kind, text = views.carried(dict_of(body, "view"))
            said = await self._pin(user, thread, _KINDS.get(kind, PinKind.WISH), text, at)
            view = str_of(dict_of(body, "view"), "id")
            await self._replies.refresh(view, views.words(views.PINS_TITLE, [said]))

    async def ask(self, user: str, named: str, trigger: str) -> None:
        """Ask a person in a modal what is right instead of what the bot remembers."""
        modal = await self._replies.show(trigger, pushed=True)
        try:
            thread = _thread_in(named)
            await self.authorized.remembered(user, thread)
            view = views.correction(thread)
        except DeniedError as denied:
            view = views.words(views.CORRECTION_TITLE, [str(denied)])
        await self._replies.fill(modal, view)

    async def corrected(self, body: dict[str, Any], user: str, at: float) -> None:
        """Keep what a person typed in the modal of `ask`, and show it in the modal below."""
        view = dict_of(body, "view")
        thread = _thread_in(str_of(view, "private_metadata"))
        said = await self._pin(user, thread, PinKind.CORRECTION, views.typed(view), at)
        if not await self._refresh(str_of(view, "previous_view_id"), user, thread):
            await self._tell(user, thread, said)

    async def remembered(self, user: str, thread: ThreadKey) -> dict[str, Any]:
        """Return the modal that shows what the bot remembers, or why it does not."""
        try:
            return views.remembered(thread, await self.authorized.remembered(user, thread))
        except DeniedError as denied:
            return views.words(views.MEMORY_TITLE, [str(denied)])

    async def _pin(self, user: str, thread: ThreadKey, kind: PinKind, text: str, at: float) -> str:
        by = await self._person(user, thread)
        said = Saying(text=text, author=by, at=at)
        pin = new_pin(kind, said, by, at=at, key=f"{user} {at!r} {text}")
        return await self.authorized.pin(thread, pin)

    async def _person(self, user: str, thread: ThreadKey) -> Author:
        return Author(id=user, name=await self._directory.name_of(user, thread))

    async def _refreshed(
        self, body: dict[str, Any], user: str, thread: ThreadKey, said: str
    ) -> None:
        """Show the change in the modal that it was made in, or else tell the person."""
        if not await self._refresh(str_of(dict_of(body, "view"), "id"), user, thread):
            await self._tell(user, thread, said)

    async def _refresh(self, view: str, user: str, thread: ThreadKey) -> bool:
        """Show in an open modal what is remembered now; return whether that worked."""
        if not view:
            return False
        try:
            await self._replies.refresh(view, await self.remembered(user, thread))
        except PlatformError as error:  # the person may have closed it
            log.info("a modal was not brought up to date: %s", error)
            return False
        return True

    async def _tell(self, user: str, thread: ThreadKey, said: str) -> None:
        await self._replies.tell_or_whisper(user, said, channel_of(thread.channel))

    async def _whisper(self, body: dict[str, Any], user: str, thread: ThreadKey, said: str) -> None:
        """Say something where a button is that only one person sees."""
        inside = dict_of(body, "container")
        channel, root = str_of(inside, "channel_id"), str_of(inside, "thread_ts")
        channel = channel if is_id(channel) else channel_of(thread.channel)
        await self._replies.whisper(user, channel, said, root if is_ts(root) else "")


def _number_in(text: str) -> int:
    """Return the number of a message; raise `DeniedError` if it is none."""
    if not _NUMBER.fullmatch(text):
        raise DeniedError(NOT_YOURS)
    return int(text)


def _thread_in(text: str) -> ThreadKey:
    """Return the thread that a button names; raise `DeniedError` if it names none."""
    try:
        return ThreadKey.parse(text)
    except ValueError:
        raise DeniedError(NOT_YOURS) from None
