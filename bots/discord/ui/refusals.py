"""Why Discord refuses what a person asked for, and who can change that: in words for them. Pure.

Only refusals that stay are here, however often a person asks; after any other, they are told to
try again.
"""

from __future__ import annotations

from bots.discord.faults import RefusedError

_RIGHT = (
    "I have no right to do that there. An admin of the server can give my role what it lacks "
    "(such as Send Messages and Attach Files); “chatbot doctor” names it."
)
_RULES = (
    "The server's own rules block what I would say there. An admin of the server can change them."
)
_WHY = {
    10003: "The channel it should go to is gone.",
    40005: (
        "The file is larger than Discord allows here. The person who runs me can export the "
        "conversation with “chatbot export”."
    ),
    40007: "I am banned from that server. An admin of the server can lift the ban.",
    50001: _RIGHT,
    50007: (
        "Discord does not let me write to you directly. Use `/chatbot` here instead, whose answers "
        "only you see, or allow direct messages in the server's privacy settings, or unblock me."
    ),
    50009: "The server requires more verification before I may write there.",
    50013: _RIGHT,
    50278: "I can't write to you directly: we no longer have a server in common.",
    160005: "The thread is locked. A moderator can unlock it.",
    200000: _RULES,
    240000: _RULES,
}
"""By Discord's codes (docs: topics/opcodes-and-status-codes)."""


def why(error: BaseException) -> str:
    """Return why something is refused for good, as a sentence; empty if it may work later."""
    return _WHY.get(error.code, "") if isinstance(error, RefusedError) else ""
