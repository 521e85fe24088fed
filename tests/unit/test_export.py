"""In an export, nobody can say what the program says, or what another person says."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from core.commands.export.request import TEXTS, ExportFormat
from core.commands.export.writing import Look, Source
from core.commands.export.writing import export as exporting
from core.domain.clock import SystemClock
from core.domain.message import Attachment, Author, Quote, QuoteKind
from core.domain.summary import Line, LineKind, Segment, dumped
from core.store.local.store import LocalStore
from tests.builders import THREAD, begin, converse, draft, message, terms

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from core.domain.message import ThreadKey

ENDS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]
FORGED = "{end}{end}**Boss** (person aaaaa) · 2026-11-30T00:00:00+00:00{end}{end}> I approve it."
CONTROLS = "a\x1b]0;pwned\x07b\x1b[2Jc\x1b]8;;http://evil.example\x07d\u202ee\x9b31mf\u2066g"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
HEADING = re.compile(r"^\*\*Boss\*\*|^> I approve it", re.MULTILINE)


async def only(thread: ThreadKey) -> AsyncIterator[Source]:
    yield Source(thread)


def export(
    store: LocalStore, form: ExportFormat = ExportFormat.MARKDOWN
) -> AsyncGenerator[str, None]:
    return exporting(store, only(THREAD), form, look=Look(at=0))


async def exported(form: ExportFormat = ExportFormat.MARKDOWN, **fields: Any) -> str:
    store = LocalStore(SystemClock())
    await store.accept(message(1, **{"text": "see", **fields}), terms())
    return "".join([piece async for piece in export(store, form)])


def file(name: str) -> Attachment:
    return Attachment(id="F", name=name, media_type=name, size=2_500_000)


@pytest.mark.parametrize("end", ENDS, ids=ascii)
async def test_no_line_end_forges_a_message(end: str) -> None:
    text = FORGED.format(end=end)
    quote = Quote(kind=QuoteKind.FORWARD, text=text, author=text, place=text)
    found = await exported(
        text=text, author=Author(id="U1", name=text), attachments=(file(text),), quotes=(quote,)
    )
    lines = found.splitlines()
    outside = [line for line in lines if line and not line.startswith(">")]
    assert len(outside) == 6  # the title, the time, the day, the message, the quote, the file
    assert not [line for line in outside if line.startswith(("**Boss**", "Boss"))]
    assert lines.count("> > I approve it.") == 2
    assert "> I approve it." not in lines


@pytest.mark.parametrize(
    "name", ["bot", "bot** · 2026-01-01T00:00:00+00:00", "Ann · file: x.pdf", "bot (this bot)"]
)
async def test_a_person_is_none_but_themselves(name: str) -> None:
    store = LocalStore(SystemClock())
    await converse(store, 1, author=Author(id="U1", name=name))
    pieces = [piece async for piece in export(store)]
    by_person, by_bot = (piece for piece in pieces if "\n**" in piece)
    assert re.match(
        r"\n## .*\n\n\*\*(\\.|[^*\\])+\*\* \(person \w{5}\) · \d\d:\d\d\n\n> ", by_person
    )
    assert re.match(r"\n(## .*\n\n)?\*\*bot\*\* · \d\d:\d\d\n\n> ", by_bot)


async def test_people_of_one_name_are_told_apart() -> None:
    store = LocalStore(SystemClock())
    for number, id_ in enumerate(("U1", "U2", "U1"), 1):
        await store.accept(message(number, author=Author(id=id_, name="Ann")), terms())
    await store.accept(message(4, author=Author(id="B1", name="Ann", is_app=True)), terms())
    text = "".join([p async for p in export(store)])
    first, second, third, app = re.findall(r"^\*\*Ann\*\* \((.*)\)", text, re.MULTILINE)
    assert first == third != second
    assert app.startswith("app ")


async def test_what_people_saw_with_a_message_has_a_heading_of_the_program() -> None:
    forward = Quote(
        kind=QuoteKind.FORWARD, text="at 5\n> x", author="Bo_b", place="#ops", sent_at=5, cut=1200
    )
    reply = Quote(kind=QuoteKind.REPLY, text="Noted.", by_bot=True, sent_at=1e300)
    found = await exported(quotes=(forward, reply), attachments=(file("a.pdf"),))
    assert found.partition("> see\n")[2] == (
        "\n*forward* · by **Bo\\_b** · in **#ops** · 00:00 on 1 January 1970"
        " · 1,200 more characters were not kept\n\n> at 5\n> > x\n"
        "\n*reply* · by this bot · unknown time\n\n> Noted.\n"
        "\nFile: **a.pdf**, a.pdf, 2.4 MB\n"
    )


@pytest.mark.parametrize("form", TEXTS)
async def test_a_terminal_obeys_nothing_in_an_export(form: ExportFormat) -> None:
    quote = Quote(kind=QuoteKind.CARD, text=CONTROLS, author=CONTROLS, place=CONTROLS)
    found = await exported(
        form,
        text=CONTROLS,
        author=Author(id="U1", name=CONTROLS),
        attachments=(file(CONTROLS),),
        quotes=(quote,),
    )
    assert not OBEYED.search(found)
    if form is ExportFormat.JSON:  # and nothing is lost
        (record,) = json.loads(found)["records"]
        assert record["text"] == record["author"]["name"] == CONTROLS
        assert record["quotes"][0]["text"] == CONTROLS


async def test_what_the_model_searched_for_is_exported() -> None:
    store = LocalStore(SystemClock())
    work = await begin(store, 1)
    pending = replace(draft(0, "Tom."), searched=('"nuts <b>" by Ann',), recalled=(0,))
    await store.commit(work.lease, work.revision, pending)
    found = {form: "".join([piece async for piece in export(store, form)]) for form in TEXTS}
    assert 'searched for "nuts \\<b\\>" by Ann' in found[ExportFormat.MARKDOWN]
    answer = json.loads(found[ExportFormat.JSON])["records"][1]
    assert (answer["searched"], answer["recalled"]) == (['"nuts <b>" by Ann'], [0])


async def test_an_export_has_both_parts_of_the_summary_in_quotes() -> None:
    store = LocalStore(SystemClock())
    await converse(store, 1, 2)
    work = await store.peek(THREAD)
    assert work is not None
    parts = Segment(
        begin=0, end=1, lines=(Line("No **nuts** \x1b[1m.", LineKind.LASTING), Line("They talk."))
    )
    for text, lasting, others in (
        ("So far.", [], ["So far."]),
        (dumped([parts]), ["No **nuts** \x1b[1m."], ["They talk."]),
    ):
        now = await store.peek(THREAD)
        assert now is not None
        covers, rev = now.summary.covers, work.revision
        assert await store.compact(THREAD, covers=covers, revision=rev, to=1, text=text)
        found = {form: "".join([piece async for piece in export(store, form)]) for form in TEXTS}
        summary = json.loads(found[ExportFormat.JSON])["summary"]
        assert (summary["lasting"], summary["going_on"]) == (lasting, others)
        assert f"> - {others[0]}\n" in found[ExportFormat.MARKDOWN]
    markdown = found[ExportFormat.MARKDOWN]
    assert "\n**Remembered for good** · summary\n\n> - No **nuts** [1m.\n" in markdown
    assert "\n**What was going on** · summary\n\n> - They talk.\n" in markdown
