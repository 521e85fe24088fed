"""What went over the wire between the live trial and a platform, written down.

Everything that tells whose workspace or server it is is replaced: each text that is neither the
probes' own nor one of the platform's words, and every id, becomes a name of its own, the same
wherever it stands, so that a recording can be played against something else.
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
"""Characters from which on a text that repeats one character is written as how often."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call, and the answer."""

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
        """Return the platform's word for why not; empty where it did it."""
        raise NotImplementedError

    @property
    def route(self) -> str:
        """Return what calls of its kind have in common, whomever they are about."""
        return self.method


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """How a platform writes what a recording must not tell, and what it may."""

    id: re.Pattern[str]
    prefix: str
    """What the name of an id begins with; empty where that is the id's own first letter."""
    digits: int
    """How many follow."""
    time: re.Pattern[str]
    """A text that is a time, and is kept."""
    is_word: Callable[[str, str], bool]
    """Whether what a field (its name, its text) says is in the platform's own words."""
    headers: tuple[str, ...]
    """The headers that a client goes by."""
    everyones: frozenset[str] = frozenset()
    """Ids that are the same everywhere."""


class Blind:
    """Takes out of exchanges what tells whose they are, the same way each time."""

    def __init__(self, language: Language) -> None:
        """Know nothing yet."""
        self._language = language
        self._names: dict[str, str] = {}
        self._own: list[str] = []

    def exchange(self, made: Exchange) -> Json:
        """Return an exchange as it may be kept."""
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
        """Return the name that an id goes by."""
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
        if len(text) < _PART:  # a name may be a part of any text by chance
            return text in self._own
        return any(text in own for own in self._own)

    def _texts(self, value: Any) -> Iterable[str]:
        """Yield what a probe said: its arguments' texts, but no id."""
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
    """Return what was recorded with its long texts as they were."""
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
    """Write a recording, a line of JSON for what it is and one for each exchange.

    Args:
        made: The exchanges, in order.
        blind: What takes out of them whose they are.
        about: What stands in the first line: `platform`, `source`, `roles`.
        folder: Where it goes; it is made if need be.
        now: Seconds since the epoch; they are in the file's name as well.
        secrets: What must not be in it in any place.

    Returns:
        A sentence on where it is.
    """
    at = datetime.fromtimestamp(now, UTC)
    header = {"recording": FORMAT, "at": at.isoformat(timespec="seconds"), **about}
    hidden = sorted(secrets, key=len, reverse=True)
    lines = [json.dumps(line, sort_keys=True) for line in [header, *map(blind.exchange, made)]]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{about['platform']}-{at:%Y%m%dT%H%M%S}.jsonl"
    path.write_text("".join(f"{redact(line, hidden)}\n" for line in lines), encoding="utf-8")
    return f"Recorded {len(made)} exchanges, without names and tokens, in {path}"
