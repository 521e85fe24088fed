"""Messages of a channel (docs: resources/message)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.discord.call import Call, route
from tests.fakes.discord.compose import attached, components, composed, content, embeds, mention
from tests.fakes.discord.errors import DiscordError, invalid
from tests.fakes.discord.intents import Intent
from tests.fakes.discord.model import (
    CATEGORY,
    DM,
    POSTS_ONLY,
    STARTER,
    SUPPRESS_EMBEDS,
    Channel,
    Message,
)
from tests.fakes.discord.permissions import Permission
from tests.fakes.discord.shapes import message_json
from tests.live.discord.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fakes.discord.model import Json

MESSAGES = "/channels/{channel_id}/messages"
MESSAGE = MESSAGES + "/{message_id}"
P = Permission
OLD = 3600.0  # seconds after which edits are few (30046, discord.md 2, "Rate limits")
BULK_AGE = 14 * 86400.0  # docs: "Bulk Delete Messages"
PAGE = 100


def shown(call: Call, message: Message, *, nonce: bool = False) -> Json:
    """Return a message as the app may read it: without the intent, not its content."""
    found = message_json(call.discord, message, nonce=nonce)
    if call.discord.granted & Intent.MESSAGE_CONTENT:
        return found
    return call.discord.bare(message, found)


@route("GET", MESSAGES)
def history(call: Call) -> list[Json]:
    """List messages, newest first whatever was asked for; one without the right sees none."""
    channel = call.channel()
    limit = call.number("limit", 50, PAGE)
    if not call.may(channel, P.READ_MESSAGE_HISTORY):
        return []
    ids = sorted(map(int, channel.messages))
    chosen = _page(ids, call.query, limit)
    nonce = call.discord.nonce_in_history
    return [shown(call, channel.messages[str(i)], nonce=nonce) for i in reversed(chosen)]


def _page(ids: Sequence[int], query: dict[str, str], limit: int) -> Sequence[int]:
    for name in ("around", "before", "after"):
        if not query.get(name, "0").isdigit():
            raise invalid(name, "NUMBER_TYPE_COERCE", "Value is not snowflake.")
    if "around" in query:
        middle = int(query["around"])
        before = [i for i in ids if i < middle][-(limit // 2) :]
        rest = [i for i in ids if i >= middle]
        return [*before, *rest[: limit - len(before)]]
    if "before" in query:
        return [i for i in ids if i < int(query["before"])][-limit:]
    if "after" in query:
        return [i for i in ids if i > int(query["after"])][:limit]
    return ids[-limit:]


@route("GET", MESSAGE)
def read(call: Call) -> Json:
    """Return one message; its attachments' addresses are good again."""
    channel = call.channel(P.READ_MESSAGE_HISTORY)
    return shown(call, call.message(channel), nonce=call.discord.nonce_in_history)


def writable(call: Call, channel: Channel) -> None:
    """Refuse to write where one can't, or wake an archived thread (discord.md 2, "Threads")."""
    if channel.kind in {CATEGORY, *POSTS_ONLY}:
        raise DiscordError(50024)
    thread = channel.thread
    call.need(channel, P.SEND_MESSAGES if thread is None else P.SEND_MESSAGES_IN_THREADS)
    if channel.kind == DM and not channel.recipients[0].dms_open:
        raise DiscordError(50007)
    if not call.discord.is_settled(channel):
        raise DiscordError(40058)
    if thread is not None and (thread.archived or thread.locked):
        if thread.locked and not call.may(channel, P.MANAGE_THREADS):
            raise DiscordError(50083 if thread.archived else 160005)
        if thread.archived:
            call.discord.join_thread(channel, call.discord.bot)
            call.discord.unarchive(channel)


@route("POST", MESSAGES)
def create(call: Call) -> Json:
    """Post; a nonce that is to be enforced gives back what it made before."""
    channel = call.channel()
    repeated = _repeated(call)
    if repeated is not None:
        return message_json(call.discord, repeated, nonce=True)
    message = composed(call, channel, call.json)  # a body that doesn't fit wakes no thread
    writable(call, channel)
    if call.files:
        call.need(channel, P.ATTACH_FILES)
    call.discord.add(message)
    if call.json.get("enforce_nonce") and message.nonce is not None:
        call.discord.remember(message)
    return message_json(call.discord, message, nonce=True)


