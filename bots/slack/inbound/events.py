"""Slack's events, parsed into what people said, edited, deleted or stopped. Pure.

The facts behind each line are in Slack's docs under reference/events/message and in its pages on
the Events API; where the docs are silent, the source is named. Nothing here raises, whatever
arrives: an event that can't be understood changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from bots.slack.inbound.content import (
    Content,
    adds_mention,
    content_of,
    has_changed,
    is_made_now,
    is_reworded,
)
from bots.slack.inbound.people import (
    address_of,
    author_of,
    conversation_of,
    is_id,
    is_ours,
    is_stranger,
    is_ts,
    is_words,
    seconds,
)
from core.domain.errors import named
from core.domain.message import FOR_US, Kind, Message, ThreadKey
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "slack"
_MESSAGES = {"message", "app_mention"}
_EDITED, _DELETED, _TOMBSTONE = "message_changed", "message_deleted", "tombstone"
_FILES = {"file_change", "file_deleted"}
_REMOVALS = {"app_uninstalled", "tokens_revoked"}
_NO_NAMES: Mapping[str, str] = {}
_NOTHING = Content()


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
    """Whether other bots may talk to this one; if not, they are heard where it takes part."""
    name: str = ""
    workspace: str = ""
    """The name of the workspace."""
    url: str = ""
    """The workspace's address; empty if it is unknown."""

    @property
    def names(self) -> dict[str, str]:
        """Return the names of the bot and its workspace, by their ids."""
        return {self.user: self.name, self.team: self.workspace}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A person has said something, or an app has."""

    message: Message
    by_stranger: bool
    """Whether the person is of another organisation (`people.is_stranger`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """A message's words, its files or what people see with it have changed."""

    message: Message
    """The message as it is now."""
    by_stranger: bool
    reworded: bool
    """Whether its author has changed its words just now, and it still says something."""
    asks: bool = False
    """Whether its author has just added a mention of the bot."""


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


def parse(body: Mapping[str, Any], me: Me, names: Mapping[str, str] = _NO_NAMES) -> Event | None:
    """Return what a payload says about conversations; None if it is about something else.

    `names` are those of people, channels and groups, by id.
    """
    event = dict_of(body, "event")
    if is_said(event):
        return _parse_message(body, event, me, names) or Ignored()
    kind = str_of(event, "type")
    if str_of(body, "type") == "app_rate_limited":
        return RateLimited()
    if kind == "agent_session_stopped":
        return _parse_stop(body, event, me) or Ignored()
    if kind in _FILES:
        return FileChanged(str_of(event, "file_id"))
    return Removed(kind) if kind in _REMOVALS else None


def _parse_message(
    body: Mapping[str, Any], event: Mapping[str, Any], me: Me, names: Mapping[str, str]
) -> Said | Edited | Deleted | None:
    stranger, made = is_stranger(body, me), is_made_now(event)
    if str_of(event, "subtype") not in {_EDITED, _DELETED}:
        message = said(body, me, names)
        if message and made and str_of(event, "type") == "app_mention":
            message = replace(message, edited_at=max(message.edited_at, message.sent_at))
            asks = message.address in FOR_US
            return Edited(message=message, by_stranger=stranger, reworded=True, asks=asks)
        return Said(message=message, by_stranger=stranger) if message else None
    if (gone := deleted(body, me)) is not None:
        return gone
    if (now := edited(body, me, names)) is None:
        return None
    is_new = made and is_reworded(event) and (me.allow_bots or not now.author.is_app)
    asks = is_new and now.address in FOR_US and adds_mention(event, me.user)
    return Edited(message=now, by_stranger=stranger, reworded=is_new, asks=asks)


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


def said(body: Mapping[str, Any], me: Me, names: Mapping[str, str] = _NO_NAMES) -> Message | None:
    """Return what a person said, or an app in a thread, from an event's payload.

    A mention comes twice, as `app_mention` and as `message`, with two event ids and one `ts`.
    One gesture may come with two `ts` and one `client_msg_id` (typeclaw, pull request 49). Each
    of these is an identity of the message.

    A message to the bot with nothing readable in it is a message without words: its author is
    owed an answer.
    """
    event = dict_of(body, "event")
    if not is_said(event):
        return None
    message = _message(event, event, me, str_of(body, "event_id"), names)
    if message is None or _says_something(message):
        return None if message and _opens_alone(message, me) else message
    return _owed(message, event)


def said_before(
    found: Mapping[str, Any], channel: str, me: Me, names: Mapping[str, str], kind: str = ""
) -> Message | None:
    """Return a message of a channel's history, no matter who wrote it: the bot, an app or Slack.

    `kind` is the channel's type, as an event would call it.
    """
    event = envelope(found, channel, me, kind)["event"]
    if str_of(event, "subtype") == _TOMBSTONE:
        return None
    message = _message({**event, "subtype": ""}, event, me, "", names, ours=True)
    return message if message and _says_something(message) else None


def is_said(event: Mapping[str, Any]) -> bool:
    """Return whether an event may be a person's message; malformed events count, too."""
    kind = str_of(event, "type")
    return kind in _MESSAGES if kind else bool(str_of(event, "text") and str_of(event, "channel"))


def unread(body: Mapping[str, Any], me: Me) -> Message | None:
    """Return a message to the bot without its words, reading only what is needed to answer it."""
    event = dict_of(body, "event")
    if not is_said(event):
        return None
    return _owed(_message(event, event, me, str_of(body, "event_id"), None), event)


def kind_of(body: Mapping[str, Any]) -> str:
    """Return the kind of a payload, for the log."""
    event = dict_of(body, "event")
    return named(body.get("type"), event.get("type"), event.get("subtype"))


def edited(body: Mapping[str, Any], me: Me, names: Mapping[str, str] = _NO_NAMES) -> Message | None:
    """Return a message that has changed, as it is now; nothing may be left of it.

    `message_changed` also comes for links that Slack shows a preview of later, for translations and
    for the bot's own updates.
    """
    event = dict_of(body, "event")
    if str_of(event, "subtype") != _EDITED:
        return None
    now, before = dict_of(event, "message"), dict_of(event, "previous_message")
    if not isinstance(now.get("text"), str) or not has_changed(now, before):
        return None  # or its words are unknown
    message = _message(now, event, me, "", names)
    if message is None:
        return None
    # A second edit within a second has the same `edited.ts`, but a later event.
    event_ts = str_of(event, "event_ts")
    return replace(message, edited_at=max(message.edited_at or message.sent_at, _time(event_ts)))


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
        thread=_thread(conversation_of(event, channel), channel, root if is_ts(root) else ts, me),
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
    names: Mapping[str, str] | None,
    *,
    ours: bool = False,
) -> Message | None:
    """Return a message, if it counts; the bot's own does if `ours` are wanted.

    What it says is left out if there are no `names`, not even an empty collection. So it is of a
    message without a time, since its place in the thread is unknown.
    """
    channel, ts = str_of(event, "channel"), str_of(message, "ts")
    counts = is_id(channel) and (ours or not is_ours(message, me))
    author = author_of(message, names or _NO_NAMES) if counts else None
    if author is None:
        return None
    kind = conversation_of(event, channel)
    if not is_words(message, kind, author):
        return None
    ts, event_id = ts if is_ts(ts) else "", event_id if is_id(event_id) else ""
    root = str_of(message, "thread_ts")
    root = root if is_ts(root) else ts
    content = _NOTHING if names is None or not ts else content_of(message, me, names)
    changed = message.get("edited")
    return Message(
        thread=_thread(kind, channel, root or channel, me),
        kind=kind,
        id=ts or f"event {event_id}",
        identities=_identities(message, channel, ts or event_id, me, event_id),
        author=author,
        text=content.text,
        sent_at=_time(ts),
        edited_at=_time(str_of(changed, "ts")) if isinstance(changed, dict) else 0.0,
        address=address_of(message, kind, author, me),
        answer_in=root,
        attachments=content.attachments,
        quotes=content.quotes,
    )


