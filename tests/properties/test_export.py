"""Whatever was said and whenever, its JSON keeps to the schema, and is read as what it was."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from core.commands.export.json_form import fields_of, text_of
from core.commands.export.json_read import record_of
from core.commands.export.stream import JsonStream
from core.domain.message import Attachment, Author, Quote, QuoteKind, clean
from core.domain.ratings import WORDS, Rating
from core.domain.session import Answer, AnswerKind, Entry, Status, Usage
from tests.schema import faults
from tests.unit.test_export_json import SCHEMA

if TYPE_CHECKING:
    from core.domain.session import Record

said = st.text(max_size=40).map(clean)
names = st.text(min_size=1, max_size=10).map(clean)
times = st.one_of(
    st.floats(0, 2e9), st.floats(0, 1e13), st.integers(0, 2**33).map(float), st.just(0.0)
)
places = st.integers(0, 2**31 - 1)
counts = st.integers(0, 2**40)
authors = st.builds(Author, id=names, name=said, is_app=st.booleans())
files = st.builds(Attachment, id=said, name=said, media_type=said, size=counts)
quotes = st.builds(
    Quote,
    kind=st.sampled_from(QuoteKind),
    text=said,
    author=said,
    by_bot=st.booleans(),
    place=said,
    sent_at=times,
    cut=st.integers(0, 10**6),
)
entries = st.builds(
    Entry,
    position=places,
    id=names,
    author=authors,
    text=said,
    sent_at=times,
    status=st.sampled_from(Status),
    answer_in=said,
    edited_at=times,
    attachments=st.lists(files, max_size=2).map(tuple),
    requeued_from=said,
    lost_file=st.booleans(),
    quotes=st.lists(quotes, max_size=2).map(tuple),
)
ratings = st.builds(Rating, person=names, value=st.sampled_from([*WORDS]), at=times, reason=said)
usages = st.builds(Usage, input=counts, output=counts, cache_read=counts, cache_write=counts)
answers = st.builds(
    Answer,
    position=places,
    turn=said,
    token=names,
    kind=st.sampled_from(AnswerKind),
    text=said,
    sent_at=times,
    usage=st.none() | usages,
    trimmed=st.booleans(),
    explain_trim=st.booleans(),
    notes=st.lists(said, max_size=2).map(tuple),
    posted=st.lists(said, max_size=2).map(tuple),
    recalled=st.lists(places, max_size=2).map(tuple),
    searched=st.lists(said, max_size=2).map(tuple),
    units=st.floats(0, 1e9),
    ratings=st.lists(ratings, max_size=2).map(tuple),
)
SPACES = st.text(" \t\r\n", max_size=3)


@given(st.one_of(entries, answers))
def test_a_record_is_read_as_what_it_was(record: Record) -> None:
    text = text_of(fields_of(record))
    kind = "answer" if isinstance(record, Answer) else "message"
    assert not [*faults(json.loads(text), {"$ref": f"#/definitions/{kind}"}, SCHEMA)]
    assert text_of(fields_of(record_of(json.loads(text)))) == text


@given(st.lists(st.one_of(entries, answers), max_size=4), st.integers(1, 50), SPACES)
def test_a_document_is_read_in_pieces_of_any_size(
    records: list[Record], size: int, space: str
) -> None:
    lines = [text_of(fields_of(record)) for record in records]
    text = f'{space}{{"a":{space}[{f"{space},{space}".join(lines)}]{space}}}{space}'

    class Slow(io.StringIO):
        def read(self, _: int | None = -1, /) -> str:
            return super().read(size)

    stream = JsonStream(Slow(text))
    found = [stream.value() for _ in stream.fields() for _ in stream.items()]
    stream.end()
    assert [text_of(fields_of(record_of(each))) for each in found] == lines
