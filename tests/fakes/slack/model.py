"""What a workspace consists of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Json: TypeAlias = dict[str, Any]
Kind: TypeAlias = Literal["public", "private", "im", "mpim"]

# What the app may do and hear when a test doesn't say otherwise (slack.md 2.10).
SCOPES = frozenset(
    {
        *("app_mentions:read", "assistant:write", "channels:history", "channels:read"),
        *("chat:write", "commands", "files:read", "files:write", "groups:history", "groups:read"),
        *("im:history", "im:read", "im:write", "mpim:history", "mpim:read", "reactions:read"),
        *("reactions:write", "usergroups:read", "users:read"),
    }
)
EVENTS = frozenset(
    {
        *("agent_session_stopped", "agent_session_title_changed", "app_context_changed"),
        *(
            "channel_id_changed",
            "app_home_opened",
            "app_mention",
            "app_uninstalled",
            "file_change",
            "file_deleted",
        ),
        *("assistant_thread_context_changed", "assistant_thread_started", "message.channels"),
        *("message.groups", "message.im", "message.mpim", "reaction_added", "reaction_removed"),
        "tokens_revoked",
    }
)


class SlackError(Exception):
    """What Slack answers to a call that it refuses: `ok: false`, with HTTP status 200."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.more = more

    @classmethod
    def arguments(cls, *messages: str) -> SlackError:
        """Make the answer to arguments that don't fit, which says how they don't."""
        lines = [f"[ERROR] {message}" for message in messages]
        return cls("invalid_arguments", response_metadata={"messages": lines})


@dataclass(slots=True)
class Team:
    """A workspace as Slack names it."""

    id: str
    name: str
    domain: str
    organisation: str = ""
    """The Enterprise organisation that it belongs to, if any."""


@dataclass(slots=True)
class User:
    """A person, or the user that an app acts as."""

    id: str
    name: str
    team: str
    real_name: str = ""
    bot_id: str = ""
    is_admin: bool = False
    is_owner: bool = False
    is_guest: bool = False
    """They see only the channels that they are in."""
    tz: str = "Europe/London"
    deleted: bool = False


@dataclass(slots=True)
class Install:
    """The app in one workspace."""

    team: str
    bot: User
    token: str
    scopes: set[str]
    active: bool = True
    used: set[str] = field(default_factory=set)
    """The scopes without which something of what was done or told would not have been."""


@dataclass(slots=True)
class File:
    """A file, whose bytes are served only to who may read it."""

    id: str
    name: str
    data: bytes
    mimetype: str
    user: str
    created: int
    title: str = ""
    external: bool = False
    """From another organisation: events carry `check_file_info` instead of it (slack.md 2.9)."""
    shared_in: list[str] = field(default_factory=list)
    gone: bool = False
    mode: str = "hosted"
    remote: str = ""
    """Where a remote file is: whatever the app that registered it says (docs: files.remote.add)."""
    address: str = ""
    """Where Slack says that the bytes are, if not at its own usual address."""
    forms: dict[str, bytes] = field(default_factory=dict)
    """Other forms that Slack made of it, by the field with their address (`thumb_1024`, `vtt`)."""
    facts: Json = field(default_factory=dict)
    """What else Slack says of it, such as the size of a picture."""


@dataclass(slots=True)
class Stream:
    """What is open on a message that is being streamed."""

    started: float
    mode: Literal["", "markdown_text", "chunks"] = ""
    state: Literal["open", "done", "stopped by user"] = "open"


@dataclass(slots=True)
class Message:
    """One message as it stands now."""

    ts: str
    channel: str
    user: str
    text: str
    bot_id: str = ""
    thread_ts: str | None = None
    subtype: str | None = None
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    metadata: Json | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    edited: Json | None = None
    client_msg_id: str = ""
    stream: Stream | None = None
    unfurls: tuple[bool | None, bool | None] = (None, None)
    """`unfurl_links` and `unfurl_media` as they were asked for."""
    edits: int = 0

    @property
    def by_app(self) -> bool:
        """Return whether an app wrote it."""
        return bool(self.bot_id)

    @property
    def streaming(self) -> bool:
        """Return whether it's being streamed, as far as is known without looking at the clock."""
        return self.stream is not None and self.stream.state == "open"


@dataclass(slots=True)
class Channel:
    """A conversation of any kind, oldest message first."""

    id: str
    name: str
    kind: Kind
    team: str
    members: dict[str, None] = field(default_factory=dict)
    shared: bool = False
    archived: bool = False
    messages: dict[str, Message] = field(default_factory=dict)
    replies: dict[str, list[str]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    """Messages that were deleted and have left nothing."""

    @property
    def type(self) -> str:
        """Return what events call its kind."""
        return {"public": "channel", "private": "group", "im": "im", "mpim": "mpim"}[self.kind]

    @property
    def scope(self) -> str:
        """Return what scopes call its kind."""
        return {"public": "channels", "private": "groups", "im": "im", "mpim": "mpim"}[self.kind]


@dataclass(slots=True)
class Ephemeral:
    """What one person sees until the next reload (slack.md 2.7)."""

    channel: str
    user: str
    text: str
    blocks: list[Json]
    thread_ts: str | None
    ts: str


@dataclass(slots=True)
class Session:
    """An agent's session in a thread (docs: ai/agent-sessions)."""

    status: str
    since: float
    title: str = ""
    history: list[str] = field(default_factory=list)


@dataclass(slots=True)
class View:
    """A modal, or a person's home tab."""

    id: str
    user: str
    body: Json
    hash: str
    below: View | None = None
    """The modal on top of which it was pushed."""
    entered: dict[str, str] = field(default_factory=dict)
    """What the person has entered so far, by the labels of the fields."""
    errors: dict[str, str] = field(default_factory=dict)
    """What stands in red below fields, by their labels."""

    def payload(self, team: str, app: str) -> Json:
        """Return it as Slack tells of it."""
        return {
            "id": self.id,
            "team_id": team,
            "app_id": app,
            "app_installed_team_id": team,
            "hash": self.hash,
            "state": {"values": {}},
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "root_view_id": self.root.id,
            "previous_view_id": self.below.id if self.below else None,
            **self.body,
        }

    @property
    def root(self) -> View:
        """Return the modal at the bottom of the stack."""
        return self.below.root if self.below else self


@dataclass(slots=True)
class Hook:
    """Where an app may answer to an interaction: a response_url."""

    channel: str
    user: str
    until: float
    uses: int = 0
    message: str = ""
    ephemeral: bool = False
