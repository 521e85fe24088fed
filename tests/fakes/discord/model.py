"""What a Discord consists of; ids are snowflakes as text, times are seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tests.fakes.discord.permissions import NOTHING, Permission

Json: TypeAlias = dict[str, Any]

EPOCH_MS = 1420070400000  # the first second of 2015 (docs: reference, "Snowflakes")

# Kinds of channels (docs: resources/channel, "Channel Types").
TEXT, DM, VOICE, CATEGORY, ANNOUNCEMENT = 0, 1, 2, 4, 5
ANNOUNCEMENT_THREAD, PUBLIC_THREAD, PRIVATE_THREAD, FORUM, MEDIA = 10, 11, 12, 15, 16
THREADS = (ANNOUNCEMENT_THREAD, PUBLIC_THREAD, PRIVATE_THREAD)
POSTS_ONLY = (FORUM, MEDIA)

# Kinds of messages (docs: resources/message, "Message Types").
DEFAULT, PINNED, JOINED, THREAD_CREATED, REPLY = 0, 6, 7, 18, 19
CHAT_INPUT, STARTER, CONTEXT_MENU = 20, 21, 23
WRITTEN = (DEFAULT, REPLY, CHAT_INPUT, CONTEXT_MENU)

FORWARD = 1  # docs: resources/message, "Message Reference Types"

# Flags of messages (docs: resources/message, "Message Flags").
CROSSPOSTED = 1 << 0
SUPPRESS_EMBEDS, HAS_THREAD, EPHEMERAL, LOADING = 1 << 2, 1 << 5, 1 << 6, 1 << 7
SUPPRESS_NOTIFICATIONS, HAS_SNAPSHOT, COMPONENTS_V2 = 1 << 12, 1 << 14, 1 << 15


@dataclass(slots=True)
class User:
    """A person, or a bot."""

    id: str
    name: str
    global_name: str | None = None
    bot: bool = False
    dms_open: bool = True
    """Whether they let the bot write to them: 50007 where not."""

    @property
    def mention(self) -> str:
        """Return a mention of them as it stands in a message's text."""
        return f"<@{self.id}>"


@dataclass(slots=True)
class Role:
    """A role in a guild; the one with the guild's id is everyone's."""

    id: str
    name: str
    permissions: Permission
    position: int = 0
    mentionable: bool = False
    bot: str = ""
    """The bot whose own role it is."""

    @property
    def mention(self) -> str:
        """Return a mention of it as it stands in a message's text."""
        return f"<@&{self.id}>"


@dataclass(slots=True)
class Member:
    """A user in a guild."""

    user: User
    joined: float
    nick: str | None = None
    roles: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Guild:
    """A server."""

    id: str
    name: str
    owner: str
    roles: dict[str, Role] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    bans: set[str] = field(default_factory=set)


@dataclass(slots=True)
class File:
    """An attachment; its bytes are served for as long as a signed address is good."""

    id: str
    name: str
    data: bytes
    mimetype: str
    channel: str = ""
    description: str = ""
    address: str = ""
    """Where Discord says that the bytes are, if not at its own usual address."""
    facts: Json = field(default_factory=dict)
    """What else Discord says of it, such as the `width` and `height` of a picture."""
    smaller: bytes = b""
    """What the media proxy returns of it."""


@dataclass(slots=True)
class Thread:
    """What a thread has beyond a channel."""

    owner: str
    created: float
    active: float
    """When it was last active: made, written to, unarchived."""
    auto_archive: int = 1440
    archived: bool = False
    archived_at: float = 0.0
    locked: bool = False
    members: dict[str, float] = field(default_factory=dict)
    total: int = 0
    opened: float | None = 0.0
    """When a post got its opening message; None until then."""


@dataclass(slots=True)
class Overwrite:
    """What a channel allows and denies to a role or a member."""

    id: str
    type: int
    """0: a role, 1: a member."""
    allow: Permission = NOTHING
    deny: Permission = NOTHING


@dataclass(slots=True)
class Channel:
    """A channel, a thread or a DM, oldest message first."""

    id: str
    kind: int
    name: str = ""
    guild: str = ""
    parent: str = ""
    topic: str | None = None
    slowmode: int = 0
    position: int = 0
    overwrites: dict[str, Overwrite] = field(default_factory=dict)
    recipients: list[User] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    last: str | None = None
    thread: Thread | None = None
    tags: dict[str, str] = field(default_factory=dict)
    """Names by ids: those that a forum has, or those that a post was given."""
    spoke: dict[str, float] = field(default_factory=dict)
    """When each person last wrote: slow mode counts from there."""


@dataclass(slots=True)
class Message:
    """One message as it stands now."""

    id: str
    channel: str
    author: User
    content: str
    created: float
    kind: int = DEFAULT
    flags: int = 0
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    more: Json = field(default_factory=dict)
    """What it shows beside that: a poll, stickers, an activity, the messages that it forwards."""
    reference: Json | None = None
    mentions: list[str] = field(default_factory=list)
    mention_roles: list[str] = field(default_factory=list)
    mention_everyone: bool = False
    pings: set[str] = field(default_factory=set)
    """Whom it notified: ids of users and roles, `everyone`, `here`."""
    nonce: str | int | None = None
    edited: float | None = None
    edits: int = 0
    reactions: dict[str, list[str]] = field(default_factory=dict)
    pinned: bool = False
    webhook: str = ""
    application: str = ""
    """The application that owns the webhook."""
    interaction: Json | None = None
    shown_to: str = ""
    """The one who sees it, where it's ephemeral."""
    deleted: bool = False

    @property
    def ephemeral(self) -> bool:
        """Return whether only one person sees it."""
        return bool(self.flags & EPHEMERAL)

    @property
    def suppressed(self) -> bool:
        """Return whether its links show no previews."""
        return bool(self.flags & SUPPRESS_EMBEDS)


@dataclass(slots=True)
class Interaction:
    """A gesture that the app has to answer: a command, a button, a modal."""

    id: str
    token: str
    kind: int
    """2: command, 3: component, 5: modal."""
    user: User
    channel: str
    created: float
    data: Json
    message: Message | None = None
    """The message that the component is on."""
    acked: float | None = None
    ack: int = 0
    """The type of the first response; 0 until there is one."""
    ephemeral: bool = False
    original: Message | None = None
    """The first response's message; flagged as loading while it's deferred."""
    followups: list[Message] = field(default_factory=list)
    modal: Json | None = None

    @property
    def shown(self) -> list[Message]:
        """Return what it was answered with, as people see it now."""
        first = self.original
        done = [first] if first and not first.flags & LOADING else []
        return [m for m in (*done, *self.followups) if not m.deleted]
