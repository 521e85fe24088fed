"""Stands between a store and moto's DynamoDB: notes each request, and answers some by itself."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

LOST = ("", 0)
"""The fault of a reply that is lost on its way: the request was carried out."""


_BATCHES = {"BatchGetItem": "UnprocessedKeys", "BatchWriteItem": "UnprocessedItems"}


def never(operation: str) -> bool:
    """Do all of each batch."""
    return False


def nothing(operation: str, body: dict[str, Any]) -> None:
    """Let everything pass."""


async def nothing_else(operation: str, body: dict[str, Any]) -> None:
    """Pass it on at once."""


@dataclass(slots=True)
class Front:
    """A server that passes requests on to the one at a port."""

    target: int
    fault: Callable[[str, dict[str, Any]], tuple[str, int] | None] = nothing
    """Says of a request with which of AWS's error codes and which status it fails, or `LOST`."""
    reasons: tuple[str, ...] = ()
    """Why a transaction is cancelled, where the fault says that it is: a code for each item."""
    meanwhile: Callable[[str, dict[str, Any]], Awaitable[None]] = nothing_else
    """Is done with a request before it is passed on."""
    halved: Callable[[str], bool] = never
    """Says of a batch whether AWS is too busy to do more than half of it."""
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Each request: what is to be done, and with what."""
    port: int = 0
    _runner: web.AppRunner | None = None
    _client: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1 << 25)
        app.router.add_post("/", self._serve)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._client = aiohttp.ClientSession(auto_decompress=False)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._client is not None
        assert self._runner is not None
        await self._client.close()
        await self._runner.cleanup()

    def before_first(self, operation: str, act: Callable[[], Awaitable[object]]) -> None:
        """Do something when this is asked for the next time, before it is passed on, and once."""

        async def cross(asked: str, body: dict[str, Any]) -> None:
            if asked == operation:
                self.meanwhile = nothing_else
                await act()

        self.meanwhile = cross

    def operations(self) -> list[str]:
        """Return what was asked for, in order."""
        return [operation for operation, _ in self.asked]

    def written(self) -> int:
        """Return how many items transactions have written or looked at."""
        return sum(len(body.get("TransactItems", ())) for _, body in self.asked)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        assert self._client is not None
        operation = request.headers["X-Amz-Target"].partition(".")[2]
        data = await request.read()
        body = json.loads(data)
        self.asked.append((operation, body))
        fault = self.fault(operation, body)
        await self.meanwhile(operation, body)
        if fault is not None and fault != LOST:
            told: dict[str, Any] = {"message": "no"}
            told["__type"] = f"com.amazonaws.dynamodb.v20120810#{fault[0]}"
            told["CancellationReasons"] = [{"Code": code} for code in self.reasons]
            kind = "application/x-amz-json-1.0"
            return web.json_response(told, status=fault[1], content_type=kind)
        left = half(body) if operation in _BATCHES and self.halved(operation) else {}
        data = json.dumps(body).encode() if left else data
        url = f"http://127.0.0.1:{self.target}/"
        headers = {k: v for k, v in request.headers.items() if k != "Content-Length"}
        async with self._client.post(url, data=data, headers=headers) as answer:
            said = await answer.read()
        if fault == LOST:
            assert request.transport is not None
            request.transport.abort()
        if left:
            said = json.dumps(json.loads(said) | {_BATCHES[operation]: left}).encode()
        passed = {"Content-Type", "X-Amzn-Requestid"} | ({"X-Amz-Crc32"} if not left else set())
        kept = {k: v for k, v in answer.headers.items() if k.title() in passed}
        return web.Response(body=said, status=answer.status, headers=kept)


def half(body: dict[str, Any]) -> dict[str, Any]:
    """Take the second half out of a batch on one table, and return it."""
    ((table, told),) = body["RequestItems"].items()
    each = told if isinstance(told, list) else told["Keys"]
    left = each[len(each) // 2 :]
    del each[len(each) // 2 :]
    return {table: left if isinstance(told, list) else {**told, "Keys": left}} if each else {}
