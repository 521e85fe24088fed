"""Sending a file to somebody, whatever its size: it is read while it is sent, and shared once.

slack-sdk's `files_upload_v2` reads a file whole, so its three steps are made here: an address to
upload to, the bytes, and the call that shares it (docs: messaging/working-with-files#uploading).
Before the last nobody sees anything, so the first two may be made again; the last never is.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

import aiohttp

from bots.slack.api import stated
from core.domain.errors import PlatformError, PostUnclearError
from core.domain.payload import dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from pathlib import Path

    from bots.slack.api import Api
    from core.domain.clock import Clock

log = logging.getLogger(__name__)

_ADDRESS = "files.getUploadURLExternal"
_OK = 200
_TRIES = 3
_PATIENCE = 30.0
"""Seconds for each call, with the waits that Slack asks for: no turn's lease runs out on it."""
_SECONDS = 120.0
"""Seconds for the bytes; the whole stays below `core.commands.in_thread.EXPORT_SECONDS`."""
_LOOKS, _LOOK, _PAUSE = 10, 5.0, 1.0
"""Looks for a file that was perhaps shared, seconds for each, and between them: Slack shares it
later."""


async def share(api: Api, clock: Clock, file: Path, *, channel: str, comment: str) -> None:
    """Put a file into a channel.

    Raises:
        PostUnclearError: It is not there as far as can be seen, but may come yet.
        PlatformError: It is not there.
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
    """Bring a file's bytes to Slack; return the id that it has there."""
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
        log.info("an upload broke off (%s), %d tries left", status, tries_left)
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
    """Look whether a file came to be in a channel."""
    for _ in range(_LOOKS):
        try:
            answer = await api.call("files.info", repeat=True, patience=_LOOK, file=known)
            if shared_as(dict_of(answer, "file"), channel):
                return True
        except PlatformError as error:
            log.info("a file that was sent is not to be seen: %s", error)
        await clock.sleep(_PAUSE)
    return False
