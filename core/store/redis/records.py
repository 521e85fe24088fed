"""Entries and answers as JSON lists. Pure.

Every turn reads the records of its window, so everything but the text is kept small: the position
of a value in the list says what it is, and default values at the end are left off. The first value
is a letter for the kind of record. Times are text, as the scripts' JSON keeps only 14 digits of a
number. The header carries the version of all data of a thread, and is always read first.
"""

from __future__ import annotations

import json
from dataclasses import fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from core.domain.admission import readmits
from core.domain.message import Attachment, Author, Quote, QuoteKind
from core.domain.ratings import Rating
from core.domain.session import Answer, AnswerKind, Entry, Status, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.domain.message import Message
    from core.domain.session import Record
    from core.store.values import Lease, PendingAnswer

_Made = TypeVar("_Made")

ENTRY = (
    "status",  # `a` addressed, `o` overheard, `g` gone (deleted)
    "place", "at", "id", "author", "author_name", "text",
    "stamp",  # of the last edit; this and the rest are left off if all are the default
    "answer_in",
    "files",  # lists of id, name, media type, size; or null
    "requeued_from", "lost_file",
    "quotes",  # lists of kind, text, author, by the bot or not, place, time, cut; or null
    "is_app",  # whether the author is an app
)  # fmt: skip
"""The values of an entry, in order; scripts find them by these names."""
ANSWER = (
    "kind",  # `A` answer, `N` notice, `B` buried
    "posted", "at", "place", "turn", "token", "text",
    "usage",  # input, output, cache read, cache write, our counter's units; or null
    "trimmed",  # this and the rest are left off, from the last one that is not the default
    "explain_trim", "notes",
    "recalled",  # positions
    "searched",
    "ratings",  # lists of person, value, time, reason
)  # fmt: skip
"""The values of an answer, in order."""

_DEFAULTS = ["0", "", None, "", 0, None, 0]
"""The values of an entry from `stamp` on, if they are left off."""
_ANSWER_DEFAULTS: list[object] = [0, 0, (), (), (), ()]
"""The values of an answer from `trimmed` on, if they are left off."""
_STATUS = {"a": Status.ADDRESSED, "o": Status.OVERHEARD, "g": Status.DELETED}
_STATUS_LETTERS = {status: letter for letter, status in _STATUS.items()}
_LETTERS = {AnswerKind.ANSWER: "A", AnswerKind.NOTICE: "N", AnswerKind.BURIED: "B"}
_KINDS = {letter: kind for kind, letter in _LETTERS.items()}
_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def entry(message: Message) -> str:
    """Return a message's entry without its status and position, which the script adds."""
    author = message.author
    said = [repr(message.sent_at), message.id, author.id, author.name, message.text]
    if message.quotes or author.is_app:
        return _dump([*said, *_more(message), "", 0, _quotes(message.quotes), int(author.is_app)])
    if message.answer_in or message.attachments or message.edited_at:
        return _dump([*said, *_more(message)])
    return _dump(said)


def again(message: Message) -> str:
    """Return the time of the edit by which a message that was overheard is admitted again."""
    return repr(message.edited_at) if readmits(message) else "0"


def amendment(
    text: str | None, files: Sequence[Attachment] | None, quotes: Sequence[Quote] | None
) -> dict[str, str | bool]:
    """Return what an edit changes, as its script takes it; see `Store.amend`."""
    return {
        "deleted": text is None,
        "text": text or "",
        "files": "" if files is None else _dump(_files(files)),
        "quotes": "" if quotes is None else _dump(_quotes(quotes)),
    }


def answer(draft: PendingAnswer, lease: Lease) -> str:
    """Return an answer without its kind, posts and time, which the script adds."""
    return _dump(_answer_row(draft, draft.last, lease.turn, lease.token))


def committed(draft: PendingAnswer, lease: Lease, reply: bytes) -> Answer:
    """Return an answer as it is recorded; the script replies its time, or an earlier record."""
    if reply.startswith(b"["):
        (kept,) = load(b"[" + reply + b"]")
        assert isinstance(kept, Answer)  # noqa: S101 - for the type checker
        return kept
    return draft.recorded(lease, float(reply))


def dump(record: Record) -> str:
    """Return a record with all of its values."""
    if isinstance(record, Entry):
        return _dump(_entry_row(record))
    front = (_LETTERS[record.kind], record.posted, repr(record.sent_at))
    return _dump((*front, *_answer_row(record, record.position, record.turn, record.token)))


def letter(kind: AnswerKind) -> str:
    """Return the letter for an answer of this kind."""
    return _LETTERS[kind]


def load(text: bytes) -> tuple[Record, ...]:
    """Return the records of a JSON list."""
    rows = json.loads(text.decode("utf-8", "surrogatepass"))
    return tuple([_entry(row) if row[0] in _STATUS else _answer(row) for row in rows])


