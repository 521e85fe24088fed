"""What a recording keeps of Discord's calls, and what it replaces."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tests.live.recording import Exchange, Language
from tests.live.rules import Told

_REFUSED = 400
_ID = re.compile(r"\b\d{17,20}\b")
"""A snowflake. Other numbers in a text, such as permissions, are shorter."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)")
_WORDS = {"allow", "code", "content_type", "deny", "flags_new", "message", "permissions"}
"""Fields whose text is a constant of Discord's: `message` is an error's."""


@dataclass(frozen=True, slots=True)
class Reply(Exchange):
    """One call of Discord's REST API and its answer; `method` is the path."""

    @property
    def call(self) -> str:
        """Return its name: its verb, and the last part of its path that is not an id."""
        parts = [part for part in self.method.split("/") if not part.isdigit()]
        return f"{self.verb} {parts[-1]}"

    @property
    def route(self) -> str:
        """Return the verb and the path, without ids."""
        return route(self.verb, self.method)

    @property
    def error(self) -> str:
        """Return Discord's error code; empty if the call succeeded."""
        if self.status < _REFUSED:
            return ""
        code = self["code"]
        return str(code) if code else f"status {self.status}"

    @property
    def items(self) -> list[dict[str, Any]]:
        """Return the objects of a list; none if the call was refused."""
        return self.answer if isinstance(self.answer, list) else []

    @property
    def told(self) -> Told:
        """Return it as an answer to check a rule by."""
        return Told(self.error, f"{self.call} answered {self.error or 'ok'}")

    def __getitem__(self, field: str) -> Any:
        """Return a field; None if it is missing."""
        return self.answer.get(field) if isinstance(self.answer, dict) else None


def route(verb: str, path: str) -> str:
    """Return the kind of a call, such as `DELETE /channels/{id}/messages/{id}`."""
    parts = _ID.sub("{id}", path).split("/")
    if "reactions" in parts:
        parts[parts.index("reactions") + 1] = "{emoji}"
    return f"{verb} {'/'.join(parts)}"


LANGUAGE = Language(
    id=_ID,
    prefix="9",
    digits=17,
    time=_TIME,
    is_word=lambda field, _: field in _WORDS,
    headers=(
        *("content-type", "retry-after", "via", "x-ratelimit-bucket", "x-ratelimit-global"),
        *("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset-after"),
        "x-ratelimit-scope",
    ),
)
"""Ids become ids of 2021. discord.py takes a 429 without `via` for a ban of the IP address."""
