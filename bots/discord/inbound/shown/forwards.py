"""A forward, and the words that go with it, which Discord's client posts as a second message.

Answered one by one, the forward would get an answer before its author has said what it is about
(moazbuilds/claudeclaw, pull request 194, which waits as long as this). So a forward waits for its
author's next message, and both are taken in together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from bots.discord.inbound.events import CREATED, deleted_ids
from bots.discord.inbound.people import is_app
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from core.domain.clock import Clock

    Payload: TypeAlias = Mapping[str, Any]

SECONDS = 1.5
"""Seconds that a forward waits for the words that go with it."""
_MOST = 10
"""Forwards that wait together at most."""


@dataclass(slots=True)
class _Held:
    """Forwards of one person in one channel, oldest first."""

    author: str
    payloads: list[Payload] = field(default_factory=list)
    cancel: Callable[[], None] = lambda: None

    @property
    def ids(self) -> set[str]:
        return {str_of(each, "id") for each in self.payloads}


class Forwards:
    """Holds forwards until their author says something, or has had the time to."""

    def __init__(
        self, me: str, clock: Clock, take: Callable[[str, Sequence[Payload]], None]
    ) -> None:
        """Hold people's forwards.

        Args:
            me: The bot's id: what it posts itself ends no wait.
            clock: Times how long they wait.
            take: Gets each event; messages that belong together come in one call, oldest first.
        """
        self._me = me
        self._clock = clock
        self._take = take
        self._held: dict[str, _Held] = {}
        """By channel."""

    def pass_on(self, kind: str, payload: Payload) -> None:
        """Take an event in now, or hold it."""
        held = self._held.get(str_of(payload, "channel_id")) if self._held else None
        if kind == CREATED and payload.get("message_snapshots") and not is_app(payload):
            self._hold(payload, held)
        elif held is None:
            self._take(kind, (payload,))
        elif kind == CREATED and _author(payload) == held.author:
            self._release(str_of(payload, "channel_id"), payload)
        else:
            if self._ends_wait(kind, payload, held):
                self._release(str_of(payload, "channel_id"))
            self._take(kind, (payload,))

    def close(self) -> None:
        """Take in at once what still waits."""
        for channel in list(self._held):
            self._release(channel)

    def _hold(self, payload: Payload, held: _Held | None) -> None:
        channel, author = str_of(payload, "channel_id"), _author(payload)
        if held is not None and (held.author != author or len(held.payloads) >= _MOST):
            self._release(channel)
            held = None
        if held is None:
            held = self._held[channel] = _Held(author)
        held.cancel()
        if str_of(payload, "id") not in held.ids:  # otherwise the event is a repeat
            held.payloads.append(payload)
        held.cancel = self._clock.later(SECONDS, partial(self._release, channel))

    def _ends_wait(self, kind: str, payload: Payload, held: _Held) -> bool:
        """Return whether an event must not overtake what waits.

        What others say comes after it, and so does its own edit or deletion.
        """
        if kind == CREATED:
            return _author(payload) != self._me
        return not held.ids.isdisjoint(deleted_ids(payload))

    def _release(self, channel: str, *words: Payload) -> None:
        held = self._held.pop(channel)
        held.cancel()
        self._take(CREATED, (*held.payloads, *words))


def _author(payload: Payload) -> str:
    return str_of(dict_of(payload, "author"), "id")
