"""What becomes of a payload of Slack's, whichever way it came here, and what Slack is answered.

Most payloads are taken in before Bolt sees them: its own way to a listener takes longer than what
that does. And Bolt breaks on a payload with something else in it than Slack's documentation says;
Slack would send it again as it is, and the person who waits for something would hear nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from slack_bolt.response import BoltResponse

from bots.slack.inbound.events import kind_of
from core.domain.errors import broke

log = logging.getLogger(__name__)

Payload: TypeAlias = dict[str, Any]
GoOn: TypeAlias = Callable[[], Awaitable[BoltResponse]]
"""Lets Bolt have a payload, and returns its answer."""
First: TypeAlias = Callable[[Payload, GoOn], Awaitable[BoltResponse]]
"""Answers a payload, or lets it go on."""

_UNHANDLED, _BROKEN = 404, 500
"""What Bolt answers if there is no listener, and if something broke."""


class PayloadDispatcher:
    """Takes payloads in."""

    def __init__(self, first: First, unread: Callable[[Payload], None]) -> None:
        """Let `first` see each payload, and `unread` tell a person that theirs can't be read."""
        self._first = first
        self._unread = unread

    async def take(self, payload: Payload, bolt: GoOn) -> BoltResponse:
        """Take a payload in, and return what Slack is answered."""

        async def go_on() -> BoltResponse:
            try:
                return await bolt()
            except Exception as error:  # noqa: BLE001 - it trusts that a payload is one of Slack's
                log.error("%s could not be looked at: %s", kind_of(payload), broke(error))  # noqa: TRY400
                return BoltResponse(status=_UNHANDLED, body="")

        return self._settled(payload, await self._first(payload, go_on))

    async def failed(self, error: Exception, body: Payload) -> None:
        """Note what broke in a listener, or on Bolt's way to one; Bolt calls it."""
        log.error("%s came to nothing: %s", kind_of(body), broke(error))
        self._unread(body)

    def _settled(self, payload: Payload, response: BoltResponse) -> BoltResponse:
        """Return Slack's answer: what nobody can do anything with is acknowledged, and skipped."""
        if response.status == _UNHANDLED:
            log.warning("%s is nothing that the bot knows", kind_of(payload))
            self._unread(payload)
        elif response.status != _BROKEN:
            return response
        return BoltResponse(status=200, body="")
