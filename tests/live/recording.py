"""Records what the live trial and a platform said to each other.

Everything that could identify the workspace or server is replaced: every id, and every text that
is neither the probes' own nor one of the platform's constants, becomes a placeholder. The same
value always gets the same placeholder, so a recording can be played against something else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from bots.ops.redaction import redact

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

Json: TypeAlias = dict[str, Any]

FORMAT = 1
_PART = 24
_RUN = 200
"""Length above which a text of one repeated character is written as a count."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call and its answer."""

    method: str
    """The platform's name for the call; for REST, the path."""
    verb: str
    arguments: Json
    status: int
    headers: Mapping[str, str]
    answer: Any
    at: float
    """Seconds since the first call."""

    @property
    def error(self) -> str:
        """Return the platform's error code; empty if the call succeeded."""
        raise NotImplementedError

    @property
    def route(self) -> str:
        """Return the call's kind: what is the same for all ids."""
        return self.method


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """How a platform writes what a recording must hide, and what it may show."""

    id: re.Pattern[str]
    prefix: str
    """The first characters of an id's placeholder; empty for the id's own first letter."""
    digits: int
    """The number of digits after them."""
    time: re.Pattern[str]
    """Matches a time, which is kept."""
    is_word: Callable[[str, str], bool]
    """Returns whether a field (its name, its text) holds one of the platform's constants."""
    headers: tuple[str, ...]
    """The headers that matter to a client."""
    everyones: frozenset[str] = frozenset()
    """Ids that are the same everywhere."""


class Blind:
    """Replaces in exchanges what identifies their owner, always in the same way."""

    def __init__(self, language: Language) -> None:
        """Start without placeholders."""
        self._language = language
        self._names: dict[str, str] = {}
        self._own: list[str] = []

    def exchange(self, made: Exchange) -> Json:
        """Return an exchange without anything that identifies its owner."""
        self._own += (text for text in self._texts(made.arguments) if text not in self._own)
        headers = {name.lower(): value for name, value in made.headers.items()}
        return {
            "method": self._without_ids(made.method),
            "verb": made.verb,
            "arguments": self._kept(made.arguments),
            "status": made.status,
            "headers": {name: headers[name] for name in self._language.headers if name in headers},
            "answer": self._kept(made.answer),
            "at": round(made.at, 3),
        }

    def name(self, known: str) -> str:
        """Return the placeholder of an id."""
        if known in self._language.everyones:
            return known
        return self._named(known, self._language.prefix or known[:1], self._language.digits)

    def _kept(self, value: Any, field: str = "") -> Any:
        if isinstance(value, dict):
            return {self._without_ids(key): self._kept(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self._kept(item, field) for item in value]
        return self._text(value, field) if isinstance(value, str) else value

    def _text(self, text: str, field: str) -> Any:
        if len(text) > _RUN and len(set(text)) == 1:
            return {"$run": text[0], "times": len(text)}
        if not text or self._language.time.fullmatch(text):
            return text
        if self._language.is_word(field, text) or self._is_own(text):
            return self._without_ids(text)
        if self._language.id.fullmatch(text):
            return self.name(text)
        return self._named(text, "text-", 1)

    def _is_own(self, text: str) -> bool:
        if len(text) < _PART:  # a name may occur in any text by chance
            return text in self._own
        return any(text in own for own in self._own)

    def _texts(self, value: Any) -> Iterable[str]:
        """Yield the texts that a probe sent, without ids."""
        if isinstance(value, str):
            if value and "://" not in value and not self._language.id.fullmatch(value):
                yield value
        elif isinstance(value, dict | list):
            for item in value.values() if isinstance(value, dict) else value:
                yield from self._texts(item)

    def _without_ids(self, text: str) -> str:
        return self._language.id.sub(lambda found: self.name(found[0]), text)

    def _named(self, known: str, prefix: str, digits: int) -> str:
        if known not in self._names:
            count = sum(name.startswith(prefix) for name in self._names.values()) + 1
            self._names[known] = f"{prefix}{count:0{digits}d}"
        return self._names[known]


def unfolded(value: Any) -> Any:
    """Return a recorded value with its long texts restored."""
    if isinstance(value, dict):
        if "$run" in value:
            return value["$run"] * value["times"]
        return {key: unfolded(item) for key, item in value.items()}
    return [unfolded(item) for item in value] if isinstance(value, list) else value


def write(
    made: Sequence[Exchange],
    blind: Blind,
    about: Json,
    folder: Path,
    *,
    now: float,
    secrets: Iterable[str],
) -> str:
    """Write a recording: one line of JSON about it, then one for each exchange.

    Args:
        made: The exchanges, in order.
        blind: Replaces what identifies their owner.
        about: The fields of the first line: `platform`, `source`, `roles`.
        folder: Where to write it; created if it does not exist.
        now: Seconds since 1970, also used for the file's name.
        secrets: What the recording must not contain.

    Returns:
        A sentence that says where it is.
    """
    at = datetime.fromtimestamp(now, UTC)
    header = {"recording": FORMAT, "at": at.isoformat(timespec="seconds"), **about}
    hidden = sorted(secrets, key=len, reverse=True)
    lines = [json.dumps(line, sort_keys=True) for line in [header, *map(blind.exchange, made)]]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{about['platform']}-{at:%Y%m%dT%H%M%S}.jsonl"
    path.write_text("".join(f"{redact(line, hidden)}\n" for line in lines), encoding="utf-8")
    return f"Recorded {len(made)} exchanges, without names and tokens, in {path}"
