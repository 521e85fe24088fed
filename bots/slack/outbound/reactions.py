"""Reactions on the bot's own replies."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bots.slack.api import RefusedError

if TYPE_CHECKING:
    from bots.slack.api import Api

log = logging.getLogger(__name__)


async def react(api: Api, channel: str, message: str, name: str) -> None:
    """Put a reaction on a message, once; where Slack refuses it, the message does without.

    Raises `PlatformError` where it can't be done now.
    """
    try:
        await api.call("reactions.add", repeat=True, channel=channel, timestamp=message, name=name)
    except RefusedError as refused:
        if refused.code != "already_reacted":
            log.warning("an answer has no %s on it: %s", name, refused.code)
