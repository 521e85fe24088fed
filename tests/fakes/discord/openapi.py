"""Holding what the fake takes and gives to Discord's own description of its API.

The description is not ours to copy; it is beside the checkout where this project is made, as
`shared/data/discord-openapi.json` (discord/discord-api-spec, MIT). Elsewhere nothing is held
to it, and the fake's own rules remain.
"""

from __future__ import annotations

import copy
import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fakes.discord.errors import DiscordError
from tests.fakes.discord.model import FORWARD, MEDIA
from tests.schema import faults

if TYPE_CHECKING:
    from typing import Self

    from tests.fakes.discord.call import Call, Route
    from tests.fakes.discord.model import Json

PATH = Path(__file__).parents[4] / "shared" / "data" / "discord-openapi.json"
_JSON = "application/json"


class Contract:
    """Discord's description."""

    def __init__(self, given: Json, taken: Json) -> None:
        self._given, self._taken = given, taken
        self.checked: set[str] = set()
        """The calls whose answers were held to it, by name and status."""

    @classmethod
    def known(cls) -> Self | None:
        """Return it where it's at hand."""
        return cls(*_read()) if PATH.exists() else None

    def take(self, route: Route, call: Call, kind: str) -> None:
        """Refuse a body that doesn't fit.

        Raises:
            DiscordError: 50035, with the places.
        """
        described = self._operation(route)
        content = (described or {}).get("requestBody", {}).get("content", {})
        if _JSON not in content or (call.body is None and kind != _JSON):
            return
        found = list(faults(call.body, content[_JSON]["schema"], self._taken))
        if found:
            raise DiscordError(50035, _nested(found))

    def give(self, route: Route, status: int, answer: Any) -> list[str]:
        """Return where an answer doesn't fit."""
        described = self._operation(route)
        if described is None:
            return []
        known = described["responses"]
        if status >= 400:
            schema: Json = {"$ref": "#/components/schemas/ErrorResponse"}
        elif str(status) not in known:
            return [f"{route.name}: {status} isn't among {sorted(known)}"]
        else:
            content = known[str(status)].get("content", {})
            if not content:
                return [] if answer is None else [f"{route.name}: {status} carries nothing"]
            schema = content[_JSON]["schema"]
        self.checked.add(f"{route.name} {status}")
        wrong = faults(answer, schema, self._given)
        return [f"{route.name} {status}: {fault}" for fault in wrong]

    def _operation(self, route: Route) -> Json | None:
        """Return what is said of a route; a reaction's and a file's are named otherwise there."""
        found: Json | None = self._given["paths"].get(route.path, {}).get(route.method.lower())
        return found


@functools.cache
def _read() -> tuple[Json, Json]:
    """Return the description for answers, and the one for requests, each set right once.

    In requests Discord takes an id as a number, too, which is how discord.py sends some; in
    answers it's always text. The description has numbers as codes of what is wrong in a form;
    Discord sends names there (docs: reference, "Error Messages"). It leaves out media channels
    (docs: resources/channel, "Channel Types") and forwards (docs: resources/message, "Message
    Reference Types"). A poll may have no end and no results (docs: resources/poll, "Poll Object
    Structure"; discordjs/discord-api-types, `APIPoll`).
    """
    given: Json = json.loads(PATH.read_text(encoding="utf-8"))
    inner = given["components"]["schemas"]["InnerErrors"]["properties"]["_errors"]
    text = {"type": "string"}
    inner["items"] = {"type": "object", "properties": {"code": text, "message": text}}
    schemas = given["components"]["schemas"]
    schemas["GuildChannelResponse"]["properties"]["type"]["enum"].append(MEDIA)
    schemas["ChannelTypes"]["oneOf"].append({"title": "GUILD_MEDIA", "const": MEDIA})
    schemas["MessageReferenceType"]["oneOf"].append({"title": "FORWARD", "const": FORWARD})
    poll = schemas["PollResponse"]
    poll["properties"]["expiry"]["type"] = ["string", "null"]
    poll["required"] = [name for name in poll["required"] if name != "results"]
    taken = copy.deepcopy(given)
    schemas = taken["components"]["schemas"]
    schemas["SnowflakeType"] = {"oneOf": [schemas["SnowflakeType"], {"type": "integer"}]}
    return given, taken


def _nested(found: list[str]) -> Json:
    """Return what is wrong in Discord's nested form."""
    errors: Json = {}
    for fault in found:
        path, _, words = fault.partition(": ")
        level = errors
        for part in (part for part in path.split("/") if part):
            level = level.setdefault(part, {})
        wrong = {"code": "SCHEMA", "message": words[:200]}
        level.setdefault("_errors", []).append(wrong)
    return errors
