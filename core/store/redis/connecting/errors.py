"""Errors of Redis and its client, as one sentence for the operator. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterCrossSlotError,
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
)

from core.domain.errors import StoreRefusedError, StoreUnavailableError

if TYPE_CHECKING:
    from core.domain.errors import ChatbotError

FAILURES = (RedisError, RedisClusterException, OSError, TimeoutError)
"""Everything a call to Redis may raise."""
UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
"""What OpenSSL says, and redis-py repeats, of a server whose certificate is not trusted."""
_NO_CLUSTER = "Cluster mode is not enabled"
"""What redis-py says of a server that is not part of a cluster."""
FINAL = (
    UNTRUSTED,
    _NO_CLUSTER,
    "WRONGPASS",
    "invalid username-password",
    "NOAUTH",
    "unknown command",
)
"""Marks of errors for which a retry is useless, wherever they come from."""
_CLUSTER = (
    "the Redis at {at} is part of a cluster: write redis+cluster:// instead of redis:// "
    "in CHATBOT_STORE"
)
# By the text of the error: inside a script, Redis 6.2 wraps the original error in another one.
_REFUSALS = {
    "WRONGPASS": "the Redis at {at} refuses the user name or password in CHATBOT_STORE",
    "invalid username-password": (
        "the Redis at {at} refuses the user name or password in CHATBOT_STORE"
    ),
    "without any password configured": (
        "CHATBOT_STORE has a password, but the Redis at {at} has none set: "
        "set one there (requirepass), or leave it out"
    ),
    "HELLO must be called": "the Redis at {at} needs a password, which belongs in CHATBOT_STORE",
    "NOAUTH": "the Redis at {at} needs a password, which belongs in CHATBOT_STORE",
    "Authentication required": "the Redis at {at} needs a password, which belongs in CHATBOT_STORE",
    "NOPERM": (
        "the Redis user in CHATBOT_STORE lacks a right at {at}: it needs all keys and channels "
        "of the bot's prefix, and to run scripts"
    ),
    UNTRUSTED: (
        "the certificate of the Redis at {at} can't be verified: name the file of its authority "
        "in CHATBOT_STORE (?ssl_ca_certs=FILE), and the host as in the certificate"
    ),
    "CROSSSLOT": _CLUSTER,
    "MOVED ": _CLUSTER,
    "READONLY": "the Redis at {at} is a read-only replica: name the primary in CHATBOT_STORE",
    "WRONGTYPE": (
        "the Redis at {at} holds other data under the bot's keys: "
        "give the bot a database of its own"
    ),
    "CHATBOT_FUTURE": (
        "the Redis at {at} holds data of a newer version: run the newer program again, "
        "or point CHATBOT_STORE at another store"
    ),
    _NO_CLUSTER: "the Redis at {at} is no cluster: write redis:// in CHATBOT_STORE",
    "SENTINEL": (
        "the server at {at} is no Sentinel: name the Sentinels in CHATBOT_STORE (port 26379), "
        "or write redis:// for a Redis without them"
    ),
    "unknown command": (
        "the server at {at} lacks a command that the bot needs: use Redis 6.2 or later, or Valkey"
    ),
    "DB index": "the Redis at {at} has no database of that number: change it in CHATBOT_STORE",
}
_UNAVAILABLE = {
    "MISCONF": (
        "the Redis at {at} can't save to its disk and so takes no writes: "
        "look at its log and its disk"
    ),
    "OOM": "the Redis at {at} is out of memory: raise its maxmemory",
    "LOADING": "the Redis at {at} is still loading its data",
    "MASTERDOWN": "the Redis at {at} is a replica that has lost its primary",
    "CLUSTERDOWN": "the Redis cluster at {at} is down",
    "slots are not covered": "the Redis cluster at {at} is down: some of its slots have no node",
    "Redis Cluster cannot be connected": "no node of the Redis cluster at {at} can be reached",
    "No master found": (
        "no Sentinel can be reached that knows a live primary for {at}: if this lasts, look at "
        "the Sentinels, and at the name of the service in CHATBOT_STORE"
    ),
}
_TYPES: tuple[tuple[type[RedisError], str], ...] = (
    (ReadOnlyError, "READONLY"),
    (OutOfMemoryError, "OOM"),
    (BusyLoadingError, "LOADING"),
    (NoPermissionError, "NOPERM"),
    (ClusterCrossSlotError, "CROSSSLOT"),
    (AskError, "MOVED "),  # MovedError is one
    (MasterDownError, "MASTERDOWN"),  # a ClusterDownError, so it must come first
    (ClusterDownError, "CLUSTERDOWN"),
)


_CODE = re.compile(r"[A-Z]{2,40}")
"""The first word of an error of Redis that names its kind (docs: RESP, "Simple errors")."""


def is_final(error: BaseException) -> bool:
    """Return whether a retry is useless, as with a wrong password."""
    refused = isinstance(error, (AuthenticationError, AuthorizationError))
    return refused or any(mark in str(error) for mark in FINAL)


def explained(error: BaseException, at: str) -> ChatbotError:
    """Return the error as ours: what is wrong with the Redis at this address, and what to do.

    The text repeats at most a part of the server's reply, and nothing that was sent to it.
    """
    said = next((mark for kind, mark in _TYPES if isinstance(error, kind)), "") + f" {error}"
    for mark, sentence in _REFUSALS.items():
        if mark in said:
            return StoreRefusedError(sentence.format(at=at))
    for mark, sentence in _UNAVAILABLE.items():
        if mark in said:
            return StoreUnavailableError(sentence.format(at=at))
    if isinstance(error, (AuthenticationError, AuthorizationError)):
        return StoreRefusedError(_REFUSALS["WRONGPASS"].format(at=at))
    if isinstance(error, TimeoutError) or "imeout" in type(error).__name__:
        return StoreUnavailableError(f"the Redis at {at} does not answer in time")
    if isinstance(error, OSError) or "Connection" in type(error).__name__:
        return StoreUnavailableError(f"the Redis at {at} can't be reached")
    code = str(error).partition(" ")[0]
    code = code if _CODE.fullmatch(code) else type(error).__name__
    return StoreUnavailableError(f"the Redis at {at} failed ({code})")
