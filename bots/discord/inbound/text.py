"""People's texts as a model should read them: names in place of Discord's ids. Pure.

Discord writes people, roles, channels, emoji, commands, times and parts of a server as `<…>` (docs:
reference, "Message Formatting"), and shows them as names outside of code.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from core.commands.parser import parse_command

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

_MARKUP = re.compile(
    r"(?P<escape>\\?)<(?:(?P<mark>@!?|@&|#)(?P<id>\d{1,20})"
    r"|a?(?P<emoji>:\w{1,64}:)\d{1,20}"
    r"|(?P<command>/[^<>:]{1,100}):\d{1,20}"
    r"|t:(?P<time>-?\d{1,13})(?::(?P<style>[a-zA-Z]))?"
    r"|id:(?P<part>\w[\w-]{1,20})(?::\d{1,20})?"
    r"|sound:\d{1,20}:\d{1,20}(?P<sound>))>"
)
_NAMED = re.compile(r"<(@!?|@&|#)(\d{1,20})>")
_PERSON = {"@", "@!"}
_MENTION = re.compile(r"<@[!&]?(\d{1,20})>")
LINK = re.compile(
    r"https://(?:(?:www|ptb|canary)\.)?discord(?:app)?\.com/channels/"
    r"(@me|\d{15,20})/(\d{15,20})(?:/(\d{15,20}))?/?",
    re.ASCII,
)
"""A link to a message, a thread or a channel: its server, channel and message."""
_LAST_MENTION = re.compile(r"[!&]?(\d{1,20})>([\s.!?]*)")
_HOST = "/channels/"
_TICK = re.compile(r"\\[\\`]|`")
_FENCE = "```"
_FENCED = re.compile(r"\A```[\w+#.-]{0,20}\n")
_SPOILER = "||"
_NAME_SOURCE = 500
"""Characters of a text from which a thread's name is made."""
_MASKED = re.compile(r"\[([^\[\]\n]{1,200})\]\(<?https?://([^\s/()<>]{1,200})[^\s()<>]{0,500}>?\)")
_LINE_START = re.compile(r"^(?:#{1,3} |-# |>>> |> )", re.MULTILINE)
_EMPHASIS = (
    re.compile(r"(?<!\\)(\*\*|__|~~)(?=\S)(.{1,300}?)(?<=[^\s\\])\1", re.DOTALL),
    re.compile(r"(?<![\w*\\])([*_])(?=\S)(.{1,300}?)(?<=[^\s\\])\1(?![\w*])", re.DOTALL),
)
_ESCAPED = re.compile(r"\\([*_~|`\\>#<\[\]])")
_WITH_LANGUAGE = re.compile(r"```[a-zA-Z0-9_+\-.#]+\n+[^\n]")
_BARE = re.compile(r"```\n*[^\n]")
_PARTS = {
    "customize": "Channels & Roles",
    "browse": "Browse Channels",
    "guide": "Server Guide",
    "linked-roles": "Linked Roles",
    "home": "Server Guide",
}
"""What Discord calls the parts of a server (docs: reference, "Guild Navigation Types")."""
_UNKNOWN = {"@": "@unknown-user", "@!": "@unknown-user", "@&": "@unknown-role", "#": "#unknown"}
"""What Discord shows for what it can't name."""


@dataclass(frozen=True, slots=True)
class Mentions:
    """Whom a text mentions."""

    me: bool
    others: bool


_NONE = Mentions(me=False, others=False)


def mentions_in(text: str, me: Collection[str]) -> Mentions:
    """Return whom a text mentions; nobody is mentioned in code, or after a backslash.

    `me` holds the bot's own id, and that of its own role if it has one.
    """
    if "<@" not in text:
        return _NONE
    said = outside_code(text, str, in_code=lambda _: " ")
    found = _MENTION.finditer(said)
    mentioned = {each[1] for each in found if not _is_escaped(said, each.start())}
    return Mentions(me=not mentioned.isdisjoint(me), others=bool(mentioned.difference(me)))


def _is_escaped(text: str, place: int) -> bool:
    """Return whether an odd number of backslashes stands before a place."""
    before = place
    while before and text[before - 1] == "\\":
        before -= 1
    return bool((place - before) % 2)


def ids_in(text: str) -> set[str]:
    """Return the ids of the people, roles and channels that a text mentions or links to."""
    found = {each[1] for each in _NAMED.findall(text)} if "<" in text else set()
    if _HOST in text:
        linked = (id_ for link in LINK.finditer(text) for id_ in link.groups(""))
        found |= {id_ for id_ in linked if id_.isdigit()}  # "@me" is none
    return found


def people_in(text: str) -> set[str]:
    """Return the ids of the people whom a text mentions."""
    return (
        {each[1] for each in _NAMED.findall(text) if each[0] in _PERSON} if "<" in text else set()
    )


def readable(text: str, me: Collection[str], names: Mapping[str, str]) -> str:
    """Return a text as a model should read it, without the mentions of the bot that it begins with.

    `names` are those of people, roles and channels, by id. A text that is nothing but a mention
    keeps it, since that is all it says. At the end it stays, too, unless a command stands before
    it. What stands in code stays as it was typed.
    """
    if "<" not in text:
        return text.strip()
    bare = _unaddressed(text, me) if me and "<@" in text else text

    def written(found: re.Match[str]) -> str:
        return found[0] if found["escape"] else _written(found, names)

    return outside_code(bare, lambda t: _MARKUP.sub(written, t)).strip()


