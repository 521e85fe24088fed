"""Registering the app's commands (docs: interactions/application-commands)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.discord.call import Answer, Call, route
from tests.fakes.discord.command_rules import check_all
from tests.fakes.discord.errors import DiscordError, invalid

if TYPE_CHECKING:
    from tests.fakes.discord.model import Json

COMMANDS = "/applications/{application_id}/commands"
COMMAND = COMMANDS + "/{command_id}"
CREATES_A_DAY = 200  # discord.md 2, "Slash commands"


def _mine(call: Call) -> list[Json]:
    if call.params["application_id"] != call.discord.bot.id:
        raise DiscordError(10002)
    return call.discord.commands


def _found(call: Call) -> Json:
    found = [one for one in _mine(call) if one["id"] == call.params["command_id"]]
    if not found:
        raise DiscordError(10063)
    return found[0]


def _stored(call: Call, given: Json) -> Json:
    """Return a command as Discord keeps it; one of the same name and type keeps its id."""
    kind, name = int(given.get("type") or 1), given["name"]
    same = [c for c in call.discord.commands if (c["type"], c["name"]) == (kind, name)]
    if not same:
        call.discord.created_commands += 1
        if call.discord.created_commands > CREATES_A_DAY:
            raise DiscordError(30034)
    bits = given.get("default_member_permissions")
    dm = given.get("dm_permission")
    return {
        "id": same[0]["id"] if same else call.discord.snowflake(),
        "application_id": call.discord.bot.id,
        "version": call.discord.snowflake(),
        "type": kind,
        "name": name,
        "description": given.get("description") or "",
        "options": _plain(given.get("options") or []),
        "default_member_permissions": None if bits is None else str(bits),
        "contexts": given.get("contexts"),
        "integration_types": given.get("integration_types") or [0],
        "dm_permission": dm is None or bool(dm),
        "nsfw": bool(given.get("nsfw")),
    }


def _plain(options: list[Json]) -> list[Json]:
    """Return options without what wasn't given."""
    found = [{key: value for key, value in one.items() if value is not None} for one in options]
    for option in found:
        if "options" in option:
            option["options"] = _plain(option["options"])
    return found


@route("GET", COMMANDS)
def listed(call: Call) -> list[Json]:
    """List the global commands."""
    return _mine(call)


@route("PUT", COMMANDS)
def overwrite(call: Call) -> list[Json]:
    """Replace all global commands."""
    _mine(call)
    if not isinstance(call.body, list):
        raise invalid("", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
    check_all(call.body)
    call.discord.commands = [_stored(call, given) for given in call.body]
    call.discord.command_writes.append(call.name)
    return call.discord.commands


@route("POST", COMMANDS)
def create(call: Call) -> Answer:
    """Add a command, or replace the one of its name and type."""
    known = list(_mine(call))
    given = call.json
    same = [c for c in known if (c["type"], c["name"]) == (given.get("type") or 1, given["name"])]
    check_all([*(one for one in known if one not in same), given])
    made = _stored(call, given)
    call.discord.commands = [*(one for one in known if one not in same), made]
    call.discord.command_writes.append(call.name)
    return Answer(200 if same else 201, made)


@route("GET", COMMAND)
def read(call: Call) -> Json:
    """Return one command."""
    return _found(call)


@route("DELETE", COMMAND)
def delete(call: Call) -> None:
    """Remove one command."""
    call.discord.commands.remove(_found(call))
    call.discord.command_writes.append(call.name)