def _repeated(call: Call) -> Message | None:
    """Return what the same author posted with the same nonce of late (discord.md 2, "Nonce")."""
    body = call.json
    nonce = body.get("nonce")
    if not body.get("enforce_nonce") or nonce is None:
        return None
    most = RULES["nonce-length"].limit
    if len(str(nonce)) > most:
        words = f"Must be {most} or fewer in length."
        raise invalid("nonce", "BASE_TYPE_MAX_LENGTH", words)
    found = call.discord.remembered(str(nonce))
    if found is not None and found.deleted:
        raise DiscordError(10008)
    return found


@route("PATCH", MESSAGE)
def edit(call: Call) -> Json:
    """Change a message of the bot's own."""
    channel = call.channel()
    message = call.message(channel)
    if message.author is not call.discord.bot:
        raise DiscordError(50005)
    if channel.thread is not None and channel.thread.archived:
        raise DiscordError(50083)
    _spare(call, message)
    rewrite(call, channel, message, call.json)
    call.discord.changed(message)
    return shown(call, message)


def _spare(call: Call, message: Message) -> None:
    """Let messages older than an hour be edited only so often (30046)."""
    now = call.discord.now()
    if now - message.created > OLD:
        wait = call.discord.old_edit(message.channel)
        if wait:
            raise DiscordError(30046, more={"retry_after": wait, "global": False})


def rewrite(call: Call, channel: Channel, message: Message, body: Json) -> None:
    """Change what a body names; mentions are looked for again (docs: "Edit Message")."""
    flags = message.flags
    if body.get("flags") is not None:
        flags = message.flags & ~SUPPRESS_EMBEDS | int(body["flags"]) & SUPPRESS_EMBEDS
    text = content(body["content"], flags) if "content" in body else message.content
    new = {
        "embeds": embeds(body["embeds"]) if "embeds" in body else message.embeds,
        "components": components(body["components"])
        if "components" in body
        else message.components,
        "files": _kept(message, body) + attached(call, channel, body),
    }
    if not any((text, *new.values())):
        raise DiscordError(50006)
    message.content, message.flags = text, flags
    for name, value in new.items():
        setattr(message, name, value)
    message.edited, message.edits = call.discord.now(), message.edits + 1
    if "content" in body:
        mention(call.discord, message, body.get("allowed_mentions"))


def _kept(message: Message, body: Json) -> list:
    if body.get("attachments") is None:
        return message.files
    kept = {str(one.get("id")) for one in body["attachments"]}
    return [file for file in message.files if file.id in kept]


@route("DELETE", MESSAGE)
def delete(call: Call) -> None:
    """Delete a message: the bot's own, or anybody's with the right."""
    channel = call.channel()
    message = call.message(channel)
    if message.kind == STARTER:
        raise DiscordError(50021)
    if message.author is not call.discord.bot:
        call.need(channel, P.MANAGE_MESSAGES)
        if channel.kind == DM:
            raise DiscordError(50003)
    call.discord.remove(message)


@route("POST", MESSAGES + "/bulk-delete")
def bulk_delete(call: Call) -> None:
    """Delete up to a hundred messages of the last two weeks."""
    channel = call.channel(P.MANAGE_MESSAGES)
    if channel.kind == DM:
        raise DiscordError(50003)
    ids = [str(one) for one in call.json.get("messages") or ()]
    if not 2 <= len(ids) <= PAGE:
        raise invalid("messages", "BASE_TYPE_BAD_LENGTH", "Must be between 2 and 100 in length.")
    found = [channel.messages[one] for one in ids if one in channel.messages]
    if any(call.discord.now() - message.created > BULK_AGE for message in found):
        raise DiscordError(50034)
    if found:
        call.discord.remove(*found)


@route("POST", "/channels/{channel_id}/typing")
def typing(call: Call) -> None:
    """Say that the bot is typing, which shows for ten seconds."""
    channel = call.channel()
    thread = channel.thread
    call.need(channel, P.SEND_MESSAGES if thread is None else P.SEND_MESSAGES_IN_THREADS)
    call.discord.typing.append((channel.id, call.discord.now()))
    call.discord.touch()
