"""A recording's requests, sent to our fake: what it answers otherwise than was recorded."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import aiohttp

from bots.slack.live.calls import DOWNLOAD, LIMITED, UPLOAD
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bots.slack.live.record import Exchange, Json
    from bots.slack.live.rules import Rule
    from tests.replay.recording import Recording

_NAME = re.compile(r"[A-Z]\d{8}|text-\d+|\d{10}\.\d{6}")
_BEGAN = 1_700_000_000.0
_REMARKS = "the answer, response_metadata"
_UNCOMPARED = {("the answer", "errors"), (_REMARKS, "messages"), (_REMARKS, "warnings")}
"""Sentences of Slack's: only that there are some counts."""


async def differences(recording: Recording, *, altered: dict[str, Rule] | None = None) -> list[str]:
    """Return a sentence for each difference; `altered` are rules that the fake is to have."""
    player = _Player(recording)
    async with (
        FakeSlack(now=lambda: player.now) as slack,
        aiohttp.ClientSession() as player.session,
    ):
        slack.rules |= altered or {}
        player.enter(slack)
        found: list[str] = []
        for number, exchange in enumerate(recording.exchanges, start=1):
            player.now = _BEGAN + exchange.at
            if exchange.status != LIMITED:  # that depends on what else went on
                said = await player.play(exchange)
                found += (f"{number}. {exchange.method}: {sentence}" for sentence in said)
        return found


class _Player:
    """Plays one recording; what was called by one name there has another here."""

    session: aiohttp.ClientSession

    def __init__(self, recording: Recording) -> None:
        self.now = _BEGAN
        self._roles = recording.roles
        self._here: dict[str, str] = {}

    def enter(self, slack: FakeSlack) -> None:
        """Make the scene."""
        self._slack = slack
        human = slack.person("ann")
        channel = slack.dm(human) if self._roles["direct"] else slack.channel("general", human)
        ids = {"team": slack.team.id, "bot": slack.bot.id, "channel": channel.id}
        ids["human"] = human.id
        self._here |= {self._roles[role]: known for role, known in ids.items()}

    async def play(self, exchange: Exchange) -> list[str]:
        """Send a request, and compare the answers."""
        arguments = self._mapped(exchange.arguments)
        status, answer = await self._sent(exchange, arguments)
        if status != exchange.status:
            return [f"Slack's status was {exchange.status}, the fake's is {status}"]
        theirs = exchange.error
        ours = "" if answer.get("ok") else str(answer.get("error"))
        if theirs != ours:
            return [f"Slack answered {theirs or 'ok'}, the fake {ours or 'ok'}"]
        self._learn(exchange.answer, answer)
        return list(_compared(self._mapped(exchange.answer), answer, "the answer"))

    async def _sent(self, exchange: Exchange, arguments: Json) -> tuple[int, Json]:
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
        return response.status, {"ok": True} if file else json.loads(body)

    def _mapped(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._here.get(key, key): self._mapped(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._mapped(item) for item in value]
        if isinstance(value, str):
            return _NAME.sub(lambda name: self._here.get(name[0], name[0]), value)
        return value

    def _learn(self, theirs: Any, ours: Any) -> None:
        """Note which name of ours stands where one of theirs stood."""
        if isinstance(theirs, dict) and isinstance(ours, dict):
            for key in theirs.keys() & ours.keys():
                self._learn(theirs[key], ours[key])
        elif isinstance(theirs, list) and isinstance(ours, list):
            for one, other in zip(theirs, ours, strict=False):
                self._learn(one, other)
        elif isinstance(theirs, str) and isinstance(ours, str) and _NAME.fullmatch(theirs):
            self._here.setdefault(theirs, ours)


def _plain(exchange: Exchange, arguments: Json) -> Json:
    """Return arguments as a query takes them: texts."""
    if exchange.verb != "GET":
        return arguments
    return {
        k: json.dumps(v) if isinstance(v, bool | list) else str(v) for k, v in arguments.items()
    }


def _compared(theirs: Any, ours: Any, where: str) -> Iterator[str]:
    """Compare shapes: the fake may give less than Slack, but nothing that Slack does not."""
    if _kind(theirs) != _kind(ours):
        yield f"{where} was {_kind(theirs)} at Slack, and is {_kind(ours)} in the fake"
    elif isinstance(theirs, dict):
        for key in ours:
            if key not in theirs:
                yield f"{where} has no “{key}” at Slack, but has one in the fake"
            elif (where, key) not in _UNCOMPARED:
                yield from _compared(theirs[key], ours[key], f"{where}, {key}")
    elif isinstance(theirs, list):
        yield from _lists(theirs, ours, where)


def _lists(theirs: list[Any], ours: list[Any], where: str) -> Iterator[str]:
    if len(theirs) != len(ours):
        yield f"{where} had {len(theirs)} items at Slack, and has {len(ours)} in the fake"
    for index, (one, other) in enumerate(zip(theirs, ours, strict=False)):
        yield from _compared(one, other, f"{where} {index}")


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a switch"}
    return names.get(type(value), "nothing" if value is None else "a number")
