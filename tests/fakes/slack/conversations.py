"""conversations.*: who is where, and what was said."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, TypeVar

from tests.fakes.slack.call import Call, method
from tests.fakes.slack.limits import PAGE
from tests.fakes.slack.model import SlackError
from tests.fakes.slack.shapes import channel_json, message_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fakes.slack.model import Channel, Json, Message

T = TypeVar("T")


def paged(call: Call, items: Sequence[T], default: int) -> tuple[Sequence[T], Json]:
    """Return one page and where the next one begins (docs: apis/web-api/pagination)."""
    limit = call.number("limit", default, 1000)
    if call.limits.distributed and call.name in {
        "conversations.history",
        "conversations.replies",
    }:
        limit = min(limit, PAGE)
    start = _decoded(call, call.text("cursor"))
    page = items[start : start + limit]
    more = start + limit < len(items)
    cursor = base64.b64encode(f"next:{start + limit}".encode()).decode() if more else ""
    return page, {"response_metadata": {"next_cursor": cursor}}


def _decoded(call: Call, cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("next:"))
    except (binascii.Error, ValueError) as error:
        raise call.broken("cursor-invalid") from error


def _readable(call: Call) -> Channel:
    """Return a channel that the app may read (docs: reference/methods/conversations.history)."""
    channel = call.channel()
    call.scope(f"{channel.scope}:history")
    if call.bot not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _between(call: Call, messages: list[Message]) -> list[Message]:
    """Return those between `oldest` and `latest`; the ends only where `inclusive` is set.

    Docs: reference/methods/conversations.history.
    """
    oldest, latest = call.text("oldest", "0"), call.text("latest", "9999999999.999999")
    try:
        low, high = float(oldest), float(latest)
    except ValueError as error:
        raise SlackError("invalid_ts_oldest") from error
    ends = {oldest, latest} if call.flag("inclusive") else set()
    return [m for m in messages if low < float(m.ts) < high or m.ts in ends]


def _shown(call: Call, messages: Sequence[Message]) -> list[Json]:
    metadata = call.flag("include_all_metadata") or False
    return [message_json(call.slack, message, metadata=metadata) for message in messages]


@method(
    "conversations.history", *(f"{kind}:history" for kind in ("channels", "groups", "im", "mpim"))
)
def history(call: Call) -> Json:
    """Return what stands in the channel itself, newest first: no replies in threads."""
    channel = _readable(call)
    messages = _between(call, call.slack.history(channel))
    page, more = paged(call, messages[::-1], 100)
    has_more = bool(more["response_metadata"]["next_cursor"])
    return {"messages": _shown(call, page), "has_more": has_more, **more}


@method(
    "conversations.replies", *(f"{kind}:history" for kind in ("channels", "groups", "im", "mpim"))
)
def replies(call: Call) -> Json:
    """Return a thread, OLDEST first (slack.md 1), its root first whatever `oldest` says."""
    channel = _readable(call)
    ts = call.required("ts")
    root = channel.messages.get(ts)
    if root is None:
        raise call.broken("thread-unknown")
    if root.thread_ts not in {None, ts}:  # a reply's ts gives that reply
        return {"messages": _shown(call, [root]), "has_more": False}
    messages = [root, *_between(call, call.slack.thread(channel, ts)[1:])]
    page, more = paged(call, messages, 1000)
    has_more = bool(more["response_metadata"]["next_cursor"])
    again = [] if page and page[0] is root else [root]  # every page begins with the root
    return {"messages": _shown(call, [*again, *page]), "has_more": has_more, **more}


@method("conversations.info", *(f"{kind}:read" for kind in ("channels", "groups", "im", "mpim")))
def info(call: Call) -> Json:
    """Return what a conversation is."""
    channel = call.channel()
    call.scope(f"{channel.scope}:read")
    body = channel_json(call.slack, channel, call.bot)
    if call.flag("include_num_members"):
        body["num_members"] = len(channel.members)
    return {"channel": body}


@method(
    "conversations.members",
    *(f"{kind}:read" for kind in ("channels", "groups", "im", "mpim")),
    tier=4,
)
def members(call: Call) -> Json:
    """Return who is in a conversation at this moment."""
    channel = call.channel()
    call.scope(f"{channel.scope}:read")
    page, more = paged(call, list(channel.members), 100)
    return {"members": list(page), **more}


@method("conversations.open", "im:write", "mpim:write")
def open_dm(call: Call) -> Json:
    """Open a DM with a person, or with several (docs: reference/methods/conversations.open)."""
    if given := call.text("channel"):
        return {"channel": {"id": call.channel().id}, "no_op": bool(given), "already_open": True}
    users = [user for user in call.text("users").split(",") if user]
    if not users:
        raise SlackError("users_list_not_supplied")
    for user in users:
        if user not in call.slack.users:
            raise SlackError("user_not_found")
        if call.slack.users[user].bot_id:
            raise call.broken("dm-with-bot")
    call.scope("im:write" if len(users) == 1 else "mpim:write")
    channel = call.slack.dm(users[0]) if len(users) == 1 else call.slack.group_dm(*users)
    full = call.flag("return_im")
    return {"channel": channel_json(call.slack, channel, call.bot) if full else {"id": channel.id}}


@method("users.conversations", *(f"{kind}:read" for kind in ("channels", "groups", "im", "mpim")))
def of_user(call: Call) -> Json:
    """Return the conversations of the app, or those that it shares with a person.

    Docs: reference/methods/users.conversations.
    """
    kinds = {"public_channel": "public", "private_channel": "private", "im": "im", "mpim": "mpim"}
    asked = call.text("types", "public_channel").replace(" ", "").split(",")
    if not set(asked) <= kinds.keys():
        raise SlackError("invalid_types")
    wanted = {kinds[kind] for kind in asked}
    user = call.text("user", call.bot)
    found = [
        channel
        for channel in call.slack.channels.values()
        if channel.kind in wanted
        and {user, call.bot} <= channel.members.keys()
        and not (channel.archived and call.flag("exclude_archived"))
    ]
    for channel in found:
        call.scope(f"{channel.scope}:read")
    page, more = paged(call, found, 100)
    return {"channels": [channel_json(call.slack, c, call.bot) for c in page], **more}
