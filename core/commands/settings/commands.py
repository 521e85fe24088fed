"""Settings that people see and change where they talk, each after checking that they may.

A thread's settings belong to those who may reset it, a channel's to those who manage it and to
admins, a server's to admins; in a direct message, the channel's are its people's own. The platform
is asked at the moment of each command.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.commands.access import NOT_YOURS, may_reset
from core.commands.settings.form import Form, Shown, changes_in
from core.commands.settings.scoped import shown
from core.domain.errors import DeniedError
from core.domain.message import Kind
from core.domain.settings import NAMED, Scope, server_channel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.commands.access import Directory, Standing
    from core.commands.authorized import AuthorizedCommands
    from core.commands.parser import Wanted
    from core.commands.settings.scoped import ScopedSettings
    from core.domain.message import ThreadKey
    from core.domain.settings import Field, Value

_MAY_NOT = {
    Scope.THREAD: "You can only change settings of threads you took part in.",
    Scope.CHANNEL: "Only admins, and those who manage this channel, can change its settings.",
    Scope.SERVER: "Only admins can change settings for everyone.",
}
_NO_SERVER = "Here, settings hold for a thread or a channel; there is nothing above them."
_NOT_THERE = "There is no thread here. Set it for the channel, as in `settings channel {word} …`."
_NOT_IN_THREADS = (
    "{label} hold for a channel or for everyone, as in `settings channel {word} …`. In a thread, "
    "`remember …` keeps a wish."
)
_HOW = (
    "Change one with `settings thread NAME VALUE`, where `channel` or `{server}` may stand for "
    "`thread`: `settings channel recall off`. The value `default` takes it away again. The names "
    "are {names}."
)
_SHOWN = "Settings here:"
_NONE_YOURS = (
    "You can't change them here: a thread's are changed by those who took part in it, a channel's "
    "by those who manage it, and everyone's by admins."
)
_ELSEWHERE = "as it is elsewhere"
_UNCHANGED = "Nothing was changed."


class SettingsCommands:
    """Shows and changes settings for people who may."""

    def __init__(
        self, authorized: AuthorizedCommands, directory: Directory, settings: ScopedSettings
    ) -> None:
        """Check rights by `authorized` and `directory`."""
        self._authorized = authorized
        self._directory = directory
        self._settings = settings
        self._server = "server" if directory.name == "discord" else "workspace"

    # --- rights ---------------------------------------------------------------------------------

    async def may(self, person: str, thread: ThreadKey, *, seen: bool = False) -> frozenset[Scope]:
        """Return the scopes of a thread whose settings a person may change now.

        Args:
            person: The platform's id of the person.
            thread: The thread.
            seen: The platform's event says that the person is there.

        Raises:
            DeniedError: The bot does not listen to them.
            PlatformError: The platform can't be asked now.
        """
        standing = await self._authorized.standing(person, thread)
        return await self._scopes(person, thread, standing, seen=seen)

    async def _scopes(
        self, person: str, thread: ThreadKey, standing: Standing, *, seen: bool
    ) -> frozenset[Scope]:
        directory = self._directory
        standing = replace(standing, can_see=standing.can_see or (seen and standing.took_part))
        scopes: set[Scope] = set()
        if may_reset(standing):
            scopes.add(Scope.THREAD)
        if not directory.is_ours(thread):
            return frozenset()
        if standing.admin and server_channel(thread.channel):
            scopes.add(Scope.SERVER)
        is_there = standing.can_see or standing.may_enter
        if is_there and (standing.admin or await self._owns(person, thread, seen=seen)):
            scopes.add(Scope.CHANNEL)
        return frozenset(scopes)

    async def _owns(self, person: str, thread: ThreadKey, *, seen: bool) -> bool:
        directory = self._directory
        is_theirs = seen and await directory.is_direct(thread)
        return is_theirs or await directory.manages(person, thread)

    # --- by words -------------------------------------------------------------------------------

    async def mute(self, person: str, thread: ThreadKey, kind: Kind, *, muted: bool) -> None:
        """Let the bot be quiet in a thread until it is mentioned, or end that."""
        await self._settings.mute(person, thread, kind, muted=muted)

    async def run(
        self, person: str, thread: ThreadKey, kind: Kind, given: Wanted, *, in_thread: bool = True
    ) -> str:
        """Show what holds in a thread, or change it; return it in words.

        Args:
            person: The platform's id of the person, who is there by the platform's own event.
            thread: Where they are.
            kind: The kind of conversation there.
            given: What they want.
            in_thread: They are in a thread, not only in a channel.

        Raises:
            DeniedError: They may not, or the value does not fit.
        """
        if given.field is None:
            await self._authorized.admit(person, thread)
            layers = await self._settings.store.layers(thread)
            lines = self._settings.lines(layers, kind, server=self._server)
            names = ", ".join(f"`{each}`" for each in NAMED)
            how = _HOW.format(server=self._server, names=names)
            return "\n".join([_SHOWN, *(f"• {line}" for line in lines), how])
        self._refuse_scope(thread, given.scope, given.field, in_thread=in_thread)
        if given.scope not in await self.may(person, thread, seen=True):
            raise DeniedError(_MAY_NOT[given.scope])
        texts = {given.field: given.text}
        values = await self._settings.change(person, thread, kind, given.scope, texts)
        return self._done(given.scope, values)

    def _refuse_scope(
        self, thread: ThreadKey, scope: Scope, field: Field, *, in_thread: bool = True
    ) -> None:
        if scope is Scope.SERVER and not server_channel(thread.channel):
            raise DeniedError(_NO_SERVER)
        if scope not in field.scopes:
            raise DeniedError(_NOT_IN_THREADS.format(label=field.label, word=field.word))
        if scope is Scope.THREAD and not in_thread:
            raise DeniedError(_NOT_THERE.format(word=field.word))

    def _done(self, scope: Scope, values: Mapping[Field, Value]) -> str:
        """Return what was done, in words."""
        word = self._server if scope is Scope.SERVER else scope
        lines = [
            _ended(f"{field.label} of this {word}: {_ELSEWHERE if value is None else shown(value)}")
            for field, value in values.items()
        ]
        if len(lines) == 1:
            return f"{lines[0]} It holds from the next answer on."
        return "\n".join([*lines, "They hold from the next answer on."])

    # --- by a form ------------------------------------------------------------------------------

    async def open(
        self, person: str, thread: ThreadKey, scope: Scope | None = None, *, seen: bool = False
    ) -> Shown:
        """Return what holds in a thread, and the form to change it in one scope.

        Args:
            person: The platform's id of the person.
            thread: The thread, which need not have a conversation; a person may have made it up.
            scope: The scope to change; None for the nearest one that they may change.
            seen: The platform's event says that the person is there.

        Raises:
            DeniedError: They may not see the thread, or not change the scope.
        """
        standing = await self._authorized.standing(person, thread)
        scopes = await self._scopes(person, thread, standing, seen=seen)
        if not (seen or standing.can_see or standing.may_enter):
            raise DeniedError(NOT_YOURS)
        if scope is not None and scope not in scopes:
            raise DeniedError(_MAY_NOT[scope])
        kind = await self.kind_of(thread)
        layers = await self._settings.store.layers(thread)
        lines = self._settings.lines(layers, kind, server=self._server)
        lines = [_SHOWN, *(f"• {line}" for line in lines)]
        ordered = tuple([each for each in Scope if each in scopes])
        if not ordered:
            return Shown([*lines, _NONE_YOURS], None)
        scope = scope or ordered[0]
        items = self._settings.items(layers, kind, scope, server=self._server)
        form = Form(thread=thread, scope=scope, scopes=ordered, items=items, server=self._server)
        return Shown(lines, form)

    async def submit(
        self,
        person: str,
        thread: ThreadKey,
        scope: Scope,
        given: Mapping[str, str],
        *,
        seen: bool = False,
    ) -> str:
        """Change what a person changed in the form of `open`; return it in words.

        Rights are those of this moment. What the person left as the form showed it is not written.

        Args:
            person: The platform's id of the person.
            thread: The thread of the form, which a person may have made up, as all that follows.
            scope: The scope of the form.
            given: What they entered, by the keys of the form's items.
            seen: The platform's event says that the person is there.

        Raises:
            FieldsDeniedError: A value does not fit, or is no longer the one that the form showed.
            DeniedError: They may not.
        """
        if scope not in await self.may(person, thread, seen=seen):
            raise DeniedError(_MAY_NOT[scope])
        texts, marks = changes_in(given)
        for field in texts:
            self._refuse_scope(thread, scope, field)
        if not texts:
            return _UNCHANGED
        kind = await self.kind_of(thread)
        values = await self._settings.change(person, thread, kind, scope, texts, marks=marks)
        return self._done(scope, values)

    async def kind_of(self, thread: ThreadKey) -> Kind:
        """Return the kind of conversation at a thread, also if there is none yet."""
        work = await self._settings.store.peek(thread)
        if work is not None:
            return work.kind
        return Kind.DM if await self._directory.is_direct(thread) else Kind.THREAD


def _ended(line: str) -> str:
    """Return a sentence with a full stop, unless what a person wrote ends it already."""
    return line if line.endswith((".", "!", "?", "…")) else f"{line}."
