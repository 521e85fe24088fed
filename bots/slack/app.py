"""The bot on Slack: its parts, and how they are connected.

Bolt's `AsyncAssistant` is not used: it serves the legacy pane, and drops the edits and deletions of
messages there.
"""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bots.connect_retry import retry_until_reached
from bots.slack.api import Api, guarded_session, stated, web_client
from bots.slack.connection.dispatch import PayloadDispatcher
from bots.slack.connection.http import EVENTS
from bots.slack.connection.socket import SocketConnections
from bots.slack.faults import OUT_OF_REACH, start_fault
from bots.slack.inbound.audience import Audience
from bots.slack.inbound.catch_up import SlackHistory, thread_before
from bots.slack.inbound.events import NAME, Me, place_of
from bots.slack.inbound.names import Names
from bots.slack.inbound.receive import Reception, SlackIntake
from bots.slack.outbound.platform import SlackPlatform
from bots.slack.pace import Pace
from bots.slack.ui.agent import Agent
from bots.slack.ui.answers import AnswerInteractions
from bots.slack.ui.directory import SlackDirectory
from bots.slack.ui.home import Home
from bots.slack.ui.interactions import Interactions
from bots.slack.ui.links import SlackLinks
from bots.slack.ui.pins import PinInteractions
from bots.slack.ui.replies import SlackReplies
from bots.slack.ui.runner import InteractionRunner
from bots.slack.ui.settings import SettingsInteractions
from core.commands.answers import AnswerCommands
from core.commands.authorized import AuthorizedCommands
from core.commands.in_thread import ThreadCommands
from core.commands.settings.commands import SettingsCommands
from core.domain.errors import OutOfReachError, PlatformError
from core.domain.message import ThreadKey
from core.domain.payload import str_of
from core.intake.catch_up import CatchUp, Cursors
from core.intake.intake import ThreadBackfill
from core.store.migration.relocate import relocate

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from bots.settings.settings import Settings
    from bots.slack.connection.http import HttpServer
    from core.commands.commands import Commands
    from core.domain.clock import Clock
    from core.intake.intake import Intake
    from core.store.port import Store
    from core.worker.worker import Worker

_CALL_SECONDS = 8.0
"""Seconds for one call of the Web API, all waits included."""
_WHO = "auth.test"


