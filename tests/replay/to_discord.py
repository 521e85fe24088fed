"""A recording of Discord, played to our fake Discord."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bots.discord.ui.commands import commands
from tests.live.discord.calls import DOWNLOAD, form
from tests.replay.player import Player

if TYPE_CHECKING:
    from tests.fakes.discord import FakeDiscord
    from tests.live.recording import Exchange, Json


class DiscordPlayer(Player):
    """Calls the REST API."""

    platform = "Discord"
    names = re.compile(r"\b9\d{17}\b|text-\d+")
    nulls = True

    async def enter(self, discord: FakeDiscord) -> None:
        """Make the scene: with the commands written where they were."""
        self._discord, roles = discord, self.recording.roles
        channel = discord.channel("general")
        self.here |= {roles["bot"]: discord.bot.id, roles["channel"]: channel.id}
        self._token = {"authorization": f"Bot {discord.token}"}
        if self._wrote_commands:
            url = f"{discord.api_url}/applications/{discord.bot.id}/commands"
            async with self.session.put(url, json=commands(), headers=self._token) as response:
                assert response.ok

    @property
    def _wrote_commands(self) -> bool:
        made = self.recording.exchanges
        return any(each.verb == "PUT" and each.method.endswith("/commands") for each in made)

    def compares(self, exchange: Exchange) -> bool:
        """Tell so; where the bot had not written its commands, others may stand there."""
        return self._wrote_commands or not exchange.method.endswith("/commands")

    async def sent(self, exchange: Exchange, arguments: Json) -> Exchange:
        if exchange.method == DOWNLOAD:
            url, given = arguments["url"], {}
        else:
            url, given = (
                self._discord.api_url + self.mapped(exchange.method),
                self._given(arguments),
            )
        async with self.session.request(exchange.verb, url, **given) as response:
            body = await response.read()
        plain = exchange.method != DOWNLOAD and response.content_type == "application/json"
        answer = json.loads(body) if plain else None
        return replace(exchange, status=response.status, answer=answer)

    def _given(self, arguments: Json) -> dict[str, Any]:
        file = arguments.get("file")
        return {
            "headers": self._token,
            "json": arguments.get("json"),
            "params": arguments.get("query"),
            "data": form(file["name"], file["content"]) if file else None,
        }
