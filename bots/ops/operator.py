"""The operator's commands at the command line. Each returns the exit code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bots.app import App, say
from bots.terminal.platform import NAME
from bots.terminal.text import inert, name_of
from core.commands.audit import event_line
from core.commands.commands import stats_lines
from core.commands.export import export, export_to
from core.commands.parser import ExportFormat
from core.domain.message import ThreadKey
from core.store.urls import init_store as make_store

if TYPE_CHECKING:
    from bots.settings.settings import Settings

_SHOWN_LENGTH = 120


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


async def export_thread(settings: Settings, thread: str, file: str, *, as_json: bool) -> int:
    """Write a conversation to a file, or to stdout."""
    async with await App.open(settings) as app:
        key = thread_named(thread, settings.user)
        if await app.store.peek(key) is None:
            say(f"chatbot: there is no thread {key}")
            return 1
        if file:
            return await _export_to(app, key, file, as_json=as_json)
        form = ExportFormat.JSON if as_json else ExportFormat.MARKDOWN
        async for piece in export(app.store, key, form, at=app.clock.now()):
            sys.stdout.write(piece)
        sys.stdout.flush()
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


async def requeue(settings: Settings, thread: str, position: int) -> int:
    """Put a message that was given up back into its thread's queue."""
    key = thread_named(thread, settings.user)
    async with await App.open(settings) as app:
        if await app.store.requeue(key, position):
            say("The message is back at the end of its thread's queue.")
            return 0
    say(f"chatbot: no given-up message has number {position} in {key}; see `chatbot buried`")
    return 1


def thread_named(text: str, user: str) -> ThreadKey:
    """Return the thread with this key, or with this name in the user's terminal."""
    try:
        return ThreadKey.parse(text)
    except ValueError:
        return ThreadKey(NAME, user, text or "main")


async def _export_to(app: App, thread: ThreadKey, file: str, *, as_json: bool) -> int:
    try:
        path = await export_to(
            app.store,
            thread,
            file,
            at=app.clock.now(),
            form=ExportFormat.JSON if as_json else None,
        )
    except OSError as error:
        say(f"chatbot: {inert(file)} can't be written: {error.strerror or error}")
        return 1
    except (ValueError, RuntimeError):  # a NUL, or the home of an unknown user
        say(f"chatbot: {file!r} is not a valid file name")
        return 1
    say(f"Written to {path}.")
    return 0


def _print(*lines: str) -> None:
    for line in lines:
        print(inert(line))  # noqa: T201 - the command's output
