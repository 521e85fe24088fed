"""A server that is none of a platform's: it notes what it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    path: str
    headers: str
    body: bytes


class Elsewhere:
    """Answers each request with the same words, or with a redirect."""

    def __init__(
        self, said: str = "internal-only", *, redirect: str = "", status: int = 302
    ) -> None:
        self.asked: list[Asked] = []
        self._said, self._redirect, self._status = said, redirect, status
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        headers = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
        self.asked.append(Asked(request.path, headers, await request.read()))
        if self._redirect:
            there = {"Location": self._redirect}
            return web.Response(status=self._status, headers=there)
        return web.Response(text=self._said)
