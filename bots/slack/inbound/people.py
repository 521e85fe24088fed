"""Authors of messages on Slack, where they belong, and the files they sent. Pure."""

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
"""Characters of a name; Slack accepts 80 for a person's, and cuts a file's at about 255."""
UNKNOWN_TYPE = "application/octet-stream"
"""The type of a file if Slack names none; if it has no size either, `files.info` has both."""
_SLACKBOT = "USLACKBOT"


def is_id(text: str) -> bool:
    """Return whether a text looks like one of Slack's ids: of a person, channel, file or event."""
    return _ID.fullmatch(text) is not None


def is_stranger(body: Mapping[str, Any], me: Me) -> bool:
    """Return whether an event's person belongs to another organisation, through Slack Connect.

    Slack says so by `user_team` or `source_team` beside the message, and by the workspaces that
    the app is installed in (docs: apis/slack-connect). In a channel that is not shared outside, a
    person of another workspace belongs to the same organisation.
    """
    event = dict_of(body, "event")
    person = event if not dict_of(event, "message") else dict_of(event, "message")
    found = (str_of(person, "user_team"), str_of(person, "source_team"), str_of(person, "team"))
    team = next(filter(None, found), "")
    granted = {str_of(grant, "team_id") for grant in dicts_of(body, "authorizations")}
    home = {me.team, me.enterprise} | granted
    return bool(team) and team not in home and body.get("is_ext_shared_channel") is not False


def is_ours(message: Mapping[str, Any], me: Me) -> bool:
    """Return whether the message is the bot's own."""
    user, bot = str_of(message, "user"), str_of(message, "bot_id")
    return user == me.user or bool(bot and bot == me.bot)


def author_of(message: Mapping[str, Any], me: Me) -> Author | None:
    """Return the author; None if that is the bot, Slack itself, or a bot that does not count."""
    user, bot = str_of(message, "user"), str_of(message, "bot_id")
    if is_ours(message, me) or user == _SLACKBOT or (bot and not me.allow_bots):
        return None
    person, other = dict_of(message, "user_profile"), dict_of(message, "bot_profile")
    called = (
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
    """Return a message's files by reference.

    Another organisation's file has only an id until `files.info` is called; it has
    `file_access: check_file_info` (docs: reference/objects/file-object).
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
    given = str_of(file, "mimetype")
    return given if _TYPE.fullmatch(given) else UNKNOWN_TYPE
