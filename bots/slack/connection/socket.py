"""Socket Mode: two connections, so that one can close while the other listens.

Slack sends each payload to one of an app's connections and keeps nothing for an app that has
none (slack-sdk's client closes the old connection before it opens the new one). So there are
two, and one that Slack asks to leave stays until its successor is open.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bots.slack.api import guarded_session, sdk_logger, stated
from bots.slack.faults import OUT_OF_REACH, meaning, start_fault
from core.domain.errors import OutOfReachError, PlatformError, broke
from core.domain.payload import str_of
from core.domain.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from slack_bolt.app.async_app import AsyncApp

    from bots.slack.connection.dispatch import PayloadDispatcher

log = logging.getLogger(__name__)

CONNECTIONS = 2
_OPEN = "apps.connections.open"
_PATIENCE = 15.0
"""Seconds for which a socket's address is tried before a new one is requested."""
_ENVELOPE = re.compile(r'"envelope_id"\s*:\s*"([\w-]{1,64})"', re.ASCII)
_OK = 200
_LINGER = 5.0
"""Seconds that a replaced connection stays open for what is on its way."""
_SWIFT = 1.0
"""Seconds in which a successor has to be open; Slack does not use the old connection for long."""
_RETRIES = (
    "Failed to check the current session",
    "Failed to connect",
    *(
        f"Failed to receive or enqueue a message: {kind}"  # ClientConnectorError and so on
        for kind in ("Client", "Connection", "Server", "Timeout")
    ),
    "Failed to retrieve WSS URL",
    "Failed to send a ping message",
)
"""How the lines begin that slack-sdk repeats (3.47: socket_mode/aiohttp, async_client)."""


class Outage(logging.LoggerAdapter[logging.Logger]):
    """The logger of all connections of an app: one line for an outage, not one for each retry.

    slack-sdk logs a traceback at each retry, every five seconds for each connection.
    """

    def __init__(self) -> None:
        """Start without an outage."""
        super().__init__(sdk_logger("socket_mode"), {})
        self._lasts = False

    @property
    def level(self) -> int:
        """Return the level, which Bolt reads from a logger."""
        return self.logger.level

    def log(self, level: int, msg: object, *args: Any, **kwargs: Any) -> None:
        """Write a line; of those that report failed retries, only the first."""
        if not str(msg).startswith(_RETRIES):
            # The line's origin in slack-sdk tells its constant words from what it quotes.
            super().log(level, msg, *args, **{"stacklevel": 2, **kwargs})
        elif not self._lasts:
            self._lasts = True
            log.warning("Slack's sockets can't be reached; retrying.")

    def over(self) -> None:
        """Log the end of an outage, if there was one."""
        if self._lasts:
            self._lasts = False
            log.warning("Slack's sockets can be reached again.")


class _Connection(SocketModeClient):
    """slack-sdk's client; it asks for a successor instead of leaving a gap."""

    def __init__(
        self, app: AsyncApp, token: str, connections: SocketConnections, *, ping_interval: float
    ) -> None:
        self._guard = partial(guarded_session, app.client.base_url)
        self._session = self._guard()
        super().__init__(
            app_token=token,
            logger=connections.outage,  # type: ignore[arg-type] # it is used as a logger only
            web_client=app.client,
            ping_interval=ping_interval,
        )
        self._connections = connections
        self._tasks = Tasks("a frame from Slack")

    @property
    def aiohttp_client_session(self) -> aiohttp.ClientSession:
        """The session of the socket, whose address the API names: to Slack's hosts only."""
        if self._session.closed and not self.closed:
            self._session = self._guard()
        return self._session

    @aiohttp_client_session.setter
    def aiohttp_client_session(self, session: aiohttp.ClientSession) -> None:
        """Drop the SDK's own sessions, at the start and for a closed one: they go anywhere."""
        session.detach()

    async def connect(self) -> None:
        """Connect; request a new address if one does not work (the SDK keeps to the first)."""
        while not self.closed:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await super().connect()  # type: ignore[no-untyped-call]
                    self._connections.opened()
                    return
            except TimeoutError:
                self.wss_uri = None

    async def process_message(self) -> None:
        """Process the next frame.

        A frame that can't be read is logged, and acknowledged if it names its envelope: Slack would
        send the same again.
        """
        frame: str = await self.message_queue.get()
        try:
            found = json.loads(frame) if frame.startswith("{") else {}
        except (RecursionError, ValueError) as error:
            log.error("a frame from Slack could not be read: %s", broke(error))  # noqa: TRY400
            named = _ENVELOPE.search(frame)
            found = {"type": "", "envelope_id": named[1], "payload": {}} if named else {}
        if str_of(found, "envelope_id"):
            if not isinstance(found.get("payload"), dict | str):
                found["payload"] = {}
            job = self._connections.take(self, found)
        else:
            job = self.run_message_listeners(found, frame)
        self._tasks.start(job)

    @property
    def is_up(self) -> bool:
        """Return whether the connection is open, as far as this side knows."""
        return self.current_session is not None and not self.current_session.closed

    async def leave(self) -> None:
        """Close the connection for good."""
        await self.close()  # type: ignore[no-untyped-call]

    async def connect_to_new_endpoint(self, force: bool = False) -> None:  # noqa: FBT001, FBT002
        """Reconnect. With `force`, Slack has asked for it, and uses this connection a while."""
        if force:
            self._connections.replace(self)
        else:
            await super().connect_to_new_endpoint()
            self._connections.on_reconnect()


