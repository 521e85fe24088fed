"""How Slack writes down messages, people and channels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.slack.model import Channel, File, Json, Message, User
    from tests.fakes.slack.workspace import Workspace


def message_json(slack: Workspace, message: Message, *, metadata: bool = False) -> Json:
    """Return a message as events and `conversations.*` give it."""
    channel = slack.channels[message.channel]
    body: Json = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text}
    body["team"] = slack.users[message.user].team
    if message.bot_id:
        body |= {"bot_id": message.bot_id, "bot_profile": {"id": message.bot_id}}
        if message.bot_id == slack.installs[channel.team].bot.bot_id:
            body["app_id"] = slack.app_id
    for name in ("client_msg_id", "subtype", "blocks", "attachments", "edited"):
        if value := getattr(message, name):
            body[name] = value
    if metadata and message.metadata:
        body["metadata"] = message.metadata
    found = body | _hanging(slack, message) | _thread_json(channel, message)
    altered = slack.altered.get(message.ts)
    return found if altered is None else cast("Json", altered(found))


def _hanging(slack: Workspace, message: Message) -> Json:
    """Return files and reactions."""
    body: Json = {}
    if message.files:
        body |= {"files": [file_json(slack, file) for file in message.files], "upload": True}
    if message.reactions:
        body["reactions"] = [
            {"name": name, "users": list(users), "count": len(users)}
            for name, users in message.reactions.items()
        ]
    return body


def _thread_json(channel: Channel, message: Message) -> Json:
    if message.thread_ts is None:
        return {}
    if message.thread_ts != message.ts:
        root = channel.messages.get(message.thread_ts)
        parent = {"parent_user_id": root.user} if root else {}
        return {"thread_ts": message.thread_ts, **parent}
    replies = channel.replies.get(message.ts, [])
    users = list(dict.fromkeys(channel.messages[ts].user for ts in replies[:20]))
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users": users[:5],
        "reply_users_count": len(users),
        "subscribed": False,
        "is_locked": False,
        "latest_reply": replies[-1] if replies else message.ts,
    }


def tombstone_json(message: Message) -> Json:
    """Return what is left of a deleted root that has replies (slack.md 2.9)."""
    return {
        "type": "message",
        "subtype": "tombstone",
        "hidden": True,
        "user": "USLACKBOT",
        "text": "This message was deleted.",
        "ts": message.ts,
        "thread_ts": message.ts,
    }


def rich_text(slack: Workspace, text: str) -> list[Json]:
    """Return the blocks that Slack's own clients send along with what a person typed."""
    section = {"type": "rich_text_section", "elements": [*_elements(text)]}
    return [{"type": "rich_text", "block_id": slack.new_id("b"), "elements": [section]}]


_SIGN = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")
_ELEMENTS = {"@": ("user", "user_id"), "#": ("channel", "channel_id"), "": ("link", "url")}


def _elements(text: str) -> Iterator[Json]:
    """Yield the elements of a line of text (docs: reference/block-kit/blocks/rich-text-block)."""
    at = 0
    for sign in _SIGN.finditer(text):
        if before := text[at : sign.start()]:
            yield {"type": "text", "text": _unescaped(before)}
        at = sign.end()
        if sign[1] == "!":
            yield _special(sign[2], sign[3] or "")
            continue
        kind, name = _ELEMENTS[sign[1]]
        label = {"text": _unescaped(sign[3])} if kind == "link" and sign[3] else {}
        yield {"type": kind, name: _unescaped(sign[2]), **label}
    if rest := text[at:]:
        yield {"type": "text", "text": _unescaped(rest)}