def _files(attachments: Sequence[Attachment]) -> list[tuple[object, ...]] | None:
    return [(file.id, file.name, file.media_type, file.size) for file in attachments] or None


def _quotes(quotes: Sequence[Quote]) -> list[tuple[object, ...]] | None:
    return [
        (q.kind, q.text, q.author, int(q.by_bot), q.place, repr(q.sent_at), q.cut) for q in quotes
    ] or None


def _more(said: Message | Entry) -> tuple[object, ...]:
    """Return the next three values, which a message that comes in may have."""
    stamp = repr(said.edited_at) if said.edited_at else "0"
    return stamp, said.answer_in, _files(said.attachments)


def _entry_row(entry: Entry) -> tuple[object, ...]:
    author = entry.author
    said = (entry.position, repr(entry.sent_at), entry.id, author.id, author.name, entry.text)
    rest = [*_more(entry), entry.requeued_from, int(entry.lost_file)]
    rest += [_quotes(entry.quotes), int(author.is_app)]
    return (_STATUS_LETTERS[entry.status], *said, *_shortened(rest, _DEFAULTS))


def _shortened(values: list[object], defaults: Sequence[object]) -> list[object]:
    """Leave the values at the end off that are the default."""
    while values and values[-1] == defaults[len(values) - 1]:
        values.pop()
    return values


def _answer_row(
    answer: Answer | PendingAnswer, position: int, turn: str, token: str
) -> tuple[object, ...]:
    usage = answer.usage
    units = (answer.units,) if answer.units else ()
    tokens = usage and (usage.input, usage.output, usage.cache_read, usage.cache_write, *units)
    said = (position, turn, token, answer.text, tokens)
    more = [int(answer.trimmed), int(answer.explain_trim), answer.notes]
    more += [answer.recalled, answer.searched, _ratings(answer)]
    return (*said, *_shortened(more, _ANSWER_DEFAULTS))


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


_USAGE = len(fields(Usage))
_NOTHING_MORE = ("", 0.0, (), "", False, ())
_new_entry, _new_answer, _new_usage = _maker(Entry), _maker(Answer), _maker(Usage)


@lru_cache(maxsize=1024)
def _author(author: str, name: str, *, is_app: bool = False) -> Author:
    return Author(id=author, name=name, is_app=is_app)


def _entry(row: list[Any]) -> Entry:
    status, place, at, name, author, called, text, *rest = row
    if not rest:  # nearly all
        said = (place, name, _author(author, called), text, float(at), _STATUS[status])
        return _new_entry(*said, *_NOTHING_MORE)
    rest += _DEFAULTS[len(rest) :]
    stamp, answer_in, files, requeued_from, lost_file, quotes, is_app = rest
    return _new_entry(
        place,
        name,
        _author(author, called, is_app=bool(is_app)),
        text,
        float(at),
        _STATUS[status],
        answer_in,
        float(stamp),
        _attachments(files) if files else (),
        requeued_from,
        bool(lost_file),
        tuple(_quote(each) for each in quotes) if quotes else (),
    )


def _quote(values: list[Any]) -> Quote:
    kind, text, author, by_bot, place, at, cut = values
    return Quote(
        kind=QuoteKind(kind),
        text=text,
        author=author,
        by_bot=bool(by_bot),
        place=place,
        sent_at=float(at),
        cut=cut,
    )


def _attachments(found: Sequence[tuple[str, str, str, int]]) -> tuple[Attachment, ...]:
    return tuple(
        Attachment(id=file, name=name, media_type=kind, size=size)
        for file, name, kind, size in found
    )


def _answer(row: list[Any]) -> Answer:
    kind, posted, at, place, turn, token, text, usage, *rest = row
    tokens = usage and _new_usage(*usage[:_USAGE])
    units = usage[_USAGE] if usage and len(usage) > _USAGE else 0
    said = (place, turn, token, _KINDS[kind], text, float(at), tokens)
    if not rest:  # nearly all
        return _new_answer(*said, False, False, (), tuple(posted), (), (), units, ())  # noqa: FBT003
    rest += _ANSWER_DEFAULTS[len(rest) :]
    trimmed, explain_trim, notes, recalled, searched, ratings = rest
    return _new_answer(
        *said,
        bool(trimmed),
        bool(explain_trim),
        tuple(notes),
        tuple(posted),
        tuple(recalled),
        tuple(searched),
        units,
        tuple([_rating(*each) for each in ratings]) if ratings else (),
    )


def _ratings(answer: Answer | PendingAnswer) -> tuple[tuple[object, ...], ...]:
    if not (isinstance(answer, Answer) and answer.ratings):
        return ()
    return tuple([(r.person, r.value, repr(r.at), r.reason) for r in answer.ratings])


def _rating(person: str, value: int, at: str, reason: str) -> Rating:
    return Rating(person=person, value=value, at=float(at), reason=reason)
