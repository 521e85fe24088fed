"""The bot on Slack: Bolt's app, how its events get here, and what goes with it.

Bolt's `AsyncAssistant` is not used: it serves the legacy pane and swallows the edits and deletions
of messages there. Listeners for commands and views are added by `Slack.listeners`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bots.connect_retry import until_there
from bots.slack.api import OUT_OF_REACH, Api, guarded_session, stated, web_client
from bots.slack.connection.dispatch import PayloadDispatcher
from bots.slack.connection.http import EVENTS
from bots.slack.connection.socket import SocketConnections
from bots.slack.connection.starting import start_fault
from bots.slack.inbound.audience import Audience
from bots.slack.inbound.catch_up import SlackHistory
from bots.slack.inbound.events import NAME, Me
from bots.slack.inbound.names import Names
from bots.slack.inbound.receive import Reception
from bots.slack.outbound.platform import SlackPlatform
from bots.slack.pace import Pace
from bots.slack.ui.agent import Agent
from core.domain.errors import OutOfReachError, PlatformError
from core.domain.payload import str_of
from core.intake.backfill import ThreadBackfill
from core.intake.catch_up import CatchUp
from core.intake.cursors import Cursors

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from bots.settings.settings import Settings
    from bots.slack.connection.http import HttpServer
    from core.commands.in_thread import ThreadCommands
    from core.domain.clock import Clock
    from core.intake.intake import Intake
    from core.store.port import Store
    from core.worker.worker import Worker

log = logging.getLogger(__name__)

_CALL_SECONDS = 8.0
_WHO = "auth.test"


class Slack:
    """The bot in one workspace."""

    def __init__(
        self, settings: Settings, api: Api, me: Me, clock: Clock, door: HttpServer | None
    ) -> None:
        """Be `me`; nothing is heard before `listening`, and then at the door where there is one."""
        self.settings = settings
        self.api = api
        self.clock = clock
        self.platform = SlackPlatform(
            api,
            me,
            clock,
            strangers=settings.slack_allow_strangers,
            most_messages=settings.slack_answer_messages,
        )
        self.names = Names(api, clock)
        self.listeners: list[Callable[[AsyncApp], object]] = []
        """What adds listeners to Bolt's app, called before it hears anything."""
        self.spoken: ThreadCommands | None = None
        """Hears the commands in what people say."""
        self.closers: list[Callable[[], Awaitable[None]]] = []
        """Called when nothing more is heard."""
        self.unread: Callable[[dict[str, Any]], None] = lambda _: None
        """Tells a person that what they pressed or typed could not be made sense of."""
        self.reception: Reception
        self.door = door
        self.links: SocketConnections | None = None

    @asynccontextmanager
    async def listening(
        self, store: Store, intake: Intake, worker: Worker
    ) -> AsyncGenerator[None, None]:
        """Hear what people say, for as long as the block lasts; and what they have said before."""
        past, wanted = SlackHistory(self.platform), self.settings.overhear
        before = ThreadBackfill(past.before, store, intake, named=self.names.named, wanted=wanted)
        cursors = Cursors(store, self.clock, f"{NAME}:{self.platform.me.team}")
        strangers = self.settings.slack_allow_strangers
        audience = Audience(self.names, self.platform.me, strangers=strangers)
        self.reception = Reception(
            self.platform, intake, worker, self.names, before, cursors, audience=audience
        )
        past.reception = self.reception
        self.reception.spoken = self.spoken
        hours = self.settings.slack_catch_up_hours
        catch_up = CatchUp(NAME, past, store, intake, cursors, self.clock, hours=hours)
        self.reception.catch_up = catch_up
        agent = Agent(self.api, self.platform.me, store, self.platform.titles)
        inlet = PayloadDispatcher(self.reception.first, self.unread)
        self.bolt = self._bolt(inlet, agent)
        catch_up.hold()
        catching_up = asyncio.create_task(catch_up.forever())
        try:
            await self._open(inlet, catch_up.missed)
            catch_up.missed()
            yield
        finally:
            await self._close()
            catching_up.cancel()
            await asyncio.wait({catching_up})
            await catch_up.close()
            await self.reception.close()
            for close in self.closers:
                await close()
            await cursors.close()

    @property
    def described(self) -> str:
        """Return a line on how people's messages get here."""
        if self.door is not None:
            return f"Slack: waiting for events at port {self.door.port}, path {EVENTS}"
        return "Slack: connected by Socket Mode"

    @property
    def connected(self) -> bool:
        """Tell whether people are heard at this moment."""
        if self.door is not None:
            return self.door.is_open
        return self.links is not None and self.links.connected

    async def wait(self) -> int:
        """Return 1 when Slack has thrown the bot out; never before."""
        await self.reception.gone.wait()
        return 1

    def _bolt(self, inlet: PayloadDispatcher, agent: Agent) -> AsyncApp:
        me, token = self.platform.me, self.api.client.token

        async def authorize(**_: Any) -> AuthorizeResult:
            return AuthorizeResult(
                enterprise_id=None,
                team_id=me.team,
                bot_user_id=me.user,
                bot_id=me.bot,
                bot_token=token,
            )

        logger = logging.getLogger("slack_bolt")
        logger.setLevel(logging.ERROR)  # it warns of the environment, which it should not read
        bolt = AsyncApp(
            name="chatbot",
            client=self.api.client,
            authorize=authorize,
            signing_secret=self.settings.slack_signing_secret.get_secret_value(),
            logger=logger,
        )
        for add in (agent.listen, *self.listeners):
            add(bolt)
        bolt.event(re.compile(".*"))(_heard)  # the last: what nobody wants is not sent again
        bolt.error(inlet.failed)
        return bolt

    async def _open(self, inlet: PayloadDispatcher, reconnected: Callable[[], None]) -> None:
        if self.door is not None:
            secret = self.settings.slack_signing_secret.get_secret_value()
            self.door.admit(self.bolt, inlet, secret)
            return
        token = self.settings.slack_app_token.get_secret_value()
        self.links = SocketConnections(self.bolt, token, inlet=inlet, reconnected=reconnected)
        await until_there(self.links.open, self.clock)

    async def _close(self) -> None:
        if self.links is not None:
            await self.links.close()
        if self.door is not None:
            await self.door.close()


