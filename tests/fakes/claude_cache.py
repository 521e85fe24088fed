"""The prompt cache of the Messages API, by Anthropic's documentation ("Prompt caching").

- A prompt is cached in the order tools, system, messages. An entry stands for the exact prompt up
  to a block with `cache_control`, and is written only there.
- At a breakpoint, the entries of at most 20 prefixes are looked for: its own, then shorter ones.
- A prefix of fewer tokens than the model's minimum is neither written nor read, silently.
- An entry lives for five minutes, or for an hour with `ttl: "1h"`, and as long again each time that
  it is read. Breakpoints for an hour come before those for five minutes.
- What is read costs a tenth, what is written 1.25 or, for an hour, twice the price of input. With A
  the longest prefix that is read, B the last breakpoint for an hour and C the last one, the tokens
  from A to B are written for an hour and those from B to C for five minutes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

LOOK_BACK = 20
BREAKPOINTS = 4
SECONDS = {"5m": 300.0, "1h": 3600.0}
READ = 0.1
WRITE = {"5m": 1.25, "1h": 2.0}


class CachedBlock(NamedTuple):
    """A block of a prompt, as the cache sees it."""

    data: bytes
    tokens: int
    ttl: str = ""
    """Of its breakpoint: `5m` or `1h`; empty if it has none."""


class Bill(NamedTuple):
    """The tokens of a prompt, by what they cost."""

    plain: int
    read: int
    written_5m: int
    written_1h: int

    @property
    def tokens(self) -> int:
        """Return all of them."""
        return sum(self)

    @property
    def cost(self) -> float:
        """Return what they cost, in tokens of plain input."""
        written = self.written_5m * WRITE["5m"] + self.written_1h * WRITE["1h"]
        return self.plain + self.read * READ + written

    @property
    def usage(self) -> dict[str, Any]:
        """Return the report of the API."""
        return {
            "input_tokens": self.plain,
            "cache_read_input_tokens": self.read,
            "cache_creation_input_tokens": self.written_5m + self.written_1h,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.written_5m,
                "ephemeral_1h_input_tokens": self.written_1h,
            },
        }


@dataclass(slots=True)
class _Entry:
    seconds: float
    until: float


def fault_in(blocks: Iterable[CachedBlock]) -> str:
    """Return what the API says of wrong breakpoints; empty if they are right."""
    marked = [block.ttl for block in blocks if block.ttl]
    if len(marked) > BREAKPOINTS:
        return f"A maximum of {BREAKPOINTS} blocks with cache_control may be provided."
    if any(ttl not in SECONDS for ttl in marked):
        return "cache_control.ttl: Input should be '5m' or '1h'"
    if "5m" in marked and "1h" in marked[marked.index("5m") :]:
        return (
            "cache_control: a ttl='1h' cache_control block must not come after a ttl='5m' "
            "cache_control block."
        )
    return ""


class PromptCache:
    """The entries of one account."""

    def __init__(self, *, minimum: int = 0, now: Callable[[], float] = lambda: 0.0) -> None:
        """Cache prefixes of at least `minimum` tokens, by the clock `now`."""
        self.minimum = minimum
        self._now = now
        self._entries: dict[str, _Entry] = {}

    def bill(self, model: str, blocks: Sequence[CachedBlock]) -> Bill:
        """Return what a prompt costs, and keep what it writes."""
        names, sizes = _prefixes(model, blocks)
        marked = [n for n, block in enumerate(blocks) if block.ttl and sizes[n] >= self.minimum]
        hits = [hit for place in marked if (hit := self._hit(names, sizes, place)) is not None]
        for hit in hits:
            self._refresh(names[hit])
        read = sizes[max(hits)] if hits else 0
        hour = max([sizes[n] for n in marked if blocks[n].ttl == "1h"], default=0)
        last = sizes[marked[-1]] if marked else 0
        written_1h = max(0, hour - read)
        written_5m = max(0, last - max(read, hour))
        for place in marked:
            if not self._is_alive(names[place]):
                seconds = SECONDS[blocks[place].ttl]
                self._entries[names[place]] = _Entry(seconds, self._now() + seconds)
        plain = sizes[-1] - read - written_1h - written_5m
        return Bill(plain, read, written_5m, written_1h)

    def _hit(self, names: Sequence[str], sizes: Sequence[int], place: int) -> int | None:
        """Return the block whose entry is found at a breakpoint."""
        for near in range(place, max(-1, place - LOOK_BACK), -1):
            if sizes[near] >= self.minimum and self._is_alive(names[near]):
                return near
        return None

    def _is_alive(self, name: str) -> bool:
        entry = self._entries.get(name)
        return entry is not None and self._now() <= entry.until

    def _refresh(self, name: str) -> None:
        entry = self._entries[name]
        entry.until = self._now() + entry.seconds


def _prefixes(model: str, blocks: Sequence[CachedBlock]) -> tuple[list[str], list[int]]:
    """Return, for each block, a name for the prompt up to it and its tokens."""
    digest, size = hashlib.sha256(model.encode()), 0
    names: list[str] = []
    sizes: list[int] = []
    for block in blocks:
        digest.update(len(block.data).to_bytes(8, "big") + block.data)
        size += block.tokens
        names.append(digest.hexdigest())
        sizes.append(size)
    return names, sizes
