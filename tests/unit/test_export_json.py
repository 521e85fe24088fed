"""Exported JSON: it keeps to its schema, is read back, and is then exported as the same bytes."""

from __future__ import annotations

import gzip
import json
import math
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from core.commands.export.exports import NOTHING
from core.commands.export.files import export_to
from core.commands.export.importing import ImportRefusedError, import_file
from core.commands.export.request import ExportFormat, Span
from core.commands.export.writing import Look, Reporter, Source, export
from core.domain.clock import SystemClock
from core.domain.message import Attachment, Author, Kind, Quote, QuoteKind, ThreadKey
from core.domain.pins import Pin, PinKind
from core.domain.ratings import BAD, GOOD, Opinion
from core.domain.session import Answer, AnswerKind, Entry, Status
from core.domain.settings import ScopeSettings
from core.domain.summary import Line, LineKind, Segment, dumped
from core.store.header import Header
from core.store.local.store import LocalStore
from core.store.values import Outcome
from tests.builders import (
    OTHER,
    OVERHEAR,
    TERMS,
    THREAD,
    begin,
    converse,
    draft,
    finish,
    message,
)
from tests.schema import faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from core.store.port import Store

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "export.schema.json").read_text(encoding="utf-8"))
ODD = "a\0b\ud800c\u2028d\x1b[2J\N{FAMILY}"
TERMINAL = ThreadKey("terminal", "ada", "main")


async def talked(store: Store) -> None:
    """Leave one of everything that an export can have in a store."""
    file = Attachment(id="F1", name="plan.pdf", media_type="application/pdf", size=7)
    quote = Quote(kind=QuoteKind.FORWARD, text="at 5", author="Bo", place="#ops", sent_at=5, cut=3)
    await converse(store, 1, attachments=(file,), quotes=(quote,), text=ODD)
    await store.accept(message(2, author=Author(id="B1", name="App", is_app=True)), OVERHEAR)
    work = await begin(store, 3)
    pending = replace(
        draft(work.next - 1, "Tom."),
        trimmed=True,
        explain_trim=True,
        notes=("A note.",),
        searched=("nuts",),
        recalled=(0,),
        units=12.5,
        seen_from=1,
    )
    await store.commit(work.lease, work.revision, pending)
    await store.settle(work.lease, Outcome.DONE, posted=("p1",))
    why = Opinion(person="U1", value=BAD, at=7.25, reason="no <b>")
    back = Opinion(person="U2", value=GOOD, at=8.0, taken_back=True)
    for opinion in (why, back):
        assert await store.rate(THREAD, work.next - 1, work.lease.turn, opinion)
    await finish(store, await begin(store, 4, sent_at=1e12), kind=AnswerKind.BURIED)
    await store.amend(THREAD, "m1", (), edited_at=2000.123456, text="edited", attachments=())
    await store.amend(THREAD, "m4", (), edited_at=2001, text=None)
    ann = Author(id="U1", name="Ann")
    pin = Pin(id="1", kind=PinKind.WISH, text="tea", author=ann, by=ann, said_at=9, pinned_at=9.5)
    await store.pin(THREAD, Kind.THREAD, pin, beside=(), ttl=9999)
    await store.set_thread(THREAD, Kind.THREAD, ScopeSettings(muted=True), ttl=9999)
    line = Line("No nuts.", LineKind.LASTING, corrected_at=2)
    parts = [
        Segment(begin=0, end=1, lines=(line, Line("They talk.")), stale=True),
        Segment(begin=1, end=2, withheld=True, edits=(1,), shortened_to=1),
    ]
    now = await store.peek(THREAD)
    assert now is not None
    text = dumped(parts)
    assert await store.compact(
        THREAD, covers=now.summary.covers, revision=now.revision, to=2, text=text
    )
    await store.accept(message(5), TERMS)
    await converse(store, 6, thread=OTHER)


async def all_of(store: Store) -> AsyncIterator[Source]:
    async for info in store.all_threads():
        yield Source(info.thread)


async def only(thread: ThreadKey) -> AsyncIterator[Source]:
    yield Source(thread)