def _unaddressed(text: str, me: Collection[str]) -> str:
    """Return a text without the mentions of the bot that say whom it is for."""
    bare = _leading_mentions(tuple(me)).sub("", text)
    if not bare.strip():
        return text
    before, _, after = bare.rpartition("<@")
    last = _LAST_MENTION.fullmatch(after) if before else None
    if last is not None and last[1] in me:
        command = before.strip() + last[2].strip()
        return command if parse_command(command, lambda _: None) else bare
    return bare


def plain(text: str) -> str:
    """Return a text without Markdown and without what spoilers hide, for a thread's name.

    Discord shows no Markdown in names. Only the beginning of a long text is returned.
    """
    shown = _without_spoilers(text)[:_NAME_SOURCE]
    return outside_code(shown, _bare, in_code=_bare_code)


def outside_code(
    text: str, change: Callable[[str], str], *, in_code: Callable[[str], str] = str
) -> str:
    """Return a text in which all that does not stand in code is changed; `in_code` is for code."""
    if "`" not in text:
        return change(text)
    edges = [0, *(edge for span in code_in(text) for edge in span), len(text)]
    parts = [text[start:end] for start, end in pairwise(edges)]
    return "".join(in_code(part) if index % 2 else change(part) for index, part in enumerate(parts))


def code_in(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each piece of code in a text begins and ends, its ticks included.

    Three ticks anywhere open a block, which the next three end. Otherwise a run of ticks opens a
    span, which the next run of the same length ends; if there is none, as many of its ticks open
    one as a later run has. These are the rules of Discord's client, as in npm's
    discord-markdown-parser.
    """
    runs: dict[int, list[int]] = {}
    ends: list[int] = []
    for run in re.finditer("`+", text):
        runs.setdefault(len(run[0]), []).append(run.start())
        ends.append(run.end())
    place = 0
    while found := _TICK.search(text, place):
        place = found.end()
        if found[0] == "`":
            start, place = found.start(), ends[bisect_right(ends, found.start())]
            if end := _end_of_code(text, start, place, runs):
                yield start, end
                place = end


def _end_of_code(text: str, start: int, place: int, runs: Mapping[int, list[int]]) -> int:
    """Return where the code ends that the ticks from `start` to `place` open; 0 if they don't."""
    if place - start >= len(_FENCE) and (end := _end_of_block(text, start)):
        return end
    for length in range(place - start, 0, -1):
        same = runs.get(length, [])
        index = bisect_left(same, place)
        if index < len(same):
            return same[index] + length
    return 0


def _end_of_block(text: str, start: int) -> int:
    """Return where a block of code ends; 0 if none does. It holds at least one visible sign."""
    for opening in (_WITH_LANGUAGE, _BARE):
        if found := opening.match(text, start):
            end = text.find(_FENCE, found.end())
            if end >= 0:
                return end + len(_FENCE)
    return 0


def links_in(text: str, names: Mapping[str, str], guild: str) -> list[str]:
    """Return a line for each link to a message or a channel: where it leads, by its name.

    `guild` is the server on which the text was said.
    """
    if _HOST not in text:
        return []
    lines: list[str] = []

    def note(part: str) -> str:
        for link in LINK.finditer(part):
            what = "a message in " if link[3] else ""
            lines.append(f"{link[0]} leads to {what}{_place(link, names, guild)}")
        return part

    outside_code(text, note)
    return list(dict.fromkeys(lines))


def moment(at: float) -> str:
    """Return a time, in seconds since 1970, as text; empty if it is none."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OSError, OverflowError, ValueError):
        return ""


def _without_spoilers(text: str) -> str:
    """Return a text with a word in place of each spoiler."""
    if _SPOILER not in text:
        return text
    bars: list[int] = []
    code = outside_code(text, str, in_code=lambda part: "-" * len(part))
    place = code.find(_SPOILER)
    while place >= 0:
        bars.append(place)
        place = code.find(_SPOILER, place + len(_SPOILER))
    parts, end = [], 0
    for opening, closing in zip(bars[::2], bars[1::2], strict=False):
        parts += [text[end:opening], "(spoiler)"]
        end = closing + len(_SPOILER)
    return "".join((*parts, text[end:]))


def _bare(text: str) -> str:
    """Return a text that has no code without its Markdown; a link's words say where it leads."""
    text = LINK.sub("a linked message", text)
    text = _MASKED.sub(r"\1 (\2)", text)
    text = _LINE_START.sub("", text)
    for marks in _EMPHASIS:
        text = marks.sub(r"\2", text)
    return _ESCAPED.sub(r"\1", text)


def _bare_code(code: str) -> str:
    """Return what stands between ticks, without a block's language."""
    return _FENCED.sub("", code).strip("`")


def _place(link: re.Match[str], names: Mapping[str, str], guild: str) -> str:
    if link[1] == "@me":
        return "direct messages"
    if link[1] != guild:
        return "another server"
    return f"#{names[link[2]]}" if link[2] in names else "a channel that I can't see"


def _written(found: re.Match[str], names: Mapping[str, str]) -> str:
    """Return what people see of a piece of markup."""
    mark = found["mark"]
    if mark:
        name = names.get(found["id"])
        return f"{mark[0]}{name}" if name else _UNKNOWN[mark]
    if found["time"]:
        return moment(int(found["time"])) or found[0]
    if found["part"]:
        return _PARTS.get(found["part"], found[0])
    return found["emoji"] or found["command"] or ":sound:"


@lru_cache(maxsize=256)  # the bot's role differs by server
def _leading_mentions(me: tuple[str, ...]) -> re.Pattern[str]:
    own = "|".join(map(re.escape, me))
    return re.compile(rf"\A(?:\s*<@[!&]?(?:{own})>[\s:;,\u3001\uff0c\uff1a\uff1b]*)+")
