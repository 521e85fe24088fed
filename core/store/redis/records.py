"""Entries and answers as JSON lists. Pure.

Every turn reads the records of its window, so everything but the text is kept small: the position
of a value in the list says what it is, and default values at the end are left off. The first value
is a letter for the kind of record. Times are text, as the scripts' JSON keeps only 14 digits of a
number. The header carries the version of all data of a thread, and is always read first.
"""

from __future__ import annotations

import json
from dataclasses import fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from core.domain.message import Attachment, Author
from core.domain.session import Answer, AnswerKind, Entry, Status, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.domain.message import Message
    from core.domain.session import Record

_Made = TypeVar("_Made")

ENTRY = (
    "status",  # `a` addressed, `o` overheard, `g` gone (deleted)
    "place", "at", "id", "author", "author_name", "text",
    "stamp",  # of the last edit; this and the rest are left off if all are the default
    "answer_in",
    "files",  # lists of id, name, media type, size; or null
    "requeued_from", "lost_file",
)  # fmt: skip
"""The values of an entry, in order; scripts find them by these names."""
ANSWER = (
    "kind",  # `A` answer, `N` notice, `B` buried
    "posted", "at", "place", "turn", "token", "text",
    "usage",  # input, output, cache read, cache write; or null
    "trimmed", "explain_trim", "notes",  # left off if all three are the default
)  # fmt: skip
"""The values of an answer, in order."""

_STATUS = {"a": Status.ADDRESSED, "o": Status.OVERHEARD, "g": Status.DELETED}
_STATUS_LETTERS = {status: letter for letter, status in _STATUS.items()}
_LETTERS = {AnswerKind.ANSWER: "A", AnswerKind.NOTICE: "N", AnswerKind.BURIED: "B"}
_KINDS = {letter: kind for kind, letter in _LETTERS.items()}
_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def entry(message: Message) -> str:
    """Return a message's entry without its status and position, which the script adds."""
    said = [repr(message.sent_at), message.id, message.author.id, message.author.name, message.text]
    if message.answer_in or message.attachments or message.edited_at:
        files = _files(message.attachments)
        stamp = repr(message.edited_at) if message.edited_at else "0"
        return _dump([*said, stamp, message.answer_in, files])
    return _dump(said)


def files(attachments: Sequence[Attachment]) -> str:
    """Return attachments as an entry holds them."""
    return _dump(_files(attachments))


def answer(answer: Answer) -> str:
    """Return an answer without its kind, posts and time, which the script adds."""
    return _dump(_answer_row(answer))


def committed(answer: Answer, reply: bytes) -> Answer:
    """Return an answer as it is recorded; the script replies its time, or an earlier record."""
    if reply.startswith(b"["):
        (kept,) = load(b"[" + reply + b"]")
        assert isinstance(kept, Answer)  # noqa: S101 - for the type checker
        return kept
    return replace(answer, sent_at=float(reply))


def dump(record: Record) -> str:
    """Return a record with all of its values."""
    if isinstance(record, Entry):
        return _dump(_entry_row(record))
    front = (_LETTERS[record.kind], record.posted, repr(record.sent_at))
    return _dump((*front, *_answer_row(record)))


def letter(kind: AnswerKind) -> str:
    """Return the letter for an answer of this kind."""
    return _LETTERS[kind]


def load(text: bytes) -> tuple[Record, ...]:
    """Return the records of a JSON list."""
    rows = json.loads(text.decode("utf-8", "surrogatepass"))
    return tuple([_entry(row) if row[0] in _STATUS else _answer(row) for row in rows])


def _files(attachments: Sequence[Attachment]) -> list[tuple[object, ...]] | None:
    return [(file.id, file.name, file.media_type, file.size) for file in attachments] or None


def _entry_row(entry: Entry) -> tuple[object, ...]:
    author = entry.author
    said = (entry.position, repr(entry.sent_at), entry.id, author.id, author.name, entry.text)
    files = _files(entry.attachments)
    more = (entry.edited_at, entry.answer_in, files, entry.requeued_from, entry.lost_file)
    told = (repr(entry.edited_at), entry.answer_in, files, entry.requeued_from)
    lost = (1,) if entry.lost_file else ()
    return (_STATUS_LETTERS[entry.status], *said, *((*told, *lost) if any(more) else ()))


def _answer_row(answer: Answer) -> tuple[object, ...]:
    usage = answer.usage
    tokens = usage and (usage.input, usage.output, usage.cache_read, usage.cache_write)
    said = (answer.position, answer.turn, answer.token, answer.text, tokens)
    more = (int(answer.trimmed), int(answer.explain_trim), answer.notes)
    return (*said, *more) if any(more) else said


def _maker(made: type[_Made]) -> Callable[..., _Made]:
    """Return a fast constructor of a frozen dataclass, which takes all values in order.

    A turn reads its whole window, and the regular constructors take twice the time.
    """
    setters = [getattr(made, field.name).__set__ for field in fields(made)]  # type: ignore[arg-type]
    new = object.__new__

    def make(*values: object) -> _Made:
        one = new(made)
        for put, value in zip(setters, values):  # noqa: B905 - twice the time, with strict
            put(one, value)
        return one

    return make


_new_entry, _new_answer, _new_usage = _maker(Entry), _maker(Answer), _maker(Usage)


@lru_cache(maxsize=1024)
def _author(author: str, name: str) -> Author:
    return Author(id=author, name=name)


def _entry(row: list[Any]) -> Entry:
    status, place, at, name, author, called, text, *rest = row
    if not rest:  # nearly all
        stamp, answer_in, requeued_from, lost_file = 0.0, "", "", ""
        files: tuple[Attachment, ...] = ()
    else:
        stamp, answer_in, found, requeued_from, lost_file = [*rest, "", ""][:5]
        files = _attachments(found) if found else ()
    return _new_entry(
        place,
        name,
        _author(author, called),
        text,
        float(at),
        _STATUS[status],
        answer_in,
        float(stamp),
        files,
        requeued_from,
        bool(lost_file),
    )


def _attachments(found: Sequence[tuple[str, str, str, int]]) -> tuple[Attachment, ...]:
    return tuple(
        Attachment(id=file, name=name, media_type=kind, size=size)
        for file, name, kind, size in found
    )


def _answer(row: list[Any]) -> Answer:
    kind, posted, at, place, turn, token, text, usage, *rest = row
    trimmed, explain_trim, notes = rest or (0, 0, ())
    return _new_answer(
        place,
        turn,
        token,
        _KINDS[kind],
        text,
        float(at),
        usage and _new_usage(*usage),
        bool(trimmed),
        bool(explain_trim),
        tuple(notes),
        tuple(posted),
    )
