"""How a conversation reads to a model: what is quoted, and where each quotation ends. Pure.

What people wrote is data. It stands inside tags that only this file can open or close: if a text
contains such a tag itself, the first character of the tag is escaped, and nothing else is changed.

A turn reads the same in every request, even if more people have joined since, because the vendor's
cache only works for prompts that begin with the same bytes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types

from core.domain.limits import in_bytes
from core.domain.message import Kind, QuoteKind
from core.domain.session import AnswerKind, Status
from core.models.port import ShownMessage
from core.prompt.files import FileKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.message import Attachment, Author, Quote
    from core.domain.session import Answer, Entry, Turn
    from core.prompt.files import File, Files

SUMMARY = "chat_summary"
TRANSCRIPT = "chat_transcript"
MESSAGE = "chat_message"
ANSWER = "chat_answer"
NOTICE = "chat_notice"
SCENE = "chat_scene"
FILE = "chat_file"
QUOTE = "chat_quote"

NAME_LIMIT = 80
"""The most characters of a name that are shown."""
_OURS = r"(?=\s*+(?:/\s*+)?+chat_)"
_TAG = regex.compile(rf"<{_OURS}", regex.IGNORECASE)
_PRIVATE = {Kind.TERMINAL, Kind.DM}
_WHY_LIMIT = 200
_EMPTY = "(an empty message)"
_UNKNOWN = (
    f"<{NOTICE}>\nWhat was said here before this message is unknown. If it matters, say so and ask "
    f"about it.\n</{NOTICE}>"
)
NO_FILES: Files = {}
"""Only the names of files are shown, as in the transcript for a summary."""


def quoted(text: str) -> str:
    """Return the text with the first character of each of our tags in it escaped."""
    plain: str = _TAG.sub("&lt;", text) if "<" in text else text
    return plain


def one_line(text: str, limit: int = NAME_LIMIT) -> str:
    """Return a name on one line, quoted, and cut to about `limit` characters."""
    return quoted(_flat(text, limit))


def _flat(text: str, limit: int = NAME_LIMIT) -> str:
    return " ".join(text.split())[:limit]


def enclosed(tag: str, text: str) -> str:
    """Return a text, which is quoted already, between a tag and its end."""
    return f"<{tag}>\n{text}\n</{tag}>"


def words_of(entries: Sequence[Entry], kind: Kind, files: Files = NO_FILES) -> str:
    """Return what people said in one turn, as the text of a user's message; never empty.

    Text files are shown with their content, other files by their names. Authors are named in
    conversations of several people. Only the kind of conversation and the turn itself decide that,
    not the people who have joined since.
    """
    if not entries:
        return enclosed(NOTICE, "The messages here were deleted.")
    if len(entries) == 1:  # nearly always
        words = _alone(entries[0], files, named=kind not in _PRIVATE)
    else:
        named = _is_named(entries, kind)
        words = "\n".join([tagged(entry, named=named, files=files) for entry in entries])
    return f"{_UNKNOWN}\n{words}" if _lacks_beginning(entries[0], kind) else words


def _lacks_beginning(entry: Entry, kind: Kind) -> bool:
    """Return whether a message is the first known one of a thread that others began."""
    if entry.position != 0 or kind in _PRIVATE:
        return False
    return entry.status is Status.ADDRESSED and entry.answer_in not in {"", entry.platform_id}


def _alone(entry: Entry, files: Files, *, named: bool) -> str:
    if not named and entry.status is Status.ADDRESSED:
        body = _body(entry, files)
        if not _TAG.search(body):
            return body
    return tagged(entry, named=named, files=files)


def tagged(entry: Entry, *, named: bool, dated: bool = False, files: Files = NO_FILES) -> str:
    """Return a message between its tags."""
    name = _from(entry.author) if named else ""
    date = f' on="{_date(entry.sent_at)}"' if dated else ""
    overheard = ' overheard="yes"' if entry.status is Status.OVERHEARD else ""
    return f"<{MESSAGE}{name}{date}{overheard}>\n{_body(entry, files)}\n</{MESSAGE}>"


def answer_of(answer: Answer) -> str:
    """Return an answer as the text of the assistant's message; never empty.

    The bot's own notices are marked, since the model did not write them, and should not.
    """
    if answer.kind is AnswerKind.ANSWER and answer.text.strip():
        return answer.text
    return enclosed(NOTICE, quoted(answer.text.strip()) or "No answer was given.")


def transcript(turns: Sequence[Turn], kind: Kind) -> str:
    """Return turns as one text to be summarized, not answered."""
    lines: list[str] = []
    for turn in turns:
        named = _is_named(turn.entries, kind)
        lines += [tagged(entry, named=named, dated=True) for entry in turn.entries]
        tag = ANSWER if turn.answer.kind is AnswerKind.ANSWER else NOTICE
        lines.append(enclosed(tag, quoted(turn.answer.text)))
    return enclosed(TRANSCRIPT, "\n".join(lines))


def shown_messages(entries: Sequence[Entry], kind: Kind, files: Files) -> list[ShownMessage]:
    """Return what people said in one turn, like `words_of`, but as plain records."""
    named = _is_named(entries, kind)
    return [
        ShownMessage(
            text=_plain(entry, files),
            speaker=_flat(entry.author.name) if named else "",
            overheard=entry.status is Status.OVERHEARD,
        )
        for entry in entries
    ]


def _is_named(entries: Sequence[Entry], kind: Kind) -> bool:
    """Return whether the messages of a turn name their authors."""
    return kind not in _PRIVATE or len({entry.author.id for entry in entries}) > 1


@lru_cache(maxsize=1024)
def _from(author: Author) -> str:
    app = ' app="yes"' if author.is_app else ""
    return f' from="{escape(_flat(author.name))}"{app}'


def _body(entry: Entry, files: Files) -> str:
    text = quoted(entry.text) if entry.text.strip() else ""
    if text and not entry.attachments and not entry.quotes:  # nearly always
        return text
    shown = [_quote(each) for each in entry.quotes]
    named = [_file(attachment, files.get(attachment.id)) for attachment in entry.attachments]
    return "\n".join(filter(None, [text, *shown, *named])) or _EMPTY


def _quote(quote: Quote) -> str:
    if quote.kind is QuoteKind.MISSING:
        return enclosed(NOTICE, quoted(quote.text))
    marks = {
        "from": quote.author,
        "yours": "yes" if quote.by_bot else "",
        "in": quote.place,
        "on": _date(quote.sent_at) if quote.sent_at else "",
        "cut": f"{quote.cut:,} more characters" if quote.cut else "",
    }
    said = "".join(f' {mark}="{escape(_flat(text))}"' for mark, text in marks.items() if text)
    return f'<{QUOTE} kind="{quote.kind}"{said}>\n{quoted(quote.text)}\n</{QUOTE}>'


def _plain(entry: Entry, files: Files) -> str:
    """Return the same text as `_body`, without tags and escapes."""
    parts = [entry.text] if entry.text.strip() else []
    said = [quote for quote in entry.quotes if quote.kind is not QuoteKind.MISSING]
    parts += [quote.text for quote in said if quote.text.strip()]
    for attachment in entry.attachments:
        file = files.get(attachment.id)
        parts.append(_label(attachment, file))
        if file is not None and file.kind is FileKind.TEXT:
            parts.append(file.text + _missing(file))
    return "\n".join(parts) or _EMPTY


def _file(attachment: Attachment, file: File | None) -> str:
    label = quoted(_label(attachment, file))
    if file is None or file.kind is not FileKind.TEXT:
        return label
    name = escape(_flat(attachment.name))
    return f'{label}\n<{FILE} name="{name}">\n{quoted(file.text)}\n</{FILE}>{_missing(file)}'


def _label(attachment: Attachment, file: File | None) -> str:
    """Return the line that names a file, not yet quoted."""
    name = _flat(attachment.name)
    if file is not None and file.kind is FileKind.UNREAD:
        return f"[file: {name} could not be read: {_flat(file.why, _WHY_LIMIT)}]"
    note = f"; {_flat(file.note, _WHY_LIMIT)}" if file is not None and file.note else ""
    return f"[file: {name}, {_flat(attachment.media_type)}, {in_bytes(attachment.size)}{note}]"


def _missing(file: File) -> str:
    return f"\n[{file.why}]" if file.why else ""


def _date(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):  # a wrong timestamp must not stop the bot
        return "unknown"
