"""What is shipped for Discord: made from its source, what the bot registers, what Discord takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urlsplit

import discord
import pytest

from bots.discord.connection.client import Client
from bots.discord.pace import Pace
from bots.discord.setup.manifest import (
    INTENTS,
    PERMISSIONS,
    SCOPES,
    document,
    invite_url,
    permission_bits,
)
from bots.discord.ui.command_tree import CommandTree
from bots.discord.ui.commands import commands, is_synced
from bots.settings.settings import Settings
from core.domain.clock import SystemClock
from tests.fakes.discord.command_rules import check_all
from tests.fakes.discord.openapi import PATH
from tests.schema import faults

if TYPE_CHECKING:
    from bots.discord.ui.interactions import Interactions

ROOT = Path(__file__).parents[2]


def client() -> Client:
    settings: Settings = Settings.model_validate({})
    return Client(settings, Pace(SystemClock()), content=True)


async def test_the_bot_registers_what_is_shipped() -> None:
    tree = CommandTree(client(), cast("Interactions", None))
    shipped = json.loads((ROOT / "manifests" / "discord.json").read_text(encoding="utf-8"))
    assert is_synced(shipped["commands"], tree.wanted)
    check_all(tree.wanted)


def test_the_shipped_file_is_what_its_source_makes() -> None:
    shipped = (ROOT / "manifests" / "discord.json").read_text(encoding="utf-8")
    assert shipped == document()


if PATH.exists():  # without it there is nothing to hold it to, and nothing to skip

    def test_discords_schema_takes_the_commands() -> None:
        known = json.loads(PATH.read_text(encoding="utf-8"))
        body = known["paths"]["/applications/{application_id}/commands"]["put"]["requestBody"]
        schema = body["content"]["application/json"]["schema"]
        assert list(faults(commands(), schema, known)) == []
        wrong = commands()
        wrong[0]["options"][0]["type"] = 99
        wrong[1]["name"] = "x" * 33
        assert len(list(faults(wrong, schema, known))) >= 2


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found[0].update(description="Something else"),
        lambda found: found[0]["options"].pop(),
        lambda found: found[0]["options"][2]["options"][0]["choices"].pop(),
        lambda found: found[1].update(contexts=[0]),
        lambda found: found.pop(),
        lambda found: found.append({"type": 1, "name": "old", "description": "x"}),
    ],
)
def test_what_differs_is_not_synced(change: Any) -> None:
    found = commands()
    assert is_synced(found, commands())
    assert is_synced(list(reversed(found)), commands())
    change(found)
    assert not is_synced(found, commands())


def test_bits_are_those_of_discord() -> None:
    for name, (bit, why) in PERMISSIONS.items():
        assert why
        assert bit == getattr(discord.Permissions, name.lower()).flag
    held = {"GUILDS": "guilds", "GUILD_MESSAGES": "guild_messages"}
    held |= {"DIRECT_MESSAGES": "dm_messages", "MESSAGE_CONTENT": "message_content"}
    held |= {"GUILD_MESSAGE_POLLS": "guild_polls", "DIRECT_MESSAGE_POLLS": "dm_polls"}
    held |= {
        "GUILD_MESSAGE_REACTIONS": "guild_reactions",
        "DIRECT_MESSAGE_REACTIONS": "dm_reactions",
    }
    assert held.keys() == INTENTS.keys()
    asked = discord.Intents(**dict.fromkeys(held.values(), True))
    assert sum(bit for bit, _, _ in INTENTS.values()) == asked.value


async def test_the_client_asks_for_these_intents_and_no_others() -> None:
    assert client().intents.value == sum(bit for bit, _, _ in INTENTS.values())


def test_the_invitation_asks_for_what_is_needed_and_no_more() -> None:
    given = parse_qs(urlsplit(invite_url("123")).query)
    assert given == {
        "client_id": ["123"],
        "scope": [" ".join(SCOPES)],
        "permissions": [str(permission_bits())],
    }
    needed = discord.Permissions(permission_bits())
    for name in ("administrator", "manage_guild", "manage_messages", "mention_everyone"):
        assert not getattr(needed, name)