class Slack:
    """The bot in one workspace."""

    def __init__(
        self,
        settings: Settings,
        api: Api,
        me: Me,
        clock: Clock,
        *,
        store: Store,
        commands: Commands,
        server: HttpServer | None,
    ) -> None:
        """Act as `me`; receive events, once `listening`, by `server` or else by Socket Mode."""
        self._settings = settings
        self._api = api
        self._me = me
        self._clock = clock
        self._store = store
        self._names = names = Names(api, clock, me)
        self._audience = Audience(self._names, me, strangers=settings.slack_allow_strangers)
        directory = SlackDirectory(
            api, me, self._names, self._audience, admins=settings.slack_admins
        )
        self.platform = SlackPlatform(
            api,
            me,
            clock,
            names,
            links=SlackLinks(directory, me),
            most_messages=settings.slack_answer_messages,
        )
        authorized = AuthorizedCommands(
            directory,
            store,
            commands,
            clock,
            open_private=settings.slack_admins_read_dms,
            open_unseen=settings.admins_read_private,
        )
        replies = SlackReplies(api, me, directory, clock, settings)
        home = Home(api, authorized, clock, settings)
        there = api.slack_clock
        pins = PinInteractions(authorized, replies, directory, self._audience)
        answers = AnswerInteractions(
            AnswerCommands(authorized, store), replies, api, me, self._names
        )
        chosen = SettingsCommands(authorized, directory, commands.settings)
        self._runner = runner = InteractionRunner(replies, store, there)
        self._interactions = Interactions(
            replies,
            directory,
            home,
            pins,
            answers,
            SettingsInteractions(chosen, replies, runner),
            runner=runner,
        )
        self._thread_commands = ThreadCommands(
            authorized, replies, chosen, store, there, runner.soon
        )
        self._agent = Agent(api, me, store, self.platform.titles)
        self.server = server
        self.sockets: SocketConnections | None = None
        self.reception: Reception

    @asynccontextmanager
    async def listening(
        self, store: Store, intake: Intake, worker: Worker
    ) -> AsyncGenerator[None, None]:
        """Receive events within the block, and read what was missed before it."""
        api, me, clock, audience = self._api, self._me, self._api.slack_clock, self._audience
        cursors = Cursors(store, clock, f"{NAME}:{me.team}")
        backfill = ThreadBackfill(
            partial(thread_before, api, audience),
            store,
            intake,
            wanted=self._settings.overhear,
        )
        messages = SlackIntake(intake, self._thread_commands, backfill, cursors, self.platform.say)
        history = SlackHistory(api, me, audience, messages.offer, self.platform.say)
        hours = self._settings.slack_catch_up_hours
        catch_up = CatchUp(NAME, history, store, intake, cursors, clock, hours=hours)
        moves = partial(self._move, store, cursors)
        self.reception = Reception(messages, catch_up, audience, worker, clock.heard, moves)
        dispatcher = PayloadDispatcher(self.reception.receive, self._runner.unread)
        catch_up.hold()
        catching_up = asyncio.create_task(catch_up.forever())
        try:
            await self._connect(self._bolt(dispatcher), dispatcher, catch_up.missed)
            catch_up.missed()
            yield
        finally:
            await self._disconnect()
            catching_up.cancel()
            await asyncio.wait({catching_up})
            await catch_up.close()
            await self.reception.close()
            await messages.close()
            await self._runner.close()
            await self._thread_commands.close()
            await cursors.close()
            await self._names.close()

    @property
    def described(self) -> str:
        """Return a line on how events arrive."""
        if self.server is not None:
            return f"Slack: waiting for events at port {self.server.port}, path {EVENTS}"
        return "Slack: connected by Socket Mode"

    @property
    def connected(self) -> bool:
        """Return whether events can arrive at this moment."""
        if self.server is not None:
            return self.server.is_open
        return self.sockets is not None and self.sockets.connected

    async def wait(self) -> int:
        """Return 1 once the app was removed from the workspace; never before."""
        await self.reception.removed.wait()
        return 1

    async def _move(self, store: Store, cursors: Cursors, old: str, new: str) -> None:
        """Move what is kept of a channel when Slack changes its id."""
        before, after = place_of(old, self._me), place_of(new, self._me)

        def renamed(thread: ThreadKey) -> ThreadKey:
            return ThreadKey(NAME, after, new if thread.thread == old else thread.thread)

        await relocate(store, (NAME, before), after, renamed, self._clock)
        if heard := await cursors.of(before):
            await cursors.advance(after, heard)

    def _bolt(self, dispatcher: PayloadDispatcher) -> AsyncApp:
        me, token = self._me, self._api.client.token

        async def authorize(**_: Any) -> AuthorizeResult:
            return AuthorizeResult(
                enterprise_id=None,
                team_id=me.team,
                bot_user_id=me.user,
                bot_id=me.bot,
                bot_token=token,
            )

        logger = logging.getLogger("slack_bolt")
        logger.setLevel(logging.ERROR)  # it warns about the environment, which it should not read
        bolt = AsyncApp(
            name="chatbot",
            client=self._api.client,
            authorize=authorize,
            signing_secret=self._settings.slack_signing_secret.get_secret_value(),
            logger=logger,
        )
        self._agent.listen(bolt)
        self._interactions.listen(bolt)
        bolt.event(re.compile(".*"))(_acknowledge)  # last, for events without another listener
        bolt.error(dispatcher.failed)
        return bolt

    async def _connect(
        self, bolt: AsyncApp, dispatcher: PayloadDispatcher, on_reconnect: Callable[[], None]
    ) -> None:
        if self.server is not None:
            self.server.admit(bolt, dispatcher)
            return
        token = self._settings.slack_app_token.get_secret_value()
        self.sockets = SocketConnections(
            bolt, token, dispatcher=dispatcher, on_reconnect=on_reconnect
        )
        await retry_until_reached(self.sockets.open, self._clock)

    async def _disconnect(self) -> None:
        if self.sockets is not None:
            await self.sockets.close()
        if self.server is not None:
            await self.server.close()


async def _acknowledge() -> None:
    """Do nothing: Bolt acknowledges an event that has a listener."""


@asynccontextmanager
async def connected(
    settings: Settings,
    clock: Clock,
    store: Store,
    commands: Commands,
    server: HttpServer | None = None,
) -> AsyncGenerator[Slack, None]:
    """Provide the bot on Slack within the block.

    It receives events by the open `server` if one is given, else by Socket Mode.

    Raises:
        SettingsError: A token is invalid.
        OutOfReachError: Slack can't be reached.
    """
    async with guarded_session(settings.slack_base_url) as session:
        client = web_client(
            settings.slack_bot_token.get_secret_value(), settings.slack_base_url, session
        )
        api = Api(client, Pace(clock, seconds=settings.slack_pace), clock, timeout=_CALL_SECONDS)
        me = await _who_am_i(api, settings)
        slack = Slack(settings, api, me, clock, store=store, commands=commands, server=server)
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
        name=str_of(answer, "user"),
        workspace=str_of(answer, "team"),
        url=str_of(answer, "url"),
    )
