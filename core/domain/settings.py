"""Settings that people change where they talk: of a thread, its channel, and its server. Pure.

One value serves all three scopes. Of each field, the nearest scope that sets it wins: the thread,
then the channel, then the server (a Slack workspace or a Discord server), then the environment.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from core.domain.admission import FollowUp
from core.domain.message import clean

ON: Final = "on"
OFF: Final = "off"
INSTRUCTIONS = 2_000
"""Characters of the instructions of a scope. Each request of the scope shows them."""
HIGH = (200, 1_000_000)
LOW = (0, 1_000_000)
PAIRS = (1, 1_000)
ANSWER = (16, 128_000)
"""This and the three before: the least and the most of a number, here and in the environment."""
CHANGES = 32
"""The most changes that a scope keeps: more than it has fields."""

Value: TypeAlias = str | int | bool | None


class Scope(StrEnum):
    """What settings hold for, the nearest first."""

    THREAD = "thread"
    CHANNEL = "channel"
    SERVER = "server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The last change of a field in a scope."""

    field: str
    by: str
    """The platform's id of the person."""
    at: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeSettings:
    """The settings of one thread, channel or server; an empty one is set elsewhere."""

    strategy: str = ""
    reach: int = 0
    """How many positions the strategy needs; stored with it, since the store can't know."""
    muted: bool = False
    """Only of a thread: the bot answers nobody who does not address it, until it is mentioned."""
    instructions: str = ""
    model: str = ""
    memory_high: int | None = None
    memory_low: int | None = None
    memory_pairs: int | None = None
    follow_up: str = ""
    """A value of `FollowUp`."""
    overhear: str = ""
    """On or off; so is the one after the next."""
    answer_tokens: int | None = None
    recall: str = ""
    changes: tuple[Change, ...] = ()
    """Who changed what last, in the order of the changes."""

    @classmethod
    def read(cls, stored: dict[str, Any]) -> ScopeSettings:
        """Return the settings of stored fields; those that this version does not know are lost.

        Raises:
            TypeError: A change is none.
        """
        known = {name: value for name, value in stored.items() if name in SETTINGS}
        changes = tuple([Change(**each) for each in known.pop("changes", ())])
        return cls(**known, changes=changes)

    def changed(self, field: str, value: Value, *, by: str, at: float) -> ScopeSettings:
        """Return the settings after a person has set a field; None empties it."""
        kept = tuple([each for each in self.changes if each.field != field])
        changes = (*kept, Change(field=field, by=by, at=at))[-CHANGES:]
        values: dict[str, Any] = {field: getattr(NOTHING, field) if value is None else value}
        return replace(self, **values, changes=changes)


SETTINGS: Final = frozenset(each.name for each in fields(ScopeSettings))
"""The names under which settings are stored."""
NOTHING: Final = ScopeSettings()


class Layers(NamedTuple):
    """The settings of all scopes of a thread, the nearest first."""

    thread: ScopeSettings = NOTHING
    channel: ScopeSettings = NOTHING
    server: ScopeSettings = NOTHING

    def of(self, scope: Scope) -> ScopeSettings:
        """Return the settings of one scope."""
        return self[_ORDER.index(scope)]

    def above(self, scope: Scope) -> Layers:
        """Return the settings that hold if a scope, and the nearer ones, set nothing."""
        nearer = _ORDER.index(scope) + 1
        return Layers(*[NOTHING] * nearer, *self[nearer:])


