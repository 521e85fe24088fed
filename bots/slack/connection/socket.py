"""Socket Mode: two connections, so that one can go while the other listens.

Slack sends each payload to one of an app's connections and keeps nothing for an app that has
none (slack-sdk's client closes the old connection before it opens the new one). So there are
two, and one that is asked to leave stays until its successor is there.
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

from bots.slack.api import OUT_OF_REACH, guarded_session, meaning, stated
from bots.slack.connection.outage import Outage
from bots.slack.connection.starting import start_fault
from core.domain.errors import OutOfReachError, PlatformError, broke
from core.domain.payload import str_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from slack_bolt.app.async_app import AsyncApp

    from bots.slack.connection.dispatch import PayloadDispatcher

log = logging.getLogger(__name__)

CONNECTIONS = 2
_OPEN = "apps.connections.open"
_PATIENCE = 15.0
"""Seconds for which an address is tried."""
_ENVELOPE = re.compile(r'"envelope_id"\s*:\s*"([\w-]{1,64})"', re.ASCII)
_OK = 200
_LINGER = 5.0
"""Seconds that a connection which is replaced stays, for what is on its way."""

_SWIFT = 1.0
"""Seconds in which its successor has to be there; Slack does not listen to it for long."""


class _Connection(SocketModeClient):
    """slack-sdk's client; it calls for a successor where it would have a gap."""

    def __init__(
        self, app: AsyncApp, token: str, links: SocketConnections, *, ping_interval: float
    ) -> None:
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
        self._tasks: set[asyncio.Task[None]] = set()

    async def connect(self) -> None:
        """Connect, with a new address where one is of no use; the SDK keeps to the first."""
        while not self.closed:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await super().connect()  # type: ignore[no-untyped-call]
                    self._links.over()
                    return
            except TimeoutError:
                self.wss_uri = None

    async def process_message(self) -> None:
        """Take in the next frame; of one that can't be read, no more is done than to say so.

        It is acknowledged as far as it tells by what name, since it would come again as it is.
        """
        frame: str = await self.message_queue.get()
        try:
            found = json.loads(frame) if frame.startswith("{") else {}
        except (RecursionError, ValueError) as error:
            log.error("a frame of Slack's could not be read: %s", broke(error))  # noqa: TRY400
            named = _ENVELOPE.search(frame)
            found = {"type": "", "envelope_id": named[1], "payload": {}} if named else {}
        if str_of(found, "envelope_id"):
            if not isinstance(found.get("payload"), dict | str):
                found["payload"] = {}
            job = self._links.take(self, found)
        else:
            job = self.run_message_listeners(found, frame)
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

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


class SocketConnections:
    """The connections of one app."""

    def __init__(
        self,
        app: AsyncApp,
        token: str,
        *,
        inlet: PayloadDispatcher,
        reconnected: Callable[[], None],
        ping_interval: float = 5,
    ) -> None:
        """Let payloads in, and call `reconnected` when something may have been missed."""
        self._app = app
        self._token = token
        self._inlet = inlet
        self.reconnected = reconnected
        self.outage = Outage()
        self._ping_interval = ping_interval
        self._open: list[_Connection] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Connect.

        Raises `SettingsError` for a token of no use, `OutOfReachError` where there is no address.
        """
        try:
            async with asyncio.timeout(_PATIENCE):
                answer = await self._app.client.apps_connections_open(app_token=self._token)
        except SlackApiError as error:
            raise start_fault(meaning(_OPEN, error), "SLACK_APP_TOKEN") from None
        except (aiohttp.ClientError, OSError) as error:
            raise OutOfReachError(f"{OUT_OF_REACH}: {type(error).__name__}") from None
        except Exception as error:  # the SDK trusts that an answer is one of Slack's
            raise OutOfReachError(f"{OUT_OF_REACH}: {_OPEN}: {broke(error)}") from error
        try:
            stated(_OPEN, answer.data if isinstance(answer.data, dict) else {}, "url")
        except PlatformError as error:
            raise OutOfReachError(f"{OUT_OF_REACH}: {error}") from None
        for _ in range(CONNECTIONS):
            await self._add()

    @property
    def connected(self) -> bool:
        """Tell whether Slack can send something here at this moment."""
        return any(connection.is_up for connection in self._open)

    def over(self) -> None:
        """Note that a connection is there; an outage is over when all of them are."""
        if all(connection.is_up for connection in self._open):
            self.outage.over()

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
        started = asyncio.get_running_loop().time()
        try:
            await self._add()
            if asyncio.get_running_loop().time() - started > _SWIFT:
                self.reconnected()
            await asyncio.sleep(_LINGER)
        except Exception as error:  # noqa: BLE001 - nobody waits for it
            log.error("a connection has no successor: %s", broke(error))  # noqa: TRY400 - no text
        finally:
            await old.leave()

    async def _add(self) -> None:
        connection = _Connection(self._app, self._token, self, ping_interval=self._ping_interval)
        self._open.append(connection)
        await connection.connect()

    async def take(self, client: _Connection, frame: dict[str, Any]) -> None:
        """Acknowledge what the app says is taken in, and nothing else."""
        request = SocketModeRequest.from_dict(frame)
        if request is None:
            return
        started = asyncio.get_running_loop().time()
        bolt = partial(run_async_bolt_app, self._app, request)
        response = await self._inlet.take(request.payload, bolt)
        try:
            if response.status == _OK and not response.body:
                await client.send_message(json.dumps({"envelope_id": request.envelope_id}))
            else:
                await send_async_response(client, request, response, started)
        except Exception as error:  # noqa: BLE001 - whatever it is, the connection is to blame
            log.info("an event comes again, its acknowledgement is lost: %s", broke(error))
