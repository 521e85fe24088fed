"""The fake workspace with its servers."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING

from aiohttp import web

from tests.fakes.kit.server import Loopback
from tests.fakes.slack import (  # the methods register themselves
    agents,
    chat,
    conversations,
    files,
    hooks,
    people,
    streams,
    views,
)
from tests.fakes.slack.delivery import Delivery
from tests.fakes.slack.faults import Faults
from tests.fakes.slack.http import HttpPush
from tests.fakes.slack.limits import RateLimits
from tests.fakes.slack.socket import SocketMode
from tests.fakes.slack.surfaces import Surfaces
from tests.fakes.slack.web import WebApi

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

HANDLERS = (agents, chat, conversations, files, people, streams, views)


class FakeSlack(Surfaces):
    """Slack on the loopback: the Web API, and Socket Mode unless `use_http` is called."""

    def __init__(
        self, *, port: int = 0, now: Callable[[], float] = time.time, seed: int = 0
    ) -> None:
        super().__init__(now=now, seed=seed)
        self.faults = Faults()
        self.limits = RateLimits()
        self.socket = SocketMode(self.app_id, self.random)
        self.socket.on_change = self.touch
        self.http: HttpPush | None = None
        self.delivery = Delivery(self.socket, self.faults, self.random)
        self.web = WebApi(self, self.socket, self.faults, self.limits)
        self._app = web.Application(client_max_size=256 * 2**20)
        self._server = Loopback(self._app, port, access_log=None)
        self._route()

    def _route(self) -> None:
        router = self._app.router
        router.add_route("*", "/api/{method}", self.web.serve)
        router.add_get("/link/", self.socket.serve)
        router.add_post("/upload/v1/{id}", functools.partial(files.upload, self.web))
        own = ("/files-pri/{id}/{name}", "/files-pri/{id}/download/{name}")
        for path in (*own, "/files-tmb/{id}/{form}"):
            router.add_get(path, functools.partial(files.download, self.web))
        router.add_post("/response/{id}", functools.partial(hooks.respond, self.web))

    @property
    def app(self) -> web.Application:
        """Return the server, so that more can be routed before it starts."""
        return self._app

    @property
    def port(self) -> int:
        """Return the port it got."""
        return self._server.port

    @property
    def api_url(self) -> str:
        """Return the base URL for clients; the one setting that redirects everything."""
        return f"{self.url}/api/"

    async def __aenter__(self) -> Self:
        await self._server.start()
        self.url = self._server.url
        self.socket.url = f"ws://127.0.0.1:{self.port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.delivery.close()
        if self.http is not None:
            await self.http.close()
        await self.socket.close()
        await self._server.stop()

    async def use_http(self, url: str) -> HttpPush:
        """Deliver to this URL from now on, signed, rather than over sockets."""
        if self.http is not None:
            await self.http.close()
        self.http = HttpPush(self.signing_secret, url)
        self.delivery.transport = self.http
        return self.http

    async def connected(self, count: int = 1, within: float = 30.0) -> None:
        """Wait until the app has so many sockets open."""
        await self.until(lambda: len(self.socket.connections) >= count, within)

    async def settled(self) -> None:
        """Wait until everything that happened is acknowledged or given up."""
        await self.delivery.settled()
