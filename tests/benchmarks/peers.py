"""The same turn with others: the sessions of openai-agents, and the tutorials' one JSON text.

A turn reads the last 20 messages and adds two of 400 characters. None of these has a lease, a
fence, or an outbox, or knows a message that comes twice.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from agents.extensions.memory import RedisSession, SQLAlchemySession
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import create_async_engine

from tests.benchmarks.turns import ANSWER, words

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LIMIT = 20
_AT_ONCE = 500


class Peer(Protocol):
    """One conversation, as another person keeps it."""

    async def seed(self, turns: int) -> None:
        """Have had so many turns, and none before."""

    async def turn(self) -> None:
        """Take one turn, in the way its makers do."""

    async def close(self) -> None:
        """Give back its connections."""


class Session:
    """A session of openai-agents, called as its Runner calls it: the message is added before the
    model is asked, and the answer behind it."""

    def __init__(self, session: Any, *, at_once: bool = False) -> None:
        self.session = session
        self.at_once = at_once
        """Both are added in one call: what is said is lost with the process."""

    async def seed(self, turns: int) -> None:
        await self.session.clear_session()
        items = [item for number in range(turns) for item in _items(number)]
        for start in range(0, len(items), _AT_ONCE):
            await self.session.add_items(items[start : start + _AT_ONCE])

    async def turn(self) -> None:
        said, answered = _items(7)
        assert len(await self.session.get_items(limit=LIMIT)) == LIMIT
        if self.at_once:
            await self.session.add_items([said, answered])
            return
        await self.session.add_items([said])
        await self.session.add_items([answered])

    async def close(self) -> None:
        return None


class RedisPeer(Session):
    """Its session in Redis: a list, with a time to live."""

    def __init__(self, url: str, *, at_once: bool = False) -> None:
        self.client = Redis.from_url(url)
        super().__init__(
            RedisSession("bench", redis_client=self.client, ttl=2_592_000), at_once=at_once
        )

    async def close(self) -> None:
        await self.client.aclose()


class SqlPeer(Session):
    """Its session in PostgreSQL, by the driver that its makers name: a row for each message."""

    def __init__(self, url: str, *, at_once: bool = False) -> None:
        self.engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
        super().__init__(
            SQLAlchemySession("bench", engine=self.engine, create_tables=True), at_once=at_once
        )

    async def close(self) -> None:
        await self.engine.dispose()


class Blob:
    """The tutorials' way: GET, append, SETEX, with the whole conversation in one key."""

    def __init__(self, url: str) -> None:
        self.client = Redis.from_url(url)

    async def seed(self, turns: int) -> None:
        items = [item for number in range(turns) for item in _items(number)]
        await self.client.set("blob", json.dumps(items), ex=3600)

    async def turn(self) -> None:
        items = json.loads(await self.client.get("blob") or "[]")
        assert len(items[-LIMIT:]) == LIMIT
        items += _items(7)
        await self.client.set("blob", json.dumps(items), ex=3600)

    async def close(self) -> None:
        await self.client.aclose()


REDIS: dict[str, Callable[[str], Peer]] = {
    "openai_agents_redis": RedisPeer,
    "openai_agents_redis_at_once": lambda url: RedisPeer(url, at_once=True),
    "json_blob_redis": Blob,
}
POSTGRESQL: dict[str, Callable[[str], Peer]] = {
    "openai_agents_sqlalchemy": SqlPeer,
    "openai_agents_sqlalchemy_at_once": lambda url: SqlPeer(url, at_once=True),
}


def step_of(peer: Peer) -> Callable[[], Awaitable[Callable[[], Awaitable[None]]]]:
    """Return what hands out its next turn."""

    async def prepared() -> Callable[[], Awaitable[None]]:
        return peer.turn

    return prepared


def _items(number: int) -> list[Any]:
    return [
        {"role": "user", "content": words(number)},
        {"role": "assistant", "content": ANSWER},
    ]
