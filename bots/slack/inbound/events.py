"""Slack's events, as what somebody said, edited or deleted. Pure.

The facts behind each line are in Slack's docs under reference/events/message and in its pages on
the Events API; where they say nothing, the source is named. Whatever comes, nothing here raises:
what is not understood is None, and changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from bots.slack.ids import is_ts, seconds
from bots.slack.inbound.people import author_of, files_of, is_id, is_ours
from bots.slack.inbound.text import mentions_in, readable
from core.domain.errors import named
from core.domain.message import FOR_US, Address, Kind, Message, ThreadKey
from core.domain.payload import dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "slack"

_SAYING = {"message", "app_mention"}
_SAID = {"", "file_share", "thread_broadcast", "me_message"}
"""Subtypes that are a person's words; all others are Slack's own, as `channel_join`."""
CHANGES = {"message_changed", "message_deleted"}
"""Subtypes of what becomes of a message later."""
_KINDS = {"im": Kind.DM, "app_home": Kind.DM, "mpim": Kind.GROUP}
_NO_NAMES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """Who the bot is in a workspace, and what it was told to listen to."""

    user: str
    bot: str = ""
    team: str
    enterprise: str = ""
    dm_scope: Literal["user", "thread"] = "user"
    """Whether a DM is one conversation, or each of its threads is one."""
    allow_bots: bool = False
    """Whether what other bots say counts; never what this one says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """A message that is gone."""

    thread: ThreadKey
    id: str
    identities: tuple[str, ...]
    stamp: float


def said(body: Mapping[str, Any], me: Me, names: Mapping[str, str] = _NO_NAMES) -> Message | None:
    """Return what somebody said, from an event's payload; `names` are people's, by id.

    A mention comes twice, as `app_mention` and as `message`, under two event ids and one `ts`;
    one gesture may come under two `ts` and one `client_msg_id` (typeclaw, pull request 49). Each
    of them is an identity.

    What is said to the bot and has nothing in it that can be read is a message without words: its
    author is owed an answer.
    """
    event = dict_of(body, "event")
    if not is_said(event):
        return None
    message = _message(event, event, me, names, str_of(body, "event_id"))
    return message if message and _says_something(message) else _owed(message, event)


def is_said(event: Mapping[str, Any]) -> bool:
    """Tell whether an event may be that a person has said something; odd ones may be, too."""
    kind = str_of(event, "type")
    return kind in _SAYING if kind else bool(str_of(event, "text") and str_of(event, "channel"))


def unread(body: Mapping[str, Any], me: Me) -> Message | None:
    """Return what was said to the bot without its words: no more of it is read than it takes."""
    event = dict_of(body, "event")
    if not is_said(event):
        return None
    return _owed(_message(event, event, me, _NO_NAMES, str_of(body, "event_id"), read=False), event)


def kind_of(body: Mapping[str, Any]) -> str:
    """Return what kind of payload it is, for the log."""
    event = dict_of(body, "event")
    return named(body.get("type"), event.get("type"), event.get("subtype"))


def edited(body: Mapping[str, Any], me: Me, names: Mapping[str, str] = _NO_NAMES) -> Message | None:
    """Return a message whose words or files have changed, as it is now: perhaps with neither.

    `message_changed` also comes for unfurled links, translations and the bot's own updates:
    there words, files and author are the same as before, or it is not a person's message.
    """
    event = dict_of(body, "event")
    if str_of(event, "subtype") != "message_changed":
        return None
    now, before = dict_of(event, "message"), dict_of(event, "previous_message")
    if not isinstance(now.get("text"), str):
        return None  # nothing is known of its words
    if not _is_reworded(now, before) and not _has_other_files(now, before):
        return None
    message = _message(now, event, me, names, "")
    if message is None:
        return None
    # A second edit within a second has the same `edited.ts`, but a later event.
    told = str_of(event, "event_ts")
    return replace(message, stamp=max(message.stamp or message.at, _time(told)))


def is_reworded(body: Mapping[str, Any]) -> bool:
    """Tell whether a change of a message is one of its words, and leaves any.

    What only lost a file is nothing that is said now, however old it is.
    """
    event = dict_of(body, "event")
    now, before = dict_of(event, "message"), dict_of(event, "previous_message")
    return _is_reworded(now, before) and bool(str_of(now, "text") or files_of(now))


def stopped_at(event: Mapping[str, Any]) -> float:
    """Return when somebody pressed Stop, in Slack's seconds; without end where it is not said."""
    return _time(str_of(event, "event_ts")) or math.inf


def deleted(body: Mapping[str, Any], me: Me) -> Deleted | None:
    """Return a message that its author, or somebody with the right to, has deleted.

    The root of a thread with replies leaves a tombstone instead, which comes as
    `message_changed`: it is the deletion of what stood there, and its text is nobody's.
    """
    event = dict_of(body, "event")
    before, now = dict_of(event, "previous_message"), dict_of(event, "message")
    buried = str_of(now, "subtype") == "tombstone" and str_of(event, "subtype") == "message_changed"
    if not buried and str_of(event, "subtype") != "message_deleted":
        return None
    ts = str_of(event, "deleted_ts") or str_of(before, "ts") or str_of(now, "ts")
    channel, stamp = str_of(event, "channel"), str_of(event, "event_ts")
    if not (is_id(channel) and is_ts(ts)) or is_ours(before, me):
        return None
    root = str_of(before, "thread_ts") or str_of(now, "thread_ts")
    return Deleted(
        thread=_thread(event, channel, root if is_ts(root) else ts, me),
        id=ts,
        identities=_identities(before, channel, ts, me, ""),
        stamp=seconds(stamp if is_ts(stamp) else ts),
    )


