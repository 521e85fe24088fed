"""A Slack that answers as it was recorded, for our real client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from bots.slack.live.record import Exchange, Json


class Replay:
    """Answers each call of a method with the recorded answer that was put up for it."""

    def __init__(self) -> None:
        self.answers: dict[str, Exchange] = {}
        """By method: what is answered until something else is put up."""
        self.asked: list[tuple[str, Json]] = []
        self._runner: web.AppRunner | None = None

    def put(self, *exchanges: Exchange) -> None:
        """Answer from now on as these say."""
        self.answers |= {exchange.method: exchange for exchange in exchanges}

    @property
    def url(self) -> str:
        """Return the base URL for clients."""
        assert self._runner is not None
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/api/"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        body = await request.json() if request.content_type == "application/json" else {}
        self.asked.append((method, dict(request.query) | body))
        found = self.answers[method]
        return web.Response(
            body=json.dumps(found.answer).encode(),
            status=found.status,
            headers=dict(found.headers) or {"content-type": "application/json"},
        )
