"""Links to messages, as people copy them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bots.discord.inbound.text import LINK


@dataclass(frozen=True, slots=True, kw_only=True)
class Permalink:
    """A message, a thread or a channel to which a link leads."""

    guild: str
    """Empty for a direct message."""
    channel: str
    message: str
    """The channel's own id if the link leads to a thread or a channel."""


def link_in(text: str) -> Permalink | None:
    """Return where a link leads; None if the text is no link of Discord's."""
    found = LINK.fullmatch(text.strip().strip("<>"))
    if found is None:
        return None
    guild = "" if found[1] == "@me" else found[1]
    return Permalink(guild=guild, channel=found[2], message=found[3] or found[2])
