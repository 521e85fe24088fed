"""What the bot remembers of a conversation, in words for the people who talk in it. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from core.domain.session import Answer, Entry, Status
from core.models.catalog import cost
from core.prompt.tags import when

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from core.domain.message import Author
    from core.domain.pins import Pin
    from core.domain.session import Passage, Usage
    from core.models.catalog import ModelSpec
    from core.prompt.prompt import Plan
    from core.store.values import ThreadInfo, Work

_SHOWN_LENGTH = 200
"""Characters to show of a message; people know what they wrote."""
_FIRST_WORDS = 80
"""Characters to show of a message that would be looked up again."""
_CENT = 0.01

ONE_MESSAGE = (
    "This removes it from what I keep and from my summary. My reply to it stays, and so does the "
    "message itself where it was written."
)
_HOUR = 3600
_DAY = 24 * _HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the model would see of a thread if someone wrote in it now."""

    strategy: str
    plan: Plan
    zone: tzinfo = UTC
    pins: tuple[Pin, ...] = ()
    """All pins, whether they are shown or not."""
    pin_lines: tuple[str, ...] = ()
    """The pins in words."""
    recalled: tuple[Passage, ...] | None = None
    """What would be shown again for the last message of the person who asks; None if unknown."""
    recalled_tokens: int = 0
    last: Answer | None = None
    """The last reply of the model."""
    spec: ModelSpec | None = None
    """What is known of the model; None if its answers cost nothing."""
    info: ThreadInfo | None = None
    """The conversation's counters; None if they are not known."""


def last_said(work: Work, person: str) -> Entry | None:
    """Return the last message of a person, or of anybody if none is named; None if it is far back.

    Only what was read with the thread anyway is looked at.
    """
    said = [each for each in work.records if isinstance(each, Entry)]
    return next((each for each in reversed(said) if _counts(each, work, person)), None)


def _counts(entry: Entry, work: Work, person: str) -> bool:
    gone = entry.status is Status.DELETED or entry.position < work.reset_position
    return not gone and person in {"", entry.author.id}


def last_reply(work: Work) -> Answer | None:
    """Return the last answer whose tokens are known, since the last reset."""
    answers = [each for each in work.records if isinstance(each, Answer) and each.usage]
    return answers[-1] if answers and answers[-1].position >= work.reset_position else None


def view_lines(view: View | None) -> list[str]:
    """Return in words what the model would see."""
    if view is None:
        return ["I don't remember anything from this thread yet."]
    seen, tokens = view.plan, view.plan.tokens
    lines = [f"What the model would see now ({view.strategy}, {tokens.total:,} tokens):"]
    lines.append(f"  system prompt and context: {tokens.fixed:,} tokens")
    if view.pin_lines:
        lines.append(f"  pins: {counted(len(view.pin_lines), 'pin')}, {tokens.pins:,} tokens")
        lines += [f"    {line}" for line in view.pin_lines]
    lines += _summary_lines(seen)
    lines += _recalled_lines(view)
    lines += _cost_lines(view)
    lines.append(
        f"  word for word: {counted(len(seen.turns), 'exchange')}, {tokens.window:,} tokens"
        + _since(view)
    )
    named = _names([entry.author for turn in seen.turns for entry in turn.entries])
    for turn in seen.turns:
        lines += [
            f"    {each.position + 1}. {named[each.author.id]}: {_said(each)}"
            for each in turn.entries
        ]
        lines.append(f"    bot: {_short(turn.answer.text)}")
    if seen.left_out:
        lines.append(f"  left out: {counted(seen.left_out, 'message')}")
    return lines


def removable(view: View | None, person: str = "") -> tuple[tuple[int, str], ...]:
    """Return the messages that are shown word for word, each by its number and its line.

    With a `person`, only theirs: what others said is not theirs to remove.
    """
    entries = [each for turn in (view.plan.turns if view else ()) for each in turn.entries]
    return tuple(
        [
            (each.position + 1, f"{each.position + 1}. {_said(each)}")
            for each in entries
            if person in {"", each.author.id}
        ]
    )


