"""The commands on Discord: their names, their help, and their form at Discord. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

Json: TypeAlias = dict[str, Any]

COMMAND = "chatbot"
DESCRIPTION = "Shows, exports, forgets and resets our conversations"
EXPORT_MENU, FORGET_MENU = "Export this thread", "Forget this thread"
PIN_MENU = "Remember this"
WHY_MENU = "Say what was wrong"

SUBCOMMANDS = {
    "help": "Shows what I do and what you can ask for",
    "memory": "Shows what I remember of this conversation",
    "export": "Sends you conversations as a file that only you can see",
    "forget": "Removes what you said here from what I keep, after asking you",
    "reset": "Starts this conversation over, and tells everyone in it",
    "settings": "Shows the settings that hold here, and changes them",
    "privacy": "Shows what I keep, for how long, and who may see it",
    "stats": "Shows how long the conversations on this server are",
    "remember": "Keeps a text word for word in this conversation",
    "pins": "Shows the texts that I keep word for word, and removes them",
    "unpin": "Removes one of the texts that I keep word for word",
    "correct": "Corrects what I remember of this conversation",
}
"""Each subcommand, with the description that people read."""

WHICH = "which"
WHICHES = {
    "This conversation": "thread",
    "All in which I took part": "mine",
    "All of this channel (admins)": "channel",
    "All of this server (admins)": "all",
}
WHICH_DESCRIPTION = "Which conversations; this one if you leave it out"
FORMAT = "format"
FORMATS = {"Markdown": "markdown", "JSON": "json", "ZIP with both": "zip"}
FORMAT_DESCRIPTION = "Markdown to read, or JSON to keep; Markdown if you leave it out"
SINCE, UNTIL = "since", "until"
SINCE_DESCRIPTION = "Only what was said since that day, such as 2026-11-01"
UNTIL_DESCRIPTION = "Only what was said until that day, such as 2026-11-30"
MESSAGE = "message"
MESSAGE_DESCRIPTION = "A link to a message of another conversation; leave it out for this one"


class TextOption(NamedTuple):
    """The one option of a subcommand: a text that people type."""

    name: str
    about: str
    """The description that people read."""
    required: bool = True


TEXTS = {
    "remember": TextOption("text", "What I should keep, word for word"),
    "unpin": TextOption("number", "The number of the pin, as the list of pins shows it"),
    "correct": TextOption("fact", "What is right instead of what I remember"),
    "settings": TextOption(
        "change",
        "What to change in words, such as: channel recall off; leave it out for lists and buttons",
        required=False,
    ),
    "forget": TextOption(
        "number",
        "The number of one message, as memory shows it; leave it out for all",
        required=False,
    ),
}
"""By subcommand."""

_SUBCOMMAND, _TEXT = 1, 3
"""Types of a command's options (docs: interactions/application-commands)."""
_SLASH, _ON_MESSAGE = 1, 3
"""Types of commands: typed after a slash, and in a message's menu (docs: the same)."""
_INSTALLED_BY = {"server": 0}
_CONTEXTS = {"server": 0, "direct message with the bot": 1}
"""Where the commands are shown (docs: the same, "Interaction Contexts")."""

