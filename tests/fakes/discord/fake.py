"""The fake Discord with its servers."""

from __future__ import annotations

import functools
import json
import time
from typing import TYPE_CHECKING

from aiohttp import web

from tests.fakes.discord import (  # the routes register themselves
    accounts,
    commands,
    files,
    messages,
    reactions,
    responses,
    threads,
)
from tests.fakes.discord.call import ROUTES
from tests.fakes.discord.delivery import Delivery
from tests.fakes.discord.faults import Faults
from tests.fakes.discord.gateway import INVALID, RECONNECT, Gateway
from tests.fakes.discord.limits import RateLimits
from tests.fakes.discord.moderation import Moderation
from tests.fakes.discord.openapi import Contract
from tests.fakes.discord.rest import Rest
from tests.fakes.kit.server import Loopback

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

HANDLERS = (accounts, commands, files, messages, reactions, responses, threads)
API = "/api/v10"


class FakeDiscord(Moderation):
    """Discord on the loopback: the REST API, the gateway and the files' addresses."""

    def __init__(
        self, *, port: int = 0, now: Callable[[], float] = time.time, seed: int = 0
    ) -> None:
        super().__init__(now=now, seed=seed)
        self.faults = Faults()
        self.limits = RateLimits()
        self.delivery = Delivery(self.now, self.faults, self.random)
        self.gateway = Gateway(self)
        self.rest = Rest(self, self.gateway, self.faults, self.limits)
        self.rest.contract = Contract.known()
        self._app = web.Application(client_max_size=256 * 2**20)
        self._server = Loopback(self._app, port, access_log=None)
        self.routes = tuple(ROUTES)
        for found in self.routes:
            answer = functools.partial(self.rest.serve, found)
            self._app.router.add_route(found.method, API + found.path, answer)
        self._app.router.add_get("/gateway/", self.gateway.serve)
        self._app.router.add_get("/gateway/resume", self.gateway.serve)
        path = "/attachments/{channel}/{id}/{name}"
        self._app.router.add_get(path, functools.partial(files.download, self))

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
        """Return what `discord.http.Route.BASE` has to be."""
        return self.url + API

    @property
    def gateway_url(self) -> str:
        """Return what `DiscordWebSocket.DEFAULT_GATEWAY` has to be, as text."""
        return self.gateway.url

    async def __aenter__(self) -> Self:
        await self._server.start()
        self.url = self._server.url
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.delivery.close()
        self.drop()
        await self._server.stop()
        if self.rest.breaches and error is None:
            raise AssertionError("\n".join(self.rest.breaches))

    # The connections.

    async def connected(self, count: int = 1, within: float = 30.0) -> None:
        """Wait until so many sessions are connected."""
        await self.until(lambda: len(self.delivery.connected) >= count, within)

    def drop(self, shard: int | None = None) -> int:
        """Cut the connections, of one shard or of all; return how many they were."""
        chosen = [
            connection
            for connection in self.gateway.connections
            if shard is None or (connection.session and connection.session.shard[0] == shard)
        ]
        for connection in chosen:
            connection.abort()
        return len(chosen)

    def tell(self, name: str, data: object) -> None:
        """Tell the bot of anything, of whatever shape, as an event of this name."""
        for session in self.delivery.connected:
            session.push(name, json.dumps(data))

    def frame(self, text: str) -> None:
        """Send text as it is: what no payload of the gateway's looks like."""
        for connection in self.gateway.connections:
            connection.send(text)

    def garble(self) -> None:
        """Send what can't be unpacked: what follows on these connections can't be, either."""
        for connection in self.gateway.connections:
            connection.garble()

    def reconnect(self) -> None:
        """Ask all clients to come back and resume: op 7."""
        for connection in self.gateway.connections:
            connection.op(RECONNECT)

    def invalidate(self, *, resumable: bool = False) -> None:
        """End all sessions: op 9; where they can't be resumed, what follows is missed."""
        for connection in self.gateway.connections:
            if not resumable and connection.session is not None:
                self.delivery.sessions.pop(connection.session.id, None)
            connection.op(INVALID, resumable)

    def forget_sessions(self) -> None:
        """Cut the connections and forget the sessions: only a fresh IDENTIFY is left."""
        self.delivery.sessions.clear()
        self.drop()
