"""The trial of Discord: probes on a real server, what differs, and a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

from bots.discord.faults import ODD, OUT_OF_REACH
from bots.discord.hosts import all_hosts
from bots.discord.ids import is_id
from bots.outgoing import Connector
from core.domain.errors import PlatformError, SettingsError
from tests.live.discord import probes
from tests.live.discord.calls import API, Calls
from tests.live.discord.probes import Trial
from tests.live.discord.record import LANGUAGE
from tests.live.recording import Blind, write

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from bots.settings.settings import Settings
    from core.domain.clock import Clock
    from tests.live.options import Options

_OPENING = (
    "A live trial of the chatbot: I try out what Discord accepts, in a thread here, and remove it "
    "in a moment."
)
_LEFT = (
    "note: {left} of the probes' messages, or their thread, could not be removed: remove them by "
    "hand. To delete a thread takes a permission that the bot does not need; the thread is empty "
    "and archived."
)

_REAL = urlsplit(API).hostname


async def live(
    settings: Settings, clock: Clock, options: Options
) -> AsyncGenerator[tuple[str, bool], None]:
    """Run the probes; yield each line to print, and whether it reports a difference.

    It always removes what the probes leave behind. Raises `SettingsError` or `PlatformError` if
    the probes can't be run.
    """
    token = settings.discord_bot_token.get_secret_value()
    if not token:
        raise SettingsError("DISCORD_BOT_TOKEN is not set: `chatbot doctor` says where to find it.")
    connector = Connector(all_hosts(settings.discord_base_url))
    async with aiohttp.ClientSession(connector=connector) as session:
        calls = Calls(session, settings.discord_base_url, token, clock)
        trial, left = None, 0
        try:
            trial = await _trial(calls, clock, options.channel)
            for probe in _probes(options):
                yield f"trying out {probe.__name__.replace('_', ' ')} …", False
                await trial.run(probe.__name__, probe(trial))
        finally:
            left = await calls.clean_up("" if trial is None else trial.root)
        if left:
            yield _LEFT.format(left=left), False
        for line, differs in trial.lines():
            yield line, differs
        yield _written(settings, clock, options, trial), False
    yield trial.summary(), False


def _probes(options: Options) -> list[Callable[[Trial], Awaitable[None]]]:
    chosen: list[Callable[[Trial], Awaitable[None]]] = [
        *(probes.threads, probes.posting, probes.nonces, probes.reacting),
        *(probes.files, probes.slash),
    ]
    return [*chosen, probes.nonce_window] if options.expiry else chosen


async def _trial(calls: Calls, clock: Clock, channel: str) -> Trial:
    """Check the token and the channel, and post the message that the thread starts from."""
    who = await calls.call("GET", "/users/@me")
    if who.error:
        raise SettingsError("DISCORD_BOT_TOKEN is refused. See `chatbot doctor`.")
    if not is_id(who["id"]):
        raise PlatformError(f"{OUT_OF_REACH}: {ODD}")
    opening = await calls.call("POST", f"/channels/{channel}/messages", {"content": _OPENING})
    if opening.error:
        raise SettingsError(
            f"The channel {channel} can't be used: {opening.error}. Give the id of a text channel "
            "that the bot sees (right-click it, Copy Channel ID, with the developer mode on)."
        )
    return Trial(calls, clock, channel=channel, bot=str(who["id"]), root=str(opening["id"]))


def _written(settings: Settings, clock: Clock, options: Options, trial: Trial) -> str:
    """Write the recording; return a line that says where it is."""
    host = urlsplit(settings.discord_base_url or API).hostname
    blind = Blind(LANGUAGE)
    about = {
        "platform": "discord",
        "source": host if host == _REAL else "not Discord: another address was set for its API",
        "roles": {"bot": blind.name(trial.bot), "channel": blind.name(trial.channel)},
    }
    made, hidden = trial.calls.made, settings.secrets
    return write(made, blind, about, options.folder, now=clock.now(), secrets=hidden)
