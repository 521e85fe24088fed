"""Reading what holds in a thread, and changing it; rights are checked by `SettingsCommands`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from core.commands import audit
from core.commands.settings.form import CLEAR, CLEARS, Item, items_of, mark_of
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
    from collections.abc import Callable, Mapping
    from datetime import tzinfo

    from core.domain.clock import Clock
    from core.domain.message import Kind, ThreadKey
    from core.domain.settings import Field, Layers, ScopeSettings, Value
    from core.memory.memory import Memory
    from core.store.port import Store

_SHOWN = 300
"""Characters of instructions that a list shows."""
_WRONG = "{label} {why}."
_MEANWHILE = (
    "{label} was changed by someone else since you opened this. It is now: {value}. Open the "
    "settings again to change it."
)
_BELOW = "must be below the high mark, which is {high:,}"
_ABOVE = "must be above the low mark, which is {low:,}"


class FieldsDeniedError(DeniedError):
    """Values do not fit, so nothing is changed; the text says all that is wrong."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        """Say what is wrong with each field, by its name."""
        super().__init__("\n".join(errors.values()))
        self.errors = dict(errors)


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
        self,
        by: str,
        thread: ThreadKey,
        kind: Kind,
        scope: Scope,
        texts: Mapping[Field, str],
        *,
        marks: Mapping[str, str] | None = None,
    ) -> dict[Field, Value]:
        """Change settings of a scope for a person; return their values, None if taken away.

        Args:
            by: The platform's id of the person.
            thread: The thread.
            kind: The kind of conversation there.
            scope: What the settings hold for.
            texts: What the person wrote or chose, by field.
            marks: The marks of the values that the person saw, by the names of the fields; nothing
                for fields of which they saw none.

        Raises:
            FieldsDeniedError: A value does not fit, or is no longer the one that the person saw.
            StoreError: The store does not answer, and nothing or all of it is done.
        """
        held = (await self.store.layers(thread)).of(scope)
        values: dict[Field, Value] = {}
        errors: dict[str, str] = {}
        for each, text in texts.items():
            try:
                clears = text.strip().lower() in CLEARS
                value = None if clears else read_value(each, text, choices_of(each))
            except ValueError as error:
                errors[each.name] = _WRONG.format(label=each.label, why=error)
                continue
            values[each] = value
            seen = (marks or {}).get(each.name)
            if seen is not None and seen != mark_of(held, each):
                now = shown(getattr(held, each.name) or CLEAR)
                errors[each.name] = _MEANWHILE.format(label=each.label, value=now)
        errors |= _crossed(held, values) if not errors else {}
        if errors:
            raise FieldsDeniedError(errors)
        named = {each.name: value for each, value in values.items()}
        await self._set(by, thread, kind, scope, named)
        return values

    async def mute(self, by: str, thread: ThreadKey, kind: Kind, *, muted: bool) -> None:
        """Let the bot be quiet in a thread until it is mentioned, or end that."""
        if (await self.store.thread_settings(thread)).muted != muted:
            await self._set(by, thread, kind, Scope.THREAD, {"muted": muted or None})

    async def _set(
        self, by: str, thread: ThreadKey, kind: Kind, scope: Scope, values: Mapping[str, Value]
    ) -> None:
        now = self.clock.now()
        for name, value in values.items():
            about = f"{scope} {name} {_audited(name, value)}"
            await audit.record(self.store, "settings", by=by, thread=thread, at=now, about=about)
        settings = (await self.store.layers(thread)).of(scope)
        for name, value in values.items():
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
        held = self._words(layers, kind, server, dated=True)
        return [f"{each.label}: {held[each.name]}" for each in FIELDS]

    def items(self, layers: Layers, kind: Kind, scope: Scope, *, server: str) -> tuple[Item, ...]:
        """Return the items of a scope's form; the other arguments are those of `lines`."""
        above = self._words(layers.above(scope), kind, server)
        return items_of(layers, scope, above, {each.name: choices_of(each) for each in FIELDS})

    def _words(
        self, layers: Layers, kind: Kind, server: str, *, dated: bool = False
    ) -> dict[str, str]:
        """Return what holds and from where, by the names of the fields."""
        held, sources = effective(layers)
        words = {Scope.THREAD: "this thread", Scope.CHANNEL: "this channel"}
        found = {}
        for each in FIELDS:
            scope = sources.get(each.name)
            if scope is None:
                found[each.name] = self._usual(each, kind)
                continue
            value = shown(getattr(held, each.name))
            changes = [c for c in layers.of(scope).changes if c.field == each.name]
            by = _changed(changes[-1].at, self.memory.zone) if changes else ""
            of = f"of {words.get(scope, f'this {server}')}"
            found[each.name] = f"{value} ({of}{by})" if dated else f"{value}, {of}"
        return found

    def _usual(self, field: Field, kind: Kind) -> str:
        if field.name == "strategy":
            return self.memory.strategy(kind).name
        return self.usual.get(field.name, "none")


def shown(value: Value) -> str:
    """Return a value in words, on one line."""
    if isinstance(value, int):
        return f"{value:,}"
    text = " ".join(str(value).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _crossed(held: ScopeSettings, values: Mapping[Field, Value]) -> dict[str, str]:
    """Return what is wrong with marks that would cross, by the name of a field that changes."""
    named = {each.name: value for each, value in values.items()}
    high, low = (named.get(name, getattr(held, name)) for name in ("memory_high", "memory_low"))
    if not (isinstance(high, int) and isinstance(low, int)) or low < high:
        return {}
    if "memory_low" in named:
        return {"memory_low": _WRONG.format(label=NAMED["low"].label, why=_BELOW.format(high=high))}
    if "memory_high" in named:
        return {"memory_high": _WRONG.format(label=NAMED["high"].label, why=_ABOVE.format(low=low))}
    return {}


def _audited(name: str, value: Value) -> str:
    """Return a value as the audit log has it, which holds no text of people."""
    if name == "instructions" and value is not None:
        return f"({len(str(value)):,} characters)"
    return CLEAR if value is None else str(value)


def _changed(at: float, zone: tzinfo) -> str:
    return f", since {datetime.fromtimestamp(at, zone):%Y-%m-%d %H:%M}"
