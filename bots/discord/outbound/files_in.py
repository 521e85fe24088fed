"""Files that people send. Their addresses expire, so each is looked up with its message first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp

from bots.discord.faults import UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, RefusedError
from bots.discord.inbound.history import one
from bots.discord.inbound.people import attachments_of
from bots.outgoing import ElsewhereError, content_of, opened
from core.domain.errors import FileGoneError, FileUnreadableError, PlatformError
from core.domain.limits import FETCH_SECONDS, FILE_BYTES
from core.domain.payload import count_of, str_of

if TYPE_CHECKING:
    from bots.discord.api import Api
    from bots.outgoing import Hosts

_OK = 200
_GONE = {404, 410}
_TOO_LARGE = "it is too large"
_ELSEWHERE = "it is stored outside Discord: paste it or upload it"
_REMOVED = {UNKNOWN_MESSAGE: "its message was deleted", UNKNOWN_CHANNEL: "its channel is gone"}


async def fetch(api: Api, session: aiohttp.ClientSession, reference: str) -> bytes:
    """Return a file's whole content; the reference names channel, message and file.

    Raises:
        FileGoneError: It was removed.
        FileUnreadableError: It is too large, or the bot may not read it.
        PlatformError: It can't be fetched now.
    """
    file = await _look_up(api, reference)
    if count_of(file, "size") > FILE_BYTES:
        raise FileUnreadableError(_TOO_LARGE)
    try:
        return await _download(session, str_of(file, "url"), api.gateway.file_hosts)
    except ElsewhereError:
        raise FileUnreadableError(_ELSEWHERE) from None
    except (aiohttp.ClientError, OSError) as error:
        raise PlatformError(f"a file could not be fetched: {type(error).__name__}") from error


async def is_there(api: Api, reference: str) -> bool:
    """Return whether a message still has a file; raises `PlatformError` as `fetch` does."""
    try:
        await _look_up(api, reference)
    except FileUnreadableError:
        return False
    return True


async def _look_up(api: Api, reference: str) -> dict[str, Any]:
    """Return what Discord says about a file; raises as `fetch`."""
    channel, message, id_ = reference.split("/")
    try:
        found = await one(api, channel, message, FETCH_SECONDS / 2)
    except RefusedError as refused:
        if refused.code in _REMOVED:
            raise FileGoneError(_REMOVED[refused.code]) from refused
        raise FileUnreadableError("I may not read it here") from refused
    file = next((each for each in attachments_of(found) if str_of(each, "id") == id_), None)
    if file is None:
        raise FileGoneError("it was removed")
    return file


async def _download(session: aiohttp.ClientSession, url: str, hosts: Hosts) -> bytes:
    async with opened(session, url, hosts) as response:
        if response.status in _GONE:
            raise FileGoneError("it is gone")
        if response.status != _OK:
            raise FileUnreadableError("Discord does not return it")
        return await content_of(response)
