"""People's texts as a model should read them: names in place of Discord's ids. Pure.

Discord writes people, roles, channels, emoji and commands as `<…>` (docs: reference, "Message
Formatting").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_MARKUP = re.compile(r"<(@!?|@&|#)(\d{1,20})>|<a?(:\w{1,64}:)\d{1,20}>|<(/[^<>:]{1,100}):\d{1,20}>")
_MENTION = re.compile(r"<@[!&]?(\d{1,20})>")
_REPLIED = "This replies to"
_OPENS = "This opens the"


@dataclass(frozen=True, slots=True)
class Mentions:
    """Whom a text mentions."""

    me: bool
    others: bool


_NONE = Mentions(me=False, others=False)


def mentions_in(text: str, me: Collection[str]) -> Mentions:
    """Return whom a text mentions; `me` holds the bot's own id and that of its own role."""
    if "<" not in text:
        return _NONE
    mentioned = set(_MENTION.findall(text))
    return Mentions(me=not mentioned.isdisjoint(me), others=bool(mentioned.difference(me)))


def ids_in(text: str) -> set[str]:
    """Return the ids of the people, roles and channels that a text mentions."""
    return {found[2] for found in _MARKUP.finditer(text) if found[2]} if "<" in text else set()


def readable(text: str, me: Collection[str], names: Mapping[str, str]) -> str:
    """Return a text as a model should read it, without the mentions of the bot that it begins with.

    `names` are those of people, roles and channels, by id. A text that is nothing but a mention
    keeps it, since that is all it says.
    """
    if "<" not in text:
        return text.strip()
    bare = _leading_mentions(tuple(me)).sub("", text)

    def written(found: re.Match[str]) -> str:
        if found[1]:
            return f"{found[1][0]}{names.get(found[2]) or found[2]}"
        return found[3] or found[4]

    return _MARKUP.sub(written, bare if bare.strip() else text).strip()


def quoted(name: str, text: str) -> str:
    """Return what is appended to a message to tell the model what it replies to."""
    return _block(f"{_REPLIED} {name}:", text)


def headed(what: str, title: str, tags: Sequence[str] = ()) -> str:
    """Return what is appended to the message that opens a thread or a post (`what`): its title.

    In a forum, the title is often the question, and it is part of no message.
    """
    lines = (title, f"Tags: {', '.join(tags)}") if tags else (title,)
    return _block(f"{_OPENS} {what}:", "\n".join(lines))


def unquoted(text: str) -> str:
    """Return a message's own words, without what `quoted` appended."""
    return text.partition(f"\n{_REPLIED}")[0]


def _block(head: str, text: str) -> str:
    return "\n".join((head, *(f"> {line}" for line in text.splitlines())))


@lru_cache(maxsize=256)  # the bot's role differs by server
def _leading_mentions(me: tuple[str, ...]) -> re.Pattern[str]:
    own = "|".join(map(re.escape, me))
    return re.compile(rf"\A(?:\s*<@[!&]?(?:{own})>[\s:,]*)+")
