"""Socket Mode: two connections, so that one can go while the other listens.

Slack sends each payload to one of an app's connections and keeps nothing for an app that has
none (slack-sdk's client closes the old connection before it opens the new one). So there are
two, and one that is asked to leave stays until its successor is there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import aiohttp
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient

from bots.slack.api import OUT_OF_REACH, RefusedError, guarded_session, meaning
from bots.slack.outage import Outage
from core.errors import OutOfReachError

if TYPE_CHECKING:
    from slack_bolt.app.async_app import AsyncApp
    from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
    from slack_sdk.socket_mode.request import SocketModeRequest

log = logging.getLogger(__name__)

First: TypeAlias = Callable[
    [dict[str, Any], Callable[[], Awaitable[BoltResponse]]], Awaitable[BoltResponse]
]
"""Answers a payload, or lets it go on."""

CONNECTIONS = 2
_PATIENCE = 15.0
"""Seconds for which an address is tried."""
_LINGER = 5.0
"""Seconds that a connection which is replaced stays, for what is on its way."""


class _Connection(SocketModeClient):
    """slack-sdk's client; it calls for a successor where it would have a gap."""

    def __init__(self, app: AsyncApp, token: str, links: Links, *, ping_interval: float) -> None:
        """Connect with an app-level token."""
        super().__init__(
            app_token=token,
            logger=links.outage,  # type: ignore[arg-type] # it is used as a logger only
            web_client=app.client,
            ping_interval=ping_interval,
        )
        # The address of the socket is an answer of the API; the SDK's own session goes anywhere.
        self.aiohttp_client_session.detach()
        self.aiohttp_client_session = guarded_session(app.client.base_url)
        self._links = links

    async def connect(self) -> None:
        """Connect, with a new address where one is of no use; the SDK keeps to the first."""
        while not self.closed:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await super().connect()  # type: ignore[no-untyped-call]
                    self._links.outage.over()
                    return
            except TimeoutError:
                self.wss_uri = None

    @property
    def is_up(self) -> bool:
        """Tell whether it is open, as far as is known here."""
        return self.current_session is not None and not self.current_session.closed

    async def leave(self) -> None:
        """Close it for good."""
        await self.close()  # type: ignore[no-untyped-call]

    async def connect_to_new_endpoint(self, force: bool = False) -> None:  # noqa: FBT001, FBT002
        """Come again: `force` says that Slack has asked for it, and still listens a while."""
        if force:
            self._links.replace(self)
        else:
            await super().connect_to_new_endpoint()
            self._links.reconnected()


class Links:
    """The connections of one app."""

    def __init__(
        self,
        app: AsyncApp,
        token: str,
        *,
        first: First,
        reconnected: Callable[[], None],
        ping_interval: float = 5,
    ) -> None:
        """Call `reconnected` when something may have been missed.

        `first` is a middleware of Bolt's: it sees all payloads, and most never get to Bolt, whose
        own way to it takes longer than what it does.
        """
        self._app = app
        self._token = token
        self._first = first
        self.reconnected = reconnected
        self.outage = Outage()
        self._ping_interval = ping_interval
        self._open: list[_Connection] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Connect.

        Raises `RefusedError` for a token of no use, `OutOfReachError` where Slack gives no address.
        """
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._app.client.apps_connections_open(app_token=self._token)
        except SlackApiError as error:
            fault = meaning("apps.connections.open", error)
            if isinstance(fault, RefusedError):
                raise fault from None
            raise OutOfReachError(f"{OUT_OF_REACH}: {fault}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise OutOfReachError(f"{OUT_OF_REACH}: {type(error).__name__}") from None
        for _ in range(CONNECTIONS):
            await self._add()

    @property
    def connected(self) -> bool:
        """Tell whether Slack can send something here at this moment."""
        return any(connection.is_up for connection in self._open)

    async def close(self) -> None:
        """Let all connections go; what was not acknowledged comes again elsewhere."""
        for task in self._tasks:
            task.cancel()
        closing = [connection.leave() for connection in self._open]
        await asyncio.gather(*self._tasks, *closing, return_exceptions=True)
        self._open.clear()

    def replace(self, old: _Connection) -> None:
        """Open a connection, and then let the old one go."""
        if old not in self._open:
            return  # it was asked to leave twice
        self._open.remove(old)
        task = asyncio.create_task(self._replace(old))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _replace(self, old: _Connection) -> None:
        try:
            await self._add()
            await asyncio.sleep(_LINGER)
        finally:
            await old.leave()

    async def _add(self) -> None:
        connection = _Connection(self._app, self._token, self, ping_interval=self._ping_interval)
        connection.socket_mode_request_listeners.append(self._take)
        self._open.append(connection)
        await connection.connect()

    async def _take(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        """Acknowledge what the app says is taken in, and nothing else."""
        started = asyncio.get_running_loop().time()
        go_on = partial(run_async_bolt_app, self._app, request)
        response = await self._first(request.payload, go_on)
        try:
            await send_async_response(client, request, response, started)
        except (ConnectionError, SlackApiError) as error:
            log.info("an event comes again, its acknowledgement is lost: %s", type(error).__name__)
