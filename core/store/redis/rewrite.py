"""Rewriting Redis' append-only file, which keeps deleted data until it is rewritten.

Redis rewrites it by itself when the file has doubled. After a deletion we ask for a rewrite, once
for all deletions within a while, since a rewrite copies everything that Redis keeps.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from redis.exceptions import NoPermissionError, ResponseError

from core.store.redis.connecting.client import command
from core.store.redis.connecting.connection import heeding
from core.store.redis.connecting.errors import FAILURES
from core.store.redis.connecting.servers import alone, keepers

if TYPE_CHECKING:
    from core.store.redis.connecting.client import Client
    from core.store.redis.connecting.servers import At

_log = logging.getLogger(__name__)

REFUSED = (
    "The Redis at {at} does not let us rewrite its append-only file, or find out whether we may "
    "(BGREWRITEAOF; MULTI, DISCARD): what was deleted or forgotten stays in that file until Redis "
    "rewrites it by itself. Give the bot's user +bgrewriteaof +multi +discard."
)
_SOON = 0.5
"""Seconds from the first deletion to the rewrite; by then replicas have the deletion too."""
_PAUSE = 10.0
"""The least seconds between two rewrites."""
_SHARE = 20
"""A pause lasts at least this many times a rewrite, which so takes at most 5 % of the time."""
_AGAIN = 5.0
"""Seconds until the next request to a server that was already rewriting, or did not answer."""
_AT_THE_END = 2.0
"""Seconds that a process spends on outstanding rewrites when it ends."""


class Rewrites:
    """The rewrites that one process requests."""

    def __init__(self, client: Client, at: str) -> None:
        """Request rewrites from the servers of this client; `at` names them for people."""
        self._client = client
        self._at = at
        self._keys: set[str] = set()
        """Keys with deletions whose servers are not known yet."""
        self._wanted: set[At] = set()
        self._next: dict[At, float] = {}
        """When each server may be asked again, by the loop's clock."""
        self._more = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._refused = False

    def want(self, key: str) -> None:
        """Request a rewrite of the files that may hold deleted data of a key."""
        self._keys.add(key)
        self._more.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="redis-rewrites")

    async def close(self) -> None:
        """Request the outstanding rewrites, and stop."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_AT_THE_END):
                self._next.clear()
                await self._round()

    async def _run(self) -> None:
        now = asyncio.get_running_loop().time
        while self._keys or self._wanted:
            await asyncio.sleep(_SOON)
            self._more.clear()
            await self._round()
            first = min((self._next[at] for at in self._wanted), default=now())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(first):
                    await self._more.wait()

    async def _round(self) -> None:
        """Ask each server that has a rewrite outstanding and may be asked."""
        keys, self._keys = self._keys, set()
        now = asyncio.get_running_loop().time()
        try:
            self._wanted |= await heeding(keepers(self._client, keys)) if keys else set()
        except (*FAILURES, KeyError) as error:  # KeyError: no node has the slot now
            self._keys |= keys
            _log.debug("no rewrite for now: %s", type(error).__name__)
        except BaseException:
            self._keys |= keys
            raise
        due = [at for at in self._wanted if self._next.get(at, 0) <= now]
        await asyncio.gather(*(self._ask(at) for at in due))

    async def _ask(self, at: At) -> None:
        """Ask one server to rewrite its file, and note when it may be asked again."""
        self._wanted.discard(at)
        pause = _AGAIN
        try:
            pause = await self._rewrite(at)
        except ResponseError as error:
            self._refuse(error, at)
        except FAILURES as error:
            self._wanted.add(at)
            _log.debug("no rewrite for now: %s", type(error).__name__)
        except BaseException:
            self._wanted.add(at)
            raise
        finally:
            self._next[at] = asyncio.get_running_loop().time() + pause

    async def _rewrite(self, at: At) -> float:
        async with alone(self._client, at) as server:
            known = await heeding(server.info("persistence"))
            if known.get("aof_enabled"):
                await heeding(command(server, "BGREWRITEAOF"))
        return max(_PAUSE, _SHARE * float(known.get("aof_last_rewrite_time_sec", 0)))

    def _refuse(self, error: ResponseError, at: At) -> None:
        """Log once that we lack the right; on other errors the server is busy, so retry later."""
        if not _is_refusal(error):
            self._wanted.add(at)
        elif not self._refused:
            self._refused = True
            _log.warning("%s", REFUSED.format(at=self._at))


async def may_rewrite(client: Client, at: At) -> bool:
    """Return whether a server would rewrite its file for us; nothing is rewritten."""
    async with alone(client, at) as server:
        try:
            await command(server, "MULTI")
            await command(server, "BGREWRITEAOF")
            await command(server, "DISCARD")
        except ResponseError:
            return False
    return True


def _is_refusal(error: ResponseError) -> bool:
    return isinstance(error, NoPermissionError) or "unknown command" in str(error)
