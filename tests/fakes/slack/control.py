"""What another process may ask and do to the fake workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.kit.control import Control
from tests.fakes.slack.load import Load
from tests.fakes.slack.model import Channel, Message, SlackError, User
from tests.fakes.slack.shapes import message_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from tests.fakes.slack.fake import FakeSlack
    from tests.fakes.slack.model import Json

_VERBS = (
    *("advance", "change_context", "channel", "configure", "dm", "group_dm", "join", "leave"),
    *("open_assistant", "open_dm", "open_home", "other_bot", "person", "press_stop"),
    *("say", "slash", "stranger", "uninstall", "use_http"),
)
_ON_MESSAGES = ("delete", "edit", "react", "shortcut", "unfurl")


class SlackControl(Control):
    """The verbs of the driver, by name; people and places are given by their ids."""

    refusals = (*Control.refusals, SlackError)

    def __init__(self, slack: FakeSlack) -> None:
        super().__init__(slack, slack.app, (*_VERBS, *_ON_MESSAGES))
        self._slack = slack

    def questions(self) -> dict[str, Callable[[Mapping[str, str]], object]]:
        return {"info": self._info, "history": self._history, "stats": self._stats}

    def actions(self) -> dict[str, Callable[[Json], Awaitable[object]]]:
        return {"load": self._load, "drop": self._drop}

    def _info(self, _: Mapping[str, str]) -> Json:
        """Return how to connect."""
        slack = self._slack
        names = ("api_url", "bot_token", "app_token", "signing_secret", "app_id", "at_bot")
        body = {name: getattr(slack, name) for name in names}
        return body | {"bot": slack.bot.id, "team": slack.team.id}

    def _history(self, query: Mapping[str, str]) -> list[Json]:
        """Return what stands in a channel, or in a thread of it."""
        slack = self._slack
        channel = slack.where(query["channel"])
        shown = slack.thread(channel, query["ts"]) if "ts" in query else slack.history(channel)
        return [message_json(slack, m, metadata=True) for m in shown]

    def _stats(self, _: Mapping[str, str]) -> Json:
        """Return how it went so far."""
        slack = self._slack
        sockets = slack.socket
        return {
            "connections": len(sockets.connections),
            "connections_ever": sockets.opened,
            "lost": len(sockets.lost),
            "calls": len(slack.web.calls),
            "faults": len(slack.faults.dealt),
            "said_by_app": len(slack.said_by_app()),
        }

    async def _load(self, asked: Json) -> Json:
        """Run many threads at once: `threads`, `turns` of each, `mention`, `patience` seconds."""
        patience, mention = float(asked.get("patience", 30)), bool(asked.get("mention", True))
        load = Load(self._slack, mention=mention, patience=patience)
        return await load.run(int(asked["threads"]), int(asked["turns"]))

    async def _drop(self, _: Json) -> Json:
        """Cut all sockets."""
        self._slack.socket.drop()
        return {}

    def arguments(self, verb: str, body: Json) -> tuple[list[Any], Json]:
        args = list(body.pop("args", []))
        if verb in _ON_MESSAGES:
            # The message's place among the arguments is where its ts is, beside `channel`.
            messages = self._slack.where(body.pop("channel")).messages
            args = [messages.get(arg, arg) if isinstance(arg, str) else arg for arg in args]
        return args, body

    def plain(self, result: object) -> Json:
        if isinstance(result, Message):
            return message_json(self._slack, result) | {"channel": result.channel}
        if isinstance(result, User | Channel):
            return {"id": result.id, "name": result.name, "team": result.team}
        return {"result": result if isinstance(result, str) else None}
