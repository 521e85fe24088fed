"""Dispatching Slack's payloads, whichever way they arrive, and answering Slack.

Payloads about conversations are received before Bolt sees them, since its own way to a listener
takes longer than receiving does. Bolt also breaks on payloads that differ from Slack's docs. Slack
would send such a payload again unchanged, and the person who waits for an answer would get none.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from slack_bolt.response import BoltResponse

from bots.slack.inbound.events import kind_of
from bots.slack.inbound.receive import Receipt
from core.domain.errors import broke

log = logging.getLogger(__name__)

Payload: TypeAlias = dict[str, Any]
Bolt: TypeAlias = Callable[[], Awaitable[BoltResponse]]
"""Lets Bolt process a payload, and returns its response."""
Receive: TypeAlias = Callable[[Payload], Awaitable[Receipt]]

_OK, _UNHANDLED, _BROKEN, _UNAVAILABLE = 200, 404, 500, 503
"""Bolt answers 404 if there is no listener, and 500 if something broke."""


class PayloadDispatcher:
    """Passes payloads to the reception, and on to Bolt's listeners."""

    def __init__(self, receive: Receive, unreadable: Callable[[Payload], None]) -> None:
        """Dispatch each payload to `receive` first.

        `unreadable` tells a person that what they pressed or typed could not be read.
        """
        self._receive = receive
        self._unreadable = unreadable

    async def take(self, payload: Payload, bolt: Bolt) -> BoltResponse:
        """Dispatch a payload, and return the response for Slack."""
        receipt = await self._receive(payload)
        if receipt is Receipt.FORWARDED:
            return await self._forward(payload, bolt)
        return _response(_OK if receipt is Receipt.STORED else _UNAVAILABLE)

    async def failed(self, error: Exception, body: Payload) -> None:
        """Log what broke in a listener, or on Bolt's way to one; Bolt calls this."""
        log.error("%s could not be processed: %s", kind_of(body), broke(error))
        self._unreadable(body)

    async def _forward(self, payload: Payload, bolt: Bolt) -> BoltResponse:
        """Let Bolt process a payload; acknowledge and skip what it can't process."""
        try:
            response = await bolt()
        except Exception as error:  # noqa: BLE001 - Bolt trusts every payload to be Slack's
            log.error("%s could not be read: %s", kind_of(payload), broke(error))  # noqa: TRY400
            response = _response(_UNHANDLED)
        if response.status == _UNHANDLED:
            log.warning("%s is unknown to the bot", kind_of(payload))
            self._unreadable(payload)
        elif response.status != _BROKEN:
            return response
        return _response(_OK)


def _response(status: int) -> BoltResponse:
    return BoltResponse(status=status, body="")
