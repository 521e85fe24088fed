"""The bot's own words around an answer: notes that go with it, notices that stand for it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.models.port import StopReason
from core.prompt.files import CROWDED, FileKind
from core.prompt.transcript import one_line

if TYPE_CHECKING:
    from core.prompt.files import File, Files
    from core.prompt.prompt import Plan
    from core.store.values import Work

SCISSORS = "✂️"
"""On a reply for which the model saw less of the conversation word for word than before."""

TRIM_MEANING = (
    f"{SCISSORS} means: from here on I no longer see all of our earlier messages word for word."
)

GIVEN_UP = (
    "I could not answer this, although I tried several times. Your message is kept, and the people "
    "who run me can see it. Please try again in other words."
)
DIED = (
    "I could not answer this: each time that I tried, I was stopped. Your message is kept, and the "
    "people who run me can see it."
)
UNDELIVERED = (
    "I have an answer to your message, but I could not post it where you asked. It is kept: "
    "`export` in that conversation has it."
)
MODEL_OUT = "The model is out right now."


STOPPED = "Stopped as you asked."


def notes(work: Work, plan: Plan | None, stop: StopReason) -> tuple[str, ...]:
    """Return what has to be said beside an answer, a line each; most answers need none."""
    lines: list[str] = []
    if work.renewed:
        lines.append("Our earlier conversation here ended after a long silence; this is a new one.")
    if work.refused:
        lines.append(
            f"{_messages(work.refused)} came while too many were waiting and could not be "
            "taken in. Please send what still matters again."
        )
    if plan is not None and plan.left_out:
        lines.append(f"{_messages(plan.left_out)} before were left out for this answer.")
    if plan is not None and plan.left_out and plan.withheld:
        lines.append("My summary of them is being rebuilt, because a message was deleted.")
    if stop is StopReason.STOPPED:
        lines.append(STOPPED)
    if stop is StopReason.REFUSAL:
        lines.append("The model declined to go on here.")
    if stop is StopReason.LENGTH:
        lines.append("The answer was cut at its greatest length; ask me to go on for the rest.")
    return tuple(lines)


def file_notes(plan: Plan, files: Files) -> tuple[str, ...]:
    """Return what has to be said of files that the model did not get, or not whole.

    Of earlier ones, only which of them later files have pushed out: the rest was said then.
    """
    new = [(each.name, files.get(each.id)) for entry in plan.batch for each in entry.attachments]
    lines = [_file_note(one_line(name), file) for name, file in new if file and file.why]
    entries = (entry for turn in plan.turns for entry in turn.entries)
    older = [each for entry in entries for each in entry.attachments if each.id in files]
    crowded = [one_line(each.name) for each in older if files[each.id].why == CROWDED]
    if crowded:
        lines.append(f"Earlier files that newer ones left no room for: {', '.join(crowded)}.")
    return tuple(lines)


def waited(why: str) -> str:
    """Return the notice for a turn that waited for as long as it may; `why` is a sentence."""
    return (
        f"I waited for a long time and could not answer this. {why} Your message is kept, and the "
        "people who run me can see it. Please ask again later."
    )


def wordless(stop: StopReason) -> str:
    """Return the notice for an answer without a word in it."""
    if stop is StopReason.REFUSAL:
        return "The model declined to answer this."
    if stop is StopReason.STOPPED:
        return STOPPED
    return "The model gave no answer this time. Please ask again, perhaps in other words."


def interrupted(partial: str, reason: str) -> str:
    """Return the notice for an answer that broke off, with as much of it as had come."""
    if not partial.strip():
        return reason
    return f"{partial.rstrip()}\n\n[The answer broke off here. {reason}]"


def _messages(count: int) -> str:
    return "One message" if count == 1 else f"{count} messages"


def _file_note(name: str, file: File) -> str:
    if file.kind is FileKind.TEXT:
        return f"I read only the beginning of {name}: {file.why}."
    return f"I could not read {name}: {file.why}."
