"""What a recording keeps of Slack's calls, and what it replaces."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.live import recording
from tests.live.recording import Language

_WORDS = {
    *("agent_status", "display_type", "error", "event_type", "file_access", "filetype", "mimetype"),
    *("mode", "needed", "provided", "status", "subtype", "type", "warning"),
    *("errors", "warnings"),
}
"""Fields whose text is a constant of Slack's."""


@dataclass(frozen=True, slots=True)
class Exchange(recording.Exchange):
    """One call of Slack's Web API and its answer."""

    @property
    def error(self) -> str:
        """Return Slack's error code; empty if the call succeeded."""
        return "" if self.answer.get("ok") else str(self.answer.get("error") or "no answer")


def _is_word(field: str, text: str) -> bool:
    return field in _WORDS or (field == "messages" and text.startswith("["))


LANGUAGE = Language(
    id=re.compile(r"\b([ABCDEFGSTUVW])[A-Z0-9]{8,}\b"),
    prefix="",
    digits=8,
    time=re.compile(r"\d{10}\.\d{6}"),
    is_word=_is_word,
    headers=("content-type", "retry-after", "x-accepted-oauth-scopes", "x-oauth-scopes"),
    everyones=frozenset({"USLACKBOT"}),
)