def _opens_alone(message: Message, me: Me) -> bool:
    """Return whether an app opens a thread, in which the bot can't take part yet."""
    by_app = message.author.is_app and not me.allow_bots
    return by_app and message.kind is not Kind.DM and message.answer_in == message.id


def _owed(message: Message | None, event: Mapping[str, Any]) -> Message | None:
    """Return the message if its author is owed an answer; a bot is not, or two could loop."""
    by_bot = bool(str_of(event, "bot_id"))
    return message if message and message.address in FOR_US and not by_bot else None


def _says_something(message: Message) -> bool:
    return bool(message.text or message.attachments or message.quotes)


def _time(ts: str) -> float:
    return seconds(ts) if is_ts(ts) else 0.0


def thread_at(channel: str, root: str, me: Me) -> ThreadKey:
    """Return the key of a thread, by its channel and its root message."""
    whole = channel.startswith("D") and me.dm_scope == "user"
    return ThreadKey(NAME, place_of(channel, me), channel if whole or not root else root)


def _thread(kind: Kind, channel: str, root: str, me: Me) -> ThreadKey:
    # With an agent view, each message of a DM is a root (docs: ai/migrating-to-agent-messaging):
    # split by threads, such a DM would remember nothing.
    whole = kind is Kind.DM and me.dm_scope == "user"
    return ThreadKey(NAME, place_of(channel, me), channel if whole else root)


def _identities(
    message: Mapping[str, Any], channel: str, ts: str, me: Me, event_id: str
) -> tuple[str, ...]:
    client = str_of(message, "client_msg_id")
    event = (f"event:{event_id}",) if event_id else ()
    gesture = (f"client:{client}",) if is_id(client) else ()
    return (*event, f"{me.team}:{channel}:{ts}", *gesture)
