"""Settings that people see and change where they talk, each after checking that they may.

A thread's settings belong to those who may reset it, a channel's to those who manage it and to
admins, a server's to admins; in a direct message, the channel's are its people's own. The platform
is asked at the moment of each command.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from core.commands import audit
from core.commands.access import may_reset
from core.domain.errors import DeniedError
from core.domain.settings import (
    FIELDS,
    NAMED,
    Scope,
    effective,
    read_value,
    server_channel,
)
from core.memory.strategies.registry import STRATEGIES
from core.models.catalog import known_models

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from core.commands.access import Directory
    from core.commands.authorized import AuthorizedCommands
    from core.commands.parser import Wanted
    from core.domain.clock import Clock
    from core.domain.message import Kind, ThreadKey
    from core.domain.settings import Field, Layers, ScopeSettings, Value
    from core.memory.memory import Memory
    from core.store.port import Store

CLEAR: Final = "default"
"""The value that takes a setting of a scope away."""
_CLEARS = frozenset({CLEAR, "reset", "none"})
_SHOWN = 300
"""Characters of instructions that a list shows."""
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
_WRONG = "{label} {why}."
_HOW = (
    "Change one with `settings thread NAME VALUE`, where `channel` or `{server}` may stand for "
    "`thread`: `settings channel recall off`. The value `default` takes it away again. The names "
    "are {names}."
)


def choices_of(field: Field) -> tuple[str, ...]:
    """Return what there is to choose for a field; empty if it is free."""
    named = {"strategy": tuple(STRATEGIES), "model": known_models()}
    return field.choices or named.get(field.name, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopedSettings:
    """Reads and changes settings; it checks no rights."""

    store: Store
    memory: Memory
    clock: Clock
    ttl: Callable[[Kind], float]
    usual: dict[str, str] = field(default_factory=dict)
    """What the environment says, by the names of the fields."""

    async def change(
        self, by: str, thread: ThreadKey, kind: Kind, scope: Scope, field: Field, text: str
    ) -> Value:
        """Change a setting for a person; return its value, None if it is taken away.

        Raises:
            DeniedError: The value does not fit; the text says what does.
            StoreError: The store does not answer, and nothing or all of it is done.
        """
        try:
            clears = text.strip().lower() in _CLEARS
            value = None if clears else read_value(field, text, choices_of(field))
        except ValueError as error:
            raise DeniedError(_WRONG.format(label=field.label, why=error)) from None
        await self._set(by, thread, kind, scope, field.name, value)
        return value

    async def mute(self, by: str, thread: ThreadKey, kind: Kind, *, muted: bool) -> None:
        """Let the bot be quiet in a thread until it is mentioned, or end that."""
        if (await self.store.thread_settings(thread)).muted != muted:
            await self._set(by, thread, kind, Scope.THREAD, "muted", muted or None)

    async def _set(
        self, by: str, thread: ThreadKey, kind: Kind, scope: Scope, name: str, value: Value
    ) -> None:
        now = self.clock.now()
        about = f"{scope} {name} {_audited(name, value)}"
        await audit.record(self.store, "settings", by=by, thread=thread, at=now, about=about)
        settings = (await self.store.layers(thread)).of(scope)
        settings = settings.changed(name, value, by=by, at=now)
        if scope is Scope.THREAD:
            settings = self._reaching(settings, kind)
            await self.store.set_thread(thread, kind, settings, ttl=self.ttl(kind))
        else:
            channel = thread.channel if scope is Scope.CHANNEL else server_channel(thread.channel)
            await self.store.set_channel(thread.platform, channel, settings)

    def _reaching(self, settings: ScopeSettings, kind: Kind) -> ScopeSettings:
        """Return a thread's settings with how far back its strategy reaches."""
        if not settings.strategy:
            return replace(settings, reach=0)
        strategy = self.memory.under(settings).strategy(kind, settings.strategy)
        return replace(settings, reach=strategy.lookback)

    def lines(self, layers: Layers, kind: Kind, *, server: str) -> list[str]:
        """Return in words what holds in a thread and from where; `server` is the word for that."""
        held, sources = effective(layers)
        words = {Scope.THREAD: "this thread", Scope.CHANNEL: "this channel"}
        lines = []
        for each in FIELDS:
            scope = sources.get(each.name)
            if scope is None:
                lines.append(f"{each.label}: {self._usual(each, kind)}")
                continue
            value = _shown(getattr(held, each.name))
            changes = [c for c in layers.of(scope).changes if c.field == each.name]
            by = _changed(changes[-1].at, self.memory.zone) if changes else ""
            lines.append(f"{each.label}: {value} (of {words.get(scope, f'this {server}')}{by})")
        return lines

    def _usual(self, field: Field, kind: Kind) -> str:
        if field.name == "strategy":
            return self.memory.strategy(kind).name
        return self.usual.get(field.name, "none")


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

    async def may(self, person: str, thread: ThreadKey, *, seen: bool = False) -> frozenset[Scope]:
        """Return the scopes of a thread whose settings a person may change now.

        Args:
            person: The platform's id of the person.
            thread: The thread; the platform's event says that the person is there.
            seen: They wrote in it.

        Raises:
            DeniedError: The bot does not listen to them.
            PlatformError: The platform can't be asked now.
        """
        directory = self._directory
        standing = await self._authorized.standing(person, thread)
        standing = replace(standing, can_see=standing.can_see or (seen and standing.took_part))
        scopes: set[Scope] = set()
        if may_reset(standing):
            scopes.add(Scope.THREAD)
        if not directory.is_ours(thread):
            return frozenset()
        if standing.admin and server_channel(thread.channel):
            scopes.add(Scope.SERVER)
        shown = standing.can_see or standing.may_enter
        if shown and (standing.admin or await self._owns(person, thread)):
            scopes.add(Scope.CHANNEL)
        return frozenset(scopes)

    async def _owns(self, person: str, thread: ThreadKey) -> bool:
        directory = self._directory
        return await directory.is_direct(thread) or await directory.manages(person, thread)

    async def mute(self, person: str, thread: ThreadKey, kind: Kind, *, muted: bool) -> None:
        """Let the bot be quiet in a thread until it is mentioned, or end that."""
        await self._settings.mute(person, thread, kind, muted=muted)

    async def run(
        self, person: str, thread: ThreadKey, kind: Kind, given: Wanted, *, in_thread: bool = True
    ) -> str:
        """Show what holds in a thread, or change it; return it in words.

        Args:
            person: The platform's id of the person.
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
            return "\n".join(["Settings here:", *(f"• {line}" for line in lines), how])
        scope, field = given.scope, given.field
        self._refuse_scope(thread, scope, field, in_thread=in_thread)
        if scope not in await self.may(person, thread, seen=in_thread):
            raise DeniedError(_MAY_NOT[scope])
        value = await self._settings.change(person, thread, kind, scope, field, given.text)
        word = self._server if scope is Scope.SERVER else scope
        done = "as it is elsewhere" if value is None else _shown(value)
        return f"{field.label} of this {word}: {done}. It holds from the next answer on."

    def _refuse_scope(
        self, thread: ThreadKey, scope: Scope, field: Field, *, in_thread: bool
    ) -> None:
        if scope is Scope.SERVER and not server_channel(thread.channel):
            raise DeniedError(_NO_SERVER)
        if scope not in field.scopes:
            raise DeniedError(_NOT_IN_THREADS.format(label=field.label, word=field.word))
        if scope is Scope.THREAD and not in_thread:
            raise DeniedError(_NOT_THERE.format(word=field.word))


def _shown(value: Value) -> str:
    """Return a value in words, on one line."""
    if isinstance(value, int):
        return f"{value:,}"
    text = " ".join(str(value).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _audited(name: str, value: Value) -> str:
    """Return a value as the audit log has it, which holds no text of people."""
    if name == "instructions" and value is not None:
        return f"({len(str(value)):,} characters)"
    return CLEAR if value is None else str(value)


def _changed(at: float, zone: tzinfo) -> str:
    return f", since {datetime.fromtimestamp(at, zone):%Y-%m-%d %H:%M}"
