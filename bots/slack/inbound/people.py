"""Who said something on Slack, when and where, to whom they speak, and their files. Pure.

A timestamp is a message's id and its time: `1652635099.971779` is seconds and microseconds (docs:
messaging/retrieving-messages). A number could lose digits in transit, so ids stay text, and exact
times are whole microseconds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bots.slack.inbound.text import mentions_in
from core.domain.message import Address, Attachment, Author, Kind
from core.domain.payload import count_of, dict_of, dicts_of, str_of
from core.domain.text import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.slack.inbound.events import Me

_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
_TS = re.compile(r"(\d{1,11})\.(\d{1,6})", re.ASCII)
"""Up to the year 5138; Python's dates end in 9999, in every time zone."""
_MICRO = 1_000_000
_TYPE = re.compile(r"[\w.+-]{1,64}/[\w.+-]{1,64}", re.ASCII)
LONGEST = 255
"""Characters of a name; Slack accepts 80 for a person's, and cuts a file's at about 255."""
UNKNOWN_TYPE = "application/octet-stream"
"""The type of a file if Slack names none; if it has no size either, `files.info` has both."""
_SLACKBOT = "USLACKBOT"
_SAID = {"file_share", "thread_broadcast", "me_message"}
"""Subtypes of a person's words; nearly all others are Slack's own, such as `channel_join`."""
_BY_APPS = {"bot_message", "huddle_thread"}
"""Subtypes of what apps post, and Slack itself: a huddle is a message of Slackbot's."""
_BY_SLACK = (
    *("app_conversation_", "assistant_", "bot_", "channel_", "document_", "ekm_", "group_"),
    *("huddle_", "list_", "message_", "pinned_", "reminder_", "sh_room_", "tabbed_canvas_"),
    *("tombstone", "unpinned_"),
)
"""How the subtypes of what Slack reports begin.

Sources: docs: reference/events/message; slackapi/java-slack-sdk, json-logs.
"""
_KINDS = {"im": Kind.DM, "app_home": Kind.DM, "mpim": Kind.GROUP}


def is_id(text: str) -> bool:
    """Return whether a text looks like one of Slack's ids: of a person, channel, file or event."""
    return _ID.fullmatch(text) is not None


def is_ts(text: object) -> bool:
    """Return whether something is a timestamp."""
    return isinstance(text, str) and _TS.fullmatch(text) is not None


def micros(ts: str) -> int:
    """Return a timestamp in whole microseconds; raises `ValueError` if it is none."""
    found = _TS.fullmatch(ts)
    if found is None:
        raise ValueError(f"{ts!r} is not a timestamp")
    return int(found[1]) * _MICRO + int(found[2].ljust(6, "0"))


def seconds(ts: str) -> float:
    """Return a timestamp in seconds; raises `ValueError` if it is none.

    A float keeps the microseconds until the year 2255.
    """
    return micros(ts) / _MICRO


def ts_of(micros: int) -> str:
    """Return the timestamp of a moment in whole microseconds."""
    return f"{micros // _MICRO}.{micros % _MICRO:06d}"


def is_stranger(body: Mapping[str, Any], me: Me) -> bool:
    """Return whether an event's person belongs to another organisation, through Slack Connect.

    Slack says so by `user_team` or `source_team` beside the message, and by the workspaces that
    the app is installed in (docs: apis/slack-connect). In a channel that is not shared outside, a
    person of another workspace belongs to the same organisation; in one that is, the event does not
    say whether they do (`Audience.hear` asks).
    """
    team = team_of(body)
    if not team or team == me.team:  # nearly always
        return False
    granted = dicts_of(body, "authorizations")
    home = {str_of(grant, part) for grant in granted for part in ("team_id", "enterprise_id")}
    known = team in {me.team, me.enterprise} | home
    return not known and body.get("is_ext_shared_channel") is not False


def team_of(body: Mapping[str, Any]) -> str:
    """Return the workspace or organisation of an event's person; empty if it is not said."""
    event = dict_of(body, "event")
    person = dict_of(event, "message") or event
    return str_of(person, "user_team") or str_of(person, "source_team") or str_of(person, "team")


def is_ours(message: Mapping[str, Any], me: Me) -> bool:
    """Return whether the message is the bot's own.

    With another user it is what this app has posted with a person's own token.
    """
    user, bot = str_of(message, "user"), str_of(message, "bot_id")
    return user == me.user if user else bool(bot and bot == me.bot)


