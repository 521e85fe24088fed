"""Files that people send: downloaded when a turn needs them, with the bot's own token.

A file's address is not stored: `files.info` gives it, also for a file of another organisation, for
which the event has only the id. A canvas has no method of its own to read it: its words are the
HTML at its address (github.com/shaharia-lab/slackcli, pull request 32; github.com/stablyai/
agent-slack, pull request 19).

Slack has other forms of many files (docs: reference/objects/file-object): smaller copies of
pictures, a PDF of an Office document, and the words of a voice message.

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
from core.delivery.port import FileContent
from core.domain.errors import FileGoneError, FileUnreadableError, PlatformError
from core.domain.limits import FILE_BYTES, IMAGE_DECODED_PIXELS, too_large
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
_ELSEWHERE = "it is stored outside Slack: paste it or upload it"
_GONE = "it is gone"
_REMOVED = {
    "file_deleted": "it was deleted",
    "file_not_found": "Slack does not find it: it was removed, or is not shared with me",
}
_NOT_GIVEN = "Slack does not provide it"
_NOT_SHARED = "it belongs to another organisation, which does not share it with me"
_PAGE = "Slack returned a page to sign in, and not the file"
_LIST = "it is a Slack list, which I can't read: export it as CSV, and upload that"
_HIDDEN = "Slack hides it: the workspace's plan keeps only newer files"
_LISTS = {"list", "application/vnd.slack-list"}
_PAGES = {"quip", "canvas", "docs", "space", "post", "email", "application/vnd.slack-docs"}
"""What is served as HTML: canvases, posts and e-mails, by `mode`, `filetype` or `mimetype`."""
_HTML = "text/html"
_THUMBS = tuple(f"thumb_{side}" for side in (1024, 960, 800, 720, 480, 360))
"""Smaller copies of a picture, the largest first."""
_UNSEEN = {"image/heic", "image/heif"}
"""Pictures that models don't take, and that can't be converted here."""
_OFFICE = ("application/vnd.", "application/msword", "application/rtf")
_SPOKEN = ("audio/", "video/")
_BEGINNING = "the beginning of Slack's transcript of it"
_FORMS = {
    "vtt": "Slack's transcript of it",
    "converted_pdf": "Slack's PDF of it",
    "thumb": "Slack's smaller copy of it",
}


async def fetch(api: Api, file: str) -> FileContent:
    """Return a file's whole content, or that of another form that Slack has of it.

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
    name = str_of(found, "name") or str_of(found, "title")
    return (await _fetch_form(api, found) or await _fetch_file(api, found))._replace(name=name)


async def _fetch_form(api: Api, found: Mapping[str, Any]) -> FileContent | None:
    """Return another form of a file if it should be read instead, and Slack returns it."""
    url, form = _other_form(found)
    try:
        return FileContent(await _fetched(api, url, html=False), form) if url else None
    except (FileUnreadableError, PlatformError):  # apps may not have the transcripts of some plans
        words = str_of(dict_of(dict_of(found, "transcription"), "preview"), "content")
        return FileContent(words.encode(), _BEGINNING) if words else None


async def _fetch_file(api: Api, found: Mapping[str, Any]) -> FileContent:
    if (refusal := _refusal(found)) is not None:
        raise refusal
    return FileContent(await _fetched(api, _address(found), html=_is_page(found)))


async def _fetched(api: Api, url: str, *, html: bool) -> bytes:
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
    there = bool(_other_form(found)[0]) or _refusal(found) is None
    return there and found.get("mode") == "hosted"


def _meaning(code: str) -> FileUnreadableError:
    """Return the error for a refusal of `files.info`."""
    if code in _REMOVED:
        return FileGoneError(_REMOVED[code])
    return FileUnreadableError(_NO_SCOPE if code == "missing_scope" else _NOT_GIVEN)


def _refusal(found: Mapping[str, Any]) -> FileUnreadableError | None:
    """Return why a file is not downloaded, as `files.info` describes it; None if it is."""
    mode = found.get("mode")
    reasons = (
        (mode == "hidden_by_limit", _HIDDEN),
        (mode == "external" or found.get("is_external") is True, _ELSEWHERE),
        (bool(_kinds(found) & _LISTS), _LIST),
        (mode == "file_access", _NOT_SHARED),
    )
    why = next((words for holds, words in reasons if holds), "")
    if not why and (mode == "tombstone" or not _address(found)):
        return FileGoneError(_GONE) if mode == "tombstone" else FileUnreadableError(_NOT_GIVEN)
    if not why and count_of(found, "size") > FILE_BYTES:
        why = too_large(count_of(found, "size"), FILE_BYTES)
    return FileUnreadableError(why) if why else None


def _kinds(found: Mapping[str, Any]) -> set[str]:
    return {str_of(found, name) for name in ("mode", "filetype", "mimetype")}


def _is_page(found: Mapping[str, Any]) -> bool:
    """Return whether a file is served as HTML."""
    return str_of(found, "mimetype").startswith(_HTML) or bool(_kinds(found) & _PAGES)


def _other_form(found: Mapping[str, Any]) -> tuple[str, str]:
    """Return the address of another form of a file, and what it is; two empty texts for the file.

    A transcript is there once it is complete; a picture is taken smaller only if it has to be.
    """
    kind = str_of(found, "mimetype")
    if found.get("mode") != "hosted" or found.get("is_external") is True:
        return "", ""
    name, url = "", ""
    if kind.startswith(_SPOKEN) and dict_of(found, "transcription").get("status") == "complete":
        name, url = "vtt", str_of(found, "vtt")
    elif kind.startswith(_OFFICE):
        name, url = "converted_pdf", str_of(found, "converted_pdf")
    elif kind.startswith("image/") and (kind in _UNSEEN or _is_huge(found)):
        name, url = "thumb", next(filter(None, (str_of(found, each) for each in _THUMBS)), "")
    return (url, _FORMS[name]) if url else ("", "")


def _is_huge(found: Mapping[str, Any]) -> bool:
    pixels = count_of(found, "original_w") * count_of(found, "original_h")
    return count_of(found, "size") > FILE_BYTES or pixels > IMAGE_DECODED_PIXELS


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
        if response.content_type == _HTML and not html:
            raise FileUnreadableError(_PAGE)
        return await content_of(response), ""
