"""A recording of Slack, played to our fake Slack."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.live.slack.calls import DOWNLOAD, UPLOAD
from tests.replay.player import Player

if TYPE_CHECKING:
    from tests.fakes.slack import FakeSlack
    from tests.live.recording import Exchange, Json


class SlackPlayer(Player):
    """Calls the Web API."""

    platform = "Slack"
    names = re.compile(r"[A-Z]\d{8}|text-\d+|\d{10}\.\d{6}")
    nulls = False

    def enter(self, slack: FakeSlack) -> None:
        """Make the scene."""
        self._slack, roles = slack, self.recording.roles
        human = slack.person("ann")
        channel = slack.dm(human) if roles["direct"] else slack.channel("general", human)
        ids = {"team": slack.team.id, "bot": slack.bot.id, "channel": channel.id}
        ids["human"] = human.id
        self.here |= {roles[role]: known for role, known in ids.items()}

    async def sent(self, exchange: Exchange, arguments: Json) -> Exchange:
        token = {"authorization": f"Bearer {self._slack.bot_token}"}
        given: dict[str, Any] = {"headers": token}
        if exchange.method == UPLOAD:
            url, given = arguments["url"], {"data": arguments["content"].encode()}
        elif exchange.method == DOWNLOAD:
            url, given = arguments["url"], given if arguments["token"] else {}
        else:
            url = self._slack.api_url + exchange.method
            given["params" if exchange.verb == "GET" else "json"] = _plain(exchange, arguments)
        async with self.session.request(exchange.verb, url, **given) as response:
            body = await response.read()
        file = exchange.method in {UPLOAD, DOWNLOAD}
        answer = {"ok": True} if file else json.loads(body)
        return replace(exchange, status=response.status, answer=answer)


def _plain(exchange: Exchange, arguments: Json) -> Json:
    """Return arguments as a query takes them: texts."""
    if exchange.verb != "GET":
        return arguments
    return {
        k: json.dumps(v) if isinstance(v, bool | list) else str(v) for k, v in arguments.items()
    }
