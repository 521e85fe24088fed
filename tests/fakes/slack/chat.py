"""chat.*: posting, updating, deleting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.slack.blocks import check_blocks, check_metadata
from tests.fakes.slack.call import Call, method
from tests.fakes.slack.model import Ephemeral, Message, SlackError
from tests.fakes.slack.shapes import link, message_json

if TYPE_CHECKING:
    from tests.fakes.slack.model import Channel, Json


def _blocks(call: Call) -> list[Json] | None:
    """Return the blocks with the ids that Slack gives them, so that they aren't as they were."""
    given = call.structure("blocks", "invalid_blocks_format")
    if given is None:
        return None
    return [{"block_id": call.slack.new_id("b"), **block} for block in _checked(call, given)]


def _checked(call: Call, given: Any) -> list[Json]:
    return check_blocks(given or [], call.slack.rules)


def metadata_of(call: Call) -> Json | None:
    """Return the metadata that is given; an empty one where it is to go."""
    given = call.structure("metadata", call.slack.rules["metadata-format"].error)
    return None if given is None else check_metadata(given, call.slack.rules) or {}


def _content(call: Call) -> tuple[str | None, list[Json] | None, list[Json] | None]:
    """Return text, blocks and attachments; None for what isn't given."""
    text = call.text("text", "")
    markdown = call.text("markdown_text", "")
    blocks = _blocks(call)
    attachments: list[Json] | None = call.structure("attachments", "invalid_attachments")
    if markdown and (text or blocks):
        raise call.broken("markdown-text-alone")
    if len(text) > call.most("text-length") or len(markdown) > call.most("markdown-length"):
        raise call.broken("text-length")
    if not (text.strip() or markdown.strip() or blocks or attachments):
        raise call.broken("post-empty")
    if markdown:
        blocks = [{"type": "markdown", "block_id": call.slack.new_id("b"), "text": markdown}]
    given = "text" in call.args or markdown
    return (text or markdown) if given else None, blocks, attachments


def target(call: Call, name: str = "channel") -> Channel:
    """Return a channel in which the app may write (docs: reference/methods/chat.postMessage)."""
    public = "chat:write.public" in call.install.scopes
    channel = call.channel(name, member=not public)
    if channel.archived:
        raise SlackError("is_archived")
    return channel


def root_of(call: Call, channel: Channel, name: str = "thread_ts") -> str | None:
    """Return the thread to write in: only a root's ts names one (docs: chat.postMessage).

    Under a message that was deleted there is none, and what is written stands in the channel itself
    (github.com/slack-go/slack, issue 1571; github.com/langchain-ai/open-swe, pull request 2753).
    """
    thread = call.text(name)
    if not thread or thread in channel.gone:
        return None
    root = channel.messages.get(thread)
    if root is None or root.thread_ts not in {None, thread}:
        raise call.broken("thread-unknown")
    return thread


@method("chat.postMessage", "chat:write")
def post_message(call: Call) -> Json:
    """Post. There's no key that would keep a repeated post from standing twice (slack.md 2.8)."""
    channel = target(call)
    text, blocks, attachments = _content(call)
    thread = root_of(call, channel)
    message = Message(
        call.slack.stamp(),
        channel.id,
        call.bot,
        text or "",
        bot_id=call.install.bot.bot_id,
        thread_ts=thread,
        blocks=blocks or [],
        attachments=attachments or [],
        metadata=metadata_of(call) or None,
        unfurls=(call.flag("unfurl_links"), call.flag("unfurl_media")),
    )
    if thread and call.flag("reply_broadcast"):
        message.subtype = "thread_broadcast"
    if thread:
        # A reply takes the legacy pane's status away (docs: assistant.threads.setStatus).
        call.slack.statuses.pop((channel.id, thread), None)
    call.slack.add(message)
    shown = message_json(call.slack, message, metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": shown}


def own(call: Call, channel: Channel, error: str) -> Message:
    """Return a message of the app's own; an ephemeral one can't be found (slack.md 2.7).

    `error` is what the method's own page says for a message of another person (docs:
    reference/methods/chat.update, reference/methods/chat.delete).
    """
    message = channel.messages.get(call.ts("ts"))
    if message is None or message.subtype == "tombstone":
        raise call.broken("message-unknown")
    if message.bot_id != call.install.bot.bot_id:
        raise SlackError(error)
    return message


@method("chat.update", "chat:write")
def update(call: Call) -> Json:
    """Replace what a message says (docs: reference/methods/chat.update)."""
    channel = call.channel()
    message = own(call, channel, "cant_update_message")
    if call.slack.open_stream(message):
        raise call.broken("stream-no-update")
    text, blocks, attachments = _content(call)
    given = metadata_of(call)
    metadata = message.metadata if given is None else given or None
    before = message_json(call.slack, message)
    # Text without blocks removes the blocks and shows that it was edited; blocks don't.
    if text is not None:
        message.text = text
    if blocks is not None:
        message.blocks = blocks
    elif text is not None:
        message.blocks = []
        message.edited = {"user": call.bot, "ts": call.slack.stamp()}
    if attachments is not None:
        message.attachments = attachments
    message.metadata = metadata
    call.slack.changed(message, before)
    shown = message_json(call.slack, message, metadata=True)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


@method("chat.delete", "chat:write")
def delete(call: Call) -> Json:
    """Delete a message of the app's own."""
    channel = call.channel()
    message = own(call, channel, "cant_delete_message")
    if call.slack.open_stream(message):
        raise call.broken("stream-no-delete")
    call.slack.remove(message)
    return {"channel": channel.id, "ts": message.ts}


@method("chat.postEphemeral", "chat:write", tier=4)
def post_ephemeral(call: Call) -> Json:
    """Show something to one person, who has to be in the channel (slack.md 2.7)."""
    channel = target(call)
    user = call.required("user")
    text, blocks, _ = _content(call)
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    thread = root_of(call, channel)
    ts = call.slack.stamp()
    call.slack.ephemerals.append(Ephemeral(channel.id, user, text or "", blocks or [], thread, ts))
    call.slack.touch()
    return {"message_ts": ts}


@method("chat.getPermalink")
def permalink(call: Call) -> Json:
    """Return a message's address (docs: reference/methods/chat.getPermalink)."""
    channel = call.channel()
    message = channel.messages.get(call.required("message_ts"))
    if message is None:
        raise call.broken("message-unknown")
    return {"channel": channel.id, "permalink": link(call.slack, channel, message)}
