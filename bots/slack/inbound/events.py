"""Slack's events, parsed into what people said, edited, deleted or stopped. Pure.

The facts behind each line are in Slack's docs under reference/events/message and in its pages on
the Events API; where the docs are silent, the source is named. Nothing here raises, whatever
arrives: an event that can't be understood changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from bots.slack.ids import is_ts, seconds
from bots.slack.inbound.people import author_of, files_of, is_id, is_ours, is_stranger
from bots.slack.inbound.text import mentions_in, readable
from core.domain.errors import named
from core.domain.message import FOR_US, Address, Kind, Message, ThreadKey
from core.domain.payload import dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "slack"

_MESSAGES = {"message", "app_mention"}
_SAID = {"", "file_share", "thread_broadcast", "me_message"}
"""Subtypes of a person's words; all others are Slack's own, such as `channel_join`."""
_EDITED, _DELETED, _TOMBSTONE = "message_changed", "message_deleted", "tombstone"
_FILES = {"file_change", "file_deleted"}
_REMOVALS = {"app_uninstalled", "tokens_revoked"}
_KINDS = {"im": Kind.DM, "app_home": Kind.DM, "mpim": Kind.GROUP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """The bot's identity in a workspace, and which conversations it was configured to join."""

    user: str
    bot: str = ""
    team: str
    enterprise: str = ""
    dm_scope: Literal["user", "thread"] = "user"
    """Whether a DM is one conversation, or each of its threads is one."""
    allow_bots: bool = False
    """Whether messages of other bots count; the bot's own never do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A person has said something."""

    message: Message
    by_stranger: bool
    """Whether the person is of another organisation (`people.is_stranger`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """A message's words or files have changed."""

    message: Message
    """The message as it is now."""
    by_stranger: bool
    reworded: bool
    """Whether its words have changed, and it still says something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """A message was deleted."""

    thread: ThreadKey
    id: str
    identities: tuple[str, ...]
    stamp: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A person has pressed Stop in a thread."""

    thread: ThreadKey
    root: str
    person: str
    by_stranger: bool
    at: float
    """When, in Slack's seconds; infinity if the event does not say."""


@dataclass(frozen=True, slots=True)
class FileChanged:
    """A file was replaced or deleted."""

    file: str


@dataclass(frozen=True, slots=True)
class Removed:
    """The app was taken out of the workspace, or its token revoked."""

    by: str
    """The type of the event that says so."""


@dataclass(frozen=True, slots=True)
class RateLimited:
    """Slack holds events back."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message's event that says nothing to the bot."""


Event: TypeAlias = Said | Edited | Deleted | Stopped | FileChanged | Removed | RateLimited | Ignored


def parse(body: Mapping[str, Any], me: Me) -> Event | None:
    """Return what a payload says about conversations; None if it is about something else."""
    if str_of(body, "type") == "app_rate_limited":
        return RateLimited()
    event = dict_of(body, "event")
    kind = str_of(event, "type")
    if is_said(event):
        return _parse_message(body, event, me) or Ignored()
    if kind == "agent_session_stopped":
        return _parse_stop(body, event, me) or Ignored()
    if kind in _FILES:
        return FileChanged(str_of(event, "file_id"))
    return Removed(kind) if kind in _REMOVALS else None


def _parse_message(
    body: Mapping[str, Any], event: Mapping[str, Any], me: Me
) -> Said | Edited | Deleted | None:
    if str_of(event, "subtype") not in {_EDITED, _DELETED}:
        message = said(body, me)
        return Said(message=message, by_stranger=is_stranger(body, me)) if message else None
    if (gone := deleted(body, me)) is not None:
        return gone
    if (now := edited(body, me)) is None:
        return None
    return Edited(message=now, by_stranger=is_stranger(body, me), reworded=is_reworded(body))


def _parse_stop(body: Mapping[str, Any], event: Mapping[str, Any], me: Me) -> Stopped | None:
    channel, root = str_of(event, "channel"), str_of(event, "thread_ts")
    if not (is_id(channel) and is_ts(root)):
        return None
    return Stopped(
        thread=thread_at(channel, root, me),
        root=root,
        person=str_of(event, "user"),
        by_stranger=is_stranger(body, me),
        at=_time(str_of(event, "event_ts")) or math.inf,
    )


def said(body: Mapping[str, Any], me: Me) -> Message | None:
    """Return what a person said, from an event's payload.

    A mention comes twice, as `app_mention` and as `message`, with two event ids and one `ts`.
    One gesture may come with two `ts` and one `client_msg_id` (typeclaw, pull request 49). Each
    of these is an identity of the message.

    A message to the bot with nothing readable in it is a message without words: its author is
    owed an answer.
    """
    event = dict_of(body, "event")
    if not is_said(event):
        return None
    message = _message(event, event, me, str_of(body, "event_id"))
    return message if message and _says_something(message) else _owed(message, event)


def is_said(event: Mapping[str, Any]) -> bool:
    """Return whether an event may be a person's message; malformed events count, too."""
    kind = str_of(event, "type")
    return kind in _MESSAGES if kind else bool(str_of(event, "text") and str_of(event, "channel"))


def unread(body: Mapping[str, Any], me: Me) -> Message | None:
    """Return a message to the bot without its words, reading only what is needed to answer it."""
    event = dict_of(body, "event")
    if not is_said(event):
        return None
    return _owed(_message(event, event, me, str_of(body, "event_id"), read=False), event)


