"""Drives a fake from another process: `GET /control/QUESTION`, `POST /control/VERB` with JSON.

A verb's body carries `args` in order and everything else by name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeAlias

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

Json: TypeAlias = dict[str, Any]


class Control(ABC):
    """Routes what another process asks and does to a fake."""

    refusals: tuple[type[Exception], ...] = (AssertionError, AttributeError, KeyError, TypeError)
    """What a verb raises if it is refused or used wrongly; answered with HTTP 400."""

    def __init__(self, fake: object, app: web.Application, verbs: tuple[str, ...]) -> None:
        self._verbs = verbs
        self._driven = fake
        app.router.add_get("/control/{question}", self._get)
        app.router.add_post("/control/{verb}", self._post)

    @abstractmethod
    def questions(self) -> dict[str, Callable[[Mapping[str, str]], object]]:
        """Return what can be asked, by name: a function of the query."""

    @abstractmethod
    def actions(self) -> dict[str, Callable[[Json], Awaitable[object]]]:
        """Return what can be done besides the fake's verbs, by name: a function of the body."""

    @abstractmethod
    def arguments(self, verb: str, body: Json) -> tuple[list[Any], Json]:
        """Return the arguments of a verb, with people and messages in the place of their ids."""

    @abstractmethod
    def plain(self, result: object) -> Json:
        """Return the result of a verb as JSON."""

    async def _get(self, request: web.Request) -> web.Response:
        name = request.match_info["question"]
        question = self.questions().get(name)
        if question is None:
            return web.json_response({"error": f"no question {name}"}, status=404)
        return web.json_response(question(request.query))

    async def _post(self, request: web.Request) -> web.Response:
        verb, body = request.match_info["verb"], await request.json()
        action = self.actions().get(verb)
        if action is None and verb not in self._verbs:
            return web.json_response({"error": f"no verb {verb}"}, status=404)
        try:
            done = await action(body) if action else self.plain(await self._call(verb, body))
        except self.refusals as error:
            return web.json_response({"error": repr(error)}, status=400)
        return web.json_response(done)

    async def _call(self, verb: str, body: Json) -> object:
        args, named = self.arguments(verb, body)
        result = getattr(self._driven, verb)(*args, **named)
        return await result if hasattr(result, "__await__") else result