_DIGITS = 12
"""More digits than any bound has."""
_ORDER = (Scope.THREAD, Scope.CHANNEL, Scope.SERVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field that people set, in the words that they read."""

    name: str
    """Of the attribute."""
    word: str
    """In commands."""
    label: str
    about: str
    kind: Literal["text", "choice", "number"]
    group: Literal["Answers", "Memory", "Listening"]
    """Those of a group stand together in forms, under its name."""
    choices: tuple[str, ...] = ()
    """Empty if other rooms know them: strategies and models."""
    bounds: tuple[int, int] = (0, 0)
    scopes: tuple[Scope, ...] = _ORDER


FIELDS: Final[tuple[Field, ...]] = (
    Field(
        name="instructions",
        word="instructions",
        label="Instructions",
        about=f"What I keep to in my answers here, in at most {INSTRUCTIONS:,} characters",
        kind="text",
        group="Answers",
        bounds=(0, INSTRUCTIONS),
        scopes=(Scope.CHANNEL, Scope.SERVER),  # in a thread, people pin their wishes
    ),
    Field(
        name="model",
        word="model",
        label="Model",
        about="The model that answers",
        kind="choice",
        group="Answers",
    ),
    Field(
        name="answer_tokens",
        word="answer",
        label="Answer length",
        about="How many tokens an answer has at most; a token is about three quarters of a word",
        kind="number",
        group="Answers",
        bounds=ANSWER,
    ),
    Field(
        name="strategy",
        word="memory",
        label="Memory",
        about="What I see of a conversation word for word, and what a summary replaces",
        kind="choice",
        group="Memory",
    ),
    Field(
        name="memory_high",
        word="high",
        label="High mark",
        about="Above so many tokens, my summary takes over the oldest turns",
        kind="number",
        group="Memory",
        bounds=HIGH,
    ),
    Field(
        name="memory_low",
        word="low",
        label="Low mark",
        about="My summary leaves at most so many tokens word for word",
        kind="number",
        group="Memory",
        bounds=LOW,
    ),
    Field(
        name="memory_pairs",
        word="exchanges",
        label="Exchanges",
        about="How many exchanges the memory “window” keeps",
        kind="number",
        group="Memory",
        bounds=PAIRS,
    ),
    Field(
        name="recall",
        word="recall",
        label="Recall",
        about="Whether I look up earlier messages that bear on a question",
        kind="choice",
        group="Memory",
        choices=(ON, OFF),
    ),
    Field(
        name="follow_up",
        word="follow-up",
        label="Follow-up",
        about="When I answer without a mention: always, if one person is alone with me, or never",
        kind="choice",
        group="Listening",
        choices=tuple(FollowUp),
    ),
    Field(
        name="overhear",
        word="overhearing",
        label="Overhearing",
        about="Whether I remember messages of a thread that are not for me, as context",
        kind="choice",
        group="Listening",
        choices=(ON, OFF),
    ),
)
"""All fields that people set, in the order in which they are shown."""
NAMED: Final = {each.word: each for each in FIELDS}


class Effective(NamedTuple):
    """What holds in a thread, and from where."""

    settings: ScopeSettings
    """Each field as the nearest scope has it; empty if the environment decides."""
    sources: dict[str, Scope]
    """The scope of each field that a scope sets."""


_DEFAULT: Final = Effective(NOTHING, {})


def effective(layers: Layers) -> Effective:
    """Return what holds in a thread with these settings, and from which scope each field comes."""
    if layers == (NOTHING, NOTHING, NOTHING):  # nearly always
        return _DEFAULT
    values: dict[str, Any] = {"muted": layers.thread.muted}
    sources: dict[str, Scope] = {}
    for field in FIELDS:
        for scope in field.scopes:
            value = getattr(layers.of(scope), field.name)
            if value not in {"", None}:
                values[field.name], sources[field.name] = value, scope
                break
    return Effective(ScopeSettings(**values), sources)


def server_of(channel: str) -> str:
    """Return the server of a channel, as a key names it: what stands before the slash; or nothing.

    Slack's adapter names a channel "T1/C1", and Discord's "GUILD/CHANNEL". All direct messages on
    Discord share the name "dm/", which is no server. A terminal has no slash.
    """
    server, slash, _ = channel.partition("/")
    return server if slash and server != "dm" else ""


def server_channel(channel: str) -> str:
    """Return the name under which a store keeps the settings of a channel's server; or nothing."""
    server = server_of(channel)
    return f"{server}/*" if server else ""


def read_value(field: Field, text: str, choices: tuple[str, ...] = ()) -> Value:
    """Return the value that a person's text gives a field; None if it is empty.

    Args:
        field: The field.
        text: What the person wrote or chose.
        choices: What there is to choose, if the field does not say it.

    Raises:
        ValueError: The value is out of bounds; the text says what fits.
    """
    said = clean(text).strip()
    if not said:
        return None
    if field.kind == "text":
        if len(said) > field.bounds[1]:
            raise ValueError(f"has {len(said):,} characters, and {field.bounds[1]:,} fit")
        return said
    if field.kind == "number":
        least, most = field.bounds
        digits = said.replace(",", "").replace("_", "")
        is_number = digits.isascii() and digits.isdecimal() and len(digits) <= _DIGITS
        if not (is_number and least <= int(digits) <= most):
            raise ValueError(f"must be a whole number from {least:,} to {most:,}")
        return int(digits)
    known = field.choices or choices
    found = next((each for each in known if each.casefold() == said.casefold()), None)
    if found is None:
        raise ValueError(f"must be one of {', '.join(known)}")
    return found