async def text_of(store: Store, *, several: bool = True, span: Span | None = None) -> str:
    look = Look(at=1, several=several, span=span or Span())
    sources = all_of(store) if several else only(THREAD)
    return "".join([piece async for piece in export(store, sources, ExportFormat.JSON, look=look)])


def store_() -> LocalStore:
    return LocalStore(SystemClock())


def write(path: Path, text: str | bytes) -> None:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


async def imported(text: str | bytes, path: Path, store: LocalStore) -> Any:
    write(path, text)
    told: list[tuple[int, int]] = []
    done = await import_file(
        store, path, SystemClock(), ttl=lambda _: 9999, tell=lambda *n: told.append(n)
    )
    assert not told or told[-1][0] == told[-1][1]
    return done


@pytest.mark.parametrize("several", [True, False])
async def test_an_export_keeps_to_its_schema_and_has_nothing_internal(*, several: bool) -> None:
    store = store_()
    await talked(store)
    for span in (Span(), Span(1003, 1e10), Span(-math.inf, 1002)):
        text = await text_of(store, several=several, span=span)
        document = json.loads(text)
        assert not [*faults(document, SCHEMA)]
        assert ("from" in document) == (not span.is_all)
        assert "token" not in text.replace("tokens", "")
        work = await store.peek(THREAD)
        assert work is not None
        assert work.revision not in text


RENAMED = {
    "position": "place",
    "sent_at": "at",
    "reset_position": "reset_place",
    "taking_part": "takes_part",
}
INTERNAL = {
    Entry: set[str](),
    Answer: {"token"},
    Header: {
        *("ttl", "reach", "revision", "expires_at", "fence", "token", "lease_until", "due_at"),
        *("turn", "stopped", "next", "head", "waiting", "overheard", "refused", "buried"),
        *("renewed", "covers", "stale", "withheld"),  # the last three are in the summary
    },
}


async def test_what_is_kept_of_a_conversation_is_exported_unless_it_is_internal() -> None:
    """A new field is exported and read, or named here as internal."""
    store = store_()
    await talked(store)
    document = json.loads(await text_of(store, several=False))
    exported = {
        Entry: document["records"][0].keys(),
        Answer: document["records"][1].keys() | {"ratings"},  # left out if there are none
        Header: document.keys(),
    }
    for kind, internal in INTERNAL.items():
        wanted = {RENAMED.get(f.name, f.name) for f in fields(kind) if f.name not in internal}
        assert wanted <= exported[kind], kind


async def test_the_schema_would_show_what_is_wrong() -> None:
    store = store_()
    await talked(store)
    document = json.loads(await text_of(store, several=False))
    changes: tuple[dict[str, Any], ...] = (
        {"version": 3},
        {"token": "t"},
        {"pins": [{}]},
        {"records": [{**document["records"][0], "token": "t"}]},
        {"records": [{**document["records"][0], "at": "yesterday"}]},
        {"summary": {**document["summary"], "covers": -1}},
    )
    for change in changes:
        assert [*faults(document | change, SCHEMA)], change


@pytest.mark.parametrize("several", [True, False])
async def test_what_is_imported_is_exported_as_the_same_bytes(
    tmp_path: Path, *, several: bool
) -> None:
    first, second = store_(), store_()
    await talked(first)
    text = await text_of(first, several=several)
    done = await imported(text, tmp_path / "a.json", second)
    assert (done.conversations, done.others) == (2 if several else 1, [])
    assert await text_of(second, several=several) == text
    again = await imported(text, tmp_path / "a.json", second)
    assert (again.conversations, again.there) == (0, 2 if several else 1)


async def test_the_bot_goes_on_where_an_imported_conversation_stopped(tmp_path: Path) -> None:
    first, second = store_(), store_()
    await talked(first)
    await imported(await text_of(first), tmp_path / "a.json", second)
    assert (await second.claim_any({"slack"}, "t")) == await store_().claim_any({"slack"}, "t")
    before, work = await first.peek(THREAD), await second.peek(THREAD)
    assert before is not None
    assert work is not None
    assert (work.head, work.next, work.summary) == (before.head, before.next, before.summary)
    assert (work.pins, work.settings, work.seen_from) == (
        before.pins,
        before.settings,
        before.seen_from,
    )
    claimed = await begin(second, 7, sent_at=1e12 + 1)
    assert [r.id for r in claimed.records if r.position >= claimed.head] == ["m5", "m7"]  # type: ignore[union-attr]
    assert await finish(second, claimed) == "free"


