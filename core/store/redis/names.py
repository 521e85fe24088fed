"""The keys of everything the store keeps in Redis. Pure.

Every key of a thread, and the indexes that its scripts write, share one hash tag, `{partition}`,
so that each script is atomic on a cluster too:

| key | what it holds |
|---|---|
| `{p}h:T` | hash: the header |
| `{p}e:T` | hash: place → entry (`7`) and answer (`7~`), as JSON |
| `{p}i:T` | hash: platform id of a message → its place |
| `{p}p:T` | set: who spoke in the thread |
| `{p}t:HASH` | string: the thread's tombstone |
| `{p}s:HASH` | string: the admission of an event |
| `{p}work:PLATFORM` | sorted set: threads with work, by the time they may be claimed |
| `{p}who` | sorted set: pairs of person and thread, in the order of their text |
| `{p}all` | sorted set: threads, in the order of their names |
| `{p}ends` | sorted set: threads, by the time their sessions end, or earlier |
| `{p}buried` | sorted set: threads in which messages were given up |

Each of these has a time to live, and so has the audit log (`audit`, a sorted set of events in the
order of their text). The settings of channels (`place:`) and cursors (`cursor:`) never expire.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from core.store.keys import channel_prefix, digest, partition

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from core.domain.message import ThreadKey

PARTITIONS = 16
"""The number of cluster slots over which threads are spread.

Enough to keep a handful of nodes busy, and few enough to read the work index of each partition in
one round trip. All programs on one Redis must agree on it.
"""
_THREAD = {"header": "h", "entries": "e", "ids": "i", "people": "p"}
_INDEXES = ("who", "all", "ends", "buried")


@dataclass(frozen=True, slots=True)
class Names:
    """The keys under one prefix."""

    prefix: str = "chatbot:"

    def __post_init__(self) -> None:
        """Refuse a prefix that contains a hash tag."""
        if "{" in self.prefix or "}" in self.prefix:
            message = f"the prefix of Redis keys may hold no braces, unlike {self.prefix!r}"
            raise ValueError(message)

    @property
    def wake(self) -> str:
        """Return the channel on which threads are announced that may be claimed."""
        return f"{self.prefix}wake"

    @property
    def audit(self) -> str:
        """Return the key of the audit log."""
        return f"{self.prefix}audit"

    def of(self, thread: ThreadKey) -> dict[str, str]:
        """Return the keys of a thread under their names in the scripts."""
        return _keys(self.prefix, thread)

    def seen(self, thread: ThreadKey, identities: Sequence[str]) -> list[str]:
        """Return the keys that hold the admission of an event."""
        if not identities:
            return []
        tag = self.of(thread)["tag"]
        return [f"{tag}s:{digest(thread, identity)}" for identity in identities]

    def work(self, platforms: Iterable[str]) -> list[str]:
        """Return the indexes of these platforms' work, in every partition."""
        quoted = [quote(platform, safe="", errors="surrogatepass") for platform in platforms]
        return self.everywhere(*(f"work:{platform}" for platform in quoted))

    def everywhere(self, *indexes: str) -> list[str]:
        """Return the keys of indexes in every partition."""
        return [
            f"{self.prefix}{{{number}}}{index}" for number in range(PARTITIONS) for index in indexes
        ]

    def place(self, platform: str, channel: str) -> str:
        """Return the key of a channel's settings."""
        return self.place_named(channel_prefix(platform, channel))

    def place_named(self, name: str) -> str:
        """Return the key of the settings of the channel with this name."""
        return f"{self.prefix}place:{name}"

    def cursor(self, name: str) -> str:
        """Return the key of a cursor."""
        return f"{self.prefix}cursor:{name}"

    @property
    def pattern(self) -> str:
        """Return the pattern by which SCAN finds all keys."""
        return re.sub(r"([*?\[\]\\])", r"\\\1", self.prefix) + "*"

    def kept(self, key: str) -> Kept | None:
        """Return what a key holds beside threads; None if it belongs to a thread."""
        found = _KEPT.fullmatch(key.removeprefix(self.prefix))
        if found is None:
            return None
        return Kept(_WHAT[found["what"]], found["name"], found["partition"] or "")

    def everywhere_of(self, what: Literal["seen", "trace"], name: str, partition: str) -> list[str]:
        """Return the keys of a hash: in this partition, or in every partition if it is empty."""
        letter = what[0]
        partitions = [partition] if partition else range(PARTITIONS)
        return [f"{self.prefix}{{{number}}}{letter}:{name}" for number in partitions]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a key holds beside threads."""

    what: Literal["seen", "trace", "place", "cursor"]
    name: str
    partition: str
    """Empty if there is none."""


_KEPT = re.compile(
    r"(?:\{(?P<partition>\d+)\})?(?P<what>(?<=\})[st]|(?<!\})(?:place|cursor)):(?P<name>.*)",
    re.DOTALL,
)
_WHAT: dict[str, Literal["seen", "trace", "place", "cursor"]] = {
    "s": "seen",
    "t": "trace",
    "place": "place",
    "cursor": "cursor",
}


@lru_cache(maxsize=4096)
def _keys(prefix: str, thread: ThreadKey) -> dict[str, str]:
    tag, name = f"{prefix}{{{partition(thread, PARTITIONS)}}}", str(thread)
    keys = {key: f"{tag}{letter}:{name}" for key, letter in _THREAD.items()}
    keys |= {index: f"{tag}{index}" for index in _INDEXES}
    keys["work"] = f"{tag}work:{name.partition(':')[0]}"
    keys["trace"] = f"{tag}t:{digest(thread)}"
    keys["tag"] = tag
    return keys
