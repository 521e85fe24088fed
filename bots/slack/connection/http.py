"""Events over HTTP: one address for everything that Slack sends, and one for health checks."""

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
"""Bytes of a body."""
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")
_TIME = re.compile(r"[0-9]{1,12}")
_SSL_CHECK = 1_000
"""Bytes of the request by which Slack checks the certificate, at most."""


class HttpServer:
    """The HTTP server. It rejects everything without a valid signature."""

    def __init__(
        self, port: int, signing_secret: str, missing: Callable[[], Awaitable[tuple[str, ...]]]
    ) -> None:
        """Listen on a port, once opened.

        Args:
            port: The port; 0 takes any that is free.
            signing_secret: The app's secret, with which Slack signs its requests.
            missing: Names the parts of the bot that are not ready, for health checks.
        """
        self._take: Take | None = None
        """Takes what Slack sends; until it is set, Slack is asked to send it again later."""
        self._verifier = SignatureVerifier(signing_secret)
        self._wanted = port
        self._missing = missing
        self._connections = Connections()
        server = self._connections.server(self._answered)
        self._runner = web.ServerRunner(server, shutdown_timeout=3)

    @property
    def port(self) -> int:
        """Return the port that it listens on."""
        # With port 0, IPv4 and IPv6 each get a port of their own, in no fixed order.
        ports: list[int] = [address[1] for address in sorted(self._runner.addresses, key=len)]
        return ports[0]

    async def open(self) -> None:
        """Start to listen; raises `SettingsError` if the port can't be used."""
        await self._runner.setup()
        try:
            backlog = self._connections.at_once
            await web.TCPSite(self._runner, port=self._wanted, backlog=backlog).start()
        except OSError as error:
            await self._runner.cleanup()
            text = f"CHATBOT_SLACK_PORT: port {self._wanted} can't be used: {error.strerror}"
            raise SettingsError(text) from None

    def admit(self, app: AsyncApp, dispatcher: PayloadDispatcher) -> None:
        """Dispatch Slack's requests from now on.

        The server listens before the bot has connected, so that health checks get an answer.
        """

        async def take(
            request: web.BaseRequest, body: bytes, payload: dict[str, Any]
        ) -> BoltResponse:
            async def bolt() -> BoltResponse:
                query, headers = request.query_string, dict(request.headers)
                again = AsyncBoltRequest(body=body.decode(), query=query, headers=headers)  # type: ignore[arg-type] # it reads them only
                return await app.async_dispatch(again)

            return await dispatcher.take(payload, bolt)

        self._take = take

    @property
    def is_open(self) -> bool:
        """Return whether the server accepts what Slack sends."""
        return self._take is not None

    async def close(self) -> None:
        """Stop listening, and finish the requests that have arrived; may be called again."""
        await self._runner.cleanup()

    async def _answered(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer any request; a refusal closes its connection."""
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
                log.error("a payload from Slack could not be read")
                return web.Response()  # Slack would send it again unchanged
            return await to_aiohttp_response(await self._take(request, body, payload))

    async def _body(self, request: web.BaseRequest) -> bytes:
        """Return a request's body if it looks like one of Slack's and arrives in time."""
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
            "rejected requests without a recent, valid signature; if Slack sent them, check "
            "SLACK_SIGNING_SECRET and this machine's clock"
        )
        return web.HTTPUnauthorized()

    def _is_signed(self, body: bytes, request: web.BaseRequest) -> bool:
        try:
            return self._verifier.is_valid_request(body, request.headers)
        except (TypeError, ValueError):  # the time is no number, or the signature no text
            return False

    async def _health(self, request: web.BaseRequest) -> web.Response:
        """Answer 503 if payloads can't be stored, so that no load balancer sends them here.

        The answer also names another platform that is not connected.
        """
        del request
        missing = await self._missing()
        others = {NAME, STORE, WORKER}.isdisjoint(missing)
        said = f"not connected: {', '.join(missing)}" if missing else ""
        text = ", but ".join(filter(None, ("ok" if others else "", said)))
        return web.Response(status=200 if others else 503, text=text)


def _may_be_signed(request: web.BaseRequest) -> bool:
    """Return whether the headers look signed, so that the body is worth reading."""
    at = request.headers.get("X-Slack-Request-Timestamp", "")
    signature = request.headers.get("X-Slack-Signature", "")
    return bool(_TIME.fullmatch(at) and _SIGNATURE.fullmatch(signature))


def _payload_in(body: bytes, request: web.BaseRequest) -> dict[str, Any] | None:
    """Return a request's payload, which is JSON or a form; None if it can't be read."""
    try:
        found = parse_body(body.decode(), request.content_type)
    except (RecursionError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _is_ssl_check(body: bytes) -> bool:
    """Return whether Slack only checks the certificate (docs: implementing-slash-commands)."""
    is_short = len(body) <= _SSL_CHECK
    return is_short and ("ssl_check", "1") in parse_qsl(body.decode(errors="replace"))
