"""Files that people send: downloaded when a turn needs them, with the bot's own token.

A file's address is not stored: `files.info` gives it, also for a file of another organisation, for
which the event has only the id. Without the scope `files:read`, Slack answers a download with its
login page (slack-sdk and Slack's docs are silent on it; seen with many bots).

The app that registers a remote file chooses its address, which "can point to any host" (docs:
reference/methods/files.remote.info): the bot requests nothing there.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp

from bots.outgoing import ElsewhereError, content_of, opened
from bots.slack.faults import RefusedError
from bots.slack.hosts import file_hosts
from bots.slack.pace import Rank
from core.domain.errors import FileGoneError, FileUnreadableError, PlatformError
from core.domain.limits import FILE_BYTES
from core.domain.payload import count_of, dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.slack.api import Api

_OK, _RATE_LIMITED, _SERVER_FAULT = 200, 429, 500
_NOT_THERE = {404, 410}
_TRIES = 3
_PAUSE = 0.5
"""Seconds before the next try; a turn waits some seconds for its files (`FETCH_SECONDS`)."""
_NO_SCOPE = "I lack the permission to read files (files:read)"
_TOO_LARGE = "it is too large"
_ELSEWHERE = "it is stored outside Slack: paste it or upload it"
_GONE = "it is gone"
_REMOVED = {"file_deleted": "it was deleted", "file_not_found": _GONE}
_NOT_GIVEN = "Slack does not provide it"


async def fetch(api: Api, file: str) -> bytes:
    """Return a file's whole content.

    Raises:
        FileGoneError: It was removed.
        FileUnreadableError: It is too large, or not accessible to the bot.
        PlatformError: It can't be downloaded now.
    """
    try:
        found = dict_of(
            await api.call("files.info", repeat=True, rank=Rank.TAKEOVER, file=file), "file"
        )
    except RefusedError as refused:
        raise _meaning(refused.code) from refused
    if (refusal := _refusal(found)) is not None:
        raise refusal
    url = _address(found)
    html = str_of(found, "mimetype").startswith("text/html")
    for tries_left in reversed(range(_TRIES)):
        content, why = await _tried(api, url, html=html)
        if content is not None:
            return content
        if tries_left:
            await asyncio.sleep(_PAUSE)
    raise PlatformError(f"a file could not be fetched: {why}")


async def is_unchanged(api: Api, file: str) -> bool:
    """Return whether a file is certainly unchanged: only uploads can't be edited.

    A snippet, a post or a canvas may have other words under the same id (docs: reference/objects/
    file-object, `mode`). Raises `PlatformError` if Slack can't be asked now.
    """
    try:
        found = dict_of(await api.call("files.info", repeat=True, file=file), "file")
    except RefusedError:
        return False
    return _refusal(found) is None and found.get("mode") == "hosted"


def _meaning(code: str) -> FileUnreadableError:
    """Return the error for a refusal of `files.info`."""
    if code in _REMOVED:
        return FileGoneError(_REMOVED[code])
    return FileUnreadableError(_NO_SCOPE if code == "missing_scope" else _NOT_GIVEN)


def _refusal(found: Mapping[str, Any]) -> FileUnreadableError | None:
    """Return why a file is not downloaded, as `files.info` describes it; None if it is.

    Docs: reference/objects/file-object.
    """
    mode = found.get("mode")
    if mode == "hidden_by_limit":
        return FileUnreadableError("Slack hides it: the workspace's plan keeps only newer files")
    if mode == "external" or found.get("is_external") is True:
        return FileUnreadableError(_ELSEWHERE)
    if mode == "tombstone" or not _address(found):
        return FileGoneError(_GONE)
    return FileUnreadableError(_TOO_LARGE) if count_of(found, "size") > FILE_BYTES else None


def _address(found: Mapping[str, Any]) -> str:
    return str_of(found, "url_private_download") or str_of(found, "url_private")


async def _tried(api: Api, url: str, *, html: bool) -> tuple[bytes | None, str]:
    """Return a file's content, or None and why this try failed."""
    try:
        return await _download(api, url, html=html)
    except ElsewhereError:
        raise FileUnreadableError(_ELSEWHERE) from None
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return None, type(error).__name__


async def _download(api: Api, url: str, *, html: bool) -> tuple[bytes | None, str]:
    session = api.client.session
    if session is None:
        raise PlatformError("there is no connection to fetch a file with")
    headers = {"Authorization": f"Bearer {api.client.token}"}
    async with opened(session, url, file_hosts(api.client.base_url), headers) as response:
        if response.status == _RATE_LIMITED or response.status >= _SERVER_FAULT:
            return None, f"status {response.status}"
        if response.status in _NOT_THERE:
            raise FileGoneError(_GONE)
        if response.status != _OK:
            raise FileUnreadableError(_NOT_GIVEN)
        if response.content_type == "text/html" and not html:
            raise FileUnreadableError(_NO_SCOPE)
        return await content_of(response), ""
