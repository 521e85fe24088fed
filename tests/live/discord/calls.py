"""The live trial's calls: recorded, retried when Discord asks for it, and undone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp

from bots.discord.faults import ODD
from core.domain.errors import PlatformError
from tests.live.discord.record import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.domain.clock import Clock
    from tests.live.recording import Json

API = "https://discord.com/api/v10"
_AGENT = "DiscordBot (chatbot doctor, 1)"
DOWNLOAD = "/attachment"
"""The name of a request for a file, which is not a route of the API."""
LIMITED = 429
_OK = 200
_TRIES = 5
_LONGEST_WAIT = 65.0
_TIMEOUT = 30.0
_GONE = {"", "10008", "10003"}


class Calls:
    """Makes and records calls, and knows what they leave behind."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str, clock: Clock) -> None:
        """Call the API at `url`."""
        self._session = session
        self._url = url or API
        self._headers = {"Authorization": f"Bot {token}", "User-Agent": _AGENT}
        self._clock = clock
        self._began = clock.monotonic()
        self.made: list[Reply] = []
        self._messages: list[tuple[str, str]] = []

    async def call(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        file: tuple[str, bytes] | None = None,
    ) -> Reply:
        """Make a call, retry it if Discord asks for it, and record each exchange.

        Raises `PlatformError` if there is no answer.
        """
        given: Json = {"json": json} if json is not None else {}
        given |= {"query": dict(query)} if query else {}
        given |= {"file": {"name": file[0], "content": file[1].decode()}} if file else {}
        for _ in range(_TRIES):
            reply = await self._once(method, path, given)
            self.made.append(reply)
            if reply.status != LIMITED:
                break
            await self._clock.sleep(min(float(reply["retry_after"] or 1), _LONGEST_WAIT))
        if method == "POST" and path.endswith("/messages") and not reply.error:
            self._messages.append((path.split("/")[2], str(reply["id"])))
        return reply

    async def fetched(self, url: str) -> bytes:
        """Return the content of a file; empty if it can't be fetched."""
        try:
            async with asyncio.timeout(_TIMEOUT), self._session.get(url) as response:
                content, status = await response.read(), response.status
        except (aiohttp.ClientError, OSError, TimeoutError):
            return b""
        given = {"url": url}
        self.made.append(Reply(DOWNLOAD, "GET", given, status, {}, None, self._since()))
        return content if status == _OK else b""

    async def clean_up(self, thread: str) -> int:
        """Remove what was posted, without recording it; return how many removals failed.

        To delete a thread takes a permission that the bot does not need. If Discord refuses, an
        empty, archived thread remains.
        """
        kept, failed = len(self.made), 0
        if thread:
            failed += not await self._undone("DELETE", f"/channels/{thread}")
        for channel, message in reversed(self._messages):
            failed += not await self._undone("DELETE", f"/channels/{channel}/messages/{message}")
        if thread:
            await self._undone("PATCH", f"/channels/{thread}", {"archived": True})
        del self.made[kept:]
        return failed

    async def _undone(self, method: str, path: str, json: object = None) -> bool:
        try:
            return (await self.call(method, path, json)).error in _GONE
        except PlatformError:
            return False

    async def _once(self, method: str, path: str, given: Json) -> Reply:
        file = given.get("file")
        try:
            async with (
                asyncio.timeout(_TIMEOUT),
                self._session.request(
                    method,
                    self._url + path,
                    json=given.get("json"),
                    data=form(file["name"], file["content"]) if file else None,
                    params=given.get("query"),
                    headers=self._headers,
                ) as response,
            ):
                known = response.content_type == "application/json"
                body = await response.json() if known else None
                status, headers = response.status, response.headers
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise PlatformError(f"no answer to {method} {path}: {type(error).__name__}") from error
        except (RecursionError, ValueError) as error:
            raise PlatformError(f"no answer to {method} {path}: {ODD}") from error
        return Reply(path, method, given, status, headers, body, self._since())

    def _since(self) -> float:
        return self._clock.monotonic() - self._began


def form(name: str, content: str) -> aiohttp.FormData:
    """Return the form of a message that is only a file."""
    found = aiohttp.FormData()
    found.add_field("payload_json", "{}", content_type="application/json")
    found.add_field("files[0]", content.encode(), filename=name, content_type="text/plain")
    return found
