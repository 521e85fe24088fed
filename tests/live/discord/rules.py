"""The rules that we assume Discord follows: the live trial checks them, our fake enforces them.

Lengths are in characters, times in seconds; errors are Discord's numbers (docs:
topics/opcodes-and-status-codes, "JSON Error Codes").
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from tests.live.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

_CREATE = "docs: resources/message, “Create Message”"
_EDIT = "docs: resources/message, “Edit Message”"
_REACT = "docs: resources/message, “Create Reaction”"
_THREADS = "docs: topics/threads"
_FORM = "50035"

_POSTS = {
    "content-length": Rule(
        "a content longer than {limit} characters is {error}", _CREATE, error=_FORM, limit=2_000
    ),
    "content-empty": Rule("a message without anything in it is {error}", _CREATE, error="50006"),
    "edit-unknown": Rule("editing a message that there is not is {error}", _EDIT, error="10008"),
    "delete-again": Rule(
        "deleting a message again is {error}",
        "docs: resources/message, “Delete Message”",
        error="10008",
    ),
    "read-back": Rule(
        "what was posted behind an id is read back, with its text",
        "docs: resources/message, “Get Channel Messages”",
    ),
    "mentions-none": Rule(
        "with no allowed mentions, neither @everyone nor a user is mentioned",
        "docs: resources/message, “Allowed Mentions Object”",
    ),
    "typing": Rule(
        "typing is shown on request", "docs: resources/channel, “Trigger Typing Indicator”"
    ),
}
_NONCES = {
    "nonce-length": Rule(
        "an enforced nonce longer than {limit} characters is {error}",
        _CREATE,
        error=_FORM,
        limit=25,
    ),
    "nonce-again": Rule("a post with an enforced nonce again gives the first one back", _CREATE),
    "nonce-deleted": Rule(
        "a post with the nonce of a message that was deleted is {error}",
        "github.com/discord/discord-api-docs, pull request 6647",
        error="10008",
    ),
    "nonce-hidden": Rule(
        "a message that is read back does not show its nonce",
        "assumed: Discord's docs do not say for how long it is shown",
    ),
    "nonce-window": Rule(
        "a nonce is enforced for {limit} seconds at the least",
        f"{_CREATE}: “the past few minutes”",
        limit=60,
    ),
}
_AROUND = {
    "reaction-twice": Rule("reacting twice is no error", _REACT),
    "reaction-none": Rule(
        "taking back a reaction that there is not is {error}", _REACT, error="10014"
    ),
    "reaction-name": Rule("an emoji that there is not is {error}", _REACT, error="10014"),
    "thread-id": Rule("a thread that is made from a message has the message's id", _THREADS),
    "thread-again": Rule("a second thread from a message is {error}", _THREADS, error="160004"),
    "thread-wakes": Rule("a post in an archived thread opens it again", _THREADS),
    "file-url": Rule(
        "a file's address is signed, and says when it expires",
        "docs: reference, “Signed Attachment CDN URLs”",
    ),
    "file-again": Rule(
        "a message that is read again has an address of its file that is good",
        "docs: reference, “Signed Attachment CDN URLs”",
    ),
    "commands-kept": Rule(
        "commands that are written as they are keep their ids",
        "docs: interactions/application-commands, “Bulk Overwrite Global Application Commands”",
    ),
}

RULES: Mapping[str, Rule] = MappingProxyType({**_POSTS, **_NONCES, **_AROUND})
"""All rules, by name."""
