"""What people wrote, as a model should read it: names for Discord's ids. Pure.

Discord writes people, roles, channels, emoji and commands as `<…>` (docs: reference, "Message
Formatting").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_SIGN = re.compile(r"<(@!?|@&|#)(\d{1,20})>|<a?(:\w{1,64}:)\d{1,20}>|<(/[^<>:]{1,100}):\d{1,20}>")
_USER = re.compile(r"<@!?(\d{1,20})>")
_ROLE = re.compile(r"<@&(\d{1,20})>")
_REPLIED = "This replies to"
_OPENS = "This opens the"


@dataclass(frozen=True, slots=True)
class Mentions:
    """Whom a text names."""

    me: bool
    others: bool


def mentions_in(text: str, me: Collection[str]) -> Mentions:
    """Return whom a text names; `me` is the bot's own id and that of its own role."""
    named = {*_USER.findall(text), *_ROLE.findall(text)}
    return Mentions(bool(named & set(me)), bool(named - set(me)))


def ids_in(text: str) -> set[str]:
    """Return the ids of people, roles and channels that a text names."""
    return {sign[2] for sign in _SIGN.finditer(text) if sign[2]}


def readable(text: str, me: Collection[str], names: Mapping[str, str]) -> str:
    """Return a text as a model should read it, without the mention of the bot before it.

    `names` are those of people, roles and channels, by id. A text that is nothing but the mention
    keeps it: being called is all that it says.
    """
    own = "|".join(map(re.escape, me))
    bare = re.sub(rf"\A(?:\s*<@[!&]?(?:{own})>[\s:,]*)+", "", text)

    def written(sign: re.Match[str]) -> str:
        if sign[1]:
            return f"{sign[1][0]}{names.get(sign[2]) or sign[2]}"
        return sign[3] or sign[4]

    return _SIGN.sub(written, bare if bare.strip() else text).strip()


def quoted(name: str, text: str) -> str:
    """Return what goes under a message, so that a model knows what it replies to."""
    return _under(f"{_REPLIED} {name}:", text)


def headed(what: str, title: str, tags: Sequence[str] = ()) -> str:
    """Return what goes under the message that opens a thread or a post (`what`): its title.

    A title is the question in a forum, and is no part of any message.
    """
    lines = (title, f"Tags: {', '.join(tags)}") if tags else (title,)
    return _under(f"{_OPENS} {what}:", "\n".join(lines))


def unquoted(text: str) -> str:
    """Return a message's own words, without what `quoted` has put under them."""
    return text.partition(f"\n{_REPLIED}")[0]


def _under(head: str, text: str) -> str:
    return "\n".join((head, *(f"> {line}" for line in text.splitlines())))