def _summary_lines(seen: Plan) -> list[str]:
    """Return the summary: what lasts, and what was going on."""
    if not seen.summary:
        why = "being rebuilt because a message was deleted" if seen.withheld else "none"
        return [f"  summary: {why}"]
    partly = "; a part is being rebuilt because a message was deleted" if seen.withheld else ""
    lines = [f"  summary: {seen.tokens.summary:,} tokens{partly}"]
    return lines + [f"    {line}" for line in seen.summary.splitlines()]


def _since(view: View) -> str:
    """Return from when on messages are shown word for word."""
    entries = [entry for turn in view.plan.turns for entry in turn.entries]
    if not entries:
        return ""
    return f", from message {entries[0].position + 1} on ({when(entries[0].sent_at, view.zone)})"


def _recalled_lines(view: View) -> list[str]:
    """Return what the person's last message would recall, in who, when and the first words."""
    if view.recalled is None:
        return []
    if not view.recalled:
        return ["  looked up again for your last message: nothing"]
    count = counted(len(view.recalled), "message")
    lines = [f"  looked up again for your last message: {count}, {view.recalled_tokens:,} tokens"]
    for each in view.recalled:
        who = "bot" if each.by_bot else " ".join(each.who.split())
        words = _short(f"[{each.file}] {each.text}" if each.file else each.text, _FIRST_WORDS)
        lines.append(f"    {who}, {when(each.when, view.zone)}: {words}")
    return lines


def _cost_lines(view: View) -> list[str]:
    """Return what the last reply took, and all of the conversation."""
    lines: list[str] = []
    if view.last is not None and view.last.usage is not None:
        lines.append(f"  last reply: {_spent(view.last.usage, view.spec)}")
        if view.last.searched:
            lines.append(f"    I searched for: {_short('; '.join(view.last.searched))}")
    if view.info is not None and view.info.usage.prompt:
        spent = _spent(view.info.usage, view.spec)
        lines.append(f"  this conversation, summaries included: {spent}")
    return lines


def _spent(usage: Usage, spec: ModelSpec | None) -> str:
    """Return tokens, the share of them that the cache held, and about what they cost."""
    share = f" ({usage.cache_read / usage.prompt:.0%} from the cache)" if usage.prompt else ""
    text = f"{usage.prompt:,} tokens read{share}, {usage.output:,} written"
    if spec is None:
        return text
    dollars = cost(usage, spec)
    return f"{text}, about ${dollars:.2f}" if dollars >= _CENT else f"{text}, less than a cent"


def _names(authors: Iterable[Author]) -> dict[str, str]:
    """Return names by id; with a tag if several people have one name, or someone has the bot's."""
    flat = {author.id: (" ".join(author.name.split()), author.tag) for author in authors}
    count = Counter(name.casefold() for name, _ in flat.values())
    count["bot"] += 1
    return {
        id_: name if count[name.casefold()] == 1 else f"{name} ({tag})"
        for id_, (name, tag) in flat.items()
    }


def _said(entry: Entry) -> str:
    """Return what a message says; if nobody typed it, what people see with it."""
    return _short(entry.text or " ".join(quote.text for quote in entry.quotes))


def _short(text: str, most: int = _SHOWN_LENGTH) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]}…"


def counted(count: int, word: str, words: str = "") -> str:
    """Return a count with its word, as "1 message" or "2 messages"."""
    return f"{count:,} {word if count == 1 else words or word + 's'}"


def thread_line(info: ThreadInfo, now: float) -> str:
    """Return in words how long and how old a thread is, for a list."""
    waiting = f", {counted(info.waiting, 'message')} waiting" if info.waiting else ""
    return f"{counted(info.turns, 'reply', 'replies')}, {_ago(now - info.last_at)}{waiting}"


def _ago(seconds: float) -> str:
    for size, word in ((_DAY, "day"), (_HOUR, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{counted(int(seconds // size), word)} ago"
    return "just now"
