"""A platform that answers as it was recorded, for our real client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from tests.live.recording import Exchange, Json

_PACE = {"x-ratelimit-remaining", "x-ratelimit-reset-after"}
"""What is called so soon after another need not wait for what was left of a limit then."""


class Replay:
    """Answers each call of a route with the recorded answer that was put up for it."""

    def __init__(self, base: str, route: Callable[[str, str], str]) -> None:
        """Serve below `base`; `route` makes a verb and a path to what exchanges have in common."""
        self.answers: dict[str, Exchange] = {}
        """By route: what is answered until something else is put up."""
        self.asked: list[tuple[str, Json]] = []
        self._base, self._route = base, route
        self._runner: web.AppRunner | None = None

    def put(self, *exchanges: Exchange) -> None:
        """Answer from now on as these say."""
        self.answers |= {exchange.route: exchange for exchange in exchanges}

    @property
    def url(self) -> str:
        """Return the base URL for clients."""
        assert self._runner is not None
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}{self._base}"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", self._base + "{path:.*}", self._serve)
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
        route = self._route(request.method, request.match_info["path"])
        sent = await request.read() if request.content_type == "application/json" else b""
        body = json.loads(sent or b"{}")
        given = body if isinstance(body, dict) else {"list": body}
        self.asked.append((route, dict(request.query) | given))
        found = self.answers[route]
        headers = {name: text for name, text in found.headers.items() if name not in _PACE}
        if found.answer is None:
            return web.Response(status=found.status, headers=headers)
        return web.Response(
            body=json.dumps(found.answer).encode(),
            status=found.status,
            headers=headers or {"content-type": "application/json"},
        )
