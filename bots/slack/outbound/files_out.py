"""Sending files: a conversation's export to one person, and an answer too long for messages.

An export may be large, so it is read while it is sent. slack-sdk's `files_upload_v2` reads a file
whole, so its three steps are made here: get an address to upload to, send the bytes, share the file
(docs: messaging/working-with-files#uploading). Nothing is visible before the last step, so the
first two may be repeated; the last one never is.

An answer's file needs more. Slack puts no metadata on a file's message, and
`files.completeUploadExternal` returns no message: Slack shares the file a little later
(github.com/slackapi/bolt-js, issue 2115). So the file has the turn's key in its name, and is
identified by its own id, not by a message's. No key prevents a second upload: if it is unclear
whether Slack has the file, the thread is looked through before it is uploaded again, and a copy is
removed before the turn is settled. One case remains: if Slack shares a file later than both (in a
takeover, a lease's time after the upload), it appears twice.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

import aiohttp
from cachetools import LRUCache
from slack_sdk.errors import SlackApiError, SlackRequestError

from bots.slack.api import stated
from bots.slack.faults import LimitedError, RefusedError, meaning
from bots.slack.inbound.events import channel_of
from bots.slack.outbound import format as shape
from bots.slack.outbound.post_keys import file_name, mark
from core.delivery.port import AS_FILE, PostKey
from core.domain.errors import PlatformError, PostUnclearError, broke
from core.domain.payload import dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from pathlib import Path

    from bots.slack.api import Api
    from core.delivery.port import DeliveryTarget
    from core.domain.clock import Clock

log = logging.getLogger(__name__)

_ADDRESS = "files.getUploadURLExternal"
_OK = 200
_TRIES = 3
_PATIENCE = 30.0
"""Seconds for each call, including waits that Slack asks for; no lease runs out meanwhile."""
_SECONDS = 120.0
"""Seconds for the bytes; the whole stays below `core.commands.in_thread.EXPORT_SECONDS`."""
_LOOKS, _LOOK, _PAUSE = 10, 5.0, 1.0
"""Looks for a file that Slack may have shared, seconds for each, and seconds between them."""

LARGEST, MOST_PARTS = 100 * 2**20, 10
"""Bytes of a file that is uploaded in one piece, and files of an export.

Slack takes files of 1 GB (slack.com/help, "Add files to Slack"); but what is larger than this
hardly arrives in the time that an upload has, so it is compressed first.
"""
_METHOD = "files.upload"
_TITLE = "The whole answer"
_COMMENT = "The answer can't be posted whole in messages; this file has all of it."
_NO_FILE = (
    "The answer is longer than fits here, but I could not send the rest as a file ({code}). "
    "`export` in this thread has all of it."
)
_SHARED_WITHIN = 2.0
"""Seconds that Slack gets to share a file when it is unclear whether it has it."""
_KEPT = 1000
_GONE = {"file_deleted", "file_not_found", "message_not_found"}


# --- exports --------------------------------------------------------------------------------------


async def share(api: Api, clock: Clock, file: Path, *, channel: str, comment: str) -> None:
    """Share a file in a channel, with a comment.

    Raises:
        PostUnclearError: It is not visible there, but may appear later.
        PlatformError: It was not shared.
    """
    known = await _upload(api, clock, file)
    try:
        await api.call(
            "files.completeUploadExternal",
            patience=_PATIENCE,
            files=json.dumps([{"id": known, "title": file.name}]),
            channel_id=channel,
            initial_comment=comment,
        )
    except PostUnclearError:
        if not await _is_shared(api, clock, known, channel):
            raise


def shared_as(file: dict[str, Any], channel: str) -> list[str]:
    """Return the messages that show a file in a channel (docs: reference/objects/file-object)."""
    shares = dict_of(file, "shares")
    places = [dict_of(shares, kind) for kind in ("public", "private")]
    return [str_of(share, "ts") for place in places for share in dicts_of(place, channel)]


async def _upload(api: Api, clock: Clock, file: Path) -> str:
    """Upload a file's bytes; return the id that Slack gave the file."""
    size = (await asyncio.to_thread(file.stat)).st_size
    for tries_left in reversed(range(_TRIES)):
        answer = await api.call(
            _ADDRESS,
            repeat=True,
            patience=_PATIENCE,
            filename=file.name,
            length=size,
        )
        try:
            status = await _post(api, stated(_ADDRESS, answer, "upload_url"), file)
        except (aiohttp.ClientError, TimeoutError) as error:
            status = type(error).__name__
        if status == _OK:
            return stated(_ADDRESS, answer, "file_id")
        log.info("an upload failed (%s), %d tries left", status, tries_left)
        await clock.sleep(_PAUSE)
    raise PlatformError("Slack did not take a file")


