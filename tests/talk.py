"""Conversations made by hand, for tests of what a model gets to see."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from core.domain.message import Attachment, Author, Kind, ThreadKey
from core.domain.session import Answer, AnswerKind, Entry, Session, Status, Turn
from core.domain.summary import Summary
from core.memory.tokens import TokenCounter
from core.prompt.prompt import PromptContext

if TYPE_CHECKING:
    from collections.abc import Sequence

THREAD = ThreadKey("terminal", "desk", "main")
SCENE = PromptContext(
    now=datetime(2026, 11, 23, 14, 5, tzinfo=UTC),
    place="my desk",
    platform="terminal",
    kind=Kind.TERMINAL,
    speakers=(Author(id="id-Ann", name="Ann"),),
)


def tokens(text: str) -> int:
    """Count as the bot does where it knows no better."""
    return -(-len(text.encode(errors="surrogatepass")) * 10 // 26)


RULER = TokenCounter(unit="bytes", measure=tokens, start=1)
"""Counts the same."""


def entry(
    place: int,
    text: str,
    who: str = "Ann",
    *,
    status: Status = Status.ADDRESSED,
    files: tuple[Attachment, ...] = (),
) -> Entry:
    """Return what `who` said at a place."""
    author = Author(id=f"id-{who}", name=who)
    return Entry(
        position=place,
        id=f"m{place}",
        author=author,
        text=text,
        sent_at=1_700_000_000.0 + place,
        status=status,
        attachments=files,
    )


def turn(
    *entries: Entry, answer: str = "Noted.", kind: AnswerKind = AnswerKind.ANSWER, place: int = -1
) -> Turn:
    """Return an exchange; `place` is the answer's where no entry is left to tell it."""
    last = entries[-1].position if entries else place
    said = Answer(position=last, turn=f"m{last}", token="t", kind=kind, text=answer, sent_at=0)
    return Turn(entries=entries, answer=said)


def turns(*texts: str, start: int = 0) -> tuple[Turn, ...]:
    """Return exchanges of one message each."""
    return tuple(turn(entry(start + n, text)) for n, text in enumerate(texts))


def session(
    past: Sequence[Turn],
    *new: Entry | str,
    summary: Summary | None = None,
    seen_from: int = 0,
    line: int = 0,
    kind: Kind = Kind.TERMINAL,
) -> Session:
    """Return a conversation in which these messages want their answer."""
    place = past[-1].end if past else (summary.covers if summary else line)
    batch = tuple(
        entry(place + n, item) if isinstance(item, str) else item for n, item in enumerate(new)
    )
    return Session(
        thread=THREAD,
        kind=kind,
        summary=summary or Summary(covers=line, text=""),
        turns=tuple(past),
        batch=batch,
        reset_position=line,
        seen_from=seen_from,
        people=1,
    )