def _special(name: str, label: str) -> Json:
    kind, _, rest = name.partition("^")
    if kind == "subteam":
        return {"type": "usergroup", "usergroup_id": rest}
    if kind == "date":
        moment, _, form = rest.partition("^")
        stamp = int(moment) if moment.isdigit() else 0
        return {"type": "date", "timestamp": stamp, "format": form, "fallback": label}
    return {"type": "broadcast", "range": kind}


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def file_json(slack: Workspace, file: File, *, here: bool = False) -> Json:
    """Return a file; one from elsewhere must be asked for with `files.info` (slack.md 2.9)."""
    if file.gone:
        return {"id": file.id, "mode": "tombstone"}
    if file.external and not here:
        return {"id": file.id, "mode": "file_access", "file_access": "check_file_info"}
    if file.remote:
        return _remote_json(file)
    url = f"{slack.url}/files-pri/{slack.team.id}-{file.id}"
    shares = {"shares": _shares(slack, file)} if here else {}
    kind = file.name.rpartition(".")[2] if "." in file.name else "text"
    return {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title or file.name,
        "mimetype": file.mimetype,
        "filetype": kind,
        "user": file.user,
        "size": len(file.data),
        "mode": file.mode,
        "is_external": False,
        "url_private": file.address or f"{url}/{file.name}",
        "channels": list(file.shared_in),
        "url_private_download": file.address or f"{url}/download/{file.name}",
        "file_access": "visible",
        "user_team": slack.users[file.user].team,
        **{form: f"{slack.url}/files-tmb/{slack.team.id}-{file.id}/{form}" for form in file.forms},
        **file.facts,
        **shares,
    }


def _remote_json(file: File) -> Json:
    """Return a remote file (docs: reference/methods/files.remote.info)."""
    return {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title,
        "mimetype": file.mimetype,
        "filetype": "remote",
        "pretty_type": "Remote",
        "user": file.user,
        "editable": False,
        "size": 0,
        "mode": "external",
        "is_external": True,
        "external_type": "app",
        "external_id": file.id,
        "external_url": file.remote,
        "url_private": file.remote,
        "file_access": "visible",
        "channels": list(file.shared_in),
        "has_rich_preview": False,
    }


def _shares(slack: Workspace, file: File) -> Json:
    """Return the messages that show a file (docs: reference/objects/file-object)."""
    shares: Json = {}
    for place in dict.fromkeys(file.shared_in):
        channel = slack.channels[place]
        kind = "public" if channel.kind == "public" else "private"
        shares.setdefault(kind, {})[place] = [
            {"ts": message.ts, **({"thread_ts": message.thread_ts} if message.thread_ts else {})}
            for message in channel.messages.values()
            if file in message.files
        ]
    return shares


def user_json(user: User, team: str, organisation: str = "") -> Json:
    """Return a person as `users.info` does.

    In an organisation there is an `enterprise_user` (docs: reference/objects/user-object).
    """
    name = user.real_name or user.name
    away: Json = {"is_stranger": user.team != team} if user.team != team else {}
    if organisation:
        away["enterprise_user"] = {
            "id": user.id,
            "enterprise_id": organisation,
            "enterprise_name": "Org",
            "is_admin": False,
            "is_owner": False,
            "teams": [user.team],
        }
    return {
        "id": user.id,
        "team_id": user.team,
        "name": user.name,
        "real_name": name,
        "deleted": user.deleted,
        "is_bot": bool(user.bot_id),
        "is_admin": user.is_admin,
        "is_owner": user.is_owner,
        "is_primary_owner": False,
        "is_restricted": user.is_guest,
        "is_app_user": False,
        "tz": user.tz,
        "tz_label": user.tz,
        "tz_offset": 0,
        "profile": {"real_name": name, "display_name": user.name, "team": user.team},
        **away,
    }


def channel_json(slack: Workspace, channel: Channel, user: str) -> Json:
    """Return a conversation as `conversations.info` does, seen by `user`."""
    body: Json = {
        "id": channel.id,
        "created": 1_700_000_000,
        "is_archived": channel.archived,
        "is_channel": channel.kind == "public",
        "is_group": channel.kind == "private",
        "is_im": channel.kind == "im",
        "is_mpim": channel.kind == "mpim",
        "is_private": channel.kind != "public",
        "context_team_id": channel.team,
        "is_ext_shared": channel.shared,
        "is_shared": channel.shared,
    }
    if channel.kind == "im":
        others = [member for member in channel.members if member != user]
        return body | {"user": others[0] if others else user}
    topic = {"value": "", "creator": "", "last_set": 0}
    body |= {"name": channel.name, "name_normalized": channel.name, "topic": topic}
    body["creator"] = next(iter(channel.members), "")
    return body | {"is_member": user in channel.members, "purpose": topic}


def link(slack: Workspace, channel: Channel, message: Message) -> str:
    """Return a message's permalink."""
    domain = slack.teams[channel.team].domain
    base = f"https://{domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts in {None, message.ts}:
        return base
    return f"{base}?thread_ts={message.thread_ts}&cid={channel.id}"
