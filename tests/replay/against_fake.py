"""A recording's requests, sent to our fake: what it answers otherwise than was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack
from tests.replay.player import BEGAN
from tests.replay.recording import SLACK
from tests.replay.to_discord import DiscordPlayer
from tests.replay.to_slack import SlackPlayer

if TYPE_CHECKING:
    from tests.live.rules import Rule
    from tests.replay.player import Player
    from tests.replay.recording import Recording

_LIMITED = 429


async def differences(recording: Recording, *, altered: dict[str, Rule] | None = None) -> list[str]:
    """Return a sentence for each difference; `altered` are rules that a fake Slack is to have."""
    async with aiohttp.ClientSession() as session:
        if recording.platform == SLACK:
            return await _at_slack(recording, session, altered or {})
        return await _at_discord(recording, session)


async def _at_slack(
    recording: Recording, session: aiohttp.ClientSession, altered: dict[str, Rule]
) -> list[str]:
    player = SlackPlayer(recording)
    player.session = session
    async with FakeSlack(now=lambda: player.now) as slack:
        slack.rules |= altered
        player.enter(slack)
        return await _played(player)


async def _at_discord(recording: Recording, session: aiohttp.ClientSession) -> list[str]:
    player = DiscordPlayer(recording)
    player.session = session
    async with FakeDiscord(now=lambda: player.now) as discord:
        await player.enter(discord)
        return await _played(player)


async def _played(player: Player) -> list[str]:
    found: list[str] = []
    for number, exchange in enumerate(player.recording.exchanges, start=1):
        player.now = BEGAN + exchange.at
        if exchange.status != _LIMITED:  # that depends on what else went on
            said = await player.play(exchange)
            found += (f"{number}. {exchange.route}: {sentence}" for sentence in said)
    return found
