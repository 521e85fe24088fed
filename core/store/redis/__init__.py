"""The Redis store: each verb is one Lua script, atomic on Redis 6.2 and later, and on Valkey."""

from core.store.redis.store import RedisStore

__all__ = ["RedisStore"]
