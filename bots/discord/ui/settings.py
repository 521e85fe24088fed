"""Settings on Discord: shown with lists and buttons, changed by modals and by words."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bots.discord.ui import settings_views
from bots.discord.ui.runner import FAILED
from core.commands.parser import wanted
from core.commands.settings.form import OLD_FORM
from core.commands.settings.scoped import FieldsDeniedError
from core.domain.errors import DeniedError, PlatformError, StoreError

if TYPE_CHECKING:
    from bots.discord.inbound.channels import Channels
    from bots.discord.inbound.events import ChannelInfo
    from bots.discord.ui.interaction_context import InteractionContext
    from bots.discord.ui.settings_views import Asked
    from core.commands.settings.commands import SettingsCommands
    from core.domain.message import ThreadKey
    from core.domain.settings import Scope

log = logging.getLogger(__name__)

_UNREAD = "I could not read that. Write it as in: channel recall off"
_WRITTEN = "You had written:"
_LONG = 60
"""Characters of a text that is given back to the person if it can't be kept."""
_GIVEN_BACK = 1_500


class SettingsInteractions:
    """Shows and changes settings for those who may at that moment."""

    def __init__(self, commands: SettingsCommands, channels: Channels) -> None:
        """Do it by `commands`; `channels` say where people are."""
        self._commands = commands
        self._channels = channels

    async def command(self, context: InteractionContext, channel: ChannelInfo, words: str) -> None:
        """Run the slash command: show what holds, or do what its words say."""
        given = wanted(words, slash=True)
        if given is None:
            raise DeniedError(_UNREAD)
        thread = channel.whole
        if given.field is None:
            await self.show(context, thread, given.scope if words.strip() else None)
            return
        kind = await self._commands.kind_of(thread)
        in_thread = not channel.is_channel
        said = await self._commands.run(context.person, thread, kind, given, in_thread=in_thread)
        await self.show(context, thread, given.scope, said=said)

    async def show(
        self,
        context: InteractionContext,
        thread: ThreadKey,
        scope: Scope | None = None,
        *,
        said: str = "",
    ) -> None:
        """Show what holds in a thread, with what changes it, below what was said."""
        seen = await self._is_here(context, thread)
        lines, form = await self._commands.open(context.person, thread, scope, seen=seen)
        text = "\n".join([said, "", *lines] if said else lines)
        await context.show(text, view=settings_views.controls(form) if form else None)

    async def form(self, context: InteractionContext, asked: Asked) -> dict[str, Any]:
        """Return the modal that a button opens."""
        seen = await self._is_here(context, asked.thread)
        shown = await self._commands.open(context.person, asked.thread, asked.scope, seen=seen)
        if shown.form is None or asked.page is None:
            raise DeniedError(OLD_FORM)
        return settings_views.modal(shown.form, asked.page)

    async def _is_here(self, context: InteractionContext, thread: ThreadKey) -> bool:
        """Return whether a person is where a thread is, by what Discord says.

        All of the thread's key has to fit: one part alone could be made up to reach another place.
        """
        found = await self._channels.find(context.channel, context.guild)
        return found is not None and found.whole == thread

    async def save(self, context: InteractionContext, asked: Asked) -> None:
        """Change what a person changed in a modal, and show what holds then."""
        thread, scope, given = asked.thread, asked.scope, asked.given or {}
        if scope is None:
            raise DeniedError(OLD_FORM)
        seen = await self._is_here(context, thread)
        try:
            said = await self._commands.submit(context.person, thread, scope, given, seen=seen)
        except FieldsDeniedError as denied:
            _, form = await self._commands.open(context.person, thread, scope, seen=seen)
            text = _with_text(str(denied), settings_views.written(given))
            await context.show(text, view=settings_views.controls(form) if form else None)
        except (PlatformError, StoreError) as error:
            log.warning("settings were not changed: %s", error)
            await context.show(_with_text(FAILED, settings_views.written(given)))
        else:
            await self.show(context, thread, scope, said=said)


def _with_text(denied: str, text: str) -> str:
    """Return a refusal, with a long text that the person would else have to write again."""
    if len(text) < _LONG:
        return denied
    return f"{denied}\n{_WRITTEN}\n{text[:_GIVEN_BACK]}"
