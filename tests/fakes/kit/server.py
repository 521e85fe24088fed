"""A server on the loopback, and answers that go wrong as planned."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.fakes.kit.faults import Cut, Odd, Slow, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.kit.faults import Fault


class Loopback:
    """Serves an application on 127.0.0.1 between `start` and `stop`; port 0 takes a free port."""

    def __init__(self, app: web.Application, port: int = 0, **options: Any) -> None:
        self.app = app
        self._port = port
        self._options = options
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """Return the port, once it is started."""
        assert self._runner is not None
        port: int = self._runner.addresses[0][1]
        return port

    @property
    def url(self) -> str:
        """Return the base URL, once it is started."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._runner = web.AppRunner(self.app, shutdown_timeout=0.1, **self._options)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()


async def faulted(
    request: web.Request, fault: Fault | None, run: Callable[[], web.Response]
) -> web.Response:
    """Run a call and return its answer, or let it go wrong."""
    early = _instead(request, fault, after=False)
    if early is not None:
        return early
    if isinstance(fault, Slow) and fault.then:
        await asyncio.sleep(fault.seconds)
    response = run()
    if isinstance(fault, Slow) and not fault.then:
        await asyncio.sleep(fault.seconds)
    late = _instead(request, fault, after=True)
    return response if late is None else late


def _instead(request: web.Request, fault: Fault | None, *, after: bool) -> web.Response | None:
    """Return what a fault answers instead of the call, before it takes effect or after."""
    match fault:
        case Status(after=when) if when is after:
            page = "<html>Bad gateway</html>"
            return web.Response(status=fault.status, text=page, content_type="text/html")
        case Odd(after=when) if when is after:
            # No charset beside it: discord.py looks for exactly this type.
            headers = {"Content-Type": fault.content_type}
            return web.Response(body=fault.body.encode(), headers=headers)
        case Cut(after=when) if when is after:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)  # nobody gets it
    return None
