"""What is said while Slack's sockets can't be reached: one line for an outage, not one a try.

slack-sdk writes a trace at each try, every five seconds for each connection.
"""

from __future__ import annotations

import logging
from typing import Any

from bots.slack.api import sdk_logger

log = logging.getLogger(__name__)

_TRIES = (
    "Failed to check the current session",
    "Failed to connect",
    *(
        f"Failed to receive or enqueue a message: {kind}"  # ClientConnectorError and so on
        for kind in ("Client", "Connection", "Server", "Timeout")
    ),
    "Failed to retrieve WSS URL",
    "Failed to send a ping message",
)
"""How the lines begin that slack-sdk repeats (3.47: socket_mode/aiohttp, async_client)."""


class Outage(logging.LoggerAdapter[logging.Logger]):
    """The logger of all connections of an app."""

    def __init__(self) -> None:
        """Begin without an outage."""
        super().__init__(sdk_logger("socket_mode"), {})
        self._lasts = False

    @property
    def level(self) -> int:
        """Return the level, which Bolt asks of a logger."""
        return self.logger.level

    def log(self, level: int, msg: object, *args: Any, **kwargs: Any) -> None:
        """Write a line; of those that tell of failed tries only the first."""
        if not str(msg).startswith(_TRIES):
            # Where slack-sdk says it is what tells its constant words from what it quotes.
            super().log(level, msg, *args, **{"stacklevel": 2, **kwargs})
        elif not self._lasts:
            self._lasts = True
            log.warning("Slack's sockets can't be reached. They are tried until they are there.")

    def over(self) -> None:
        """Say that a connection is there, where that was in doubt."""
        if self._lasts:
            self._lasts = False
            log.warning("Slack's sockets are there again.")