def kind_of(body: Mapping[str, Any]) -> str:
    """Return the kind of a payload, for the log."""
    event = dict_of(body, "event")
    return named(body.get("type"), event.get("type"), event.get("subtype"))


def edited(body: Mapping[str, Any], me: Me) -> Message | None:
    """Return a message whose words or files have changed, as it is now; both may be gone.

    `message_changed` also comes for unfurled links, translations and the bot's own updates. Then
    words, files and author are the same as before, or it is not a person's message.
    """
    event = dict_of(body, "event")
    if str_of(event, "subtype") != _EDITED:
        return None
    now, before = dict_of(event, "message"), dict_of(event, "previous_message")
    if not isinstance(now.get("text"), str):
        return None  # its words are unknown
    if not _is_reworded(now, before) and not _has_other_files(now, before):
        return None
    message = _message(now, event, me, "")
    if message is None:
        return None
    # A second edit within a second has the same `edited.ts`, but a later event.
    event_ts = str_of(event, "event_ts")
    return replace(message, edited_at=max(message.edited_at or message.sent_at, _time(event_ts)))


def is_reworded(body: Mapping[str, Any]) -> bool:
    """Return whether an edit changes a message's words, and leaves it something to say.

    A message that only lost a file says nothing new, however old it is.
    """
    event = dict_of(body, "event")
    now, before = dict_of(event, "message"), dict_of(event, "previous_message")
    return _is_reworded(now, before) and bool(str_of(now, "text") or files_of(now))


def deleted(body: Mapping[str, Any], me: Me) -> Deleted | None:
    """Return a message that its author, or another person with the right to, has deleted.

    The root of a thread with replies leaves a tombstone instead, which comes as
    `message_changed`. It stands for the deleted message, and its text is no person's.
    """
    event = dict_of(body, "event")
    subtype = str_of(event, "subtype")
    before, now = dict_of(event, "previous_message"), dict_of(event, "message")
    buried = str_of(now, "subtype") == _TOMBSTONE and subtype == _EDITED
    if not buried and subtype != _DELETED:
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
    """Return a message that was read from history as the event that reported it.

    History has no event ids; a message that came as an event is recognised by its other
    identities.
    """
    event = {**message, "type": "message", "channel": channel}
    if channel_type:
        event["channel_type"] = channel_type
    return {"type": "event_callback", "team_id": me.team, "event": event}


def place_of(channel: str, me: Me) -> str:
    """Return a channel's key, which is unique across workspaces."""
    return f"{me.team}/{channel}"


def channel_of(place: str) -> str:
    """Return the channel that a key stands for."""
    return place.rpartition("/")[2]


def _message(
    message: Mapping[str, Any],
    event: Mapping[str, Any],
    me: Me,
    event_id: str,
    *,
    read: bool = True,
) -> Message | None:
    """Return a person's message, if it is one; `read` includes its words and files.

    Both are left out of a message without a time, since its place in the thread is unknown.
    """
    channel, ts, text = str_of(event, "channel"), str_of(message, "ts"), str_of(message, "text")
    author = author_of(message, me)
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
        text=readable(text, me.user) if read and ts else "",
        sent_at=_time(ts),
        edited_at=_time(str_of(dict_of(message, "edited"), "ts")),
        address=_address(message, _kind(event, channel), text, me),
        answer_in=root,
        attachments=files_of(message) if read and ts else (),
    )


def _is_reworded(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    if not before:
        return bool(dict_of(now, "edited"))
    return any(str_of(now, part) != str_of(before, part) for part in ("text", "user"))


def _has_other_files(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Return whether files were removed, replaced, renamed, or turned into tombstones.

    Slack may first name another organisation's file by its id, and describe it later.
    """
    if not before:
        return len(files_of(now)) < len(dicts_of(now, "files"))
    names = {file.id: file.name for file in files_of(now)}
    known = {file.id: file.name for file in files_of(before)}
    renamed = any(known[id_] not in {id_, name} for id_, name in names.items() if id_ in known)
    return names.keys() != known.keys() or renamed


def _owed(message: Message | None, event: Mapping[str, Any]) -> Message | None:
    """Return the message if its author is owed an answer; a bot is not, or two could loop."""
    by_bot = bool(str_of(event, "bot_id"))
    return message if message and message.address in FOR_US and not by_bot else None


def _says_something(message: Message) -> bool:
    """Return whether it has content to answer; a shared message or a call has none."""
    return bool(message.text or message.attachments)


def _time(ts: str) -> float:
    return seconds(ts) if is_ts(ts) else 0.0


def _counted(me: Me) -> set[str]:
    return _SAID | {"bot_message"} if me.allow_bots else _SAID


def thread_at(channel: str, root: str, me: Me) -> ThreadKey:
    """Return the key of a thread, by its channel and its root message."""
    whole = channel.startswith("D") and me.dm_scope == "user"
    return ThreadKey(NAME, place_of(channel, me), channel if whole or not root else root)


def _thread(event: Mapping[str, Any], channel: str, root: str, me: Me) -> ThreadKey:
    # With an agent view, each message of a DM is a root (docs: ai/migrating-to-agent-messaging):
    # split by threads, such a DM would remember nothing.
    whole = _kind(event, channel) is Kind.DM and me.dm_scope == "user"
    return ThreadKey(NAME, place_of(channel, me), channel if whole else root)


def _kind(event: Mapping[str, Any], channel: str) -> Kind:
    """Return the kind of conversation; a direct message is known by its channel's id alone."""
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
