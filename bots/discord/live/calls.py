"""The live doctor's calls: as they are, waited for when Discord says so, and undone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from bots.rules import Told
from core.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.clock import Clock

API = "https://discord.com/api/v10"
_AGENT = "DiscordBot (chatbot doctor, 1)"
_OK, _REFUSED, _LIMITED = 200, 400, 429
_TRIES = 5
_LONGEST_WAIT = 65.0
_TIMEOUT = 30.0
_GONE = {"", "10008", "10003"}


@dataclass(frozen=True, slots=True)
class Reply:
    """Discord's answer to one call."""

    call: str
    status: int
    body: Any

    @property
    def error(self) -> str:
        """Return Discord's number for why not; empty where it did it."""
        if self.status < _REFUSED:
            return ""
        code = self.body.get("code") if isinstance(self.body, dict) else None
        return str(code) if code else f"status {self.status}"

    @property
    def items(self) -> list[dict[str, Any]]:
        """Return the objects of a list; none where it was refused."""
        return self.body if isinstance(self.body, list) else []

    @property
    def told(self) -> Told:
        """Return it as what a rule is held to."""
        return Told(self.error, f"{self.call} answered {self.error or 'ok'}")

    def __getitem__(self, field: str) -> Any:  # noqa: ANN401 - any JSON
        """Return a field; None where there is none."""
        return self.body.get(field) if isinstance(self.body, dict) else None


class Calls:
    """Makes calls, and knows what they leave behind."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str, clock: Clock) -> None:
        """Call the API at `url`."""
        self._session = session
        self._url = url or API
        self._headers = {"Authorization": f"Bot {token}", "User-Agent": _AGENT}
        self._clock = clock
        self._messages: list[tuple[str, str]] = []

    async def call(
        self,
        method: str,
        path: str,
        json: Any = None,  # noqa: ANN401 - any JSON
        *,
        query: Mapping[str, str] | None = None,
        file: tuple[str, bytes] | None = None,
    ) -> Reply:
        """Make a call, again where Discord says that it was too early.

        Raises `PlatformError` where there is no answer.
        """
        for _ in range(_TRIES):
            form = _form(*file) if file else None
            reply = await self._once(method, path, json, query, form)
            if reply.status != _LIMITED:
                break
            await self._clock.sleep(min(float(reply["retry_after"] or 1), _LONGEST_WAIT))
        if method == "POST" and path.endswith("/messages") and not reply.error:
            self._messages.append((path.split("/")[2], str(reply["id"])))
        return reply

    async def fetched(self, url: str) -> bytes:
        """Return what is at a file's address; empty where it can't be had."""
        try:
            async with asyncio.timeout(_TIMEOUT), self._session.get(url) as response:
                return await response.read() if response.status == _OK else b""
        except (aiohttp.ClientError, OSError, TimeoutError):
            return b""

    async def clean_up(self, thread: str) -> int:
        """Take back what was posted; return how many things would not go.

        Deleting a thread takes a right that the bot does without, so where it is refused, an
        empty one stays, archived.
        """
        failed = 0
        if thread:
            failed += not await self._undone("DELETE", f"/channels/{thread}")
        for channel, message in reversed(self._messages):
            failed += not await self._undone("DELETE", f"/channels/{channel}/messages/{message}")
        if thread:
            await self._undone("PATCH", f"/channels/{thread}", {"archived": True})
        return failed

    async def _undone(self, method: str, path: str, json: object = None) -> bool:
        try:
            return (await self.call(method, path, json)).error in _GONE
        except PlatformError:
            return False

    async def _once(
        self,
        method: str,
        path: str,
        json: object,
        query: Mapping[str, str] | None,
        form: aiohttp.FormData | None,
    ) -> Reply:
        try:
            async with (
                asyncio.timeout(_TIMEOUT),
                self._session.request(
                    method,
                    self._url + path,
                    json=json,
                    data=form,
                    params=query,
                    headers=self._headers,
                ) as response,
            ):
                known = response.content_type == "application/json"
                body = await response.json() if known else None
                return Reply(_name(method, path), response.status, body)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise PlatformError(f"no answer to {method} {path}: {type(error).__name__}") from error


def _name(method: str, path: str) -> str:
    """Return what a call is named by: its method, and the last part of its path that is no id."""
    parts = [part for part in path.split("/") if not part.isdigit()]
    return f"{method} {parts[-1]}"


def _form(name: str, content: bytes) -> aiohttp.FormData:
    form = aiohttp.FormData()
    form.add_field("payload_json", "{}", content_type="application/json")
    form.add_field("files[0]", content, filename=name, content_type="text/plain")
    return form
