"""People's text as a model should read it: names instead of ids, no escapes of Slack's. Pure.

Slack writes mentions, channels, dates and links as `<…>`, and escapes `&`, `<` and `>` elsewhere
(docs: messaging/formatting-message-text). It turns whatever looks like an address into a link, in
code as well: `README.md` becomes `<http://README.md|README.md>` (bugKrusha/Camille, issue 55).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from core.commands.parser import parse_command

if TYPE_CHECKING:
    from collections.abc import Mapping

_USER = re.compile(r"<@([A-Z0-9]+)(?:\|[^<>]*)?>")
_GROUP = re.compile(r"<!(?:here|channel|everyone|subteam\^[A-Z0-9]+)(?:\|[^<>]*)?>")
_SIGN = re.compile(r"<([^<>]+)>|&(amp|lt|gt);")
_MENTION = re.compile(r"<([@#!][^<>]+)>")
_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_NAMELESS = re.compile(r"<(?:[@#]|!subteam\^)([A-Z0-9]{2,64})\|?>")
_PLAIN = {"amp": "&", "lt": "<", "gt": ">"}
_MAIL = ("mailto:", "tel:")
_ADDED = ("http://", "https://", *_MAIL)
"""What Slack puts before an address that a person typed without it."""
_AFTER_MENTION = r"[\s:;,\u3001\uff0c\uff1a\uff1b]*"


@dataclass(frozen=True, slots=True)
class Mentions:
    """Whom a text mentions."""

    me: bool
    others: bool
    """Whether it mentions another person, a group, or everyone."""


_NO_ONE = Mentions(me=False, others=False)


def mentions_in(text: str, me: str) -> Mentions:
    """Return whom a text, as Slack sends it, mentions; `me` is the bot's user id."""
    if "<" not in text:
        return _NO_ONE
    users = set(_USER.findall(text))
    return Mentions(me in users, bool(users - {me}) or _GROUP.search(text) is not None)


def ids_in(text: str) -> list[str]:
    """Return the ids of people, channels and groups that a text mentions without their names."""
    return _NAMELESS.findall(text) if "<" in text else []


def readable(text: str, me: str, names: Mapping[str, str] | None = None) -> str:
    """Return a text as a model should read it, without the mention of the bot at its start.

    The mention stays if the text is nothing else. At the end it stays too, unless a command stands
    before it.

    Args:
        text: The text, as Slack sends it.
        me: The bot's user id.
        names: Names of people, channels and groups, by id; an id without a name is shown itself.
    """
    if "<" not in text and "&" not in text:  # nearly always
        return text.strip()
    called = names or {}
    if f"<@{me}" in text:
        text = _unaddressed(text, me)
    if "`" not in text:
        return _SIGN.sub(lambda sign: _written(sign, called), text).strip()
    parts: list[str] = []
    at = 0
    for code in _CODE.finditer(text):
        parts.append(_SIGN.sub(lambda sign: _written(sign, called), text[at : code.start()]))
        parts.append(_SIGN.sub(lambda sign: _written(sign, called, code=True), code[0]))
        at = code.end()
    parts.append(_SIGN.sub(lambda sign: _written(sign, called), text[at:]))
    return "".join(parts).strip()


def named(text: str, names: Mapping[str, str]) -> str:
    """Return a text in which only mentions of people, places and dates are Slack's signs."""
    return _MENTION.sub(lambda sign: _shown(sign[1], names), text) if "<" in text else text


def plain(text: str) -> str:
    """Return a text without Slack's escapes."""
    return re.sub(r"&(amp|lt|gt);", lambda sign: _PLAIN[sign[1]], text) if "&" in text else text


def time_at(seconds: float) -> str:
    """Return a Unix time as people and models can read it; the number itself if it is no date."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return str(seconds)


@lru_cache(maxsize=8)
def _mentioned_first(me: str) -> re.Pattern[str]:
    mention = rf"<@{re.escape(me)}(?:\|[^<>]*)?>"
    return re.compile(rf"\A(?:\s*{mention}{_AFTER_MENTION})+")


def _unaddressed(text: str, me: str) -> str:
    """Return a text without the mention of the bot that says whom it is for."""
    bare = _mentioned_first(me).sub("", text)
    if not bare.strip():
        return text
    before, found, after = bare.rpartition(f"<@{me}")
    last = re.fullmatch(r"(?:\|[^<>]*)?>([\s.!?]*)", after) if found else None
    if last is not None:
        command = before.strip() + last[1].strip()
        return command if parse_command(command, lambda _: None) else bare
    return bare


def _written(sign: re.Match[str], names: Mapping[str, str], *, code: bool = False) -> str:
    return _PLAIN[sign[2]] if sign[2] else _shown(sign[1], names, code=code)


def _shown(inside: str, names: Mapping[str, str], *, code: bool = False) -> str:
    """Return what people see of what stands in `<…>`."""
    target, _, label = inside.partition("|")
    label, kind = plain(label), target[:1]
    if kind == "":  # an app wrote a link without its address
        return label or f"<{inside}>"
    if kind in "@#":
        shown = label.removeprefix(kind) or names.get(target[1:], "") or target[1:]
        return f"{kind}{shown}"
    if kind == "!":
        return _special(target[1:], label, names)
    return link(plain(target), label, code=code)


def link(address: str, label: str, *, code: bool) -> str:
    """Return a link in words; in code, only what people see of it."""
    bare = next((address.removeprefix(kind) for kind in _MAIL if address.startswith(kind)), address)
    if not label:
        return bare
    if code and label.endswith("\u2026") and label[:-1] in address:  # it was too long to be shown
        return address[address.index(label[:-1]) :]
    return label if code or _is_typed(label, address) else f"{label} ({bare})"


def _is_typed(label: str, address: str) -> bool:
    """Return whether a link's words are its address, as a person typed it."""
    typed, whole = label.rstrip("/").lower(), address.rstrip("/").lower()
    return typed == whole or any(typed == whole.removeprefix(added) for added in _ADDED)


def _special(name: str, label: str, names: Mapping[str, str]) -> str:
    """Return a broadcast, a user group or a date in words; people see its label.

    Docs: messaging/formatting-message-text, "Special mentions" and "Date formatting".
    """
    kind, _, rest = name.partition("^")
    if kind == "date":
        moment, _, form = rest.partition("^")
        link = form.partition("^")[2]
        shown = label or (time_at(int(moment)) if re.fullmatch(r"\d{1,15}", moment) else rest)
        return f"{shown} ({plain(link)})" if link else shown
    return f"@{label.removeprefix('@') or names.get(rest, '') or rest or kind}"
