"""Events over HTTP: one address for all that Slack sends, and one that says that we live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request

from bots.health import STORE, WORKER
from bots.slack.events import NAME
from core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from slack_bolt.app.async_app import AsyncApp

EVENTS = "/slack/events"
HEALTH = "/healthz"
_MOST = 4 * 2**20


class Door:
    """The HTTP server. Bolt checks the signature, on the body as it came."""

    def __init__(self, port: int, missing: Callable[[], Awaitable[tuple[str, ...]]]) -> None:
        """Listen on this port; 0 takes any that is free. `missing` names what is not there."""
        self.app: AsyncApp | None = None
        """Who takes what Slack sends; without anybody, Slack is told to send it again."""
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

    async def close(self) -> None:
        """Stop listening, and answer what has come; may be done again."""
        await self._runner.cleanup()

    async def _event(self, request: web.Request) -> web.Response:
        if self.app is None:
            return web.Response(status=503)
        response = await self.app.async_dispatch(await to_bolt_request(request))
        return await to_aiohttp_response(response)

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
