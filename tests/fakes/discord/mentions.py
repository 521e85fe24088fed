"""Whom a message's text means, and whom of them it notifies."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fakes.discord.model import Json

_USER, _ROLE = re.compile(r"(?<!\\)<@!?(\d+)>"), re.compile(r"(?<!\\)<@&(\d+)>")
_ALL = re.compile(r"@(everyone|here)\b")
_CODE = re.compile(r"```.+?```|(?<![`\\])(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)


@dataclass(slots=True)
class Meant:
    """Whom a text names."""

    users: list[str] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    everyone: list[str] = field(default_factory=list)


def meant(text: str) -> Meant:
    """Return whom a text names, each once, in order; in code it names nobody."""
    text = _CODE.sub(" ", text)
    return Meant(
        list(dict.fromkeys(_USER.findall(text))),
        list(dict.fromkeys(_ROLE.findall(text))),
        list(dict.fromkeys(_ALL.findall(text))),
    )


def allowed(text: str, rules: Json | None, default: tuple[str, ...]) -> Meant:
    """Return whom a text may notify.

    Args:
        text: The message's content.
        rules: `allowed_mentions` as given; None where it was left out.
        default: What is parsed then: everything in a normal message, users in an interaction's
            (docs: resources/message, "Allowed Mentions Object").
    """
    found = meant(text)
    if rules is None:
        parse: set[str] = set(default)
        users: list[str] = []
        roles: list[str] = []
    else:
        parse = set(rules.get("parse") or ())
        users = [str(user) for user in rules.get("users") or ()]
        roles = [str(role) for role in rules.get("roles") or ()]
    return Meant(
        [user for user in found.users if "users" in parse or user in users],
        [role for role in found.roles if "roles" in parse or role in roles],
        found.everyone if "everyone" in parse else [],
    )
