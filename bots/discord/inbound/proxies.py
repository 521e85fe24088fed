"""Apps that post people's messages for them, such as PluralKit and Tupperbox, and bridges.

A person's message comes first. The app then posts it again by a webhook, under another name, and
deletes the person's: PluralKit a second after that (its `ProxyService`, `MessageDeletionDelay`).
Nothing in the first message shows that this will happen, so each message of a person waits a moment
(as the “speedbump” of cloudrac3r/out-of-your-element, docs/pluralkit-notetaking.md). Of the two,
only the app's is answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from bots.discord.ids import is_id
from bots.discord.inbound.events import BULK_DELETED, CREATED, DELETED, UPDATED, deleted_ids
from bots.discord.inbound.people import is_app, is_proxied, name_of
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bots.discord.inbound.events import Me
    from core.domain.clock import Clock

    Payload: TypeAlias = Mapping[str, Any]
    Place: TypeAlias = tuple[str, str]

_SECONDS = 2.0
"""Seconds that a person's message waits for an app to replace it."""
_REPLACED_SECONDS = 5.0
"""Seconds that it waits for its deletion, once the app has posted what may be the same."""


@dataclass(slots=True)
class _Held:
    """A person's message that waits."""

    payload: Payload
    cancel: Callable[[], None]
    is_gone: bool = False


class Proxies:
    """Holds people's messages until it is clear whether an app replaces them."""

    def __init__(self, me: Me, clock: Clock, take: Callable[[str, Payload], None]) -> None:
        """Hold messages only if `me` names such apps; `take` gets those that stay."""
        self._me = me
        self._clock = clock
        self._take = take
        self._held: dict[Place, _Held] = {}
        """By channel and id, oldest first."""

    def pass_on(self, kind: str, payload: Payload) -> None:
        """Take an event in now, or hold it."""
        if not self._me.proxies or not payload.get("guild_id"):
            self._take(kind, payload)
        elif kind == CREATED:
            self._said(payload)
        elif kind == UPDATED and (held := self._held.get(_place(payload))) is not None:
            held.payload = {**held.payload, **payload}
        else:
            if kind in {DELETED, BULK_DELETED}:
                self._deleted(payload)
            self._take(kind, payload)

    def close(self) -> None:
        """Take in at once what still waits."""
        for place in list(self._held):
            self._held[place].cancel()
            self._release(place)

    def _said(self, payload: Payload) -> None:
        place = _place(payload)
        if is_proxied(payload, self._me.proxies):
            self._take(CREATED, self._by_its_author(payload))
        elif is_app(payload) or not is_id(place[1]):
            self._take(CREATED, payload)
        elif place not in self._held:  # otherwise the event is a repeat
            self._held[place] = _Held(payload, self._later(place, _SECONDS))

    def _deleted(self, payload: Payload) -> None:
        for id_ in deleted_ids(payload):
            held = self._held.get((str_of(payload, "channel_id"), id_))
            if held is not None:
                held.is_gone = True  # what replaces it may come yet

    def _by_its_author(self, payload: Payload) -> Payload:
        """Return an app's message as its person's, if theirs is known.

        The name stays that of the app's message.
        """
        place = next(self._sources(payload, _is_same), None)
        if place is None:
            # It may be the same in other words, as from an app that repairs links.
            self._wait_on(next(self._sources(payload, _is_by_same_name), None))
            return payload
        self._wait_on(place)
        held = self._held[place]
        person = str_of(dict_of(held.payload, "author"), "id")
        roles = dict_of(held.payload, "member").get("roles")
        author = {**dict_of(payload, "author"), "id": person}
        return {**payload, "author": author, "member": {"roles": roles}}

    def _sources(
        self, payload: Payload, fits: Callable[[Payload, Payload], bool]
    ) -> Iterator[Place]:
        """Yield the messages that an app's may replace, the newest first."""
        channel = str_of(payload, "channel_id")
        for place, held in reversed(self._held.items()):
            if place[0] == channel and fits(held.payload, payload):
                yield place

    def _wait_on(self, place: Place | None) -> None:
        """Let a message wait for its deletion."""
        if place is not None:
            self._held[place].cancel()
            self._held[place].cancel = self._later(place, _REPLACED_SECONDS)

    def _later(self, place: Place, seconds: float) -> Callable[[], None]:
        return self._clock.later(seconds, partial(self._release, place))

    def _release(self, place: Place) -> None:
        held = self._held.pop(place)
        if not held.is_gone:
            self._take(CREATED, held.payload)


def _is_same(said: Payload, posted: Payload) -> bool:
    """Return whether an app has posted what a person said, or a part of it."""
    text = str_of(posted, "content").strip()
    return text in str_of(said, "content") if text else bool(said.get("attachments"))


def _is_by_same_name(said: Payload, posted: Payload) -> bool:
    shown = name_of(dict_of(said, "author"), dict_of(said, "member"))
    return shown == name_of(dict_of(posted, "author"), {})


def _place(payload: Payload) -> Place:
    return str_of(payload, "channel_id"), str_of(payload, "id")
