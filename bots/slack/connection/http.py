"""Events over HTTP: one address for all that Slack sends, and one that says that we live."""

from __future__ import annotations

import asyncio
import logging
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.request.internals import parse_body
from slack_sdk.signature import SignatureVerifier

from bots.health import STORE, WORKER
from bots.slack.connection.http_connections import BODY_SECONDS, Connections
from bots.slack.inbound.events import NAME
from core.domain.errors import SettingsError, broke

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from slack_bolt.app.async_app import AsyncApp
    from slack_bolt.response import BoltResponse

    from bots.slack.connection.dispatch import PayloadDispatcher

    Take: TypeAlias = Callable[[web.BaseRequest, bytes, dict[str, Any]], Awaitable[BoltResponse]]

log = logging.getLogger(__name__)

EVENTS = "/slack/events"
HEALTH = "/healthz"
_MOST = 4 * 2**20
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")
_TIME = re.compile(r"[0-9]{1,12}")
_SSL_CHECK = 1_000
"""Bytes that the question for a certificate may have."""


class HttpServer:
    """The HTTP server. What has no good signature goes no further than here."""

    def __init__(self, port: int, missing: Callable[[], Awaitable[tuple[str, ...]]]) -> None:
        """Listen on this port; 0 takes any that is free. `missing` names what is not there."""
        self._take: Take | None = None
        """Takes what Slack has sent; without it, Slack is told to send it again."""
        self._signed: SignatureVerifier
        self._wanted = port
        self._missing = missing
        self._connections = Connections()
        server = self._connections.server(self._answered)
        self._runner = web.ServerRunner(server, shutdown_timeout=3)

    @property
    def port(self) -> int:
        """Return the port that it listens on."""
        # With port 0, IPv4 and IPv6 each get one of their own, in no order.
        ports: list[int] = [address[1] for address in sorted(self._runner.addresses, key=len)]
        return ports[0]

    async def open(self) -> None:
        """Start to listen; raises `SettingsError` where the port can't be had."""
        await self._runner.setup()
        try:
            backlog = self._connections.at_once
            await web.TCPSite(self._runner, port=self._wanted, backlog=backlog).start()
        except OSError as error:
            await self._runner.cleanup()
            said = f"CHATBOT_SLACK_PORT: port {self._wanted} can't be had: {error.strerror}"
            raise SettingsError(said) from None

    def admit(self, app: AsyncApp, inlet: PayloadDispatcher, secret: str) -> None:
        """Let in from now on what is signed with this secret: through the inlet, to the app."""

        async def take(
            request: web.BaseRequest, body: bytes, payload: dict[str, Any]
        ) -> BoltResponse:
            async def bolt() -> BoltResponse:
                query, headers = request.query_string, dict(request.headers)
                asked = AsyncBoltRequest(body=body.decode(), query=query, headers=headers)  # type: ignore[arg-type] # what is read is kept
                return await app.async_dispatch(asked)

            return await inlet.take(payload, bolt)

        self._signed = SignatureVerifier(secret)
        self._take = take

    @property
    def is_open(self) -> bool:
        """Tell whether what Slack sends is let in."""
        return self._take is not None

    async def close(self) -> None:
        """Stop listening, and answer what has come; may be done again."""
        await self._runner.cleanup()

    async def _answered(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request, whatever it is; what is refused ends its connection."""
        try:
            return await self._page(request)
        except web.HTTPException as refused:
            status = refused.status
        except TimeoutError:
            status = HTTPStatus.REQUEST_TIMEOUT
        except (ConnectionError, web.RequestPayloadError):
            status = HTTPStatus.BAD_REQUEST
        except Exception as error:  # noqa: BLE001 - Slack sends it again
            log.error("a request could not be answered: %s", broke(error))  # noqa: TRY400 - no text
            status = HTTPStatus.INTERNAL_SERVER_ERROR
        response = web.Response(status=status)
        response.force_close()
        return response

    async def _page(self, request: web.BaseRequest) -> web.Response:
        pages = {EVENTS: (("POST",), self._event), HEALTH: (("GET", "HEAD"), self._health)}
        if request.path not in pages:
            raise web.HTTPNotFound
        methods, page = pages[request.path]
        if request.method not in methods:
            raise web.HTTPMethodNotAllowed(request.method, methods)
        return await page(request)

    async def _event(self, request: web.BaseRequest) -> web.Response:
        if self._take is None:
            raise web.HTTPServiceUnavailable
        body = await self._body(request)
        if not self._is_signed(body, request):
            if _is_ssl_check(body):
                return web.Response()
            raise self._unsigned()
        with self._connections.busy(request):
            payload = _payload_in(body, request)
            if payload is None:
                log.error("a payload of Slack's could not be read")
                return web.Response()  # it would come again as it is
            return await to_aiohttp_response(await self._take(request, body, payload))

    async def _body(self, request: web.BaseRequest) -> bytes:
        """Return a request's body, if it may be one of Slack's, and comes in time."""
        size = request.content_length
        if not _may_be_signed(request) and (size is None or size > _SSL_CHECK):
            raise self._unsigned()
        too_large = web.HTTPRequestEntityTooLarge(max_size=_MOST, actual_size=size or _MOST)
        if size is not None and size > _MOST:
            raise too_large
        body = bytearray()
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        async with asyncio.timeout(BODY_SECONDS):
            while part := await request.content.readany():
                body += part
                if len(body) > _MOST:
                    raise too_large
        return bytes(body)

    def _unsigned(self) -> web.HTTPException:
        self._connections.note(
            "requests are refused that Slack has not signed just now: if Slack's are among them, "
            "look at SLACK_SIGNING_SECRET and at this machine's clock"
        )
        return web.HTTPUnauthorized()

    def _is_signed(self, body: bytes, request: web.BaseRequest) -> bool:
        try:
            return self._signed.is_valid_request(body, request.headers)
        except (TypeError, ValueError):  # a time that is no number, a signature that is no text
            return False

    async def _health(self, request: web.BaseRequest) -> web.Response:
        """Answer 503 where what Slack sends can't be taken in: no balancer should send it here.

        Another platform that is not connected is named all the same.
        """
        del request
        missing = await self._missing()
        others = {NAME, STORE, WORKER}.isdisjoint(missing)
        said = f"not connected: {', '.join(missing)}" if missing else ""
        text = ", but ".join(filter(None, ("ok" if others else "", said)))
        return web.Response(status=200 if others else 503, text=text)


def _may_be_signed(request: web.BaseRequest) -> bool:
    """Tell whether the body is worth reading: there is something that looks like a signature."""
    at = request.headers.get("X-Slack-Request-Timestamp", "")
    signature = request.headers.get("X-Slack-Signature", "")
    return bool(_TIME.fullmatch(at) and _SIGNATURE.fullmatch(signature))


def _payload_in(body: bytes, request: web.BaseRequest) -> dict[str, Any] | None:
    """Return what is in a request, which is JSON or a form; None if that can't be read."""
    try:
        found = parse_body(body.decode(), request.content_type)
    except (RecursionError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _is_ssl_check(body: bytes) -> bool:
    """Tell whether Slack only looks at the certificate (docs: implementing-slash-commands)."""
    is_short = len(body) <= _SSL_CHECK
    return is_short and ("ssl_check", "1") in parse_qsl(body.decode(errors="replace"))
