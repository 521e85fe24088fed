"""Messages that grow while people watch: chat.startStream, appendStream and stopStream.

A stream is a preview like any other: it is ended, and its text replaced, by the final edit. What
decides here is when a message can still grow, and when it has to be edited instead:

- it is shown live to one reader only, and to the others when it ends; so it is used where one
  person talks (github.com/agentconnect-md/agentconnect, issue 1494)
- Slack ends it after five minutes, busy or not (github.com/slackapi/python-slack-sdk, issue 1859)
- an append whose answer was lost can't be repeated; an edit can
- a workspace or a proxy may not know the methods at all (`unknown_method`)
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bots.slack.api import LACKING, LimitedError, RefusedError, stated
from core.domain.errors import PlatformError, StoppedByUserError

if TYPE_CHECKING:
    from bots.slack.api import Api
    from core.domain.clock import Clock

log = logging.getLogger(__name__)

LIFE = 240.0
"""Seconds after which a stream is ended by us, before Slack does it after five minutes."""
_STOPPED = "stopped_by_user"


@dataclass
class _Stream:
    text: str
    until: float


class Streams:
    """The streams that this process has open."""

    def __init__(self, api: Api, clock: Clock, *, life: float = LIFE) -> None:
        """Open none yet."""
        self._api = api
        self._clock = clock
        self._life = life
        self._open: dict[tuple[str, str], _Stream] = {}
        self.supported = True

    async def start(self, channel: str, thread: str, text: str, to: tuple[str, str]) -> str:
        """Begin a message and return its id; `to` is the reader's id and that of their team.

        Raises:
            RefusedError: It can't be streamed there.
            PostUnclearError: It may have begun.
        """
        until = self._clock.monotonic() + self._life
        try:
            answer = await self._api.courtesy(
                "chat.startStream",
                channel=channel,
                thread_ts=thread,
                markdown_text=text or None,  # nothing is fine, an empty text is not
                recipient_user_id=to[0],
                recipient_team_id=to[1],
            )
        except RefusedError as refused:
            if refused.code in LACKING:
                self.supported = False
                log.info("no streaming here: %s", refused.code)
            raise
        ts = stated("chat.startStream", answer, "ts")
        self._open[channel, ts] = _Stream(text, until)
        return ts

    async def grow(self, channel: str, ts: str, text: str) -> bool:
        """Bring a message's text up to date; False says that it has to be edited instead.

        Raises `StoppedByUserError` when its reader has stopped it.
        """
        stream = self._open.get((channel, ts))
        if stream is None:
            return False
        if not text.startswith(stream.text) or self._clock.monotonic() >= stream.until:
            await self.stop(channel, ts)
            return False
        more = text[len(stream.text) :]
        try:
            if more:
                await self._append(channel, ts, more)
        except LimitedError:
            return True  # it grows with the next piece
        except StoppedByUserError:
            del self._open[channel, ts]
            raise
        except PlatformError as error:
            log.info("a stream has ended early: %s", error)
            await self.stop(channel, ts)
            return False
        stream.text = text
        return True

    async def _append(self, channel: str, ts: str, more: str) -> None:
        try:
            await self._api.courtesy(
                "chat.appendStream", channel=channel, ts=ts, markdown_text=more
            )
        except RefusedError as refused:
            if refused.code == _STOPPED:
                raise StoppedByUserError("the reader has pressed Stop") from refused
            raise

    async def stop(self, channel: str, ts: str, *, known: bool = True) -> None:
        """End a message's stream, if it has one; `known` says that only one of ours counts."""
        if self._open.pop((channel, ts), None) is None and known:
            return
        try:
            await self._api.call("chat.stopStream", repeat=True, channel=channel, ts=ts)
        except PlatformError as error:
            log.info("a stream is left to end by itself: %s", error)
