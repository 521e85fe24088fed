"""Events over HTTP: one address for all that Slack sends, and one that says that we live."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.request.internals import parse_body
from slack_sdk.signature import SignatureVerifier

from bots.health import STORE, WORKER
from bots.slack.events import NAME
from core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from slack_bolt.app.async_app import AsyncApp
    from slack_bolt.response import BoltResponse

    from bots.slack.inlet import Inlet

    Take: TypeAlias = Callable[[web.Request, dict[str, Any]], Awaitable[BoltResponse]]

log = logging.getLogger(__name__)

EVENTS = "/slack/events"
HEALTH = "/healthz"
_MOST = 4 * 2**20


class Door:
    """The HTTP server. What has no good signature goes no further than here."""

    def __init__(self, port: int, missing: Callable[[], Awaitable[tuple[str, ...]]]) -> None:
        """Listen on this port; 0 takes any that is free. `missing` names what is not there."""
        self._take: Take | None = None
        """Takes what Slack has sent; without it, Slack is told to send it again."""
        self._signed: SignatureVerifier
        self._wanted = port
        self._missing = missing
        pages = web.Application(client_max_size=_MOST)
        pages.add_routes([web.post(EVENTS, self._event), web.get(HEALTH, self._health)])
        self._runner = web.AppRunner(pages, access_log=None, shutdown_timeout=3)

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
            await web.TCPSite(self._runner, port=self._wanted).start()
        except OSError as error:
            await self._runner.cleanup()
            said = f"CHATBOT_SLACK_PORT: port {self._wanted} can't be had: {error.strerror}"
            raise SettingsError(said) from None

    def admit(self, app: AsyncApp, inlet: Inlet, secret: str) -> None:
        """Let in from now on what is signed with this secret: through the inlet, to the app."""

        async def take(request: web.Request, payload: dict[str, Any]) -> BoltResponse:
            async def bolt() -> BoltResponse:
                return await app.async_dispatch(await to_bolt_request(request))

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

    async def _event(self, request: web.Request) -> web.Response:
        if self._take is None:
            return web.Response(status=503)
        body = await request.read()
        if not self._is_signed(body, request):
            return web.Response(status=200 if _is_ssl_check(body) else 401)
        payload = _payload_in(body, request)
        if payload is None:
            log.error("a payload of Slack's could not be read")
            return web.Response(status=200)  # it would come again as it is
        return await to_aiohttp_response(await self._take(request, payload))

    def _is_signed(self, body: bytes, request: web.Request) -> bool:
        try:
            return self._signed.is_valid_request(body, request.headers)
        except (TypeError, ValueError):  # a time that is no number, a signature that is no text
            return False

    async def _health(self, request: web.Request) -> web.Response:
        """Answer 503 where what Slack sends can't be taken in: no balancer should send it here.

        Another platform that is not connected is named all the same.
        """
        del request
        missing = await self._missing()
        others = {NAME, STORE, WORKER}.isdisjoint(missing)
        said = f"not connected: {', '.join(missing)}" if missing else ""
        text = ", but ".join(filter(None, ("ok" if others else "", said)))
        return web.Response(status=200 if others else 503, text=text)


def _payload_in(body: bytes, request: web.Request) -> dict[str, Any] | None:
    """Return what is in a request, which is JSON or a form; None if that can't be read."""
    try:
        found = parse_body(body.decode(), request.content_type)
    except (RecursionError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _is_ssl_check(body: bytes) -> bool:
    """Tell whether Slack only looks at the certificate (docs: implementing-slash-commands)."""
    return ("ssl_check", "1") in parse_qsl(body[:1000].decode(errors="replace"))
