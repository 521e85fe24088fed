"""The scene: when and where a turn takes place, for whom, and what the model does not see. Pure.

It changes from turn to turn, so it stands behind everything else in a request.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

from core.domain.message import Kind
from core.domain.session import Status
from core.prompt.tags import (
    NOTICE,
    PERSON,
    PLACE,
    SCENE,
    alone,
    day_of,
    enclosed,
    flat,
    marks,
    quoted,
)

if TYPE_CHECKING:
    from core.domain.message import Author
    from core.domain.session import Session

_NOTE_LEFT_OUT = "Earlier messages that are not shown to you: {count}. Say so if it matters."
REBUILT = "The summary of these messages is being rebuilt, because a message was deleted."
WORST_COUNT = 999_999
"""More messages than a scene ever has to leave out."""
_SPEAKERS_SHOWN = 20
_NAMELESS = {Kind.DM: "a direct message", Kind.GROUP: "a group direct message"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptContext:
    """When and where a turn takes place, and for whom."""

    now: datetime
    """Timezone-aware, in the time zone of the people."""
    place: str
    """The channel or conversation, as people call it; empty if that is unknown."""
    platform: str
    kind: Kind
    speakers: tuple[Author, ...]
    """The people who are answered."""
    formatting: str = ""
    """What Markdown people see on the platform; one line."""


def scene_of(session: Session, now: float) -> PromptContext:
    """Return the context in which the new messages of a session are answered now."""
    asking = [entry.author for entry in session.batch if entry.status is Status.ADDRESSED]
    speakers = tuple({author.id: author for author in asking}.values())
    return PromptContext(
        now=datetime.fromtimestamp(now, session.zone),
        place=session.place,
        platform=session.thread.platform,
        kind=session.kind,
        speakers=speakers,
        formatting=session.formatting,
    )


def scene_text(context: PromptContext, left_out: int, *, rebuilt: bool) -> str:
    """Return the scene of a request that leaves out so many earlier messages.

    `rebuilt` says that the summary of them is being rebuilt.
    """
    now = context.now
    zone = getattr(now.tzinfo, "key", "") or now.tzname()
    kind = "" if context.kind in _NAMELESS else f", {context.kind}"
    lines = [
        f"Now: {day_of(now)} {now:%H:%M} ({zone})",
        f"Where: {_where(context)} ({context.platform}{kind})",
    ]
    if left_out:
        lines.append(_NOTE_LEFT_OUT.format(count=left_out))
    if left_out and rebuilt:
        lines.append(REBUILT)
    return "\n".join([enclosed(SCENE, "\n".join(lines)), *_named(context)])


def _where(context: PromptContext) -> str:
    """Return a place as the scene names it: in a tag, unless it is one word and so no sentence.

    A conversation that has no name of its own is called by its people, who are named elsewhere.
    """
    name = flat(context.place)
    if context.kind in _NAMELESS:
        return _NAMELESS[context.kind]
    if not name:
        return "a conversation"
    return name if _is_a_word(name) else alone(PLACE, marks({"name": name}))


def _is_a_word(name: str) -> bool:
    return " " not in name and '"' not in name and quoted(escape(name, quote=False)) == name


def _named(context: PromptContext) -> list[str]:
    """Return the tags with the names of the people who are answered, and of their conversation.

    They stand outside the scene, whose every word is the program's.
    """
    place, speakers = marks({"name": context.place}), context.speakers
    # The one person of a direct message is named anyway.
    is_more = context.kind is Kind.GROUP or len(speakers) != 1
    named = [alone(PLACE, place)] if place and is_more and context.kind in _NAMELESS else []
    named += [
        alone(PERSON, marks({"name": one.name, "person": one.tag}))
        for one in speakers[:_SPEAKERS_SHOWN]
    ]
    if len(speakers) > _SPEAKERS_SHOWN:
        named.append(enclosed(NOTICE, f"And {len(speakers) - _SPEAKERS_SHOWN} more people."))
    return named
