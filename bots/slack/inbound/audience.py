"""Whom the bot listens to: the people of its organisation, and others if a setting says so."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

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
from bots.slack.inbound.people import is_id, is_stranger, may_be_by_hand, team_of
from core.domain.errors import PlatformError, broke
from core.domain.message import Address, Kind
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bots.slack.inbound.events import Event, Me
    from bots.slack.inbound.names import Names
    from core.domain.message import Message

log = logging.getLogger(__name__)

_PATIENCE = 1.5
"""Seconds to ask who an author is: half of what Slack waits for an acknowledgement."""
_WITH_NAMES = (Said, Edited)
_OF_APPS = {"bot_id", "bot_profile", "app_id"}


class DoubtError(PlatformError):
    """It is not known whether a message's author is a person, or a colleague."""


class Audience:
    """Decides, for every way in, whether a person may talk to the bot.

    What an event says about its author comes first, since it costs no call (`people.is_stranger`).
    """

    def __init__(self, names: Names, me: Me, *, strangers: bool) -> None:
        """Listen to people of other organisations, too, if `strangers` is set."""
        self._names = names
        self._me = me
        self._home = {me.team, me.enterprise} - {""}
        self._asks_homes = bool(me.enterprise) and not strangers
        self._strangers = strangers
        self._lines: dict[str, _Line] = {}
        """By channel: the payloads that wait for names, and those behind them."""

    # --- by what an event says ------------------------------------------------------------------

    async def hear(self, body: Mapping[str, Any]) -> Event | None:
        """Return what a payload says, as `parse`, in the order of the payloads of its channel.

        It waits half a second at most for the names of whom and what the payload mentions, and
        longer for who its author is, if that is in doubt. Raises `DoubtError` if Slack can't be
        asked for that now.
        """
        event = dict_of(body, "event")
        channel = str_of(event, "channel")
        message = dict_of(event, "message") or event
        doubted = self._doubted(message, body) if channel else ""
        if not doubted and channel not in self._lines:
            found = self.parse(body)
            if not isinstance(found, _WITH_NAMES) or not self._names.unknown([message]):
                return found  # nearly always
        line = self._lines.setdefault(channel, _Line())
        place = line.join(holds=bool(doubted))
        try:
            if asked := self._names.ask(self._names.unknown([message])):
                await asyncio.wait(asked, timeout=PATIENCE)
            await line.wait(place)
            if doubted and doubted not in self._names.people:
                await self._meet(doubted)
            return self.parse(body)
        finally:
            if line.leave(place):
                del self._lines[channel]

    def parse(self, body: Mapping[str, Any]) -> Event | None:
        """Return what a payload says, as `events.parse`; as overheard if the bot does not listen.

        A message that can't be parsed is one without words if it is addressed to the bot; else it
        is ignored.
        """
        try:
            body = self._by_hand(body)
            event = parse(body, self._me, self._names.known)
        except Exception as error:  # noqa: BLE001 - one event must not stop what comes after it
            log.error("%s could not be read: %s", kind_of(body), broke(error))  # noqa: TRY400
            message = self.unread(body)
            return Said(message=message, by_stranger=False) if message else Ignored()
        if isinstance(event, Said | Edited):
            person, stranger = event.message.author.id, event.by_stranger
            if not self.accepts(stranger=self._is_stranger(person, body, known=stranger)):
                return _overheard(event)
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
        body = envelope(found, channel, self._me, kind)
        if doubted := self._doubted(found, body):
            await self._names.meet(doubted)
        event = self.parse(body)
        return event.message if isinstance(event, Said) else None

    async def read_before(
        self, found: Sequence[Mapping[str, Any]], channel: str, kind: str
    ) -> list[Message]:
        """Return what was said in a thread before the bot was asked in, no matter who said it."""
        await self._names.learn(self._names.unknown(found))
        said: list[Message] = []
        for each in found:
            body = self._by_hand(envelope(each, channel, self._me, kind))
            try:
                message = said_before(body["event"], channel, self._me, self._names.known, kind)
            except Exception as error:  # noqa: BLE001 - one message must not hide the others
                log.error("%s could not be read: %s", kind_of(body), broke(error))  # noqa: TRY400
                continue
            if message is not None:
                said.append(message)
        return said

    async def _meet(self, user: str) -> None:
        try:
            await self._names.meet(user, _PATIENCE)
        except PlatformError as error:
            raise DoubtError(str(error)) from None

    # --- by what is known of its author ---------------------------------------------------------

    def _doubted(self, message: Mapping[str, Any], body: Mapping[str, Any]) -> str:
        """Return the author of a message if the event does not say who they are, and no one has."""
        user = may_be_by_hand(message, self._me)
        if not user and self._may_be_colleague(body):
            user = str_of(message, "user")
        return user if is_id(user) and user not in self._names.people else ""

    def _may_be_colleague(self, body: Mapping[str, Any]) -> bool:
        if self._asks_homes and is_stranger(body, self._me):
            return True
        shared = body.get("is_ext_shared_channel") is True
        return shared and not self._strangers and not team_of(body)

    def _by_hand(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a payload in which a message that a person's token has posted is the person's."""
        event = dict_of(body, "event")
        message = dict_of(event, "message")
        user = may_be_by_hand(message or event, self._me)
        if not user or not self._names.people.get(user, False):
            return body
        bare = _without_app(message or event)
        return {**body, "event": {**event, "message": bare} if message else bare}

    def _is_stranger(self, person: str, body: Mapping[str, Any], *, known: bool) -> bool:
        """Return whether an author is of another organisation; `known` is what the event says."""
        if not known and (body.get("is_ext_shared_channel") is not True or team_of(body)):
            return False  # nearly always
        home = self._names.homes.get(person)
        return known if home is None else self._home.isdisjoint(home)

    # --- by what Slack says ---------------------------------------------------------------------

    async def is_ours(self, person: str) -> bool:
        """Return whether a person belongs to this organisation; raises `PlatformError`."""
        return not self._home.isdisjoint(await self._names.home_of(person))

    async def listens_to(self, person: str) -> bool:
        """Return whether a person may talk to the bot; raises `PlatformError`."""
        return self._strangers or await self.is_ours(person)


@dataclass(slots=True, eq=False)
class _Place:
    """A payload's place in a line."""

    holds: bool
    """Those behind wait until it leaves; else they pass together with it."""
    is_ready: bool = False
    has_left: bool = False
    turn: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class _Line:
    """The payloads of one channel that wait, in the order in which they came.

    All that are ready pass in one round of the event loop. If each waited for the one before, as
    with a lock, a busy channel would pass one a round, and the line would never end.
    """

    def __init__(self) -> None:
        self._places: deque[_Place] = deque()

    def join(self, *, holds: bool) -> _Place:
        """Return the place at the end."""
        self._places.append(_Place(holds))
        return self._places[-1]

    async def wait(self, place: _Place) -> None:
        """Wait until all before have passed."""
        place.is_ready = True
        if place is self._places[0]:
            self._pass()  # those behind run after this task
        elif self._is_next(place):
            place.turn.set_result(None)
            asyncio.get_running_loop().call_soon(self._pass)
            await asyncio.sleep(0)  # those before may pass, but their tasks have not run yet
        else:
            await place.turn

    def leave(self, place: _Place) -> bool:
        """Leave the line, whether it was passed or not; return whether it is empty now."""
        place.has_left = True
        self._pass()
        return not self._places

    def _is_next(self, place: _Place) -> bool:
        """Return whether all places before this one have been told to pass."""
        before = itertools.takewhile(lambda each: each is not place, self._places)
        return all(each.has_left or (each.turn.done() and not each.holds) for each in before)

    def _pass(self) -> None:
        """Tell all to pass who may."""
        while self._places and self._places[0].has_left:
            self._places.popleft()
        for place in self._places:
            if place.has_left:
                continue
            if not place.is_ready:
                break
            if not place.turn.done():
                place.turn.set_result(None)
            if place.holds:
                break


def _without_app(message: Mapping[str, Any]) -> dict[str, Any]:
    return {part: value for part, value in message.items() if part not in _OF_APPS}


def _overheard(event: Said | Edited) -> Event:
    """Return what a person says to whom the bot does not listen: people see that it was said.

    A direct message is nobody else's, and in a thread of their own the bot takes no part.
    """
    message = event.message
    heard = replace(message, address=Address.OTHERS)
    if message.kind is Kind.DM:
        return Ignored()
    if isinstance(event, Edited):
        return replace(event, message=heard, reworded=False)
    opens = message.answer_in in {"", message.id}
    return Ignored() if opens else replace(event, message=heard)
