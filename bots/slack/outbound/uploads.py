"""An answer that is too long for messages, as a file in its thread: once, and found by its name.

No metadata can be put on a file's message, and `files.completeUploadExternal` tells no message:
Slack shares the file a little later (github.com/slackapi/bolt-js, issue 2115). So the file bears
the turn's mark in its name, and it is known by the file's own id rather than by a message's.

An upload has no key that keeps it from being made twice. Where it is not clear whether Slack took
it, the thread is looked through before it is made again, and a copy goes with the sweep before the
turn is settled. What remains: where Slack shares a file later than that look and that sweep (in a
takeover, a lease's time after the upload), it stands there twice.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackRequestError

from bots.slack.api import LimitedError, RefusedError, meaning, stated
from bots.slack.inbound.events import channel_of
from bots.slack.outbound import format as shape
from bots.slack.outbound.files_out import shared_as
from bots.slack.outbound.post_keys import file_name, mark
from core.delivery.port import AS_FILE, PostKey
from core.domain.errors import PostUnclearError, broke
from core.domain.payload import dict_of, dicts_of

if TYPE_CHECKING:
    from bots.slack.api import Api
    from core.delivery.port import DeliveryTarget
    from core.domain.clock import Clock

_METHOD = "files.upload"
_TITLE = "The whole answer"
_COMMENT = "The answer goes on; this file has all of it."
_NO_FILE = (
    "The answer goes on, but I could not send the rest of it as a file ({code}). "
    "`export` in this thread has all of it."
)
_SHARED_WITHIN = 2.0
"""Seconds that Slack is given to share a file of which it is not clear whether it took it."""
_KEPT = 1000
_GONE = {"file_deleted", "file_not_found", "message_not_found"}


class Uploads:
    """Puts answers into files."""

    def __init__(self, api: Api, clock: Clock) -> None:
        """Remember what was uploaded here: Slack may not show it yet."""
        self._api = api
        self._clock = clock
        self._taken: OrderedDict[str, str] = OrderedDict()

    async def put(self, where: DeliveryTarget, text: str) -> str:
        """Upload an answer into its thread; return the file's id.

        Where Slack takes no file from us, a message says so in its place; its id is returned.

        Raises:
            LimitedError: Not as soon as we could wait for.
            PostUnclearError: It may be there all the same.
        """
        name = file_name(where)
        if name in self._taken:
            return self._taken[name]
        try:
            file = await self._upload(where, name, text)
        except RefusedError as refused:
            return await self._say_why_not(where, refused.code)
        self._taken[name] = file
        if len(self._taken) > _KEPT:
            self._taken.popitem(last=False)
        return file

    async def take_back(self, where: DeliveryTarget, file: str) -> None:
        """Remove a file of ours, and the message that shows it."""
        channel = channel_of(where.thread.place)
        try:
            found = dict_of(await self._api.call("files.info", repeat=True, file=file), "file")
            for ts in shared_as(found, channel):
                await self._removed("chat.delete", channel=channel, ts=ts)
            await self._removed("files.delete", file=file)
        except RefusedError as refused:
            if refused.code not in _GONE:
                raise
        self._taken.pop(file_name(where), None)

    async def _upload(self, where: DeliveryTarget, name: str, text: str) -> str:
        pause = min(_SHARED_WITHIN, self._api.timeout / 4)
        end = self._clock.monotonic() + self._api.timeout - pause
        while True:
            try:
                return await self._once(where, name, text, end - self._clock.monotonic())
            except LimitedError as limited:
                if self._clock.monotonic() + limited.seconds >= end:
                    raise
                await self._clock.sleep(limited.seconds)
            except PostUnclearError:
                await self._clock.sleep(pause)  # whoever looks for it now might look too early
                raise

    async def _once(self, where: DeliveryTarget, name: str, text: str, seconds: float) -> str:
        try:
            async with asyncio.timeout(seconds):
                answer = await self._api.client.files_upload_v2(
                    channel=channel_of(where.thread.place),
                    thread_ts=where.answer_in,
                    content=text.encode("utf-8", "replace"),
                    filename=name,
                    title=_TITLE,
                    initial_comment=_COMMENT,
                )
        except SlackApiError as error:
            raise meaning(_METHOD, error) from None
        except (aiohttp.ClientError, OSError, SlackRequestError, TimeoutError) as error:
            raise PostUnclearError(f"{_METHOD}: {type(error).__name__}") from error
        except Exception as error:  # the SDK trusts that each answer is one of Slack's
            raise PostUnclearError(f"{_METHOD}: {broke(error)}") from error
        return _id_in(answer.data)

    async def _say_why_not(self, where: DeliveryTarget, code: str) -> str:
        answer = await self._api.call(
            "chat.postMessage",
            channel=channel_of(where.thread.place),
            thread_ts=where.answer_in,
            metadata=mark(PostKey(where.thread, where.turn, piece=AS_FILE)),
            **shape.NO_PREVIEWS,
            **shape.message(_NO_FILE.format(code=code)),
        )
        return stated("chat.postMessage", answer, "ts")

    async def _removed(self, method: str, **given: Any) -> None:
        try:
            await self._api.call(method, repeat=True, **given)
        except RefusedError as refused:
            if refused.code not in _GONE:
                raise


def _id_in(answer: object) -> str:
    """Return the id of the file that was uploaded; raises `PostUnclearError` without one."""
    files = dicts_of(answer, "files") if isinstance(answer, dict) else []
    return stated(_METHOD, files[0] if files else {}, "id")


def is_file(message: str) -> bool:
    """Tell whether the id of a piece is that of a file."""
    return message.startswith("F")
