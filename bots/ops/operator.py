"""The operator's commands at the command line. Each returns the exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bots.app import App, say
from bots.settings import privacy
from bots.terminal.platform import NAME
from bots.terminal.text import inert, name_of
from core.commands.audit import event_line, record
from core.commands.commands import stats_lines
from core.commands.memory_view import counted
from core.domain.message import ThreadKey
from core.removal.forgetting import Forgetting
from core.store.urls import init_store as make_store

if TYPE_CHECKING:
    from bots.settings.settings import Settings

_SHOWN_LENGTH = 120
_OPERATOR = "operator"
"""Stands in the audit log for the person at the command line."""


async def init_store(settings: Settings) -> int:
    """Create what the store needs before it can hold anything."""
    created = await make_store(settings.store.get_secret_value())
    if created is None:
        say("Nothing to do: this store creates what it needs by itself.")
    elif created:
        say("Created the table. The bot can use it now.")
    else:
        say("The table already exists. The bot can use it.")
    return 0


async def stats(settings: Settings) -> int:
    """Print how long conversations are, and where people drop off."""
    async with await App.open(settings) as app:
        _print(*stats_lines(await app.commands.stats()))
    return 0


async def buried(settings: Settings) -> int:
    """Print the messages that the bot gave up answering."""
    async with await App.open(settings) as app:
        found = await app.store.buried()
    for message in found:
        text = " ".join(inert(message.entry.text).split())[:_SHOWN_LENGTH]
        author = message.entry.author
        who = f"{name_of(author.name)} ({author.tag})"
        _print(f"{message.thread} {message.entry.position} {who}: {text}")
    if not found:
        say("The bot has given up no messages.")
    return 0


async def audit(settings: Settings) -> int:
    """Print what admins exported and removed, one line of JSON each, the oldest first."""
    async with await App.open(settings) as app:
        count = 0
        async for event in app.store.audit_events():
            _print(event_line(event))
            count += 1
    if not count:
        say("No admin has exported or removed anything in the last year.")
    return 0


async def privacy_page(settings: Settings) -> int:
    """Print what is kept, where, for how long, and who sees it."""
    both: list[privacy.Place] = ["slack"] if settings.slack else []
    both += ["discord"] if settings.discord else []
    _print(privacy.page(settings, tuple(both) or ("terminal",)).rstrip())
    return 0


async def requeue(settings: Settings, thread: str, position: int) -> int:
    """Put a message that was given up back into its thread's queue."""
    key = thread_named(thread, settings.user)
    async with await App.open(settings) as app:
        if await app.store.requeue(key, position):
            say("The message is back at the end of its thread's queue.")
            return 0
    say(f"chatbot: no given-up message has number {position} in {key}; see `chatbot buried`")
    return 1


async def forget(settings: Settings, platform: str, what: str, name: str, *, sure: bool) -> int:
    """Remove a person or a channel from the store, once the operator is sure."""
    async with await App.open(settings) as app:
        of = {"person": name} if what == "person" else {}
        channel = None if what == "person" else (platform, name)
        found = [info.thread async for info in app.store.all_threads(channel=channel, **of)]
        count = counted(sum(thread.platform == platform for thread in found), "conversation")
        if not sure:
            say(f"{count} would be cleared. Nothing was removed: add --yes to remove it for good.")
            return 1
        forgetting = Forgetting(app.store, app.clock)
        # The id of a person who is forgotten is in no record of it.
        thread = ThreadKey(platform, name if what == "channel" else "everywhere", "all")
        await record(app.store, "forget", by=_OPERATOR, thread=thread, at=app.clock.now())
        await (forgetting.person if what == "person" else forgetting.channel)(platform, name)
    say(f"Removed from {count}. What stands on the platform itself stays there.")
    return 0


def thread_named(text: str, user: str) -> ThreadKey:
    """Return the thread with this key, or with this name in the user's terminal."""
    try:
        return ThreadKey.parse(text)
    except ValueError:
        return ThreadKey(NAME, user, text or "main")


def _print(*lines: str) -> None:
    for line in lines:
        print(inert(line))  # noqa: T201 - the command's output