async def test_a_message_of_an_imported_conversation_that_comes_again_is_not_new(
    tmp_path: Path,
) -> None:
    first, second = store_(), store_()
    await converse(first, 1, 2)
    await imported(await text_of(first), tmp_path / "a.json", second)
    for number in (1, 2):
        await second.accept(message(number), TERMS)
    work = await second.peek(THREAD)
    assert work is not None
    assert work.next == 2


async def test_what_is_there_with_other_contents_stays_as_it_is(tmp_path: Path) -> None:
    first, second = store_(), store_()
    await converse(first, 1, 2)
    await converse(second, 1)
    kept = await text_of(second)
    done = await imported(await text_of(first), tmp_path / "a.json", second)
    assert done.others == [THREAD]
    assert await text_of(second) == kept


async def test_an_export_of_version_1_is_still_read(tmp_path: Path) -> None:
    author = {"id": "U1", "name": "Ann", "is_app": False}
    person = {
        "said_by": "person", "place": 0, "id": "m1", "author": author, "text": "hi",
        "at": "2026-11-30T12:00:00+00:00", "status": "deleted", "answer_in": "1", "stamp": 12.5,
        "attachments": [{"id": "F", "name": "a", "media_type": "b", "size": 1}],
        "requeued_from": "", "lost_file": False,
        "quotes": [{"kind": "reply", "text": "x", "author": "", "by_bot": True, "place": "",
                    "sent_at": 5.0, "cut": 0}],
    }  # fmt: skip
    bot = {
        "said_by": "bot", "place": 0, "turn": "m1", "token": "secret", "kind": "answer",
        "text": "hello", "at": "unknown", "usage": None, "trimmed": False,
        "explain_trim": False, "notes": [], "posted": ["p"], "recalled": [], "searched": [],
        "units": 0,
    }  # fmt: skip
    old = {
        "thread": "slack:C1:100.1", "exported_at": "2026-11-30T12:00:00+00:00",
        "pins": [], "summary": {"lasting": ["a"], "going_on": []}, "records": [person, bot],
    }  # fmt: skip
    store = store_()
    done = await imported(json.dumps(old), tmp_path / "old.json", store)
    assert (done.conversations, done.records) == (1, 2)
    document = json.loads(await text_of(store, several=False))
    assert not [*faults(document, SCHEMA)]
    assert document["started_at"] == person["at"]
    entry, answer = document["records"]
    assert (entry["edited_at"], answer["text"]) == ("1970-01-01T00:00:12.500000+00:00", "hello")
    assert "secret" not in json.dumps(document)


@pytest.mark.parametrize("form", ["json", "indented", "sorted", "gzip", "zip", "bom"])
async def test_it_is_read_however_it_is_packed_or_laid_out(tmp_path: Path, form: str) -> None:
    first, second = store_(), store_()
    await talked(first)
    text = await text_of(first)
    path = tmp_path / "a.json"
    if form == "zip":
        path = tmp_path / "a.zip"
        look = Look(at=1, several=True)
        await export_to(first, all_of(first), path, ExportFormat.ZIP, look, Reporter(SystemClock()))
        packed: str | bytes = path.read_bytes()
    else:
        laid_out: dict[str, str | bytes] = {
            "json": text,
            "indented": json.dumps(json.loads(text), indent=3),
            "sorted": json.dumps(json.loads(text), sort_keys=True, ensure_ascii=True),
            "gzip": gzip.compress(text.encode()),
            "bom": b"\xef\xbb\xbf" + text.encode(),
        }
        packed = laid_out[form]
    await imported(packed, path, second)
    assert await text_of(second) == text


