"""The content delivery network, and addresses that are good again."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

from tests.fakes.discord.addresses import signature, signed
from tests.fakes.discord.call import Call, route
from tests.fakes.discord.errors import invalid

if TYPE_CHECKING:
    from tests.fakes.discord.model import File, Json
    from tests.fakes.discord.state import State


async def download(state: State, request: web.Request) -> web.Response:
    """Serve an attachment while its address is good, and while its message is there.

    With `width` and `height`, this is the media proxy, which has only pictures and videos
    (github.com/discord/discord-api-docs, pull request 5174).
    """
    query, found = request.query, _at(state, request.path)
    good = signature(request.path, query.get("ex", ""), query.get("is", ""))
    late = int(query.get("ex") or "0", 16) < state.now()
    if found is None or late or query.get("hm", "").strip("&") != good:
        return web.Response(status=404, text="This content is no longer available.")
    if "width" in query:
        if not found.facts.keys() >= {"width", "height"}:
            return web.Response(status=415)
        return web.Response(body=found.smaller, content_type=found.mimetype)
    return web.Response(body=found.data, content_type=found.mimetype)


def _at(state: State, path: str) -> File | None:
    parts = path.strip("/").split("/")
    found = state.files.get(parts[2]) if len(parts) == 4 else None
    if found is None or [found.channel, found.name] != [parts[1], parts[3]]:
        return None
    place = state.channels.get(found.channel)
    standing = place.messages.values() if place else ()
    mine = [m for m in state.ephemerals if not m.deleted]
    return found if any(found in message.files for message in (*standing, *mine)) else None


@route("POST", "/attachments/refresh-urls")
def refresh(call: Call) -> Json:
    """Return new addresses for old ones; known of Discord, but not in its description."""
    urls = call.json.get("attachment_urls") or []
    if not 1 <= len(urls) <= 50:
        words = "Must be between 1 and 50 in length."
        raise invalid("attachment_urls", "BASE_TYPE_BAD_LENGTH", words)
    found = []
    for url in urls:
        parts = urlsplit(url)
        query, file = parse_qs(parts.query), _at(call.discord, parts.path)
        good = signature(parts.path, query.get("ex", [""])[0], query.get("is", [""])[0])
        ours = query.get("hm", [""])[0] == good and file is not None
        fresh = signed(call.discord, file) if ours and file is not None else url
        found.append({"original": url, "refreshed": fresh})
    return {"refreshed_urls": found}
