"""What we take Slack to do with streams, and with what goes around messages."""

from __future__ import annotations

from tests.live.rules import Rule

_METHODS = "docs: reference/methods"
_STREAM_END = "github.com/slackapi/python-slack-sdk, issue 1859"

STREAMS = {
    "streaming": Rule(
        "messages can be streamed: chat.startStream, appendStream, stopStream",
        f"{_METHODS}/chat.startStream",
    ),
    "stream-thread": Rule(
        "a stream without a thread is {error}",
        f"{_METHODS}/chat.startStream",
        error="invalid_arguments",
    ),
    "stream-recipient": Rule(
        "a stream in a channel that is for nobody is {error}",
        f"{_METHODS}/chat.startStream",
        error="missing_recipient_user_id",
    ),
    "stream-empty": Rule(
        "a stream's empty text is {error}", f"{_METHODS}/chat.appendStream", error="no_text"
    ),
    "stream-length": Rule(
        "a streamed text longer than {limit} characters is {error}",
        f"{_METHODS}/chat.appendStream",
        error="msg_too_long",
        limit=12_000,
    ),
    "stream-one-form": Rule(
        "chunks after markdown_text are {error}",
        f"{_METHODS}/chat.appendStream",
        error="streaming_mode_mismatch",
    ),
    "stream-no-update": Rule(
        "updating a message that streams is {error}",
        f"{_METHODS}/chat.update",
        error="streaming_state_conflict",
    ),
    "stream-no-delete": Rule(
        "deleting a message that streams is {error}",
        f"{_METHODS}/chat.delete; the error's name is assumed",
        error="cant_delete_message",
    ),
    "stream-over": Rule(
        "appending to a stream that has ended is {error}",
        _STREAM_END,
        error="message_not_in_streaming_state",
    ),
    "stream-metadata": Rule(
        "metadata given to chat.stopStream is read back", f"{_METHODS}/chat.stopStream"
    ),
    "stream-shape": Rule(
        "a streamed text is shown as rich text: its tables are none",
        "databuddy, pull request 600",
    ),
    "stream-replaced": Rule(
        "a stream that has ended can be updated like any message",
        "github.com/dust-tt/dust, pull request 22599",
    ),
    "stream-life": Rule(
        "a stream ends by itself after {limit} seconds, busy or not: {error}",
        _STREAM_END,
        error="message_not_in_streaming_state",
        limit=300,
    ),
}

AROUND = {
    "scopes-shown": Rule(
        "each answer's x-oauth-scopes header lists the token's scopes",
        "docs: authentication/installing-with-oauth",
    ),
    "method-unknown": Rule(
        "a method that there is not is {error}",
        "docs: apis/web-api",
        error="unknown_method",
    ),
    "thread-order": Rule(
        "a thread comes oldest first, with its root first whatever `oldest` says",
        f"{_METHODS}/conversations.replies",
    ),
    "cursor-invalid": Rule(
        "a cursor that Slack did not give is {error}",
        "docs: apis/web-api/pagination",
        error="invalid_cursor",
    ),
    "reaction-twice": Rule(
        "the same reaction again is {error}", f"{_METHODS}/reactions.add", error="already_reacted"
    ),
    "reaction-name": Rule(
        "an emoji that there is not is {error}", f"{_METHODS}/reactions.add", error="invalid_name"
    ),
    "reaction-none": Rule(
        "taking back a reaction that there is not is {error}",
        f"{_METHODS}/reactions.remove",
        error="no_reaction",
    ),
    "status-words": Rule(
        "a session's status that is none of Slack's four words is {error}",
        f"{_METHODS}/agents.sessions.setStatus",
        error="invalid_arguments",
    ),
    "upload-message": Rule(
        "an upload stands in its thread as a message with the file, without metadata",
        f"{_METHODS}/files.completeUploadExternal",
    ),
    "upload-unknown": Rule(
        "completing an upload that there is not is {error}",
        f"{_METHODS}/files.completeUploadExternal",
        error="file_not_found",
    ),
    "download": Rule(
        "a file's content is given to the bot's token, and to nobody without one",
        "docs: reference/objects/file-object",
    ),
    "dm-same": Rule(
        "opening a direct message gives one whose id begins with D, each time the same",
        f"{_METHODS}/conversations.open",
    ),
    "dm-with-bot": Rule(
        "a direct message with a bot is {error}",
        f"{_METHODS}/conversations.open",
        error="cannot_dm_bot",
    ),
    "rate-limit": Rule(
        "who calls too often gets HTTP 429 and {error}, and a Retry-After in whole seconds",
        "docs: apis/web-api/rate-limits",
        error="ratelimited",
    ),
}
