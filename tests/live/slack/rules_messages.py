"""What we take Slack to do with messages and what is in them."""

from __future__ import annotations

from tests.live.rules import Rule

_BLOCKS = "docs: reference/block-kit/blocks"
_METADATA = "docs: messaging/message-metadata"
_METHODS = "docs: reference/methods"

POSTS = {
    "post-answer": Rule(
        "a post is answered with its channel, its ts and the message",
        f"{_METHODS}/chat.postMessage",
    ),
    "post-again": Rule(
        "nothing keeps a post that is repeated from standing twice",
        f"{_METHODS}/chat.postMessage names no key for it",
    ),
    "channel-unknown": Rule(
        "a channel that there is not is {error}",
        f"{_METHODS}/chat.postMessage",
        error="channel_not_found",
    ),
    "post-empty": Rule(
        "a post without anything in it is {error}", f"{_METHODS}/chat.postMessage", error="no_text"
    ),
    "text-length": Rule(
        "a text longer than {limit} characters is {error}",
        "github.com/seratch/ChatGPT-in-Slack, issue 102",
        error="msg_too_long",
        limit=4_000,
    ),
    "markdown-text-alone": Rule(
        "markdown_text together with text is {error}",
        f"{_METHODS}/chat.postMessage",
        error="markdown_text_conflict",
    ),
    "thread-unknown": Rule(
        "a reply to a message that there is not is {error}",
        f"{_METHODS}/chat.postMessage",
        error="thread_not_found",
    ),
    "message-unknown": Rule(
        "updating or deleting a message that there is not is {error}",
        f"{_METHODS}/chat.update",
        error="message_not_found",
    ),
    "update-drops-blocks": Rule(
        "an update with a text and no blocks takes the blocks away", f"{_METHODS}/chat.update"
    ),
    "delete-gone": Rule("a deleted reply is gone from its thread", f"{_METHODS}/chat.delete"),
    "delete-tombstone": Rule(
        "a deleted message that has replies leaves a tombstone at the head of its thread",
        "reported by many bots; Slack's docs only name the subtype (reference/events/message)",
    ),
    "ephemeral-hidden": Rule(
        "an ephemeral message is not in the history", f"{_METHODS}/chat.postEphemeral"
    ),
    "ephemeral-fixed": Rule(
        "an ephemeral message can't be updated: {error}",
        f"{_METHODS}/chat.update",
        error="message_not_found",
    ),
}

CONTENT = {
    "markdown-length": Rule(
        "a markdown block longer than {limit} characters is {error}",
        f"{_BLOCKS}/markdown-block; the error's name is assumed",
        error="invalid_blocks",
        limit=12_000,
    ),
    "markdown-together": Rule(
        "markdown blocks of together more than {limit} characters are {error}",
        f"{_BLOCKS}/markdown-block; the error's name is assumed",
        error="msg_blocks_too_long",
        limit=12_000,
    ),
    "blocks-together": Rule(
        "blocks with together more than {limit} characters are {error}",
        "github.com/slackapi/bolt-js, issue 2509",
        error="msg_blocks_too_long",
        limit=13_200,
    ),
    "blocks-count": Rule(
        "more than {limit} blocks are {error}", _BLOCKS, error="invalid_blocks", limit=50
    ),
    "section-length": Rule(
        "a section longer than {limit} characters is {error}",
        f"{_BLOCKS}/section-block",
        error="invalid_blocks",
        limit=3_000,
    ),
    "header-length": Rule(
        "a header longer than {limit} characters is {error}",
        f"{_BLOCKS}/header-block",
        error="invalid_blocks",
        limit=150,
    ),
    "table-read-back": Rule(
        "a markdown block with a table is read back as it was sent",
        "assumed: Slack may give rich text back",
    ),
    "metadata-format": Rule(
        "metadata without an event_type is {error}", _METADATA, error="invalid_metadata_format"
    ),
    "metadata-length": Rule(
        "metadata of more than {limit} characters of JSON is {error}",
        "github.com/seratch/ChatGPT-in-Slack, pull request 17: about 4 kB",
        error="metadata_too_large",
        limit=4_096,
    ),
    "metadata-read-back": Rule(
        "metadata is read back where include_all_metadata asks for it, and only there", _METADATA
    ),
    "metadata-kept": Rule(
        "an update without metadata leaves it as it was", f"{_METHODS}/chat.update"
    ),
}
