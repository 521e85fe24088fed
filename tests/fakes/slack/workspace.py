"""The state of the fake workspace, and what anybody can look up in it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.fakes.kit.simulation import Simulation
from tests.fakes.slack.model import (
    EVENTS,
    SCOPES,
    Channel,
    File,
    Install,
    Kind,
    Message,
    Session,
    Team,
    User,
    View,
)
from tests.live.slack.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.slack.model import Ephemeral, Hook, Json

Who: TypeAlias = User | str
Where: TypeAlias = Channel | str

SESSION_LIFE = 3600.0  # `processing` ends by itself after up to an hour (slack.md 2.6)
STATUS_LIFE = 120.0  # a free-text status is gone after two minutes (slack.md 2.6)


class Workspace(Simulation):
    """Teams, people, channels and what stands in them; time passes as the test says."""

    agent = True
    """Whether the app is declared as an agent (`agent_view`), or has the legacy pane."""
    upload_at = ""
    """Where an app is told to upload to; empty for here."""
    share_seconds = 0.0
    """How long it takes until an uploaded file stands where it was shared."""

    def __init__(self, *, now: Callable[[], float] = time.time, seed: int = 0) -> None:
        super().__init__(now=now, seed=seed)
        self.app_id = "A0FAKE0001"
        self.app_token = "xapp-1-A0FAKE0001-fake"
        self.app_scopes = {"connections:write"}
        self.signing_secret = "0123456789abcdef0123456789abcdef"
        self.client_id, self.client_secret = "111.222", "client-secret"
        self.manifest: Json = {}
        """How the app is set up, for who has a configuration token; `configure` sets it."""
        self.config_token = "xoxe.xoxp-1-fake"
        self.rules = dict(RULES)
        """What Slack does; a test may alter what it does here."""
        self.events = set(EVENTS)
        """The bot events that the app is subscribed to, named as a manifest names them."""
        self.commands: set[str] | None = None
        """The slash commands that exist; None lets a test use any."""
        self.shortcuts: set[str] | None = None
        self.teams: dict[str, Team] = {}
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.groups: dict[str, str] = {}
        """User groups: their handles by id."""
        self.files: dict[str, File] = {}
        self.uploads: dict[str, tuple[File, int]] = {}
        """Files that are being uploaded, and how long they'll be."""
        self.installs: dict[str, Install] = {}
        self.tokens: dict[str, Install] = {}
        self.sessions: dict[tuple[str, str], Session] = {}
        self.statuses: dict[tuple[str, str], tuple[str, float]] = {}
        """Free-text statuses of the legacy pane; `status()` says what of it is still shown."""
        self.prompts: dict[tuple[str, str | None], Json] = {}
        self.titles: dict[tuple[str, str], str] = {}
        self.homes: dict[str, View] = {}
        self.views: dict[str, View] = {}
        self.ephemerals: list[Ephemeral] = []
        self.triggers: dict[str, tuple[float, str]] = {}
        self.hooks: dict[str, Hook] = {}
        self.codes: dict[str, str] = {}
        """OAuth codes that are still good, with the team that allowed them."""
        self.url = ""
        self.altered: dict[str, Callable[[Json], Any]] = {}
        """By ts: what makes a message other than any documentation has it."""
        self.on_message: Callable[[Message], None] | None = None
        """Called for what the app posts, updates or ends streaming; a benchmark's fast path."""
        self._last = 0
        self._count = 0
        self.team = self.add_team("Acme", "acme")
        self.users["USLACKBOT"] = User("USLACKBOT", "slackbot", self.team.id)
        self.install = self.add_install(self.team)

    # Time.

    def stamp(self) -> str:
        """Return a `ts` that nothing else has; later ones are greater."""
        self._last = max(self._last + 1, int(self.now() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def new_id(self, prefix: str) -> str:
        """Return an id as Slack's look."""
        self._count += 1
        return f"{prefix}0{self._count:08X}"

    # Building.

    def add_team(self, name: str, domain: str, *, ours: bool = True) -> Team:
        """Add a workspace; the app isn't in it yet. Two of `ours` are in one organisation."""
        team = Team(self.new_id("T"), name, domain)
        if ours and self.teams:
            self.team.organisation = self.team.organisation or self.new_id("E")
            team.organisation = self.team.organisation
        self.teams[team.id] = team
        return team

    def add_install(self, team: Team) -> Install:
        """Put the app into a workspace."""
        bot = self.person("chatbot", team=team.id)
        bot.bot_id = self.new_id("B")
        install = Install(team.id, bot, f"xoxb-{team.id}-{bot.id}-fake", set(SCOPES))
        self.installs[team.id] = self.tokens[install.token] = install
        return install

    def person(
        self, name: str, *, admin: bool = False, owner: bool = False, team: str = "", tz: str = ""
    ) -> User:
        """Add a person."""
        user = User(self.new_id("U"), name, team or self.team.id, name.title())
        user.is_admin, user.is_owner, user.tz = admin or owner, owner, tz or user.tz
        self.users[user.id] = user
        return user

    def stranger(self, name: str) -> User:
        """Add a person of another organisation, whom Slack Connect lets in (slack.md 2.9)."""
        return self.person(name, team=self.add_team(f"{name}'s", name, ours=False).id)

    def group(self, handle: str) -> str:
        """Add a user group, and return its id."""
        id_ = self.new_id("S")
        self.groups[id_] = handle
        return id_

    def other_bot(self, name: str) -> User:
        """Add another app's bot."""
        user = self.person(name)
        user.bot_id = self.new_id("B")
        return user

    def channel(
        self,
        name: str,
        *members: Who,
        kind: Kind = "public",
        bot: bool = True,
        shared: bool = False,
    ) -> Channel:
        """Add a channel, with the bot in it unless said otherwise."""
        # An id tells no direct message of several people from a channel, nor always did.
        prefix = "D" if kind == "im" else "C"
        team = self.user(members[0]).team if kind == "im" and members else self.team.id
        team = team if team in self.installs else self.team.id
        channel = Channel(self.new_id(prefix), name, kind, team, shared=shared)
        here = [self.installs[team].bot] if bot else []
        channel.members = {self.user(who).id: None for who in (*members, *here)}
        self.channels[channel.id] = channel
        return channel

    def group_dm(self, *members: Who) -> Channel:
        """Open a group DM with the bot in it: it can't be added later (slack.md 2.9)."""
        return self.channel(
            "mpdm-" + "--".join(self.user(m).name for m in members), *members, kind="mpim"
        )

    def dm(self, who: Who) -> Channel:
        """Return the person's DM with the bot, which is opened if need be."""
        user = self.user(who)
        for channel in self.channels.values():
            if channel.kind == "im" and user.id in channel.members:
                return channel
        return self.channel("", user, kind="im")

    # Looking up.

    @property
    def bot(self) -> User:
        """Return the user that the app acts as."""
        return self.install.bot

    @property
    def bot_token(self) -> str:
        """Return the bot's token in the first workspace."""
        return self.install.token

    @property
    def at_bot(self) -> str:
        """Return a mention of the bot as it stands in a message's text."""
        return f"<@{self.bot.id}>"

    def user(self, who: Who) -> User:
        """Return a person."""
        return who if isinstance(who, User) else self.users[who]

    def where(self, where: Where) -> Channel:
        """Return a channel."""
        return where if isinstance(where, Channel) else self.channels[where]