async def test_a_text_that_no_store_can_hold_is_imported_in_a_form_that_it_can(
    tmp_path: Path,
) -> None:
    first, second = store_(), store_()
    await talked(first)
    document = json.loads(await text_of(first, several=False))
    document["records"][0]["text"] = "\ud800 and \0"
    await imported(json.dumps(document), tmp_path / "a.json", second)
    assert "\ufffd and \ufffd" in await text_of(second)


WRONG: dict[str, Any] = {
    "empty": "",
    "no JSON": "# a conversation",
    "a list": "[]",
    "another document": '{"name": "x"}',
    "another format": '{"format": "x", "version": 2, "conversations": []}',
    "cut": None,
    "a newer version": {"version": 3},
    "something behind it": None,
    "no key": {"thread": "slack"},
    "a text that is a number": {"records": [{"said_by": "person", "place": 0, "id": 5}]},
    "a record of nobody": {"records": [{"said_by": "cat"}]},
    "a record that is a text": {"records": ["x"]},
    "an unknown setting": {"settings": {"x": 1}},
    "too many pins": None,
    "NaN": '{"format": "chatbot-export", "version": 2, "x": NaN, "conversations": []}',
    "deep": '{"x": ' + "[" * 100_000,
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_file_changes_nothing(tmp_path: Path, wrong: str) -> None:
    first, second = store_(), store_()
    await talked(first)
    text = await text_of(first, several=False)
    change = WRONG[wrong]
    if isinstance(change, dict):
        text = json.dumps(json.loads(text) | change)
    elif isinstance(change, str):
        text = change
    elif wrong == "cut":
        text = text[: len(text) // 2]
    elif wrong == "too many pins":
        document = json.loads(text)
        text = json.dumps(document | {"pins": document["pins"] * 51})
    else:
        text += "{}"
    with pytest.raises(ImportRefusedError, match=r"^a\.json can't be imported: .*Nothing is"):
        await imported(text, tmp_path / "a.json", second)
    assert [info async for info in second.all_threads()] == []


async def test_records_out_of_order_are_refused(tmp_path: Path) -> None:
    first = store_()
    await converse(first, 1, 2)
    document = json.loads(await text_of(first, several=False))
    for records in (document["records"][::-1], document["records"] * 2):
        text = json.dumps(document | {"records": records})
        with pytest.raises(ImportRefusedError, match="not in order"):
            await imported(text, tmp_path / "a.json", store_())


async def test_an_import_that_was_interrupted_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = store_(), store_()
    await talked(first)
    text, loaded = await text_of(first), 0
    load = second.load

    async def killed(thread: ThreadKey, *args: Any, **given: Any) -> None:
        nonlocal loaded
        loaded += 1
        if loaded > 1:
            raise KeyboardInterrupt
        await load(thread, *args, **given)

    with monkeypatch.context() as patched:
        patched.setattr(second, "load", killed)
        with pytest.raises(KeyboardInterrupt):
            await imported(text, tmp_path / "a.json", second)
    done = await imported(text, tmp_path / "a.json", second)
    assert (done.conversations, done.there) == (1, 1)
    assert await text_of(second) == text


async def test_a_conversation_that_people_begin_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = store_(), store_()
    await converse(first, *range(1, 131))
    load, loaded = second.load, 0

    async def slow(thread: ThreadKey, *args: Any, **given: Any) -> None:
        nonlocal loaded
        await load(thread, *args, **given)
        loaded += 1
        if loaded == 1:
            await converse(second, 500)

    monkeypatch.setattr(second, "load", slow)
    done = await imported(await text_of(first), tmp_path / "a.json", second)
    assert (done.others, done.conversations) == ([THREAD], 0)
    document = json.loads(await text_of(second, several=False))
    assert [r["text"] for r in document["records"]] == ["text 500", "answer 500"]


async def test_a_period_has_what_was_said_in_it_alone() -> None:
    store = store_()
    await talked(store)
    document = json.loads(await text_of(store, several=False, span=Span(1002, 1004)))
    assert document["summary"] is None
    assert document["pins"] == []
    people = [r for r in document["records"] if r["said_by"] == "person"]
    assert [(r["id"], r["status"]) for r in people] == [
        ("m2", Status.OVERHEARD),
        ("m3", Status.ADDRESSED),
    ]
    assert NOTHING
