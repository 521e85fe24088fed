"""How a conversation reads to a model: what is quoted, and where each quotation ends. Pure.

What people wrote is data. It stands inside tags that no text can open or close (see
`core.prompt.tags`). Whatever the program adds to it, from a file's name to a note that something is
cut, is a tag as well, since people can type any words.

A turn reads the same in every request, even if more people have joined since, because the vendor's
cache only works for prompts that begin with the same bytes.
"""

from __future__ import annotations

from datetime import UTC
from functools import lru_cache
from typing import TYPE_CHECKING

from core.domain.limits import in_bytes
from core.domain.message import Kind, QuoteKind, tag_of
from core.domain.session import AnswerKind, Status
from core.models.port import ShownMessage, ShownQuote
from core.prompt.files import FileKind
from core.prompt.tags import (
    ANSWER,
    CUT,
    FILE,
    MESSAGE,
    NOTICE,
    QUOTE,
    TRANSCRIPT,
    alone,
    enclosed,
    file_name,
    flat,
    marks,
    on_day,
    quoted,
    when,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from core.domain.message import Attachment, Quote
    from core.domain.session import Answer, Entry, Turn
    from core.prompt.files import File, Files

PRIVATE = {Kind.TERMINAL, Kind.DM}
"""Conversations with one person, who is not named."""
_NOTE_LIMIT = 220
_EMPTY = enclosed(NOTICE, "This message is empty.")
_UNKNOWN = enclosed(
    NOTICE,
    "What was said here before this message is unknown. If it matters, say so and ask about it.",
)
_LONG_ANSWER = 1_500
"""Characters from which on an answer is long: more than most are in a conversation."""
_ANSWER_START = 500
_SHORTENED = alone(CUT, marks({"note": "only the start of this long answer is shown by now"}))
NO_FILES: Files = {}
"""Only the names of files are shown, as in the transcript for a summary."""


def words_of(
    entries: Sequence[Entry],
    kind: Kind,
    files: Files = NO_FILES,
    zone: tzinfo = UTC,
    *,
    lines: Sequence[str] = (),
) -> str:
    """Return what people said in one turn, as the text of a user's message; never empty.

    Times are those of the zone. Text files are shown with their content, other files by their
    names. Authors are named in conversations of several people. Only the kind of conversation and
    the turn itself decide that, not the people who have joined since. `lines` are those that stand
    before the messages, as `time_lines` returns them.
    """
    if not entries:
        return enclosed(NOTICE, "The messages here were deleted.")
    if len(entries) == 1:  # nearly always
        words = _alone(entries[0], files, zone, named=kind not in PRIVATE)
    else:
        named = _is_named(entries, kind)
        texts = [tagged(entry, zone, named=named, files=files) for entry in entries]
        words = "\n".join(_interleaved(lines, texts) if any(lines) else texts)
        lines = ()
    if lines and lines[0]:
        words = f"{lines[0]}\n{words}"
    begins = entries[0].position == 0
    return f"{_UNKNOWN}\n{words}" if begins and _lacks_beginning(entries[0], kind) else words


def _interleaved(lines: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Return each text behind its line, if that is not empty."""
    return [part for pair in zip(lines, texts, strict=True) for part in pair if part]


def _lacks_beginning(entry: Entry, kind: Kind) -> bool:
    """Return whether the first known message of a thread is not the one that began it."""
    if kind in PRIVATE:
        return False
    return entry.status is Status.ADDRESSED and entry.answer_in not in {"", entry.platform_id}


def _alone(entry: Entry, files: Files, zone: tzinfo, *, named: bool) -> str:
    if named or entry.status is not Status.ADDRESSED or not _is_plain(entry):
        return tagged(entry, zone, named=named, files=files)
    return quoted(entry.text)


def _is_plain(entry: Entry) -> bool:
    """Return whether a message is nothing but its text, as nearly all are."""
    return not entry.attachments and not entry.quotes and bool(entry.text.strip())


def tagged(
    entry: Entry,
    zone: tzinfo = UTC,
    *,
    named: bool,
    dated: bool = False,
    files: Files = NO_FILES,
    most: int = 0,
) -> str:
    """Return a message between its tags; texts of more than `most` characters are cut, if given."""
    author = entry.author
    said_how = _from(author.id, author.name, author.is_app) if named else ""
    if dated:
        said_how += f' on="{on_day(entry.sent_at, zone)}"'
    if entry.status is Status.OVERHEARD:
        said_how += ' overheard="yes"'
    return enclosed(MESSAGE, _body(entry, files, zone, most), said_how)


def answer_of(answer: Answer, *, shortened: bool = False) -> str:
    """Return an answer as the text of the assistant's message; never empty.

    The bot's own notices are marked, since the model did not write them, and should not. With
    `shortened`, only the start of a long answer is returned, and a tag that says so.
    """
    if answer.kind is AnswerKind.ANSWER and answer.text.strip():
        if shortened and len(answer.text) > _LONG_ANSWER:
            start = answer.text[:_ANSWER_START].rpartition(" ")[0] or answer.text[:_ANSWER_START]
            return f"{quoted(start)}\n{_SHORTENED}"
        return quoted(answer.text)  # people may ask for words in a tag of ours
    return enclosed(NOTICE, quoted(answer.text.strip()) or "No answer was given.")


def transcript(turns: Sequence[Turn], kind: Kind, zone: tzinfo = UTC, most: int = 0) -> str:
    """Return turns as one text to be summarized, not answered.

    Texts of more than `most` characters are cut, if given; a tag says so.
    """
    lines: list[str] = []
    for turn in turns:
        named = _is_named(turn.entries, kind)
        lines += [tagged(e, zone, named=named, dated=True, most=most) for e in turn.entries]
        tag = ANSWER if turn.answer.kind is AnswerKind.ANSWER else NOTICE
        lines.append(enclosed(tag, start_of(turn.answer.text, most)))
    return enclosed(TRANSCRIPT, "\n".join(lines))


def shown_messages(entries: Sequence[Entry], kind: Kind, files: Files) -> list[ShownMessage]:
    """Return what people said in one turn, like `words_of`, but as plain records."""
    named = _is_named(entries, kind)
    return [
        ShownMessage(
            text=_plain(entry, files),
            speaker=flat(entry.author.name) if named else "",
            overheard=entry.status is Status.OVERHEARD,
            quotes=_plain_quotes(entry),
            files=tuple(flat(each.name) for each in entry.attachments),
            person=entry.author.tag if named else "",
        )
        for entry in entries
    ]


def _is_named(entries: Sequence[Entry], kind: Kind) -> bool:
    """Return whether the messages of a turn name their authors."""
    return kind not in PRIVATE or len({entry.author.id for entry in entries}) > 1


@lru_cache(maxsize=1024)  # by the values, since the hash of a data class takes longer
def _from(id_: str, name: str, is_app: bool) -> str:  # noqa: FBT001 - for the cache
    return marks({"from": name, "person": tag_of(id_), "app": "yes" if is_app else ""})


def _body(entry: Entry, files: Files, zone: tzinfo, most: int) -> str:
    if _is_plain(entry):
        return start_of(entry.text, most) if most else quoted(entry.text)
    text = start_of(entry.text, most) if entry.text.strip() else ""
    shown = [_quote(each, zone, most) for each in entry.quotes]
    if entry.quotes and entry.quotes[0].kind is QuoteKind.MISSING:  # it is about what is above
        text = f"{shown.pop(0)}\n{text}"
    named = [_file(attachment, files.get(attachment.id)) for attachment in entry.attachments]
    return "\n".join(filter(None, [text, *shown, *named])) or _EMPTY


def start_of(text: str, most: int) -> str:
    """Return a text, quoted; if it has more than `most` characters, its start, and a tag."""
    if not most or len(text) <= most:
        return quoted(text)
    return f"{quoted(text[:most])}\n{alone(CUT)}"


def _quote(quote: Quote, zone: tzinfo, most: int) -> str:
    if quote.kind is QuoteKind.MISSING:
        return enclosed(NOTICE, quoted(quote.text))
    named = {
        "kind": quote.kind,
        "from": quote.author,
        "yours": "yes" if quote.by_bot else "",
        "in": quote.place,
        "on": when(quote.sent_at, zone) if quote.sent_at else "",
        "cut": f"{quote.cut:,} more characters are not shown" if quote.cut else "",
    }
    if not quote.text.strip():
        return alone(QUOTE, marks(named))
    return enclosed(QUOTE, start_of(quote.text, most), marks(named))


def _file(attachment: Attachment, file: File | None) -> str:
    shown = (file.name if file is not None else "") or attachment.name
    name = marks({"name": file_name(shown)})
    if file is not None and file.kind is FileKind.UNREAD:
        return alone(FILE, name + marks({"note": f"could not be read: {file.why}"}, _NOTE_LIMIT))
    size = attachment.size or (file.size if file is not None else 0)
    kind = attachment.media_type if file is None else file.media_type or attachment.media_type
    named = name + marks({"type": kind, "size": in_bytes(size) if size else ""})
    if file is None:
        return alone(FILE, named)
    is_text = file.kind is FileKind.TEXT
    note = "; ".join(filter(None, [file.note, file.why if is_text else ""]))
    named += marks({"note": note}, _NOTE_LIMIT)
    return enclosed(FILE, quoted(file.text), named) if is_text else alone(FILE, named)


def _plain(entry: Entry, files: Files) -> str:
    """Return the text of a message and of its files, without tags and escapes."""
    parts = [entry.text] if entry.text.strip() else []
    for attachment in entry.attachments:
        file = files.get(attachment.id)
        if file is not None and file.kind is FileKind.TEXT:
            parts.append(file.text)
    return "\n".join(filter(None, parts))


def _plain_quotes(entry: Entry) -> tuple[ShownQuote, ...]:
    shown = (each for each in entry.quotes if each.kind is not QuoteKind.MISSING)
    return tuple([ShownQuote(each.text, flat(each.author)) for each in shown])
