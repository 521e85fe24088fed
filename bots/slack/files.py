"""Files that people send: asked for when a turn needs them, with the bot's own token.

A file's address is not kept: `files.info` gives it, also for a file of another organisation, of
which the event tells only the id. Without the scope `files:read` Slack answers a download with
the page of its login (slack-sdk and Slack's docs are silent on it; seen with many bots).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp

from bots.slack.api import RefusedError
from core.errors import FileUnreadableError, PlatformError
from core.limits import FILE_BYTES

if TYPE_CHECKING:
    from bots.slack.api import Api

_OK, _RATE_LIMITED, _SERVER_FAULT = 200, 429, 500
_TRIES = 3
_PAUSE = 0.5
"""Seconds before the next try; a turn waits for its files for some seconds (`FETCH_SECONDS`)."""
_NO_SCOPE = "I lack the right to read files (files:read)"
_TOO_LARGE = "it is too large"
_WHY = {
    "file_deleted": "it was deleted",
    "file_not_found": "it is gone",
    "missing_scope": _NO_SCOPE,
}


async def fetch(api: Api, file: str) -> bytes:
    """Return a file's content, whole.

    Raises:
        FileUnreadableError: It is gone, too large, or not for us.
        PlatformError: It can't be had now.
    """
    try:
        found = (await api.call("files.info", repeat=True, file=file)).get("file") or {}
    except RefusedError as refused:
        raise FileUnreadableError(_WHY.get(refused.code, "Slack does not give it")) from refused
    url = str(found.get("url_private_download") or found.get("url_private") or "")
    if not url or found.get("mode") in {"tombstone", "hidden_by_limit"}:
        raise FileUnreadableError("it is gone")
    if int(found.get("size") or 0) > FILE_BYTES:
        raise FileUnreadableError(_TOO_LARGE)
    html = str(found.get("mimetype", "")).startswith("text/html")
    why = ""
    for tries_left in reversed(range(_TRIES)):
        content, why = await _tried(api, url, html=html)
        if content is not None:
            return content
        if tries_left:
            await asyncio.sleep(_PAUSE)
    raise PlatformError(f"a file could not be fetched: {why}")


async def _tried(api: Api, url: str, *, html: bool) -> tuple[bytes | None, str]:
    """Return a file's content, or None and why it could not be had this time."""
    try:
        return await _download(api, url, html=html)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return None, type(error).__name__


async def _download(api: Api, url: str, *, html: bool) -> tuple[bytes | None, str]:
    session = api.client.session
    if session is None:
        raise PlatformError("there is no connection to fetch a file with")
    headers = {"Authorization": f"Bearer {api.client.token}"}
    async with session.get(url, headers=headers) as response:
        if response.status == _RATE_LIMITED or response.status >= _SERVER_FAULT:
            return None, f"status {response.status}"
        if response.status != _OK:
            raise FileUnreadableError("it is gone")
        if response.content_type == "text/html" and not html:
            raise FileUnreadableError(_NO_SCOPE)
        content = bytearray()
        async for part in response.content.iter_chunked(64 * 1024):
            content += part
            if len(content) > FILE_BYTES:
                raise FileUnreadableError(_TOO_LARGE)
        return bytes(content), ""
