"""The REST API: how calls come in, and its answers to those it refuses."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import BodyPartReader, web

from tests.fakes.discord.call import Answer, Call, Part
from tests.fakes.discord.errors import DiscordError
from tests.fakes.discord.faults import Limited, Refused
from tests.fakes.discord.limits import Verdict
from tests.fakes.kit.server import faulted

if TYPE_CHECKING:
    from tests.fakes.discord.call import Route
    from tests.fakes.discord.faults import Faults
    from tests.fakes.discord.gateway import Gateway
    from tests.fakes.discord.limits import RateLimits
    from tests.fakes.discord.model import Json
    from tests.fakes.discord.openapi import Contract
    from tests.fakes.discord.writing import Writing

_FILE = re.compile(r"files\[(\d)\]")
VIA = {"Via": "1.1 google"}  # without it discord.py takes a 429 for a ban (discord.md 5)


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made, and the answer."""

    name: str
    params: dict[str, str]
    query: dict[str, str]
    body: Any
    status: int
    answer: Any


class Rest:
    """Takes the calls."""

    def __init__(
        self, discord: Writing, gateway: Gateway, faults: Faults, limits: RateLimits
    ) -> None:
        self.discord, self.gateway, self.faults, self.limits = discord, gateway, faults, limits
        self.calls: list[Made] = []
        self.record = True
        self.contract: Contract | None = None
        self.breaches: list[str] = []
        """Where we ourselves answered what Discord's own description doesn't allow."""

    def made(self, name: str) -> list[Made]:
        """Return the calls of one name."""
        return [call for call in self.calls if call.name == name]

    async def serve(self, route: Route, request: web.Request) -> web.StreamResponse:
        """Answer a call, or let it go wrong as planned."""
        try:
            body, files = await _body(request)
        except DiscordError as error:
            return _answer(error.status, error.body)
        params, query = dict(request.match_info), dict(request.query)
        call = Call(self.discord, self.gateway, route.name, params, query, body, files)
        fault = self.faults.deal(route.name, _arguments(call))
        match fault:
            case Limited():
                return _limited(Verdict({}, fault.retry_after, fault.everywhere))
            case Refused():
                return _refused(fault)
        return await faulted(request, fault, lambda: self._run(route, call, request))

    def _run(self, route: Route, call: Call, request: web.Request) -> web.Response:
        verdict = self.limits.check(route.name, call.params, self.discord.now())
        if verdict.banned:
            return web.Response(status=429, text="<html>Cloudflare: you are banned</html>")
        if verdict.wait:
            return _limited(verdict)
        try:
            self._authorize(route, request)
            if self.contract is not None and self.record:
                self.contract.take(route, call, request.content_type)
            status, answer = _result(route.run(call))
        except DiscordError as error:
            status, answer = error.status, error.body
        except Exception as error:
            self.breaches.append(f"{route.name}: {error!r}")  # ours, not the client's
            raise
        if self.limits.on:
            self.limits.refused(status, self.discord.now())
        if self.record:
            self._recorded(route, call, status, answer)
        extra = verdict.headers | (VIA if status == 429 else {})
        return _answer(status, answer, extra)

    def _authorize(self, route: Route, request: web.Request) -> None:
        if route.token and request.headers.get("authorization") != f"Bot {self.discord.token}":
            raise DiscordError(0)

    def _recorded(self, route: Route, call: Call, status: int, answer: Any) -> None:
        self.calls.append(Made(route.name, call.params, call.query, call.body, status, answer))
        if self.contract is not None:
            self.breaches += self.contract.give(route, status, answer)
        self.discord.touch()


def _result(result: Any) -> tuple[int, Any]:
    if isinstance(result, Answer):
        return result.status, result.body
    return (204, None) if result is None else (200, result)


async def _body(request: web.Request) -> tuple[Any, dict[int, Part]]:
    """Read JSON, alone or beside files (docs: reference, "Uploading Files")."""
    if request.content_type.startswith("multipart/"):
        return await _multipart(request)
    data = await request.read()
    if not data:
        return None, {}
    try:
        return json.loads(data), {}
    except ValueError as error:
        raise DiscordError(50109) from error


async def _multipart(request: web.Request) -> tuple[Any, dict[int, Part]]:
    body: Any = None
    files: dict[int, Part] = {}
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        data = bytes(await part.read())
        if part.name == "payload_json":
            body = json.loads(data)
        elif (found := _FILE.fullmatch(part.name or "")) is not None:
            mimetype = part.headers.get("content-type", "application/octet-stream")
            files[int(found[1])] = Part(part.filename or "unknown", data, mimetype)
    return body, files


def _arguments(call: Call) -> str:
    return repr((sorted(call.params.items()), sorted(call.query.items()), call.body))


def _refused(fault: Refused) -> web.Response:
    error = DiscordError(fault.code)
    if error.status != 429:
        return _answer(error.status, error.body)
    limit: Json = {"retry_after": fault.retry_after, "global": False}
    return _answer(429, error.body | limit, VIA)


def _limited(verdict: Verdict) -> web.Response:
    """Return what a person gets who calls too often (docs: topics/rate-limits)."""
    body: Json = {
        "message": "You are being rate limited.",
        "retry_after": round(verdict.wait, 3),
        "global": verdict.everywhere,
    }
    extra = VIA | verdict.headers | {"Retry-After": str(max(1, round(verdict.wait)))}
    return _answer(429, body, extra)


def _answer(status: int, body: Any, headers: dict[str, str] | None = None) -> web.Response:
    if status == 204:
        return web.Response(status=204, headers=headers)
    # No charset beside it: discord.py looks for exactly this type.
    found = {"Content-Type": "application/json", **(headers or {})}
    return web.Response(status=status, body=json.dumps(body).encode(), headers=found)
