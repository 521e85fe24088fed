"""The live trial's calls: recorded, retried when Slack asks for it, and undone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
from slack_sdk.errors import SlackApiError

from bots.slack.api import READS
from bots.slack.faults import ODD
from core.domain.errors import PlatformError, broke
from core.domain.payload import dict_of, dicts_of, str_of
from tests.live.slack.record import Exchange

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

    from core.domain.clock import Clock

UPLOAD, DOWNLOAD = "files.upload", "files.download"
"""Names of requests to an address that a method returned."""
LIMITED = 429
_BY_QUERY = {*READS, "auth.test", "conversations.info", "files.getUploadURLExternal"}
_NO_JSON = {"files.completeUploadExternal"}
"""Methods whose arguments slack-sdk sends in the query, with lists as JSON; so do we."""
_TRIES = 4
_LONGEST_WAIT = 65.0
_TIMEOUT = 30.0


class Calls:
    """Makes and records calls, and knows what they leave behind."""

    def __init__(self, client: AsyncWebClient, clock: Clock, *, pace: float) -> None:
        """Wait `pace` seconds between two posts."""
        self._client = client
        self._clock = clock
        self._pace = pace
        self._began = clock.monotonic()
        self.made: list[Exchange] = []
        self._messages: list[tuple[str, str]] = []
        self._streams: list[tuple[str, str]] = []
        self._files: list[str] = []

    async def call(self, method: str, **arguments: Any) -> Exchange:
        """Make a call, retry it if Slack asks for it, and record the last exchange.

        Raises `PlatformError` if there is no answer.
        """
        for _ in range(_TRIES):
            if method == "chat.postMessage":
                await self._clock.sleep(self._pace)
            exchange = await self.once(method, arguments)
            if exchange.status != LIMITED:
                break
            wait = float(exchange.headers.get("Retry-After") or 1)
            await self._clock.sleep(min(wait, _LONGEST_WAIT))
        self.keep(exchange)
        return exchange

    async def once(self, method: str, arguments: dict[str, Any]) -> Exchange:
        """Make a call once, without recording it."""
        given = {name: value for name, value in arguments.items() if value is not None}
        verb, form = ("GET", "params") if method in _BY_QUERY else ("POST", "json")
        form = "params" if method in _NO_JSON else form
        try:
            async with asyncio.timeout(_TIMEOUT):
                answer = await self._client.api_call(
                    method, http_verb=verb, **{form: given or None}
                )
                status, headers = answer.status_code, answer.headers
                data: Any = answer.data
        except SlackApiError as error:
            response = error.response
            status = getattr(response, "status_code", getattr(response, "status", 0))
            headers, data = response.headers, getattr(response, "data", None)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise PlatformError(f"no answer to {method}: {type(error).__name__}") from error
        except Exception as error:  # the SDK trusts that an answer is one of Slack's
            raise PlatformError(f"no answer to {method}: {ODD} ({broke(error)})") from error
        body = data if isinstance(data, dict) else {}
        return Exchange(method, verb, given, status, headers, body, self._since())

    async def upload(self, url: str, content: bytes) -> Exchange:
        """Upload a file's bytes to the address that Slack gave."""
        status, _ = await self._fetch("POST", url, content)
        given = {"url": url, "content": content.decode()}
        return self.keep(Exchange(UPLOAD, "POST", given, status, {}, {"ok": True}, self._since()))

    async def download(self, url: str, *, token: bool) -> bytes:
        """Return the content of a file, fetched with or without the bot's token."""
        status, content = await self._fetch("GET", url, None, token=token)
        given = {"url": url, "token": token}
        self.keep(Exchange(DOWNLOAD, "GET", given, status, {}, {"ok": True}, self._since()))
        return content

    async def clean_up(self, thread: tuple[str, str] | None) -> int:
        """Remove what the calls left behind; return how many removals failed."""
        kept, failed = len(self.made), 0
        for place, ts in list(self._streams):
            await self._undone("chat.stopStream", channel=place, ts=ts)
        for file in list(self._files):
            failed += not await self._undone("files.delete", file=file)
        for place, ts in [*(await self._ours(thread)), *reversed(self._messages)]:
            failed += not await self._undone("chat.delete", channel=place, ts=ts)
        del self.made[kept:]
        return failed

    async def _undone(self, method: str, **arguments: Any) -> bool:
        try:
            error = (await self.call(method, **arguments)).error
        except PlatformError:
            return False
        return error in {"", "message_not_found", "file_deleted"}

    async def _ours(self, thread: tuple[str, str] | None) -> list[tuple[str, str]]:
        """Return the messages in the probes' thread that were not recorded when posted."""
        if thread is None:
            return []
        place, root = thread
        try:
            read = await self.call("conversations.replies", channel=place, ts=root)
        except PlatformError:
            return []
        return [(place, str_of(m, "ts")) for m in dicts_of(read.answer, "messages")[1:]]

    def keep(self, exchange: Exchange) -> Exchange:
        """Record an exchange, and what it left behind or removed."""
        self.made.append(exchange)
        place = str(exchange.arguments.get("channel", ""))
        there = (place, str(exchange.answer.get("ts") or exchange.arguments.get("ts") or ""))
        if exchange.error:
            return exchange
        if exchange.method in {"chat.postMessage", "chat.startStream"}:
            self._messages.append(there)
        if exchange.method == "chat.startStream":
            self._streams.append(there)
        if exchange.method == "chat.stopStream" and there in self._streams:
            self._streams.remove(there)
        if exchange.method == "chat.delete" and there in self._messages:
            self._messages.remove(there)
        if exchange.method == "files.completeUploadExternal":
            self._files += [str_of(file, "id") for file in dicts_of(exchange.answer, "files")]
        if exchange.method == "files.delete":
            self._files.remove(str(exchange.arguments["file"]))
        return exchange

    async def _fetch(
        self, verb: str, url: str, content: bytes | None, *, token: bool = False
    ) -> tuple[int, bytes]:
        session = self._client.session
        if session is None:
            raise PlatformError("there is no connection to send or fetch a file with")
        headers = {"Authorization": f"Bearer {self._client.token}"} if token else None
        try:
            async with (
                asyncio.timeout(_TIMEOUT),
                session.request(verb, url, data=content, headers=headers) as response,
            ):
                return response.status, await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise PlatformError(f"no answer about a file: {type(error).__name__}") from error

    def _since(self) -> float:
        return self._clock.monotonic() - self._began


def message_of(exchange: Exchange, ts: str) -> dict[str, Any]:
    """Return one of the messages that were read; empty if it is not among them."""
    found = (m for m in dicts_of(exchange.answer, "messages") if str_of(m, "ts") == ts)
    return next(found, {})


def metadata_of(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message's metadata; empty if it has none."""
    return dict_of(message, "metadata")