def may_be_by_hand(message: Mapping[str, Any], me: Me) -> str:
    """Return the user of an app's message if it may have been posted with a person's own token.

    Such a message is the person's, and has the app's `bot_id` and `app_id`. So does what a bot
    posts with its own token, and then `user` is the bot's user (anneschuth/claude-threads, issue
    526; NousResearch/hermes-agent, pull request 101283): only `users.info` tells them apart.
    """
    if not message.get("bot_id"):  # nearly always
        return ""
    user = str_of(message, "user")
    if user in {me.user, _SLACKBOT}:
        return ""
    return user if is_id(user) and message.get("subtype") != "bot_message" else ""


def author_of(message: Mapping[str, Any], names: Mapping[str, str]) -> Author | None:
    """Return a message's author, by the name that people see; None if the message names none.

    An app may post under a name of its own (`username`); a person may not.
    """
    user, bot = str_of(message, "user"), str_of(message, "bot_id")
    id_ = user or bot
    if not is_id(id_):
        return None
    is_app = bool(bot) or user == _SLACKBOT
    name = _app_name(message) if is_app else ""
    name = name or names.get(id_, "") or _profile_name(message) or id_
    return Author(id=id_, name=name[:LONGEST], is_app=is_app)


def id_to_name(message: Mapping[str, Any]) -> str:
    """Return the id of a message's author, if the message does not say what people call them."""
    if message.get("bot_id") and _app_name(message):
        return ""
    id_ = str_of(message, "user") or str_of(message, "bot_id")
    return "" if id_ == _SLACKBOT else id_


def _app_name(message: Mapping[str, Any]) -> str:
    name = str_of(message, "username") or str_of(dict_of(message, "bot_profile"), "name")
    return name or ("Slackbot" if str_of(message, "user") == _SLACKBOT else "")


def _profile_name(message: Mapping[str, Any]) -> str:
    person = dict_of(message, "user_profile")
    return str_of(person, "display_name") or str_of(person, "real_name")


def address_of(message: Mapping[str, Any], kind: Kind, author: Author, me: Me) -> Address:
    """Return to whom a message in a conversation of this kind is addressed."""
    if author.is_app and (not me.allow_bots or is_ours(message, me)):
        return Address.OTHERS  # it may not talk to the bot, but people see that it was there
    whom = mentions_in(str_of(message, "text"), me.user)
    if whom.me or message.get("type") == "app_mention":
        return Address.MENTIONED  # in a direct message, too: a mention makes a word a command
    if kind is Kind.DM:
        return Address.DIRECT
    if whom.others:
        return Address.OTHERS
    return Address.REPLIED if str_of(message, "parent_user_id") == me.user else Address.NOBODY


def conversation_of(event: Mapping[str, Any], channel: str) -> Kind:
    """Return the kind of conversation; a direct message is known by its channel's id alone."""
    kind = "im" if channel.startswith("D") else str_of(event, "channel_type")
    return _KINDS.get(kind, Kind.THREAD)


def is_words(message: Mapping[str, Any], kind: Kind, author: Author) -> bool:
    """Return whether a message is its author's words, by its subtype.

    In a direct message, so is a person's message of an unknown subtype: nobody else may answer it.
    """
    subtype = str_of(message, "subtype")
    if not subtype or subtype in _SAID:
        return True
    if author.is_app:
        return subtype in _BY_APPS
    unknown = not subtype.startswith(_BY_SLACK) and message.get("hidden") is not True
    return unknown and kind is Kind.DM


def files_of(message: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """Return by reference the files of a message, and of the messages that it forwards.

    Another organisation's file has only an id until `files.info` is called; it has
    `file_access: check_file_info` (docs: reference/objects/file-object).
    """
    if not message.get("files") and not message.get("attachments"):  # nearly always
        return ()
    found: dict[str, Mapping[str, Any]] = {}
    for part in (message, *dicts_of(message, "attachments")):
        for file in dicts_of(part, "files"):
            found.setdefault(str_of(file, "id"), file)
    return tuple(
        Attachment(
            id=id_,
            name=shortened(str_of(file, "name") or str_of(file, "title") or id_, LONGEST),
            media_type=_type_of(file),
            size=count_of(file, "size"),
        )
        for id_, file in found.items()
        if is_id(id_) and str_of(file, "mode") not in {"tombstone", "hidden_by_limit"}
    )


def _type_of(file: Mapping[str, Any]) -> str:
    given = str_of(file, "mimetype")
    return given if _TYPE.fullmatch(given) else UNKNOWN_TYPE