async def _heard() -> None:
    """Acknowledge an event: Bolt does it where there is a listener."""


@asynccontextmanager
async def connected(
    settings: Settings, clock: Clock, door: HttpServer | None = None
) -> AsyncGenerator[Slack, None]:
    """Be on Slack for as long as the block lasts.

    Hears people at the door, which is open, where one is given; else by Socket Mode. Raises
    `SettingsError` when a token is of no use, `OutOfReachError` when Slack can't be reached.
    """
    async with guarded_session(settings.slack_base_url) as session:
        client = web_client(
            settings.slack_bot_token.get_secret_value(), settings.slack_base_url, session
        )
        api = Api(client, Pace(clock, seconds=settings.slack_pace), clock, timeout=_CALL_SECONDS)
        slack = Slack(settings, api, await _who_am_i(api, settings), clock, door)
        try:
            yield slack
        finally:
            await slack.platform.close()


async def _who_am_i(api: Api, settings: Settings) -> Me:
    try:
        answer = await api.call(_WHO)
    except PlatformError as error:
        raise start_fault(error, "SLACK_BOT_TOKEN") from None
    try:
        user, team = stated(_WHO, answer, "user_id"), stated(_WHO, answer, "team_id")
    except PlatformError as error:
        raise OutOfReachError(f"{OUT_OF_REACH}: {error}") from None
    return Me(
        user=user,
        bot=str_of(answer, "bot_id"),
        team=team,
        enterprise=str_of(answer, "enterprise_id"),
        dm_scope=settings.slack_dm_scope,
        allow_bots=settings.slack_allow_bots,
    )
