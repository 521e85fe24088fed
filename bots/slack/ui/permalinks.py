"""Permalinks to messages, as people copy them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINK = re.compile(
    r"https://[\w.-]+\.slack(?:-gov)?\.com/archives/([A-Z0-9]+)/p(\d{7,12})(\d{6})"
    r"(?:\?(?:[^\s#]*&)?thread_ts=(\d{1,12}\.\d{6})[^\s#]*|\?[^\s]*)?",
    re.ASCII,
)


_LONGEST = 2_000
"""Characters of a link: far more than Slack's own links have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permalink:
    """The message that a permalink leads to."""

    channel: str
    ts: str
    root: str
    """The root of its thread; the message itself if it is in none."""


def link_in(text: str) -> Permalink | None:
    """Return the message that a permalink leads to; None if the text is no permalink.

    Docs: reference/methods/chat.getPermalink.
    """
    link = text.strip()
    found = _LINK.fullmatch(link) if len(link) <= _LONGEST else None
    if found is None:
        return None
    ts = f"{found[2]}.{found[3]}"
    return Permalink(channel=found[1], ts=ts, root=found[4] or ts)
