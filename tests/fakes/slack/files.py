"""files.*: three steps in, and out for who may read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from tests.fakes.slack.call import Call, method
from tests.fakes.slack.chat import root_of, target
from tests.fakes.slack.model import File, Message, SlackError
from tests.fakes.slack.shapes import file_json

if TYPE_CHECKING:
    from tests.fakes.slack.model import Channel, Json
    from tests.fakes.slack.web import WebApi

_FORM_TYPES = {"vtt": "text/vtt", "converted_pdf": "application/pdf"}
_LOGIN = "<!DOCTYPE html><html><head><title>Sign in | Slack</title></head></html>"


@method("files.getUploadURLExternal", "files:write", tier=4)
def get_url(call: Call) -> Json:
    """Begin an upload (docs: reference/methods/files.getUploadURLExternal)."""
    name, length = call.required("filename"), call.number("length", 0, 2**30)
    file = File(call.slack.new_id("F"), name, b"", "", call.bot, int(call.slack.now()))
    call.slack.uploads[file.id] = (file, length)
    there = call.slack.upload_at or call.slack.url
    return {"upload_url": f"{there}/upload/v1/{file.id}", "file_id": file.id}


@method("files.completeUploadExternal", "files:write", tier=4)
def complete(call: Call) -> Json:
    """End uploads and share them (docs: reference/methods/files.completeUploadExternal).

    The answer names the files and no message: sharing comes later, `share_seconds` here
    (github.com/slackapi/bolt-js, issue 2115). `files.info` tells then where they are.
    """
    asked = call.structure("files")
    if not isinstance(asked, list) or not asked:
        raise SlackError.arguments("missing required field: files")
    files = []
    for item in asked:
        file, _ = call.slack.uploads.get(item.get("id", ""), (None, 0))
        if file is None or not file.mimetype:
            raise call.broken("upload-unknown")
        file.title = item.get("title", file.name)
        files.append(file)
    given = [call.text("channel_id"), *call.text("channels").split(",")]
    places = []
    for place in filter(None, given):
        call.args["channel"] = place
        channel = target(call)
        places.append((channel, root_of(call, channel)))
    for file in files:
        call.slack.files[file.id] = call.slack.uploads.pop(file.id)[0]
    if places and call.slack.share_seconds:
        loop = asyncio.get_running_loop()
        loop.call_later(call.slack.share_seconds, _share, call, files, places)
    else:
        _share(call, files, places)
    return {"files": [{"id": file.id, "title": file.title} for file in files]}


def _share(call: Call, files: list[File], places: list[tuple[Channel, str | None]]) -> None:
    """Show files as a message of the app's, on which no metadata can be put."""
    shown = [file for file in files if not file.gone]
    for channel, thread in places if shown else ():
        text, bot = call.text("initial_comment"), call.install.bot
        message = Message(call.slack.stamp(), channel.id, bot.id, text, bot_id=bot.bot_id)
        message.thread_ts, message.files, message.subtype = thread, shown, "file_share"
        call.slack.add(message)


@method("files.info", "files:read", tier=4)
def info(call: Call) -> Json:
    """Return a file; also what an event doesn't tell of one from elsewhere (slack.md 2.9).

    Docs: reference/methods/files.info.
    """
    file = call.slack.files.get(call.required("file"))
    if file is None:
        raise SlackError("file_not_found")
    if file.gone:
        raise SlackError("file_deleted")
    if not _may_see(call, file):
        raise SlackError("file_not_found")
    return {"file": file_json(call.slack, file, here=True), "comments": []}


@method("files.delete", "files:write")
def delete(call: Call) -> Json:
    """Delete a file of the app's own (docs: reference/methods/files.delete)."""
    file = call.slack.files.get(call.required("file"))
    if file is None:
        raise SlackError("file_not_found")
    if file.gone:
        raise SlackError("file_deleted")
    if file.user != call.bot:
        raise SlackError("cant_delete_file")
    file.gone, file.data = True, b""
    return {}


def _may_see(call: Call, file: File) -> bool:
    channels = call.slack.channels
    return file.user == call.bot or any(
        call.bot in channels[place].members for place in file.shared_in
    )


async def upload(api: WebApi, request: web.Request) -> web.Response:
    """Take the bytes, raw or in a form."""
    known = request.match_info["id"]
    if request.content_type.startswith("multipart/"):
        part = next(iter((await request.post()).values()))
        data = part.file.read() if isinstance(part, web.FileField) else str(part).encode()
    else:
        data = await request.read()

    def run() -> web.Response:
        file, length = api.slack.uploads.get(known, (None, 0))
        if file is None or len(data) != length:
            return web.Response(status=400, text="bad upload")
        file.data, file.mimetype = data, "application/octet-stream"
        return web.Response(text=f"OK - {length}")

    return await api.guarded(request, "files.upload", {"id": known}, run)


async def download(api: WebApi, request: web.Request) -> web.Response:
    """Give the bytes to who has the scope, and a login page with 200 to others (slack.md 2.9)."""
    known = request.match_info["id"].rpartition("-")[2]
    token = request.headers.get("authorization", "").removeprefix("Bearer ")

    def run() -> web.Response:
        install = api.slack.tokens.get(token)
        if install is None or not install.active or "files:read" not in install.scopes:
            return web.Response(text=_LOGIN, content_type="text/html")
        install.used.add("files:read")
        file = api.slack.files.get(known)
        if file is None or file.gone:
            return web.Response(status=404, text="file not found")
        form = request.match_info.get("form", "")
        kind = _FORM_TYPES.get(form, "image/jpeg") if form else file.mimetype
        return web.Response(body=file.forms[form] if form else file.data, content_type=kind)

    return await api.guarded(request, "files.download", {"id": known}, run)
