"""To whom a Slack message is addressed, and whether it is anybody's words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bots.slack.inbound.people import is_ours
from bots.slack.inbound.text import mentions_in
from core.domain.message import Address, Kind
from core.domain.payload import str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.slack.inbound.events import Me
    from core.domain.message import Author

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


def address_of(message: Mapping[str, Any], kind: Kind, author: Author, me: Me) -> Address:
    """Return to whom a message in a conversation of this kind is addressed."""
    if author.is_app and (not me.allow_bots or is_ours(message, me)):
        return Address.OTHERS  # it may not talk to the bot, but people see that it was there
    if kind is Kind.DM:
        return Address.DIRECT
    whom = mentions_in(str_of(message, "text"), me.user)
    if whom.me or message.get("type") == "app_mention":
        return Address.MENTIONED
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
