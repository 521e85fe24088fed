"""Whom the bot listens to: the people of its organisation, and others if a setting says so."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from bots.slack.inbound.events import (
    Edited,
    Ignored,
    Said,
    envelope,
    kind_of,
    parse,
    said_before,
    unread,
)
from bots.slack.inbound.names import PATIENCE
from bots.slack.inbound.people import is_stranger
from core.domain.errors import broke
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bots.slack.inbound.events import Event, Me
    from bots.slack.inbound.names import Names
    from core.domain.message import Message

log = logging.getLogger(__name__)


class Audience:
    """Decides, for every way in, whether a person may talk to the bot.

    What an event says about its author comes first, since it costs no call (`people.is_stranger`).
    """

    def __init__(self, names: Names, me: Me, *, strangers: bool) -> None:
        """Listen to people of other organisations, too, if `strangers` is set."""
        self._names = names
        self._me = me
        self._home = {me.team, me.enterprise} - {""}
        self._strangers = strangers
        self._hearing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """By channel: held while names are asked for, so that nothing overtakes."""

    # --- by what an event says ------------------------------------------------------------------

    async def hear(self, body: Mapping[str, Any]) -> Event | None:
        """Return what a payload says, as `parse`, in the order of the payloads of its channel.

        It waits half a second at most for the names of whom and what the payload mentions.
        """
        event = dict_of(body, "event")
        channel = str_of(event, "channel")
        unknown = self._names.unknown([dict_of(event, "message") or event]) if channel else None
        if not unknown and channel not in self._hearing:  # nearly always
            return self.parse(body)
        asked = self._names.ask(unknown or ())
        until = asyncio.get_running_loop().time() + PATIENCE
        async with self._hearing.setdefault(channel, asyncio.Lock()):
            left = until - asyncio.get_running_loop().time()
            if asked and left > 0:
                await asyncio.wait(asked, timeout=left)
            return self.parse(body)

    def parse(self, body: Mapping[str, Any]) -> Event | None:
        """Return what a payload says, as `events.parse`; `Ignored` if the bot does not listen.

        A message that can't be parsed is one without words if it is addressed to the bot; else it
        is ignored.
        """
        try:
            event = parse(body, self._me, self._names.known)
        except Exception as error:  # noqa: BLE001 - one event must not stop what comes after it
            log.error("%s could not be read: %s", kind_of(body), broke(error))  # noqa: TRY400
            message = self.unread(body)
            return Said(message=message, by_stranger=False) if message else Ignored()
        if isinstance(event, Said | Edited) and not self.accepts(stranger=event.by_stranger):
            return Ignored()
        return event

    def unread(self, body: Mapping[str, Any]) -> Message | None:
        """Return a message to the bot without its words; None if the bot does not listen to it."""
        accepted = self.accepts(stranger=is_stranger(body, self._me))
        return unread(body, self._me) if accepted else None

    def accepts(self, *, stranger: bool) -> bool:
        """Return whether the bot listens to a person, by what an event says about them."""
        return self._strangers or not stranger

    async def read(self, found: Mapping[str, Any], channel: str, kind: str) -> Message | None:
        """Return a message that was read from a channel's history, if the bot listens to it.

        `kind` is the channel's type, as an event would call it.
        """
        await self._names.learn(self._names.unknown([found]))
        event = self.parse(envelope(found, channel, self._me, kind))
        return event.message if isinstance(event, Said) else None

    async def read_before(
        self, found: Sequence[Mapping[str, Any]], channel: str, kind: str
    ) -> list[Message]:
        """Return what was said in a thread before the bot was asked in, whoever said it.

        People of other organisations are left out as in `parse`.
        """
        await self._names.learn(self._names.unknown(found))
        said: list[Message] = []
        for each in found:
            body = envelope(each, channel, self._me, kind)
            try:
                message = said_before(each, channel, self._me, self._names.known, kind)
            except Exception as error:  # noqa: BLE001 - one message must not hide the others
                log.error("%s could not be read: %s", kind_of(body), broke(error))  # noqa: TRY400
                continue
            if message is not None and self.accepts(stranger=is_stranger(body, self._me)):
                said.append(message)
        return said

    # --- by what Slack says ---------------------------------------------------------------------

    async def is_ours(self, person: str) -> bool:
        """Return whether a person belongs to this organisation; raises `PlatformError`."""
        return not self._home.isdisjoint(await self._names.home_of(person))

    async def listens_to(self, person: str) -> bool:
        """Return whether a person may talk to the bot; raises `PlatformError`."""
        return self._strangers or await self.is_ours(person)
