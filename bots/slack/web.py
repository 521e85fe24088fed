"""Events over HTTP: one address for all that Slack sends, and one that says that we live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from slack_bolt.app.async_app import AsyncApp

EVENTS = "/slack/events"
HEALTH = "/healthz"
_MOST = 4 * 2**20


class Door:
    """The HTTP server. Bolt checks the signature, on the body as it came."""

    def __init__(self, app: AsyncApp, port: int, healthy: Callable[[], Awaitable[bool]]) -> None:
        """Listen on this port; 0 takes any that is free."""
        self._app = app
        self._wanted = port
        self._healthy = healthy
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
        """Start to listen."""
        await self._runner.setup()
        await web.TCPSite(self._runner, port=self._wanted).start()

    async def close(self) -> None:
        """Stop listening, and answer what has come."""
        await self._runner.cleanup()

    async def _event(self, request: web.Request) -> web.Response:
        response = await self._app.async_dispatch(await to_bolt_request(request))
        return await to_aiohttp_response(response)

    async def _health(self, request: web.Request) -> web.Response:
        del request
        healthy = await self._healthy()
        return web.Response(status=200 if healthy else 503, text="ok" if healthy else "store")
