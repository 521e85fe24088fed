"""Edits of messages on Slack: whether a person made one now, and whether it adds a mention. Pure.

This file is Slack's own: Discord's events on edits say nothing of the message as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bots.slack.ids import is_ts, seconds
from bots.slack.inbound.text import mentions_in
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_AT_ONCE = 60.0
"""Seconds between an edit and the event that reports it; a retry repeats the event's own time."""


def is_made_now(event: Mapping[str, Any]) -> bool:
    """Return whether an event reports an edit that the message's author has made just now.

    Slack reports previews of links and translations in the same way, at any age of the message.
    Then `edited` is missing, or is that of an earlier edit (docs: reference/events/message/
    message_changed). An `app_mention` has `edited` only after an edit (slack-go, pull request 1256;
    inkeep/agents, pull request 2284).
    """
    message = dict_of(event, "message") or event
    edit = dict_of(message, "edited")
    if not edit:  # nearly always
        return False
    at, told = str_of(edit, "ts"), str_of(event, "event_ts")
    if not is_ts(at) or str_of(edit, "user") not in {"", str_of(message, "user")}:
        return False
    return not is_ts(told) or seconds(told) - seconds(at) < _AT_ONCE


def adds_mention(event: Mapping[str, Any], me: str) -> bool:
    """Return whether an edit mentions the bot, whose user id is `me`, and the text before did not.

    Without the text before, every mention counts as new.
    """
    now, before = dict_of(event, "message"), dict_of(event, "previous_message")
    return (
        mentions_in(str_of(now, "text"), me).me and not mentions_in(str_of(before, "text"), me).me
    )
