"""People's text as a model should read it: labels instead of ids, no escapes of Slack's. Pure.

Slack writes mentions, channels and links as `<…>`, and escapes `&`, `<` and `>` elsewhere (docs:
messaging/formatting-message-text). Only `text` is read: the rich text blocks beside it say the
same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_USER = re.compile(r"<@([A-Z0-9]+)(?:\|[^<>]*)?>")
_GROUP = re.compile(r"<!(?:here|channel|everyone|subteam\^[A-Z0-9]+)(?:\|[^<>]*)?>")
_SIGN = re.compile(r"<([^<>]+)>|&(amp|lt|gt);")
_PLAIN = {"amp": "&", "lt": "<", "gt": ">"}
_MAIL = ("mailto:", "tel:")


@dataclass(frozen=True, slots=True)
class Mentions:
    """Whom a text mentions."""

    me: bool
    others: bool
    """Whether it mentions another person, a group, or everyone."""


def mentions_in(text: str, me: str) -> Mentions:
    """Return whom a text, as Slack sends it, mentions; `me` is the bot's user id."""
    users = set(_USER.findall(text))
    return Mentions(me in users, bool(users - {me}) or _GROUP.search(text) is not None)


def readable(text: str, me: str) -> str:
    """Return a text as a model should read it, without the mention of the bot at its start.

    A text that is only the mention keeps it: that is all it says.
    """
    bare = re.sub(rf"\A(?:\s*<@{re.escape(me)}(?:\|[^<>]*)?>[\s:,]*)+", "", text)
    return _SIGN.sub(_written, bare if bare.strip() else text).strip()


def plain(text: str) -> str:
    """Return a text without Slack's escapes."""
    return re.sub(r"&(amp|lt|gt);", lambda sign: _PLAIN[sign[1]], text)


def _written(sign: re.Match[str]) -> str:
    if sign[2]:
        return _PLAIN[sign[2]]
    target, _, label = sign[1].partition("|")
    label = plain(label)
    match target[:1]:
        case "":  # an app wrote a link without its address
            return label or sign[0]
        case "@":
            return f"@{label or target[1:]}"
        case "#":
            return f"#{label.removeprefix('#') or target[1:]}"
        case "!":
            return _special(target[1:], label)
    address = plain(target)
    bare = next((address.removeprefix(kind) for kind in _MAIL if address.startswith(kind)), address)
    return f"{label} ({bare})" if label and label not in {address, bare} else bare


def _special(name: str, label: str) -> str:
    """Return a broadcast, a user group or a date in words; people see its label."""
    kind, _, rest = name.partition("^")
    if kind == "date":
        return label or rest
    return f"@{label.removeprefix('@') or rest or kind}"
