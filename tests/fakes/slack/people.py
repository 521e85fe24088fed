"""auth.test, users.info, bots.info, team.info, installing, reactions, and opening a socket."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.fakes.slack.call import Call, method
from tests.fakes.slack.model import SlackError
from tests.fakes.slack.shapes import message_json, user_json

if TYPE_CHECKING:
    from tests.fakes.slack.events import Announcer
    from tests.fakes.slack.model import Json, Message

_EMOJI = re.compile(r"[a-z0-9_+'\-]+(::skin-tone-[2-6])?")


@method("auth.test")
def auth_test(call: Call) -> Json:
    """Say whose token it is."""
    team = call.slack.teams[call.install.team]
    return {
        "url": f"https://{team.domain}.slack.com/",
        "team": team.name,
        "team_id": team.id,
        "user": call.install.bot.name,
        "user_id": call.bot,
        "is_enterprise_install": False,
        "bot_id": call.install.bot.bot_id,
        **({"enterprise_id": team.organisation} if team.organisation else {}),
    }


@method("apps.connections.open", "connections:write", tier=1, token="xapp-")
def connections_open(call: Call) -> Json:
    """Return an address for one WebSocket."""
    return {"url": call.socket.ticket()}


@method("apps.manifest.export", token="xoxe.")
def manifest_export(call: Call) -> Json:
    """Return how an app is set up (docs: reference/methods/apps.manifest.export)."""
    if call.required("app_id") != call.slack.app_id:
        raise SlackError("app_not_found")
    return {"manifest": call.slack.manifest}


@method("users.info", "users:read", tier=4)
def users_info(call: Call) -> Json:
    """Return a person, of another organisation perhaps (docs: reference/methods/users.info)."""
    user = call.slack.users.get(call.required("user"))
    if user is None:
        raise SlackError("user_not_found")
    return {"user": user_json(user, call.install.team, call.slack.teams[user.team].organisation)}


@method("bots.info", "users:read")
def bots_info(call: Call) -> Json:
    """Return a bot; its id isn't its user's (docs: reference/methods/bots.info)."""
    given = call.text("bot", call.install.bot.bot_id)
    for user in call.slack.users.values():
        if user.bot_id == given:
            app = call.slack.app_id if user is call.install.bot else "A0OTHER"
            body = {"id": given, "deleted": False, "name": user.name, "user_id": user.id}
            return {"bot": body | {"app_id": app}}
    raise SlackError("bot_not_found")


@method("usergroups.list", "usergroups:read", tier=2)
def usergroups_list(call: Call) -> Json:
    """Return all user groups (docs: reference/methods/usergroups.list)."""
    groups = call.slack.groups.items()
    return {"usergroups": [{"id": id_, "handle": handle, "name": handle} for id_, handle in groups]}


@method("team.info", "team:read")
def team_info(call: Call) -> Json:
    """Return the workspace."""
    team = call.slack.teams[call.install.team]
    return {"team": {"id": team.id, "name": team.name, "domain": team.domain}}


@method("oauth.v2.access", tier=4, token="")
def oauth_access(call: Call) -> Json:
    """Trade a code for a bot's token, once (docs: reference/methods/oauth.v2.access)."""
    slack = call.slack
    if call.text("client_id") != slack.client_id:
        raise SlackError("invalid_client_id")
    if call.text("client_secret") != slack.client_secret:
        raise SlackError("bad_client_secret")
    team = slack.teams.get(slack.codes.pop(call.required("code"), ""))
    if team is None:
        raise SlackError("invalid_code")
    install = slack.installs.get(team.id) or slack.add_install(team)
    return {
        "app_id": slack.app_id,
        "access_token": install.token,
        "token_type": "bot",
        "scope": ",".join(sorted(install.scopes)),
        "bot_user_id": install.bot.id,
        "team": {"id": team.id, "name": team.name},
        "enterprise": None,
        "authed_user": {"id": install.bot.id},
        "is_enterprise_install": False,
    }


def _reacted(call: Call) -> tuple[Message, str]:
    name = call.required("name")
    if not _EMOJI.fullmatch(name):
        raise call.broken("reaction-name")
    channel = call.channel(member=True)
    message = channel.messages.get(call.required("timestamp"))
    if message is None:
        raise call.broken("message-unknown")
    return message, name


@method("reactions.add", "reactions:write")
def reactions_add(call: Call) -> Json:
    """React, once with each emoji."""
    message, name = _reacted(call)
    if call.bot in message.reactions.get(name, ()):
        raise call.broken("reaction-twice")
    reacted(call.slack, message, call.bot, name)
    return {}


@method("reactions.remove", "reactions:write", tier=2)
def reactions_remove(call: Call) -> Json:
    """Take a reaction back."""
    message, name = _reacted(call)
    if call.bot not in message.reactions.get(name, ()):
        raise call.broken("reaction-none")
    reacted(call.slack, message, call.bot, name, removed=True)
    return {}


@method("reactions.get", "reactions:read")
def reactions_get(call: Call) -> Json:
    """Return a message with its reactions."""
    channel = call.channel(member=True)
    message = channel.messages.get(call.required("timestamp"))
    if message is None:
        raise call.broken("message-unknown")
    shown = message_json(call.slack, message)
    return {"type": "message", "channel": channel.id, "message": shown}


def reacted(
    slack: Announcer, message: Message, user: str, name: str, *, removed: bool = False
) -> None:
    """Note a reaction and tell of it."""
    users = message.reactions.setdefault(name, [])
    users.remove(user) if removed else users.append(user)
    if not users:
        del message.reactions[name]
    item = {"type": "message", "channel": message.channel, "ts": message.ts}
    kind = "reaction_removed" if removed else "reaction_added"
    event = {"type": kind, "user": user, "reaction": name, "item": item, "item_user": message.user}
    slack.emit(event, channel=slack.channels[message.channel])
    slack.touch()