class SocketConnections:
    """The Socket Mode connections of one app."""

    def __init__(
        self,
        app: AsyncApp,
        token: str,
        *,
        dispatcher: PayloadDispatcher,
        on_reconnect: Callable[[], None],
        ping_interval: float = 5,
    ) -> None:
        """Connect with an app-level token.

        Args:
            app: Bolt's app, for the payloads that the dispatcher passes on.
            token: The app-level token.
            dispatcher: What receives the payloads.
            on_reconnect: Called when payloads may have been missed.
            ping_interval: Seconds between two pings.
        """
        self._app = app
        self._token = token
        self._dispatcher = dispatcher
        self.on_reconnect = on_reconnect
        self.outage = Outage()
        self._ping_interval = ping_interval
        self._open: list[_Connection] = []
        self._tasks = Tasks("the successor of a connection")

    async def open(self) -> None:
        """Connect.

        Raises:
            SettingsError: The token is invalid.
            OutOfReachError: Slack gives no address.
        """
        try:
            async with asyncio.timeout(_PATIENCE):
                answer = await self._app.client.apps_connections_open(app_token=self._token)
        except SlackApiError as error:
            raise start_fault(meaning(_OPEN, error), "SLACK_APP_TOKEN") from None
        except (aiohttp.ClientError, OSError) as error:
            raise OutOfReachError(f"{OUT_OF_REACH}: {type(error).__name__}") from None
        except Exception as error:  # the SDK trusts every answer to be Slack's
            raise OutOfReachError(f"{OUT_OF_REACH}: {_OPEN}: {broke(error)}") from error
        try:
            stated(_OPEN, answer.data if isinstance(answer.data, dict) else {}, "url")
        except PlatformError as error:
            raise OutOfReachError(f"{OUT_OF_REACH}: {error}") from None
        for _ in range(CONNECTIONS):
            await self._add()

    @property
    def connected(self) -> bool:
        """Return whether Slack can send payloads here at this moment."""
        return any(connection.is_up for connection in self._open)

    def opened(self) -> None:
        """Note that a connection has opened; an outage is over when all of them are open."""
        if all(connection.is_up for connection in self._open):
            self.outage.over()

    async def close(self) -> None:
        """Close all connections; Slack sends what was not acknowledged again elsewhere."""
        await self._tasks.close()
        closing = [connection.leave() for connection in self._open]
        await asyncio.gather(*closing, return_exceptions=True)
        self._open.clear()

    def replace(self, old: _Connection) -> None:
        """Open a new connection, then close the old one."""
        if old not in self._open:
            return  # Slack asked it to leave twice
        self._open.remove(old)
        self._tasks.start(self._replace(old))

    async def _replace(self, old: _Connection) -> None:
        started = asyncio.get_running_loop().time()
        try:
            await self._add()
            if asyncio.get_running_loop().time() - started > _SWIFT:
                self.on_reconnect()
            await asyncio.sleep(_LINGER)
        finally:
            await old.leave()

    async def _add(self) -> None:
        connection = _Connection(self._app, self._token, self, ping_interval=self._ping_interval)
        self._open.append(connection)
        await connection.connect()

    async def take(self, connection: _Connection, frame: dict[str, Any]) -> None:
        """Dispatch a payload, and acknowledge it as the dispatcher says."""
        request = SocketModeRequest.from_dict(frame)
        if request is None:
            return
        started = asyncio.get_running_loop().time()
        bolt = partial(run_async_bolt_app, self._app, request)
        response = await self._dispatcher.take(request.payload, bolt)
        try:
            if response.status == _OK and not response.body:
                await connection.send_message(json.dumps({"envelope_id": request.envelope_id}))
            else:
                await send_async_response(connection, request, response, started)
        except Exception as error:  # noqa: BLE001 - whatever it is, the connection is to blame
            log.info("an acknowledgement is lost, so Slack sends the event again: %s", broke(error))
