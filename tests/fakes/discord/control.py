"""What another process may ask and do to the fake Discord.

People, channels, guilds and messages are given by their ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.discord.errors import DiscordError
from tests.fakes.discord.intents import Intent
from tests.fakes.discord.load import Load
from tests.fakes.discord.model import Channel, Guild, Interaction, Message, User
from tests.fakes.discord.shapes import message_json
from tests.fakes.kit.control import Control

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from tests.fakes.discord.fake import FakeDiscord
    from tests.fakes.discord.model import Json

_VERBS = (
    *("add_channel", "advance", "archive", "ban", "channel", "delete", "dm", "edit", "forum"),
    *("forget_sessions", "guild", "invalidate", "kick", "lock", "make_admin", "menu"),
    *("open_thread", "other_bot", "person", "post", "press", "react", "reconnect", "reopen", "say"),
    *("slash", "stranger", "submit", "unfurl"),
)
_SETTINGS = ("cdn_life", "nonce_in_history", "nonce_window", "old_edits", "upload_limit")


class DiscordControl(Control):
    """The verbs of the driver, by name."""

    refusals = (*Control.refusals, DiscordError)

    def __init__(self, discord: FakeDiscord) -> None:
        super().__init__(discord, discord.app, _VERBS)
        self._discord = discord

    def questions(self) -> dict[str, Callable[[Mapping[str, str]], object]]:
        return {
            "info": self._info,
            "history": lambda query: self._list(self._discord.history(query["channel"])),
            "shown": lambda query: self._list(self._discord.shown_to(query["person"])),
            "stats": self._stats,
        }

    def actions(self) -> dict[str, Callable[[Json], Awaitable[object]]]:
        return {"load": self._load, "drop": self._drop, "set": self._set}

    def _info(self, _: Mapping[str, str]) -> Json:
        """Return how to connect."""
        discord = self._discord
        names = ("api_url", "gateway_url", "token", "at_bot")
        body = {name: getattr(discord, name) for name in names}
        return body | {"bot": discord.bot.id, "home": discord.home.id}

    def _list(self, shown: list[Message]) -> list[Json]:
        return [self.plain(message) for message in shown]

    def _stats(self, _: Mapping[str, str]) -> Json:
        """Return how it went so far."""
        discord = self._discord
        return {
            "connections": len(discord.delivery.connected),
            "identified": len(discord.gateway.identified),
            "resumed": discord.gateway.resumed,
            "calls": len(discord.rest.calls),
            "faults": len(discord.faults.dealt),
            "said_by_bot": len(discord.said_by_bot()),
            "pings": discord.all_pings(),
            "breaches": discord.rest.breaches,
            "typing": len(discord.typing),
        }

    async def _load(self, asked: Json) -> Json:
        """Run many threads at once; `Load` says what can be asked for."""
        load = Load(
            self._discord,
            mention=bool(asked.get("mention", True)),
            patience=float(asked.get("patience", 30)),
            dms=bool(asked.get("dms", False)),
            opened=bool(asked.get("opened", False)),
        )
        return await load.run(int(asked["threads"]), int(asked["turns"]))

    async def _drop(self, _: Json) -> Json:
        """Cut all connections."""
        return {"result": self._discord.drop()}

    async def _set(self, settings: Json) -> Json:
        """Change how Discord is: the settings by name, and `content`, the privileged intent."""
        for name, value in settings.items():
            if name == "content":
                kept = self._discord.granted & ~Intent.MESSAGE_CONTENT
                self._discord.granted = kept | (Intent.MESSAGE_CONTENT if value else Intent(0))
            elif name in _SETTINGS:
                setattr(self._discord, name, value)
            else:
                raise KeyError(name)
        return {}

    def arguments(self, verb: str, body: Json) -> tuple[list[Any], Json]:
        channel = body.pop("channel", None)
        args = [self._known(arg, channel) for arg in body.pop("args", [])]
        return args, {name: self._known(value, channel) for name, value in body.items()}

    def _known(self, given: Any, channel: str | None) -> Any:
        """Return the message of the `channel`, the guild or the interaction that an id names."""
        if not isinstance(given, str):
            return given
        discord = self._discord
        if channel is not None and given in discord.channels[channel].messages:
            return discord.channels[channel].messages[given]
        mine = [message for message in discord.ephemerals if message.id == given]
        return (
            mine[0] if mine else discord.guilds.get(given, discord.interactions.get(given, given))
        )

    def plain(self, result: object) -> Json:
        if isinstance(result, Message):
            return message_json(self._discord, result) | {"pings": sorted(result.pings)}
        if isinstance(result, User | Channel | Guild):
            return {"id": result.id, "name": result.name}
        if isinstance(result, Interaction):
            return {"id": result.id, "token": result.token}
        return {"result": result if isinstance(result, str | int) else None}
