"""chat.startStream, appendStream and stopStream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.slack.agents import STATUSES
from tests.fakes.slack.blocks import check_blocks
from tests.fakes.slack.call import Call, method
from tests.fakes.slack.chat import metadata_of, root_of, target
from tests.fakes.slack.model import Message, SlackError, Stream
from tests.fakes.slack.shapes import message_json, rich_text

if TYPE_CHECKING:
    from typing import Literal

    from tests.fakes.slack.model import Channel, Json

    Mode = Literal["", "markdown_text", "chunks"]

_CHUNKS = {
    "markdown_text": {"text"},
    "task_update": {"id", "title", "status"},
    "plan_update": {"title"},
    "blocks": {"blocks"},
}


def _said(call: Call) -> tuple[Mode, str, list[Json]]:
    """Return in which form text is given, the text, and blocks among the chunks.

    The errors are those of the method's page (docs: reference/methods/chat.appendStream).
    """
    markdown = call.args.get("markdown_text")
    chunks = call.structure("chunks", "invalid_chunks")
    if markdown is not None and chunks is not None:
        raise SlackError("cannot_provide_both_markdown_text_and_chunks")
    if markdown is not None:
        _check_length(call, markdown)
        return "markdown_text", markdown, []
    if chunks is None:
        return "", "", []
    if not isinstance(chunks, list):
        raise SlackError("invalid_chunks")
    return "chunks", *_chunked(call, chunks)


def _chunked(call: Call, chunks: list[Json]) -> tuple[str, list[Json]]:
    """Check chunks (docs: reference/methods/chat.appendStream)."""
    text, blocks = "", []
    for chunk in chunks:
        kind = chunk.get("type") if isinstance(chunk, dict) else None
        if kind not in _CHUNKS or not _CHUNKS[kind] <= chunk.keys():
            raise SlackError("invalid_chunks")
        if kind == "markdown_text":
            _check_length(call, chunk["text"])
            text += chunk["text"]
        elif kind == "blocks":
            blocks += check_blocks(chunk["blocks"], call.slack.rules)
    return text, blocks


def _check_length(call: Call, text: str) -> None:
    """Check a text of one call, or of one chunk (slack.md 2.4)."""
    if len(text) > call.most("stream-length"):
        raise call.broken("stream-length")


def _recipient(call: Call, channel: Channel) -> None:
    """Outside of a DM a stream is for a person (slack.md 2.5; docs: chat.startStream)."""
    if channel.kind == "im":
        return
    if not call.text("recipient_user_id"):
        raise call.broken("stream-recipient")
    if not call.text("recipient_team_id"):
        raise SlackError("missing_recipient_team_id")
    user = call.slack.users.get(call.text("recipient_user_id"))
    if user is None or user.id not in channel.members:
        raise SlackError("user_not_found")
    if call.text("recipient_team_id") not in {user.team, channel.team}:
        raise SlackError("team_not_found")


@method("chat.startStream", "chat:write", tier=2)
def start(call: Call) -> Json:
    """Begin a message that grows, in a thread (slack.md 2.5)."""
    channel = target(call)
    if not call.text("thread_ts"):
        about = {"messages": ["[ERROR] missing required field: thread_ts"]}
        raise call.broken("stream-thread", response_metadata=about)
    thread = root_of(call, channel)
    if thread is None:  # deleted (github.com/caipe-io/ai-platform-engineering, pull request 1034)
        raise SlackError("invalid_thread_ts")
    _recipient(call, channel)
    mode, text, blocks = _said(call)
    # Nothing at all is fine, an empty text isn't (slack.md 2.4).
    if mode and not call.args.get(mode):
        raise call.broken("stream-empty")
    message = Message(
        call.slack.stamp(),
        channel.id,
        call.bot,
        text,
        bot_id=call.install.bot.bot_id,
        thread_ts=thread,
        blocks=_shown(call, text) + blocks,
        stream=Stream(call.slack.now(), mode),
    )
    # A stream begins the thread's session by itself (docs: ai/agent-sessions).
    call.slack.set_session(channel, thread, "processing")
    call.slack.statuses.pop((channel.id, thread), None)
    call.slack.add(message)
    return {"channel": channel.id, "ts": message.ts}


def _shown(call: Call, text: str) -> list[Json]:
    """Return how streamed text is shown; tables in it aren't rendered (slack.md 2.4)."""
    return rich_text(call.slack, text) if text else []


def _open(call: Call, channel: Channel, mode: Mode) -> tuple[Message, Stream]:
    """Return a message that still streams (docs: reference/methods/chat.appendStream)."""
    message = channel.messages.get(call.required("ts"))
    if message is None:
        raise call.broken("message-unknown")
    if message.bot_id != call.install.bot.bot_id:
        raise SlackError("message_not_owned_by_app")
    stream = message.stream
    if stream is not None and stream.state == "stopped by user":
        # Its own error for append (slack.md 2.5); chat.stopStream documents none of the name.
        appending = call.name == "chat.appendStream"
        raise SlackError("stopped_by_user" if appending else "message_not_in_streaming_state")
    if stream is None or not call.slack.open_stream(message):
        raise call.broken("stream-over")
    # One form from the first text to the end (docs: reference/methods/chat.appendStream).
    if mode and stream.mode and mode != stream.mode:
        raise call.broken("stream-one-form")
    stream.mode = stream.mode or mode
    return message, stream


@method("chat.appendStream", "chat:write", tier=4)
def append(call: Call) -> Json:
    """Add text (docs: reference/methods/chat.appendStream)."""
    channel = target(call)
    mode, text, blocks = _said(call)
    if not mode:
        raise SlackError("markdown_text_or_chunks_required")
    if not call.args.get(mode):
        raise call.broken("stream-empty")
    message, _ = _open(call, channel, mode)
    _grow(call, message, text, blocks)
    call.slack.touch()
    return {"channel": channel.id, "ts": message.ts}


def _grow(call: Call, message: Message, text: str, blocks: list[Json]) -> None:
    message.text += text
    others = [block for block in message.blocks if block["type"] != "rich_text"]
    message.blocks = _shown(call, message.text) + others + blocks


@method("chat.stopStream", "chat:write", tier=2)
def stop(call: Call) -> Json:
    """End the message, with blocks at its end, metadata and a status (slack.md 2.5)."""
    channel = target(call)
    status = call.text("session_status", "active")
    if status not in STATUSES:
        raise SlackError.arguments("invalid session_status")  # docs: ai/agent-sessions
    mode, text, more = _said(call)
    metadata = metadata_of(call) or None
    given = call.structure("blocks", "invalid_blocks_format")
    blocks = check_blocks(given or [], call.slack.rules)
    message, stream = _open(call, channel, mode if call.args.get(mode) else "")
    before = message_json(call.slack, message)
    _grow(call, message, text, [*more, *blocks])
    message.metadata = metadata
    stream.state = "done"
    assert message.thread_ts is not None
    call.slack.set_session(channel, message.thread_ts, status)
    call.slack.changed(message, before)
    shown = message_json(call.slack, message, metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": shown}
