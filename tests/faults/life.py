"""Workers that can die: every call they make is counted, and one of them is the last."""

from __future__ import annotations

import asyncio
import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

_TOKEN_AT = {"accept": 2, "claim": 1, "claim_any": 1}
"""Which argument of a verb is the token that it may take a lease with."""


class KilledError(BaseException):
    """The process is dead; nothing of it may run any more, not even its clean-up."""


class Life:
    """The calls of one worker; it ends at a chosen one, before or after the call took effect."""

    def __init__(self, *, dies_at: int = -1, after_effect: bool = False) -> None:
        self.calls = 0
        self.dead = asyncio.Event()
        self.tokens: set[str] = set()
        """Every token that it may hold a lease by."""
        self.twice: Callable[[], bool] = lambda: False
        """Says of each call of the store whether its first reply is lost, and it is repeated."""
        self._dies_at = dies_at
        self._after_effect = after_effect

    async def spend(self, call: Callable[[], Awaitable[Any]]) -> Any:
        if self.dead.is_set():
            raise KilledError
        mine = self.calls
        self.calls += 1
        if mine != self._dies_at:
            return await call()
        if self._after_effect:
            await call()
        self.dead.set()
        raise KilledError


class Mortal:
    """A store or a platform as a worker that can die reaches it."""

    def __init__(self, life: Life, inner: object) -> None:
        self._life = life
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if inspect.isasyncgenfunction(value):
            return partial(self._iterate, value)
        if not asyncio.iscoroutinefunction(value) or name in {"wait", "sweep"}:
            return value

        async def call(*args: Any, **kwargs: Any) -> Any:
            if name in _TOKEN_AT and len(args) > _TOKEN_AT[name]:
                self._life.tokens.add(args[_TOKEN_AT[name]])
            if name in _TOKEN_AT | {"renew": 0, "commit": 0, "settle": 0} and self._life.twice():
                await value(*args, **kwargs)
            if name == "claim_any":  # how often it is asked for work is no part of a run
                return await value(*args, **kwargs)
            return await self._life.spend(lambda: value(*args, **kwargs))

        return call

    async def _iterate(self, pages: Callable[..., AsyncIterator[Any]], *args: Any) -> Any:
        await self._life.spend(lambda: asyncio.sleep(0))
        async for each in pages(*args):
            yield each
