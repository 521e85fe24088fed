"""A recording of what Slack answered, with nothing in it that tells whose workspace it was. Pure.

What is kept of an answer is what is known to be harmless: numbers, times, Slack's own words, and
what the probes said themselves. Every other text, and every id, becomes a name of its own, the
same wherever it stands, so that a recording can be played against something else.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Json: TypeAlias = dict[str, Any]

FORMAT = 1
HEADERS = ("content-type", "retry-after", "x-accepted-oauth-scopes", "x-oauth-scopes")
"""The headers that a client goes by."""
_ID = re.compile(r"\b([ABCDEFGSTUVW])[A-Z0-9]{8,}\b")
_TS = re.compile(r"\d{10}\.\d{6}")
_SLACKBOT = "USLACKBOT"
_SLACKS_WORDS = {
    *("agent_status", "display_type", "error", "event_type", "file_access", "filetype", "mimetype"),
    *("mode", "needed", "provided", "status", "subtype", "type", "warning"),
    *("errors", "warnings"),
}
"""Names of fields whose text is one of Slack's own words."""
_PART = 24
_RUN = 200
"""Characters from which on a text that repeats one character is written as how often."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call, and the answer."""

    method: str
    verb: str
    arguments: Json
    status: int
    headers: Mapping[str, str]
    answer: Json
    at: float
    """Seconds since the first call."""

    @property
    def error(self) -> str:
        """Return Slack's word for why not; empty where it did it."""
        return "" if self.answer.get("ok") else str(self.answer.get("error") or "no answer")


class Blind:
    """Takes out of exchanges what tells whose they are, the same way each time."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._names: dict[str, str] = {}
        self._own: list[str] = []

    def exchange(self, made: Exchange) -> Json:
        """Return an exchange as it may be kept."""
        self._own += (text for text in _texts(made.arguments) if text not in self._own)
        headers = {name.lower(): value for name, value in made.headers.items()}
        return {
            "method": made.method,
            "verb": made.verb,
            "arguments": self._kept(made.arguments),
            "status": made.status,
            "headers": {name: headers[name] for name in HEADERS if name in headers},
            "answer": self._kept(made.answer),
            "at": round(made.at, 3),
        }

    def name(self, known: str) -> str:
        """Return the name that an id goes by."""
        return known if known == _SLACKBOT else self._named(known, known[:1], 8)

    def _kept(self, value: Any, field: str = "") -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, dict):
            return {_ID.sub(self._id, key): self._kept(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self._kept(item, field) for item in value]
        return self._text(value, field) if isinstance(value, str) else value

    def _text(self, text: str, field: str) -> Any:  # noqa: ANN401 - a text, or how to make it
        if len(text) > _RUN and len(set(text)) == 1:
            return {"$run": text[0], "times": len(text)}
        if not text or _TS.fullmatch(text):
            return text
        remark = field == "messages" and text.startswith("[")
        if field in _SLACKS_WORDS or remark or self._is_own(text):
            return _ID.sub(self._id, text)
        if _ID.fullmatch(text):
            return self.name(text)
        return self._named(text, "text-", 1)

    def _is_own(self, text: str) -> bool:
        if len(text) < _PART:  # a name may be a part of any text by chance
            return text in self._own
        return any(text in own for own in self._own)

    def _id(self, found: re.Match[str]) -> str:
        return self.name(found[0])

    def _named(self, known: str, prefix: str, digits: int) -> str:
        if known not in self._names:
            count = sum(name.startswith(prefix) for name in self._names.values()) + 1
            self._names[known] = f"{prefix}{count:0{digits}d}"
        return self._names[known]


def _texts(value: Any) -> Iterable[str]:  # noqa: ANN401 - any JSON
    """Yield what a probe said: its arguments' texts, but no id."""
    if isinstance(value, str):
        if value and "://" not in value and not _ID.fullmatch(value):
            yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def unfolded(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return what was recorded with its long texts as they were."""
    if isinstance(value, dict):
        if "$run" in value:
            return value["$run"] * value["times"]
        return {key: unfolded(item) for key, item in value.items()}
    return [unfolded(item) for item in value] if isinstance(value, list) else value


def lines(header: Json, made: Iterable[Exchange], blind: Blind) -> Iterable[str]:
    """Yield the lines of a recording: what it is, and then the exchanges in order."""
    yield json.dumps({"recording": FORMAT, **header}, sort_keys=True)
    for exchange in made:
        yield json.dumps(blind.exchange(exchange), sort_keys=True)
