"""Who has said something on Slack, whose they are, and what came with it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from core.domain.message import Attachment, Author
from core.domain.payload import count_of, dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.slack.inbound.events import Me

_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
_TYPE = re.compile(r"[\w.+-]{1,64}/[\w.+-]{1,64}", re.ASCII)
LONGEST = 255
"""Characters of a name; Slack takes 80 for a person's, and a file's is cut at about 255."""
UNKNOWN_TYPE = "application/octet-stream"
"""The type of a file of which Slack says none; where it has no size either, `files.info` does."""
_SLACKBOT = "USLACKBOT"


def is_id(text: str) -> bool:
    """Tell whether a text looks like an id of Slack's: of a person, a channel, a file, an event."""
    return _ID.fullmatch(text) is not None


def is_stranger(body: Mapping[str, Any], me: Me) -> bool:
    """Tell whether an event's person is of another organisation, through Slack Connect.

    What Slack says of it: `user_team` or `source_team` beside the message, and which workspaces
    the app is installed in (docs: apis/slack-connect). In a channel that is not shared outside,
    somebody of another workspace is of the same organisation.
    """
    event = dict_of(body, "event")
    person = event if not dict_of(event, "message") else dict_of(event, "message")
    found = (str_of(person, "user_team"), str_of(person, "source_team"), str_of(person, "team"))
    team = next(filter(None, found), "")
    granted = {str_of(grant, "team_id") for grant in dicts_of(body, "authorizations")}
    home = {me.team, me.enterprise} | granted
    return bool(team) and team not in home and body.get("is_ext_shared_channel") is not False


def is_ours(message: Mapping[str, Any], me: Me) -> bool:
    """Tell whether the bot itself has said it."""
    user, bot = str_of(message, "user"), str_of(message, "bot_id")
    return user == me.user or bool(bot and bot == me.bot)


def author_of(message: Mapping[str, Any], me: Me, names: Mapping[str, str]) -> Author | None:
    """Return who said it; None where that is the bot, Slack itself, or a bot that isn't heard."""
    user, bot = str_of(message, "user"), str_of(message, "bot_id")
    if is_ours(message, me) or user == _SLACKBOT or (bot and not me.allow_bots):
        return None
    person, other = dict_of(message, "user_profile"), dict_of(message, "bot_profile")
    called = (
        names.get(user, ""),
        str_of(person, "display_name"),
        str_of(person, "real_name"),
        str_of(other, "name"),
        str_of(message, "username") if bot else "",
        user,
        bot,
    )
    name = next(filter(None, called), "")
    return Author(id=user or bot, name=name[:LONGEST]) if is_id(user or bot) else None


def files_of(message: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """Return files by reference. One of another organisation is only an id until it is asked for.

    Such a file has `file_access: check_file_info` (docs: reference/objects/file-object).
    """
    return tuple(
        Attachment(
            id=str_of(file, "id"),
            name=(str_of(file, "name") or str_of(file, "title") or str_of(file, "id"))[:LONGEST],
            media_type=_type_of(file),
            size=count_of(file, "size"),
        )
        for file in dicts_of(message, "files")
        if is_id(str_of(file, "id"))
        and str_of(file, "mode") not in {"tombstone", "hidden_by_limit"}
    )


def _type_of(file: Mapping[str, Any]) -> str:
    said = str_of(file, "mimetype")
    return said if _TYPE.fullmatch(said) else UNKNOWN_TYPE
