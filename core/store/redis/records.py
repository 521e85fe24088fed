"""Entries and answers as JSON with short names. Pure.

Every turn moves the records of its window, so what is no person's word is kept small: names of one
letter, and nothing that only says the default. The header carries the version of all of a
thread's data, and no record is read before it.

| entry | | answer | |
|---|---|---|---|
| `p` | place | `p` | place |
| `i` | id | `u` | turn |
| `a` `n` | author's id, name | `k` | token |
| `t` | text | `t` | text |
| `d` | at | `d` | at |
| `s` | status: `o` overheard, `g` gone (deleted) | `x` | kind, if it is no plain answer |
| `c` | answer_in | `g` | usage: input, output, cache read, cache write |
| `e` | stamp of the last edit | `y` `z` | trimmed, explain_trim |
| `f` | attachments: id, name, media type, size | `w` | notes |
| `r` | requeued_from | `m` | posted |
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from core.message import Attachment, Author
from core.session import Answer, AnswerKind, Entry, Status, Usage

if TYPE_CHECKING:
    from core.message import Message
    from core.session import Record
    from core.store.values import Draft, Lease

_PLAIN = set("piantd")
"""The fields of an entry that says nothing unusual."""
_STATUS = {"o": Status.OVERHEARD, "g": Status.DELETED}


def entry(message: Message) -> str:
    """Return a message's entry, without its place and status, which the script adds."""
    fields = {
        "i": message.id,
        "a": message.author.id,
        "n": message.author.name,
        "t": message.text,
        "d": message.at,
        "c": message.answer_in,
        "f": [(file.id, file.name, file.media_type, file.size) for file in message.attachments],
    }
    return _dump(fields)


def answer(lease: Lease, draft: Draft) -> str:
    """Return an answer, without its time, which the script adds."""
    usage = draft.usage
    fields = {
        "p": draft.last,
        "u": lease.turn,
        "k": lease.token,
        "x": "" if draft.kind is AnswerKind.ANSWER else draft.kind.value,
        "t": draft.text,
        "g": usage and (usage.input, usage.output, usage.cache_read, usage.cache_write),
        "y": int(draft.trimmed) or None,
        "z": int(draft.explain_trim) or None,
        "w": draft.notes,
    }
    return _dump(fields)


def load(text: bytes) -> tuple[Record, ...]:
    """Return the records of a JSON list."""
    return tuple(_answer(each) if "u" in each else _entry(each) for each in json.loads(text))


def _dump(fields: dict[str, Any]) -> str:
    kept = {name: value for name, value in fields.items() if value not in (None, "", (), [])}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def _entry(fields: dict[str, Any]) -> Entry:
    author = Author(id=fields.get("a", ""), name=fields.get("n", ""))
    if fields.keys() == _PLAIN:  # nearly all are, and a turn reads its whole window
        return Entry(
            place=fields["p"], id=fields["i"], author=author, text=fields["t"], at=fields["d"]
        )
    return Entry(
        place=fields["p"],
        id=fields["i"],
        author=author,
        text=fields.get("t", ""),
        at=fields["d"],
        status=_STATUS.get(fields.get("s", ""), Status.ADDRESSED),
        answer_in=fields.get("c", ""),
        stamp=fields.get("e", 0),
        attachments=tuple(
            Attachment(id=file, name=name, media_type=kind, size=size)
            for file, name, kind, size in fields.get("f", ())
        ),
        requeued_from=fields.get("r", ""),
    )


def _answer(fields: dict[str, Any]) -> Answer:
    return Answer(
        place=fields["p"],
        turn=fields["u"],
        token=fields["k"],
        kind=AnswerKind(fields["x"]) if "x" in fields else AnswerKind.ANSWER,
        text=fields.get("t", ""),
        at=fields["d"],
        usage=_usage(*fields["g"]) if "g" in fields else None,
        trimmed="y" in fields,
        explain_trim="z" in fields,
        notes=tuple(fields["w"]) if "w" in fields else (),
        posted=tuple(fields["m"]) if "m" in fields else (),
    )


def _usage(new: int, output: int, read: int, written: int) -> Usage:
    return Usage(input=new, output=output, cache_read=read, cache_write=written)
