"""The sources of an answer: links to the earlier messages that it used, in one of its notes. Pure.

Another conversation that a message links to, and that the model saw, is among them.

A note is stored with its answer, so the links are there whichever process posts it. It holds when
each message was sent, and nothing of what it says. What was deleted since is a link to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types

from core.prompt.files import FileKind
from core.prompt.tags import flat, when

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from core.domain.linked import Linked
    from core.domain.session import Entry, Passage, Session
    from core.prompt.files import Files
    from core.prompt.prompt import Plan

SOURCES = "Sources: "
BETWEEN = " \N{MIDDLE DOT} "
UNNAMED = "the linked conversation"
_NOT_IN_LABELS = regex.compile(r"[\[\]()<>|]")
_LINK = regex.compile(r"\[([^\[\]()<>|\n]{1,80}+)\](?:\((https://[^\s()<>|]{1,400}+)\))?+")


class Link(NamedTuple):
    """A link to a message."""

    label: str
    address: str
    """Empty where messages have no addresses; then the label says which one it is."""


def used_by(
    text: str, session: Session, plan: Plan, files: Files, found: Sequence[Passage]
) -> tuple[Passage, ...]:
    """Return which messages an answer used, of those that the model was shown again or `found`.

    They are messages of this conversation as the store has them in this turn, since its last reset.
    """
    passages = [each for each in found if each.position >= session.reset_position]
    if not passages:  # nearly always
        return ()
    from core.memory.recall.used import used  # noqa: PLC0415 - as for recall: see `cache._new`

    return used(text, passages, seen=_seen(plan, files), zone=session.zone)


def sources(
    passages: Iterable[Passage],
    session: Session,
    link_to: Callable[[Passage], str],
    linked: Iterable[Linked] = (),
) -> tuple[str, ...]:
    """Return the note with links to these messages; none if there is nothing to link to.

    `link_to` returns a message's address, or its number; empty if it has neither. `linked` are the
    other conversations that the model saw.
    """
    links: list[str] = []
    for each in passages:
        target = link_to(each)
        if target.startswith("https://"):
            links.append(f"[{when(each.when, session.zone)}]({target})")
        elif target:
            links.append(f"[{target}]")
    links += [f"[{_label(each.place)}]({each.address})" for each in linked]
    return (SOURCES + BETWEEN.join(dict.fromkeys(links)),) if links else ()


def _label(place: str) -> str:
    """Return how a conversation is called in a link: by its place, in what a label may have."""
    name = " ".join(_NOT_IN_LABELS.sub(" ", flat(place)).split())
    return name or UNNAMED


def links_in(note: str) -> tuple[Link, ...]:
    """Return the links of a note that `sources` made; none of any other note."""
    if not note.startswith(SOURCES):
        return ()
    parts = note.removeprefix(SOURCES).split(BETWEEN)
    found = [_LINK.fullmatch(part) for part in parts]
    return tuple([Link(link[1], link[2] or "") for link in found if link]) if all(found) else ()


def readable(note: str) -> str:
    """Return a note as plain text, in which links don't open; any other note as it is."""
    links = links_in(note)
    if not links:
        return note
    return SOURCES + BETWEEN.join([f"{each.label} {each.address}".strip() for each in links])


def _seen(plan: Plan, files: Files) -> Iterable[str]:
    """Yield all that the model saw word for word, other than what it was shown again."""
    for exchange in plan.texts:
        yield from exchange
    for entry in plan.batch:
        yield from _said(entry, files)


def _said(entry: Entry, files: Files) -> Iterable[str]:
    yield from (entry.author.name, entry.text, *[quote.text for quote in entry.quotes])
    for attachment in entry.attachments:
        file = files.get(attachment.id)
        if file is not None and file.kind is FileKind.TEXT:
            yield file.text
