"""Files that people send. Their addresses expire, so each is looked up with its message first.

Discord's media proxy returns a picture in any smaller size. It has only those attachments that have
a `width` and a `height` (github.com/discord/discord-api-docs, pull request 5174; github.com/
discord-jda/JDA, pull request 2139), which HEIC photos do not have (github.com/vendetta-mod/ideas,
issue 72).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp

from bots.discord.faults import UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, RefusedError
from bots.discord.inbound.history import one
from bots.discord.inbound.people import attachments_of
from bots.outgoing import ElsewhereError, content_of, opened
from core.delivery.port import FileContent
from core.domain.errors import FileGoneError, FileUnreadableError, PlatformError
from core.domain.limits import (
    FETCH_SECONDS,
    FILE_BYTES,
    IMAGE_DECODED_PIXELS,
    IMAGE_SCALED_PIXELS,
    too_large,
)
from core.domain.payload import count_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.discord.api import Api
    from bots.outgoing import Hosts

_OK = 200
_GONE = {404, 410}
_SMALLER = "Discord's smaller copy of it"
_ELSEWHERE = "it is stored outside Discord: paste it or upload it"
_REMOVED = {UNKNOWN_MESSAGE: "its message was deleted", UNKNOWN_CHANNEL: "its channel is gone"}


async def fetch(api: Api, session: aiohttp.ClientSession, reference: str) -> FileContent:
    """Return a file's whole content, or a smaller copy of a picture that is too large.

    Args:
        api: To look the file up with.
        session: To download it with.
        reference: The ids of channel, message and file.

    Raises:
        FileGoneError: It was removed.
        FileUnreadableError: It is too large, or the bot may not read it.
        PlatformError: It can't be fetched now.
    """
    file = await _look_up(api, reference)
    url, form = _smaller(file), _SMALLER
    if not url:
        if (size := count_of(file, "size")) > FILE_BYTES:
            raise FileUnreadableError(too_large(size, FILE_BYTES))
        url, form = str_of(file, "url"), ""
    try:
        return FileContent(await _download(session, url, api.gateway.file_hosts), form)
    except ElsewhereError:
        raise FileUnreadableError(_ELSEWHERE) from None
    except (aiohttp.ClientError, OSError) as error:
        raise PlatformError(f"a file could not be fetched: {type(error).__name__}") from error


def _smaller(file: Mapping[str, Any]) -> str:
    """Return the address of a smaller copy of a picture that is too large; empty for others."""
    width, height = count_of(file, "width"), count_of(file, "height")
    url = str_of(file, "proxy_url")
    is_picture = str_of(file, "content_type").startswith("image/") and width and height and url
    if not is_picture:
        return ""
    if count_of(file, "size") <= FILE_BYTES and width * height <= IMAGE_DECODED_PIXELS:
        return ""
    scale = min(1.0, IMAGE_SCALED_PIXELS / max(width, height))
    size = f"width={max(1, int(width * scale))}&height={max(1, int(height * scale))}"
    return f"{url}{'' if url.endswith(('?', '&')) else '&' if '?' in url else '?'}{size}"


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
