"""What another process may do with the fake: `POST /control/VERB` with JSON, `GET /control/…`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.fakes.slack.load import Load
from tests.fakes.slack.model import Channel, Message, SlackError, UnshownError, User
from tests.fakes.slack.shapes import message_json

if TYPE_CHECKING:
    from tests.fakes.slack.fake import FakeSlack
    from tests.fakes.slack.model import Json

_VERBS = (
    *("advance", "change_context", "channel", "configure", "dm", "group_dm", "join", "leave"),
    *("open_assistant", "open_dm", "open_home", "other_bot", "person", "press_stop"),
    *("say", "slash", "stranger", "uninstall", "use_http"),
)
_ON_MESSAGES = ("delete", "edit", "react", "shortcut", "unfurl")


class Control:
    """The verbs of the driver, by name; people and places are given by their ids."""

    def __init__(self, slack: FakeSlack) -> None:
        self._slack = slack
        router = slack.app.router
        router.add_get("/control/info", self._info)
        router.add_get("/control/history", self._history)
        router.add_get("/control/stats", self._stats)
        router.add_post("/control/load", self._load)
        router.add_post("/control/drop", self._drop)
        router.add_post("/control/{verb}", self._do)

    async def _info(self, request: web.Request) -> web.Response:
        """Tell how to connect."""
        slack = self._slack
        names = ("api_url", "bot_token", "app_token", "signing_secret", "app_id", "at_bot")
        body = {name: getattr(slack, name) for name in names}
        return web.json_response(body | {"bot": slack.bot.id, "team": slack.team.id})

    async def _history(self, request: web.Request) -> web.Response:
        """Tell what stands in a channel, or in a thread of it."""
        slack, query = self._slack, request.query
        channel = slack.where(query["channel"])
        shown = slack.thread(channel, query["ts"]) if "ts" in query else slack.history(channel)
        return web.json_response([message_json(slack, m, metadata=True) for m in shown])

    async def _stats(self, request: web.Request) -> web.Response:
        """Tell how it went so far."""
        slack = self._slack
        sockets = slack.socket
        return web.json_response(
            {
                "connections": len(sockets.connections),
                "connections_ever": sockets.opened,
                "lost": len(sockets.lost),
                "calls": len(slack.web.calls),
                "faults": len(slack.faults.dealt),
                "said_by_app": len(slack.said_by_app()),
            }
        )

    async def _load(self, request: web.Request) -> web.Response:
        """Run many threads at once: `threads`, `turns` of each, `mention`, `patience` seconds."""
        asked = await request.json()
        patience, mention = float(asked.get("patience", 30)), bool(asked.get("mention", True))
        load = Load(self._slack, mention=mention, patience=patience)
        return web.json_response(await load.run(int(asked["threads"]), int(asked["turns"])))

    async def _drop(self, request: web.Request) -> web.Response:
        """Cut all sockets."""
        self._slack.socket.drop()
        return web.json_response({})

    async def _do(self, request: web.Request) -> web.Response:
        verb, body = request.match_info["verb"], await request.json()
        args = list(body.pop("args", []))
        if verb in _ON_MESSAGES:
            # The message's place among the arguments is where its ts is, beside `channel`.
            channel = body.pop("channel")
            args = [self._message(channel, arg) for arg in args]
        elif verb not in _VERBS:
            return web.json_response({"error": f"no verb {verb}"}, status=404)
        try:
            result = getattr(self._slack, verb)(*args, **body)
            if hasattr(result, "__await__"):
                result = await result
        except (UnshownError, SlackError, KeyError, TypeError) as error:
            return web.json_response({"error": repr(error)}, status=400)
        return web.json_response(self._plain(result))

    def _message(self, channel: str, given: Any) -> Any:
        messages = self._slack.where(channel).messages
        return messages[given] if isinstance(given, str) and given in messages else given

    def _plain(self, result: object) -> Json:
        if isinstance(result, Message):
            return message_json(self._slack, result) | {"channel": result.channel}
        if isinstance(result, User | Channel):
            return {"id": result.id, "name": result.name, "team": result.team}
        return {"result": result if isinstance(result, str) else None}
