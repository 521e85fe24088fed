"""Streamed messages, which grow while people watch: chat.startStream, appendStream, stopStream.

A stream is a preview like any other: the final edit ends it and replaces its text. This module
decides when a message can still be appended to, and when it has to be edited instead:

- only one reader sees it live, and the others when it ends; so it is used if one person talks
  (github.com/agentconnect-md/agentconnect, issue 1494)
- Slack ends it after five minutes, busy or not (github.com/slackapi/python-slack-sdk, issue 1859)
- an append whose answer was lost can't be repeated; an edit can
- a workspace or a proxy may not know the methods at all (`unknown_method`)
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bots.slack.api import stated
from bots.slack.faults import LACKING, LimitedError, RefusedError
from core.domain.errors import PlatformError, StoppedByUserError

if TYPE_CHECKING:
    from bots.slack.api import Api
    from core.domain.clock import Clock

log = logging.getLogger(__name__)

LIFE = 240.0
"""Seconds after which we end a stream, before Slack does so after five minutes."""
_STOPPED = "stopped_by_user"


@dataclass
class _Stream:
    text: str
    until: float


class Streams:
    """The open streams of this process."""

    def __init__(self, api: Api, clock: Clock, *, life: float = LIFE) -> None:
        """Start with no streams; end each after `life` seconds."""
        self._api = api
        self._clock = clock
        self._life = life
        self._open: dict[tuple[str, str], _Stream] = {}
        self.supported = True

    async def start(self, channel: str, thread: str, text: str, to: tuple[str, str]) -> str:
        """Start a message and return its id; `to` is the reader's id and their team's.

        Raises:
            RefusedError: It can't be streamed there.
            PostUnclearError: It may have started.
        """
        until = self._clock.monotonic() + self._life
        try:
            answer = await self._api.courtesy(
                "chat.startStream",
                channel=channel,
                thread_ts=thread,
                markdown_text=text or None,  # Slack accepts a missing text, not an empty one
                recipient_user_id=to[0],
                recipient_team_id=to[1],
            )
        except RefusedError as refused:
            if refused.code in LACKING:
                self.supported = False
                log.info("this workspace has no streaming: %s", refused.code)
            raise
        ts = stated("chat.startStream", answer, "ts")
        self._open[channel, ts] = _Stream(text, until)
        return ts

    async def grow(self, channel: str, ts: str, text: str) -> bool:
        """Append to a message up to this text; return False if it has to be edited instead.

        Raises `StoppedByUserError` if its reader has stopped it.
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
            return True  # the next piece appends this one, too
        except StoppedByUserError:
            del self._open[channel, ts]
            raise
        except PlatformError as error:
            log.info("a stream ended early: %s", error)
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
        """End a message's stream, if it has one; with `known`, only if this process started it."""
        if self._open.pop((channel, ts), None) is None and known:
            return
        try:
            await self._api.call("chat.stopStream", repeat=True, channel=channel, ts=ts)
        except PlatformError as error:
            log.info("a stream is left to expire: %s", error)

    async def end_with(self, channel: str, ts: str, words: str) -> bool:
        """Append last words to a stream that does not end; return whether Slack took them."""
        try:
            await self._append(channel, ts, words)
        except PlatformError as error:
            log.warning("a stream stays as it is: %s", error)
            return False
        return True