async def _post(api: Api, url: str, file: Path) -> int | str:
    session = api.client.session
    if session is None:
        raise PlatformError("there is no connection to send a file with")
    timeout = aiohttp.ClientTimeout(total=_SECONDS / _TRIES)
    with await asyncio.to_thread(file.open, "rb") as content:
        async with session.post(url, data=content, timeout=timeout) as response:
            return response.status


async def _is_shared(api: Api, clock: Clock, known: str, channel: str) -> bool:
    """Return whether a file appears in a channel."""
    for _ in range(_LOOKS):
        try:
            answer = await api.call("files.info", repeat=True, patience=_LOOK, file=known)
            if shared_as(dict_of(answer, "file"), channel):
                return True
        except PlatformError as error:
            log.info("it is unknown whether a file was shared: %s", error)
        await clock.sleep(_PAUSE)
    return False


# --- answers --------------------------------------------------------------------------------------


class Uploads:
    """Uploads answers that are too long for messages."""

    def __init__(self, api: Api, clock: Clock) -> None:
        """Start with no uploads; remember those made here, since Slack may not show them yet."""
        self._api = api
        self._clock = clock
        self._taken: LRUCache[str, str] = LRUCache(_KEPT)

    async def put(self, target: DeliveryTarget, text: str) -> str:
        """Upload an answer into its thread; return the file's id.

        If Slack refuses the file, a message says so in its place; then that message's id is
        returned.

        Raises:
            LimitedError: Slack does not allow it as soon as we can wait.
            PostUnclearError: It may have been uploaded.
        """
        name = file_name(target)
        if name in self._taken:
            return self._taken[name]
        try:
            file = await self._upload(target, name, text)
        except RefusedError as refused:
            return await self._say_why_not(target, refused.code)
        self._taken[name] = file
        return file

    async def take_back(self, target: DeliveryTarget, file: str) -> None:
        """Delete a file of ours, and the message that shows it."""
        channel = channel_of(target.thread.channel)
        try:
            found = dict_of(await self._api.call("files.info", repeat=True, file=file), "file")
            for ts in shared_as(found, channel):
                await self._removed("chat.delete", channel=channel, ts=ts)
            await self._removed("files.delete", file=file)
        except RefusedError as refused:
            if refused.code not in _GONE:
                raise
        self._taken.pop(file_name(target), None)

    async def _upload(self, target: DeliveryTarget, name: str, text: str) -> str:
        pause = min(_SHARED_WITHIN, self._api.timeout / 4)
        end = self._clock.monotonic() + self._api.timeout - pause
        while True:
            try:
                return await self._once(target, name, text, end - self._clock.monotonic())
            except LimitedError as limited:
                if self._clock.monotonic() + limited.seconds >= end:
                    raise
                await self._clock.sleep(limited.seconds)
            except PostUnclearError:
                await self._clock.sleep(pause)  # a look for it now might come too early
                raise

    async def _once(self, target: DeliveryTarget, name: str, text: str, seconds: float) -> str:
        try:
            async with asyncio.timeout(seconds):
                answer = await self._api.client.files_upload_v2(
                    channel=channel_of(target.thread.channel),
                    thread_ts=target.answer_in,
                    content=text.encode("utf-8", "replace"),
                    filename=name,
                    title=_TITLE,
                    initial_comment=_COMMENT,
                )
        except SlackApiError as error:
            raise meaning(_METHOD, error) from None
        except (aiohttp.ClientError, OSError, SlackRequestError, TimeoutError) as error:
            raise PostUnclearError(f"{_METHOD}: {type(error).__name__}") from error
        except Exception as error:  # the SDK trusts every answer to be Slack's
            raise PostUnclearError(f"{_METHOD}: {broke(error)}") from error
        return _id_in(answer.data)

    async def _say_why_not(self, target: DeliveryTarget, code: str) -> str:
        answer = await self._api.call(
            "chat.postMessage",
            channel=channel_of(target.thread.channel),
            thread_ts=target.answer_in,
            metadata=mark(PostKey(target.thread, target.turn, piece=AS_FILE)),
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
    """Return the id of the uploaded file; raises `PostUnclearError` if there is none."""
    files = dicts_of(answer, "files") if isinstance(answer, dict) else []
    return stated(_METHOD, files[0] if files else {}, "id")


def is_file(message: str) -> bool:
    """Return whether the id of a piece is a file's."""
    return message.startswith("F")
