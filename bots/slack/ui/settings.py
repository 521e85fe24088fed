"""Settings on Slack: the modal in which people see and change them, and the slash command."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from bots.slack.faults import RefusedError
from bots.slack.inbound.events import channel_of
from bots.slack.ui import settings_views, views
from bots.slack.ui.runner import BEFORE_ACK, FAILED, user_of
from core.commands.parser import wanted
from core.commands.settings.scoped import FieldsDeniedError
from core.domain.errors import DeniedError, PlatformError, StoreError
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from slack_bolt.app.async_app import AsyncApp
    from slack_bolt.context.ack.async_ack import AsyncAck

    from bots.slack.ui.replies import SlackReplies
    from bots.slack.ui.runner import InteractionRunner
    from core.commands.parser import Command
    from core.commands.settings.commands import SettingsCommands
    from core.domain.message import ThreadKey
    from core.domain.settings import Scope

log = logging.getLogger(__name__)

_CHANGED = "hash_conflict"
"""Slack's error for an update of a modal that has changed since (docs: reference/methods/
views.update)."""


class SettingsInteractions:
    """Shows and changes settings for those who may at that moment."""

    def __init__(
        self, commands: SettingsCommands, replies: SlackReplies, runner: InteractionRunner
    ) -> None:
        """Do it by `commands`, with `runner`; `replies` reach people."""
        self._commands = commands
        self._replies = replies
        self._runner = runner

    def listen(self, bolt: AsyncApp) -> None:
        """Add the listeners to Bolt's app."""
        bolt.action(settings_views.SCOPE)(self._scope_chosen)
        bolt.view(settings_views.SETTINGS)(self._submitted)

    async def form(
        self, user: str, thread: ThreadKey, scope: Scope | None = None, *, seen: bool = False
    ) -> dict[str, Any]:
        """Return the modal with what holds in a thread, or with why the person may not see it.

        The arguments are those of `SettingsCommands.open`.
        """
        try:
            shown = await self._commands.open(user, thread, scope, seen=seen)
        except DeniedError as denied:
            return views.words(settings_views.TITLE, [str(denied)])
        return settings_views.modal(shown)

    async def command(
        self, user: str, given: Command, thread: ThreadKey, trigger: str, *, in_thread: bool
    ) -> None:
        """Run the slash command: show the form, or do what its words say and tell the person."""
        given_words = wanted(given.text, slash=True)
        if given_words is None or given_words.field is None:
            scope = given_words.scope if given_words and given.text else None
            modal = await self._replies.show(trigger)
            await self._replies.fill(modal, await self.form(user, thread, scope, seen=True))
            return
        kind = await self._commands.kind_of(thread)
        said = await self._commands.run(user, thread, kind, given_words, in_thread=in_thread)
        await self._replies.tell_or_whisper(user, said, channel_of(thread.channel))

    # --- listeners ------------------------------------------------------------------------------

    async def _scope_chosen(
        self, ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]
    ) -> None:
        named = str_of(dict_of(action, "selected_option"), "value")
        self._runner.asked(self._runner.once(lambda: self._switch(body, named), body), body)
        await ack()

    async def _submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Answer with what was done, or what is wrong, if that is known while Slack waits."""
        user, done, closed = user_of(body), list[dict[str, Any]](), asyncio.Event()

        async def job() -> None:
            reply, text = await self._submit(user, dict_of(body, "view"))
            if closed.is_set():
                await self._runner.tell(user, text)
            else:
                done.append(reply)

        if user:
            running = self._runner.begin(self._runner.once(job, body), user)
            await asyncio.wait({running}, timeout=BEFORE_ACK)
        closed.set()
        await ack(**done[0]) if done else await ack()

    # --- steps ----------------------------------------------------------------------------------

    async def _switch(self, body: dict[str, Any], named: str) -> None:
        """Show the form of another scope in the modal, unless it shows something else by now."""
        view = dict_of(body, "view")
        thread, scope = settings_views.sent(view).thread, settings_views.scope_in(named)
        form = await self.form(user_of(body), thread, scope)
        try:
            await self._replies.refresh(str_of(view, "id"), form, unless=str_of(view, "hash"))
        except RefusedError as refused:
            if refused.code != _CHANGED:
                raise
            log.info("a form has changed since a scope was chosen in it: %s", refused)

    async def _submit(self, user: str, view: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """Change what a person changed in the form; return what to answer Slack, and in words."""
        blocks: dict[str, str] = {}
        try:
            sent = settings_views.sent(view)
            blocks = sent.blocks
            said = await self._commands.submit(user, sent.thread, sent.scope, sent.given)
        except FieldsDeniedError as denied:
            errors = {blocks[name]: text for name, text in denied.errors.items()}
            return {"response_action": "errors", "errors": errors}, str(denied)
        except DeniedError as denied:
            said = str(denied)
        except (PlatformError, StoreError) as error:
            log.warning("settings were not changed: %s", error)
            said = FAILED
            if blocks:  # what was entered stays in the form
                first = next(iter(blocks.values()))
                return {"response_action": "errors", "errors": {first: said}}, said
        shown = views.words(settings_views.TITLE, [said])
        return {"response_action": "update", "view": shown}, said
