"""What another process may do with the fake: `POST /control/VERB` with JSON, `GET /control/…`.

A verb's body carries `args` in order and everything else by name; people, channels, guilds and
messages are given by their ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.fakes.discord.errors import DiscordError
from tests.fakes.discord.intents import Intent
from tests.fakes.discord.load import Load
from tests.fakes.discord.model import Channel, Guild, Interaction, Message, UnshownError, User
from tests.fakes.discord.shapes import message_json

if TYPE_CHECKING:
    from tests.fakes.discord.fake import FakeDiscord
    from tests.fakes.discord.model import Json

_VERBS = (
    *("add_channel", "advance", "archive", "ban", "channel", "delete", "dm", "edit", "forum"),
    *("forget_sessions", "guild", "invalidate", "kick", "lock", "make_admin", "menu"),
    *("open_thread", "other_bot", "person", "post", "press", "react", "reconnect", "reopen", "say"),
    *("slash", "stranger", "submit", "unfurl"),
)
_SETTINGS = ("cdn_life", "nonce_in_history", "nonce_window", "old_edits", "upload_limit")


class Control:
    """The verbs of the driver, by name."""

    def __init__(self, discord: FakeDiscord) -> None:
        self._discord = discord
        router = discord.app.router
        router.add_get("/control/info", self._info)
        router.add_get("/control/history", self._history)
        router.add_get("/control/shown", self._shown)
        router.add_get("/control/stats", self._stats)
        router.add_post("/control/load", self._load)
        router.add_post("/control/drop", self._drop)
        router.add_post("/control/set", self._set)
        router.add_post("/control/{verb}", self._do)

    async def _info(self, request: web.Request) -> web.Response:
        """Tell how to connect."""
        discord = self._discord
        names = ("api_url", "gateway_url", "token", "at_bot")
        body = {name: getattr(discord, name) for name in names}
        return web.json_response(body | {"bot": discord.bot.id, "home": discord.home.id})

    async def _history(self, request: web.Request) -> web.Response:
        """Tell what stands in a channel, a thread or a DM."""
        shown = self._discord.history(request.query["channel"])
        return web.json_response([self._plain(message) for message in shown])

    async def _shown(self, request: web.Request) -> web.Response:
        """Tell what only one person sees."""
        shown = self._discord.shown_to(request.query["person"])
        return web.json_response([self._plain(message) for message in shown])

    async def _stats(self, request: web.Request) -> web.Response:
        """Tell how it went so far."""
        discord = self._discord
        return web.json_response(
            {
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
        )

    async def _load(self, request: web.Request) -> web.Response:
        """Run many threads at once; what is asked for is said in `Load`."""
        asked = await request.json()
        load = Load(
            self._discord,
            mention=bool(asked.get("mention", True)),
            patience=float(asked.get("patience", 30)),
            dms=bool(asked.get("dms", False)),
            opened=bool(asked.get("opened", False)),
        )
        return web.json_response(await load.run(int(asked["threads"]), int(asked["turns"])))

    async def _drop(self, request: web.Request) -> web.Response:
        """Cut all connections."""
        return web.json_response({"result": self._discord.drop()})

    async def _set(self, request: web.Request) -> web.Response:
        """Change how Discord is: the settings by name, and `content`, the privileged intent."""
        for name, value in (await request.json()).items():
            if name == "content":
                kept = self._discord.granted & ~Intent.MESSAGE_CONTENT
                self._discord.granted = kept | (Intent.MESSAGE_CONTENT if value else Intent(0))
            elif name in _SETTINGS:
                setattr(self._discord, name, value)
            else:
                return web.json_response({"error": f"no setting {name}"}, status=404)
        return web.json_response({})

    async def _do(self, request: web.Request) -> web.Response:
        verb, body = request.match_info["verb"], await request.json()
        if verb not in _VERBS:
            return web.json_response({"error": f"no verb {verb}"}, status=404)
        channel = body.pop("channel", None)
        args = [self._known(arg, channel) for arg in body.pop("args", [])]
        named = {name: self._known(value, channel) for name, value in body.items()}
        try:
            result = getattr(self._discord, verb)(*args, **named)
            if hasattr(result, "__await__"):
                result = await result
        except (UnshownError, DiscordError, KeyError, TypeError, AttributeError) as error:
            return web.json_response({"error": repr(error)}, status=400)
        return web.json_response(self._plain(result))

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

    def _plain(self, result: object) -> Json:
        if isinstance(result, Message):
            return message_json(self._discord, result) | {"pings": sorted(result.pings)}
        if isinstance(result, User | Channel | Guild):
            return {"id": result.id, "name": result.name}
        if isinstance(result, Interaction):
            return {"id": result.id, "token": result.token}
        return {"result": result if isinstance(result, str | int) else None}
