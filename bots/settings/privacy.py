"""The privacy page: what is kept, where, for how long, and who sees it, by the settings. Pure.

Discord asks for such a page in its Developer Policy, and Slack in its Marketplace's guidelines
(docs: discord.com/developers, "Developer Terms of Service", 5; slack-marketplace, "Guidelines").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from core.domain.message import Kind
from core.domain.text import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bots.settings.settings import Settings

Place: TypeAlias = Literal["slack", "discord", "terminal"]

VENDOR_TERMS = "https://privacy.anthropic.com"
"""Where Anthropic says what it keeps of what is sent to its API."""
_NAME = 60
"""Characters of a model's or a host's name, so that the page fits a message."""
_DAY = 24 * 3600
_STORES = {
    "sqlite": "in an SQLite file on the machine that I run on",
    "memory": "in my own memory alone, until I am restarted",
    "redis": "in Redis",
    "rediss": "in Redis",
    "postgres": "in PostgreSQL",
    "postgresql": "in PostgreSQL",
    "dynamodb": "in Amazon DynamoDB",
}
_KINDS = {
    Kind.THREAD: "in threads",
    Kind.GROUP: "in group conversations",
    Kind.DM: "in direct messages",
    Kind.TERMINAL: "in the terminal",
}
_THERE = {
    "slack": (Kind.THREAD, Kind.DM, Kind.GROUP),
    "discord": (Kind.THREAD, Kind.DM),
    "terminal": (Kind.TERMINAL,),
}
_NAMES = {"slack": "Slack", "discord": "Discord", "terminal": "this terminal"}


class Section(NamedTuple):
    """A part of the page."""

    title: str
    lines: tuple[str, ...]


def page(settings: Settings, places: tuple[Place, ...]) -> str:
    """Return the page as Markdown, for all places where the bot talks."""
    parts = ["# Privacy\n\nWhat I do with what you write, as I am set up now.\n"]
    shared = [each for each in _sections(settings, places) if each.lines]
    for title, lines in shared:
        parts.append(f"\n## {title}\n\n{''.join(f'- {line}' + chr(10) for line in lines)}")
    return "".join(parts)


def short(settings: Settings, place: Place) -> str:
    """Return the page for people in one place, within a message of Discord (2,000 characters)."""
    parts = [f"*{title}.* {' '.join(lines)}" for title, lines in _sections(settings, (place,))]
    return "\n".join(parts)


def lines(settings: Settings, place: Place) -> list[str]:
    """Return the page for people in one place, without markup."""
    return [f"{title}: {' '.join(said)}" for title, said in _sections(settings, (place,))]


def _sections(settings: Settings, places: tuple[Place, ...]) -> list[Section]:
    return [
        Section("What I keep", tuple(_kept(settings, places))),
        Section("Where, and for how long", tuple(_held(settings, places))),
        Section("Who may read it", tuple(_readers(settings, places))),
        Section("What the model sees", tuple(_model(settings, places))),
        Section("Take it out or away", tuple(_ways_out(places))),
    ]


def _kept(settings: Settings, places: tuple[Place, ...]) -> Iterator[str]:
    yield (
        "What you say to me, what I answer, what you think of it (👍, 👎), a summary of older "
        "parts, and what you ask me to remember; with the names and ids of those who said it."
    )
    if places != ("terminal",):
        yield (
            "In threads that I take part in, also what people say to each other, unless that is "
            "turned off there."
            if settings.overhear
            else "I don't keep what people say to each other, unless that is turned on there."
        )
    yield "What people think of my answers: 👍 or 👎, with their ids, and why if they say it."
    yield "Of files, the name, type and size; their content is in memory only, for an hour at most."
    yield "My logs have ids and counts, and nothing of what you write."


def _held(settings: Settings, places: tuple[Place, ...]) -> Iterator[str]:
    scheme = settings.store.get_secret_value().partition(":")[0].partition("+")[0]
    yield f"It is {_STORES[scheme]}."
    kinds = dict.fromkeys(kind for place in places for kind in _THERE[place])
    days = {kind: settings.ttl(kind) / _DAY for kind in kinds}
    if len({*days.values()}) == 1:
        yield f"A conversation is removed after {_days(next(iter(days.values())))} of silence."
    else:
        each = ", ".join(f"{_days(count)} {_KINDS[kind]}" for kind, count in days.items())
        yield f"A conversation is removed after some silence: {each}."
    yield (
        "A hash of the name of a conversation that was forgotten or reset stays for a year, so "
        "that nothing of it is read again."
    )


def _readers(settings: Settings, places: tuple[Place, ...]) -> Iterator[str]:
    if places != ("terminal",):
        yield "Those who took part in a conversation and can still see it."
        yield (
            "If you link to a conversation, my answer may use it if you, and all who read the "
            "answer, can read it."
        )
    for place in places:
        if said := _admins(settings, place):
            yield said
    yield "The person who runs me can read what is kept."


def _admins(settings: Settings, place: Place) -> str:
    """Return what admins may read; empty if there are none, or nobody but you is there."""
    if place == "terminal":
        return ""
    named = settings.slack_admins if place == "slack" else settings.discord_admins
    if not named.strip(" ,"):
        return f"On {_NAMES[place]}, no admin may."
    dms = settings.slack_admins_read_dms and place == "slack"
    seen = "all channels" if settings.admins_read_private else "channels that they can see or join"
    also = ", and direct messages" if dms else ", but no direct messages"
    return (
        f"Admins on {_NAMES[place]} may export conversations in {seen}{also}; each such export is "
        "recorded for a year."
    )


def _model(settings: Settings, places: tuple[Place, ...]) -> Iterator[str]:
    if settings.offline:
        names = " and ".join(_NAMES[place] for place in places)
        yield f"I use no vendor's model: what you write goes nowhere but to {names} and my store."
        return
    models = shortened(settings.model, _NAME)
    if settings.summary_model != settings.model:
        models += f"; {shortened(settings.summary_model, _NAME)} for summaries"
    host = urlsplit(settings.anthropic_base_url).hostname
    way = f", by way of {shortened(host, _NAME)}," if host else ""
    yield (
        f"To answer, I send the conversation's summary, its latest messages, earlier ones that "
        f"bear on yours, names and files to Anthropic{way} ({models}; a channel may be set to "
        "another of its models)."
    )
    yield f"What Anthropic does with it: {VENDOR_TERMS}"


def _ways_out(places: tuple[Place, ...]) -> Iterator[str]:
    if places == ("terminal",):
        yield "`/export FILE` writes this conversation, `/export FILE mine` all of yours."
        yield "`/forget` removes this conversation, `/forget 3` one message."
        return
    yield (
        "`/chatbot export` sends you a conversation, and all that you took part in if you choose "
        "so (`mine`)."
    )
    yield (
        "`/chatbot forget` removes what you said from what I keep; if you delete or edit a "
        "message, so do I, in the summary, too. `reset` removes nothing."
    )


def _days(days: float) -> str:
    return f"{days:g} day" if days == 1 else f"{days:g} days"