_OVERHEARD = (
    "In a thread I take part in, I also read what people say to each other, so that my next answer "
    "takes it into account. When I am first mentioned in a thread, I read what was said before."
)
_NOT_OVERHEARD = "I read only what is said to me."
_HELP = f"""\
Mention me in a channel and I answer in a thread; in direct messages, just write.
`/{COMMAND} help` shows this, `/{COMMAND} privacy` what I keep and who sees it. In a channel, the \
other commands let you choose a conversation; in a thread and in direct messages they act on that \
one.
`/{COMMAND} export` sends you a conversation as a file that only you can see, or all in which you \
took part.
`/{COMMAND} memory` shows what I remember, `/{COMMAND} forget` removes what you said, \
`/{COMMAND} reset` starts the conversation over, `/{COMMAND} stats` shows how long conversations \
are.
`/{COMMAND} remember` keeps a text word for word, `/{COMMAND} pins` shows and `/{COMMAND} unpin` \
removes such texts, and `/{COMMAND} correct` corrects what I remember.
In a message's menu, under Apps, you can have me remember it, export or forget its thread, or say \
what was wrong with my answer.
Inside a thread, mention me with the same words (`@{COMMAND} reset`), or put `!` before them \
(`!help`); `@{COMMAND} that's wrong: …` corrects me. There, `quiet` keeps me silent until someone \
mentions me, and `talk` ends that; `settings`, like `/{COMMAND} settings`, shows what holds there, \
and changes it for those who may."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The parts of a command that we decide, comparable with those of another."""

    text: str

    @classmethod
    def of(cls, command: Json) -> Shape:
        """Return the shape of a command, in the bot's form or in Discord's."""
        return cls(json.dumps(_shape(command), sort_keys=True))


def help_text(*, overhears: bool) -> str:
    """Return the help; `overhears` says whether the bot reads what is not said to it."""
    return f"{_HELP}\n{_OVERHEARD if overhears else _NOT_OVERHEARD}"


def commands() -> list[Json]:
    """Return the commands as Discord takes them (docs: interactions/application-commands)."""
    common = {
        "contexts": sorted(_CONTEXTS.values()),
        "integration_types": sorted(_INSTALLED_BY.values()),
        "default_member_permissions": None,
        "nsfw": False,
    }
    slash = {
        "type": _SLASH,
        "name": COMMAND,
        "description": DESCRIPTION,
        "options": [
            {"type": _SUBCOMMAND, "name": name, "description": about, "options": _options(name)}
            for name, about in SUBCOMMANDS.items()
        ],
        **common,
    }
    names = (EXPORT_MENU, FORGET_MENU, PIN_MENU, WHY_MENU)
    menus = [{"type": _ON_MESSAGE, "name": name, **common} for name in names]
    return [slash, *menus]


def is_synced(found: list[Json], wanted: list[Json]) -> bool:
    """Return whether Discord has the commands, in whatever order."""
    return set(map(Shape.of, found)) == set(map(Shape.of, wanted))


def _options(name: str) -> list[Json]:
    if name in TEXTS:
        text = TEXTS[name]
        named = {"type": _TEXT, "name": text.name, "description": text.about}
        return [{**named, "required": text.required}]
    if name != "export":
        return []
    return [
        _option(FORMAT, FORMAT_DESCRIPTION, FORMATS),
        _option(MESSAGE, MESSAGE_DESCRIPTION),
        _option(WHICH, WHICH_DESCRIPTION, WHICHES),
        _option(SINCE, SINCE_DESCRIPTION),
        _option(UNTIL, UNTIL_DESCRIPTION),
    ]


def _option(name: str, about: str, choices: dict[str, str] | None = None) -> Json:
    """Return a text that people may leave out, or choose from a list."""
    option: Json = {"type": _TEXT, "name": name, "description": about, "required": False}
    if choices:
        option["choices"] = [{"name": shown, "value": value} for shown, value in choices.items()]
    return option


def _shape(command: Json) -> Json:
    """Return the parts that we decide, with Discord's defaults for what is left out."""
    bits = command.get("default_member_permissions")
    return {
        **_level(command),
        "contexts": sorted(command.get("contexts") or _CONTEXTS.values()),
        "integration_types": sorted(command.get("integration_types") or _INSTALLED_BY.values()),
        "default_member_permissions": None if bits is None else str(bits),
        "nsfw": bool(command.get("nsfw")),
    }


def _level(part: Json) -> Json:
    choices = [(choice["name"], choice["value"]) for choice in part.get("choices") or ()]
    return {
        "type": part.get("type") or _SLASH,
        "name": part["name"],
        "description": part.get("description") or "",
        "required": bool(part.get("required")),
        "choices": choices,
        "options": [_level(option) for option in part.get("options") or ()],
    }