def envelope(
    message: Mapping[str, Any], channel: str, me: Me, channel_type: str = ""
) -> dict[str, Any]:
    """Return a message that was read from Slack as the event that told of it.

    History has no event ids; what was heard before is known by its other identities.
    """
    event = {**message, "type": "message", "channel": channel}
    if channel_type:
        event["channel_type"] = channel_type
    return {"type": "event_callback", "team_id": me.team, "event": event}


def place_of(channel: str, me: Me) -> str:
    """Return the place that a channel is."""
    return f"{me.team}/{channel}"


def channel_of(place: str) -> str:
    """Return the channel that a place is."""
    return place.rpartition("/")[2]


def _message(
    message: Mapping[str, Any],
    event: Mapping[str, Any],
    me: Me,
    names: Mapping[str, str],
    event_id: str,
    *,
    read: bool = True,
) -> Message | None:
    """Return what a person has said, if anything; `read` lets its words and files be read.

    Neither is read of a message without a time: nothing can be told of where it belongs.
    """
    channel, ts, text = str_of(event, "channel"), str_of(message, "ts"), str_of(message, "text")
    author = author_of(message, me, names)
    if author is None or not is_id(channel) or str_of(message, "subtype") not in _counted(me):
        return None
    ts, event_id = ts if is_ts(ts) else "", event_id if is_id(event_id) else ""
    root = str_of(message, "thread_ts")
    root = root if is_ts(root) else ts
    return Message(
        thread=_thread(event, channel, root or channel, me),
        kind=_kind(event, channel),
        id=ts or f"event {event_id}",
        identities=_identities(message, channel, ts or event_id, me, event_id),
        author=author,
        text=readable(text, me.user, names) if read and ts else "",
        at=_time(ts),
        stamp=_time(str_of(dict_of(message, "edited"), "ts")),
        address=_address(message, _kind(event, channel), text, me),
        answer_in=root,
        attachments=files_of(message) if read and ts else (),
    )


def _is_reworded(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    if not before:
        return bool(dict_of(now, "edited"))
    return any(str_of(now, part) != str_of(before, part) for part in ("text", "user"))


def _has_other_files(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Tell whether files were taken out, replaced, renamed, or made tombstones.

    One of another organisation may be described later than it is named by its id.
    """
    if not before:
        return len(files_of(now)) < len(dicts_of(now, "files"))
    names = {file.id: file.name for file in files_of(now)}
    known = {file.id: file.name for file in files_of(before)}
    renamed = any(known[id_] not in {id_, name} for id_, name in names.items() if id_ in known)
    return names.keys() != known.keys() or renamed


def _owed(message: Message | None, event: Mapping[str, Any]) -> Message | None:
    """Return a message without words if a person is owed an answer to it; bots might go on so."""
    by_bot = bool(str_of(event, "bot_id"))
    return message if message and message.address in FOR_US and not by_bot else None


def _says_something(message: Message) -> bool:
    """Tell whether there is something in it to answer: not in a shared message, or in a call."""
    return bool(message.text or message.attachments)


def _time(ts: str) -> float:
    return seconds(ts) if is_ts(ts) else 0.0


def _counted(me: Me) -> set[str]:
    return _SAID | {"bot_message"} if me.allow_bots else _SAID


def thread_at(channel: str, root: str, me: Me) -> ThreadKey:
    """Return the thread that a message is in, by its channel and the root it stands under."""
    whole = channel.startswith("D") and me.dm_scope == "user"
    return ThreadKey(NAME, place_of(channel, me), channel if whole or not root else root)


def _thread(event: Mapping[str, Any], channel: str, root: str, me: Me) -> ThreadKey:
    # With an agent view each message of a DM is a root of its own (docs:
    # ai/migrating-to-agent-messaging): by threads, such a DM would remember nothing.
    whole = _kind(event, channel) is Kind.DM and me.dm_scope == "user"
    return ThreadKey(NAME, place_of(channel, me), channel if whole else root)


def _kind(event: Mapping[str, Any], channel: str) -> Kind:
    """Return what kind of place it is; a direct message's id tells by itself."""
    kind = "im" if channel.startswith("D") else str_of(event, "channel_type")
    return _KINDS.get(kind, Kind.THREAD)


def _address(message: Mapping[str, Any], kind: Kind, text: str, me: Me) -> Address:
    if kind is Kind.DM:
        return Address.DIRECT
    whom = mentions_in(text, me.user)
    if whom.me or str_of(message, "type") == "app_mention":
        return Address.MENTIONED
    if whom.others:
        return Address.OTHERS
    return Address.REPLIED if str_of(message, "parent_user_id") == me.user else Address.NOBODY


def _identities(
    message: Mapping[str, Any], channel: str, ts: str, me: Me, event_id: str
) -> tuple[str, ...]:
    client = str_of(message, "client_msg_id")
    event = (f"event:{event_id}",) if event_id else ()
    gesture = (f"client:{client}",) if is_id(client) else ()
    return (*event, f"{me.team}:{channel}:{ts}", *gesture)
