"""Permalinks to messages, as people copy them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bots.slack.inbound.people import is_ts

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


_BEGINS = "https://"
_ORGANISATION = re.compile(r"https://[\w-]+\.enterprise\.slack(?:-gov)?\.com/", re.ASCII)
_WORKSPACE = re.compile(r"https://[\w.-]+\.slack(?:-gov)?\.com/", re.ASCII)


def link_to(workspace: str, channel: str, ts: str, root: str = "") -> str:
    """Return the permalink of a message, or an empty text if it can't have one.

    Args:
        workspace: The workspace's address, as auth.test returns it in `url`.
        channel: The id of its channel.
        ts: The message's timestamp.
        root: The root of its thread, if that is another message.

    Docs: reference/methods/chat.getPermalink, whose call this saves: the address ends in `p` and
    the timestamp without its point; that of a reply names the thread and the channel, too.
    """
    if not (is_ts(ts) and _WORKSPACE.fullmatch(workspace)):
        return ""
    address = f"{workspace}archives/{channel}/p{ts.replace('.', '')}"
    is_reply = is_ts(root) and root != ts
    return f"{address}?thread_ts={root}&cid={channel}" if is_reply else address


def link_in(text: str) -> Permalink | None:
    """Return the message that a permalink leads to; None if the text is no permalink.

    Docs: reference/methods/chat.getPermalink.
    """
    link = text.strip()
    found = _LINK.fullmatch(link) if len(link) <= _LONGEST else None
    if found is None:
        return None
    return _permalink(found)


def links_in(text: str, workspace: str, *, in_organisation: bool) -> tuple[Permalink, ...]:
    """Return the messages that permalinks in a text lead to, each once; those of others are none.

    Args:
        text: The text.
        workspace: The address of the bot's workspace; empty if it is unknown.
        in_organisation: Whether it belongs to an organisation, whose own addresses count as well:
            the ids of channels are unique in all of it.
    """
    found: dict[Permalink, None] = {}
    start = text.find(_BEGINS) if workspace else -1
    while start >= 0:
        link = _LINK.match(text, start, start + _LONGEST)
        ours = text.startswith(workspace, start)
        if link and (ours or (in_organisation and _ORGANISATION.match(link[0]))):
            found[_permalink(link)] = None
        start = text.find(_BEGINS, start + len(_BEGINS))
    return tuple(found)


def _permalink(link: re.Match[str]) -> Permalink:
    ts = f"{link[2]}.{link[3]}"
    return Permalink(channel=link[1], ts=ts, root=link[4] or ts)
