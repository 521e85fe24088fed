"""Discord's refusals (docs: topics/opcodes-and-status-codes, "JSON Error Codes")."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fakes.discord.model import Json

KNOWN: dict[int, tuple[int, str]] = {
    0: (401, "401: Unauthorized"),
    10002: (404, "Unknown Application"),
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10007: (404, "Unknown Member"),
    10008: (404, "Unknown Message"),
    10013: (404, "Unknown User"),
    10014: (400, "Unknown Emoji"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    10063: (404, "Unknown application command"),
    20016: (429, "This action cannot be performed due to slowmode rate limit."),
    20028: (
        429,
        "The write action you are performing on the channel has hit the write rate limit.",
    ),
    30034: (400, "Max number of daily application command creates has been reached (200)"),
    30046: (429, "Maximum number of edits to messages older than 1 hour reached. Try again later."),
    40005: (413, "Request entity too large"),
    40006: (403, "This feature has been temporarily disabled server-side"),
    40007: (403, "The user is banned from this guild"),
    40058: (
        403,
        "Cannot message this thread until after the post author has sent an initial message",
    ),
    40060: (400, "Interaction has already been acknowledged."),
    40333: (403, "internal network error"),
    50001: (403, "Missing Access"),
    50003: (403, "Cannot execute action on a DM channel"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50008: (400, "Cannot send messages in a non-text channel"),
    50009: (403, "Channel verification level is too high for you to gain access"),
    50013: (403, "Missing Permissions"),
    50021: (403, "Cannot execute action on a system message"),
    50024: (403, "Cannot execute action on this channel type"),
    50027: (401, "Invalid Webhook Token"),
    50034: (400, "A message provided was too old to bulk delete"),
    50035: (400, "Invalid Form Body"),
    50083: (400, "Thread is archived"),
    50109: (400, "The request body contains invalid JSON."),
    50278: (403, "Cannot send messages to this user due to having no mutual guilds"),
    160002: (400, "Cannot reply without permission to read message history"),
    160004: (400, "A thread has already been created for this message"),
    160005: (403, "Thread is locked"),
    160006: (400, "Maximum number of active threads reached"),
    200000: (400, "Message was blocked by automatic moderation"),
    240000: (400, "Message blocked by harmful links filter"),
}


class DiscordError(Exception):
    """What Discord answers to a call that it refuses."""

    def __init__(self, code: int, errors: Json | None = None, more: Json | None = None) -> None:
        self.status, message = KNOWN[code]
        super().__init__(f"{code}: {message}")
        self.code = code
        self.body: Json = {"message": message, "code": code, **(more or {})}
        if errors is not None:
            self.body["errors"] = errors


def invalid(path: str, code: str, message: str) -> DiscordError:
    """Make the answer to a body that doesn't fit, in its nested form.

    Args:
        path: Where, such as `embeds/0/title`; empty for the whole.
        code: Discord's name for what is wrong.
        message: The same in words.
    """
    errors: Json = {"_errors": [{"code": code, "message": message}]}
    for part in reversed([part for part in path.split("/") if part]):
        errors = {part: errors}
    return DiscordError(50035, errors)
