"""The bot's own sentences: notes beside an answer, and notices in place of one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.linked import Unread
from core.domain.session import DECLINED, REFUSED
from core.models.port import StopReason
from core.prompt.files import CROWDED, FileKind
from core.prompt.tags import file_name, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from core.domain.linked import Linked
    from core.prompt.files import File, Files
    from core.prompt.prompt import Plan
    from core.store.values import Work

SCISSORS = "✂️"
"""Marks a reply for which the model saw fewer messages word for word than before."""

TRIM_MEANING = (
    f"{SCISSORS} means: from here on I no longer see all of our earlier messages word for word."
)

GIVEN_UP = (
    "I tried several times and could not answer this. Your message is saved, and the people who "
    "run me can see it. Please try again in other words."
)
DIED = (
    "I could not answer this: I was interrupted each time I tried. Your message is saved, and the "
    "people who run me can see it."
)
UNDELIVERED = (
    "I have an answer to your message but could not post it where you asked. It is saved: "
    "`export` in that conversation includes it."
)
MODEL_DOWN = "The model is unavailable right now."
STOPPED = "Stopped as you asked."
AGAIN = "I was interrupted, so I am writing this answer again."
"""Shown as a preview in place of one that a worker has left, until the answer's first words."""

_LINKS: Mapping[Unread, str] = {
    Unread.NOT_THEIRS: (
        "The link leads to a conversation that {who} can't read, or that I don't know."
    ),
    Unread.NOT_FOR_ALL: (
        "I did not read the conversation behind the link, because not everyone here can read it. "
        "Ask me about it in a direct message."
    ),
    Unread.EMPTY: "I remember no conversation at the link.",
    Unread.UNASKED: (
        "I did not read the conversation behind the link, because I could not find out whether "
        "{who} may read it. Please ask again later."
    ),
    Unread.TOO_MANY: "I follow three links in one answer, so I left out the others.",
    Unread.NO_ROOM: (
        "There was no room here for the conversation behind the link. Ask me about it in a new "
        "thread."
    ),
}
"""Why the conversation behind a link was not read."""


def notes(work: Work, plan: Plan | None, stop: StopReason) -> tuple[str, ...]:
    """Return the notes that go with an answer, a line each; most answers need none."""
    lines: list[str] = []
    if work.renewed:
        lines.append("Our earlier conversation here ended after a long silence; this is a new one.")
    if work.refused:
        lines.append(
            f"{_messages(work.refused)} arrived while too many were waiting and could not be "
            "taken in. Please resend what still matters."
        )
    if plan is not None and plan.left_out:
        lines.append(f"This answer leaves out {_messages(plan.left_out, 'earlier ').lower()}.")
    if plan is not None and plan.left_out and plan.withheld:
        lines.append("My summary of them is being rebuilt because a message was deleted.")
    if stop is StopReason.STOPPED:
        lines.append(STOPPED)
    if stop is StopReason.REFUSAL:
        lines.append(DECLINED)
    if stop is StopReason.LENGTH:
        lines.append("The answer reached its maximum length; ask me to continue for the rest.")
    return tuple(lines)


def file_notes(plan: Plan, files: Files) -> tuple[str, ...]:
    """Return notes on files that the model did not get, or did not get completely.

    Of earlier files, only those are named that later files left no room for: an earlier answer has
    named the others.
    """
    if not files:  # nearly always
        return ()
    new = [(each.name, files.get(each.id)) for entry in plan.batch for each in entry.attachments]
    lines = [_file_note(_named(name), file) for name, file in new if file and file.why]
    entries = (entry for turn in plan.turns for entry in turn.entries)
    older = [each for entry in entries for each in entry.attachments if each.id in files]
    crowded = [_named(each.name) for each in older if files[each.id].why == CROWDED]
    if crowded:
        lines.append(f"Newer files left no room for these earlier ones: {', '.join(crowded)}.")
    return tuple(lines)


def link_notes(linked: Iterable[Linked], read: Iterable[Linked]) -> tuple[str, ...]:
    """Return notes on linked conversations that the model did not see; it saw those `read`.

    No note says whether a conversation exists that the person who posted the link can't read. None
    has a name, so that nobody's name stays in it.
    """
    linked = tuple(linked)
    alone = len({each.entry.author.id for each in linked}) == 1
    who = "you" if alone else "the person who posted it"
    seen = {each.address for each in read}
    missed = [each for each in linked if each.address not in seen]
    return tuple(
        dict.fromkeys(_LINKS[each.why or Unread.NO_ROOM].format(who=who) for each in missed)
    )


def waited(why: str) -> str:
    """Return the notice for a turn that has waited as long as it may; `why` is a sentence."""
    return (
        f"I waited a long time and could not answer this. {why} Your message is saved, and the "
        "people who run me can see it. Please ask again later."
    )


def wordless(stop: StopReason) -> str:
    """Return the notice for an answer without any text."""
    if stop is StopReason.REFUSAL:
        return REFUSED
    if stop is StopReason.STOPPED:
        return STOPPED
    return "The model gave no answer this time. Please ask again, perhaps in other words."


def interrupted(partial: str, reason: str) -> str:
    """Return the notice for an answer that broke off, with what had come of it."""
    if not partial.strip():
        return reason
    return f"{partial.rstrip()}\n\n[The answer broke off here. {reason}]"


def _messages(count: int, which: str = "") -> str:
    return f"One {which}message" if count == 1 else f"{count} {which}messages"


def _named(name: str) -> str:
    return one_line(file_name(name))


def _file_note(name: str, file: File) -> str:
    if file.kind is FileKind.TEXT:
        return f"I read only the beginning of {name}: {file.why}."
    return f"I could not read {name}: {file.why}."
