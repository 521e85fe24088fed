"""Recall, whatever was said: nothing that is gone, nothing twice, nothing beyond the budget."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from core.domain.message import Attachment
from core.domain.session import AnswerKind, Entry, Record, Status, Turn, turns_of
from core.memory.recall.choose import Within, find
from core.memory.recall.files import FileIndex, HiddenFiles, parts_in, unit_of
from core.memory.recall.index import Index, changed_units, parts_of, units_of
from core.memory.recall.living import WEIGHTS
from core.memory.recall.passages import FileText, Room, choose, positions_of, to_read
from core.memory.recall.words import (
    ENGLISH,
    each_word,
    language_of,
    meaning_of,
    terms_of,
    wanted_in,
)
from tests import talk

WORDS = (
    "locker", "umbrella", "recipe", "Müller", "Haus", "猫叫小黑", "машина", "zebra", "violin",
    "Tuesday", "invoice", "garden", "went", "children", "2023", "the", "and",
)  # fmt: skip
ANYTHING = replace(WEIGHTS, silence=0.0, question=0.0, weak=0.0)
"""Whatever has a word of the query is found."""
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=120).map(" ".join)
exchanges = st.lists(st.tuples(texts, texts, st.sampled_from(["Ann", "Bob"])), max_size=12)


def told(said: list[tuple[str, str, str]]) -> list[Turn]:
    return [
        talk.turn(talk.entry(place, text, who), answer=answer)
        for place, (text, answer, who) in enumerate(said)
    ]


def indexed(turns: list[Turn]) -> Index:
    index = Index(UTC)
    index.add(units_of(turns, UTC))
    return index


def records(turns: list[Turn]) -> list[Record]:
    found: list[Record] = []
    for turn in turns:
        found += [*turn.entries, turn.answer]
    return found


typed = st.lists(
    st.one_of(
        st.sampled_from([*WORDS, "may", "May", "ich", "nicht", "can't", "12", "2026-11-30", "hi"]),
        st.text(alphabet="ab'-019. ", max_size=12),
        st.text(alphabet="Oo0", min_size=38, max_size=50),
    ),
    max_size=8,
).map(" ".join)


@given(typed, st.sampled_from(["english", "german"]))
def test_plain_text_has_the_same_terms_by_the_shorter_way(text: str, language: str) -> None:
    plain = text.encode("ascii", "ignore").decode()
    assert terms_of(plain, language) == terms_of(f"{plain}\u3000", language)
    for languages in (["english"], ["german", "english"], ["french"]):
        words = each_word(plain, language_of(plain) or ENGLISH, languages)
        assert meaning_of(plain, languages) == {term for word in words for term in word.terms}
    assert meaning_of(f"{plain}\u3000", ["german"]) == meaning_of(plain, ["german"])


@given(exchanges, texts, st.integers(0, 400))
def test_what_is_shown_is_word_for_word_within_the_budget(
    said: list[tuple[str, str, str]], asked: str, budget: int
) -> None:
    turns, index = told(said), indexed(told(said))
    wanted = wanted_in([asked], index.spoken)
    hits = find(index, wanted)
    read = [each for each in records(turns) if each.position in positions_of(hits)]
    room = Room(budget=budget, bot_budget=budget // 3, file_budget=0, count=len)
    shown = choose(hits, read, index, wanted, room)
    assert [each.position for each in shown] == sorted(each.position for each in shown)
    assert sum(len(each.text.replace(" [...] ", "")) for each in shown) <= budget
    by_bot = sum(len(each.text.replace(" [...] ", "")) for each in shown if each.by_bot)
    assert by_bot <= budget // 3
    for each in shown:
        turn = turns[each.position]
        whole = turn.answer.text if each.by_bot else turn.entries[0].text
        assert all(part.strip() in whole for part in each.text.split("[...]"))
        assert each.whole == (each.text == whole.strip())


@given(exchanges, st.one_of(texts, st.just("zebra and xylophone"), st.just("violin xy zz qq")))
def test_words_that_all_use_are_given_up_early_only_if_they_find_nothing(
    said: list[tuple[str, str, str]], asked: str
) -> None:
    index = indexed(told(said))
    wanted = wanted_in([asked], index.spoken)
    never = replace(WEIGHTS, named=1e9)  # raises the bound; nobody is named, so no score
    for asks in (False, True):
        query = wanted._replace(asks=asks)
        assert find(index, query) == find(index, query, weights=never)


@given(exchanges, texts, st.sets(st.integers(0, 11)), texts)
def test_what_is_gone_or_edited_is_not_shown_whatever_the_index_thinks(
    said: list[tuple[str, str, str]], asked: str, gone: set[int], new: str
) -> None:
    turns = told(said)
    index = indexed(turns)
    wanted = wanted_in([asked], index.spoken)
    hits = find(index, wanted, weights=ANYTHING)
    now: list[Record] = []
    for record in records(turns):
        if isinstance(record, Entry) and record.position in gone:
            status = Status.DELETED if record.position % 2 else Status.ADDRESSED
            text = "" if status is Status.DELETED else new
            now.append(replace(record, status=status, text=text))
        else:
            now.append(record)
    room = Room(budget=100_000, bot_budget=100_000, file_budget=0, count=len)
    for each in choose(hits, now, index, wanted, room):
        if not each.by_bot and each.position in gone:
            assert each.position % 2 == 0
            assert all(part.strip() in new for part in each.text.split("[...]"))


@given(st.lists(texts, min_size=1, max_size=6), texts, st.integers(0, 400), st.booleans())
def test_of_files_too_what_is_shown_is_word_for_word_within_the_budget(
    files: list[str], asked: str, budget: int, same: bool
) -> None:
    kept, sent, read = FileIndex(Index(UTC)), [], []
    for number, text in enumerate(files):
        file = Attachment(id=f"f{number}", name="x", media_type="text/plain", size=9)
        sent.append(talk.entry(number, "", files=(file,)))
        kept.note([(number, file.id)])
        kept.add((number, file.id), unit_of(sent[-1], file, text, number=number, talk=Index(UTC)))
        now = text if same else f"{asked} {text}"
        read.append(FileText((number, 2 + number), sent[-1], "x", parts_in(now), same))
    wanted = wanted_in([asked], HiddenFiles(kept).spoken_with(Index(UTC)))
    hits = HiddenFiles(kept, {"f0"}).find(wanted, Index(UTC), Within(), limit=20)
    room = Room(budget=1_000, bot_budget=0, file_budget=budget, count=len)
    shown = choose(hits, sent, Index(UTC), wanted, room, read)
    assert sum(len(each.text.replace("\n[...]\n", "")) for each in shown) <= budget
    for each in shown:
        assert each.position > 0
        assert each.file == "x"
        now = "".join(read[each.position].parts)
        assert all(part.strip() in now for part in each.text.split("[...]"))


@given(exchanges)
def test_an_index_holds_no_text(said: list[tuple[str, str, str]]) -> None:
    index = indexed(told(said))
    find(index, wanted_in(["locker"], index.spoken))
    index.prepared = None  # arrays of numbers alone, which pickle by reference to numpy
    kept = pickle.dumps(index)
    for text, answer, who in said:
        for word in {*text.split(), *answer.split(), who} - {"the", "and"}:
            assert word.encode() not in kept


@given(exchanges, exchanges, texts)
def test_adding_by_portions_finds_what_adding_at_once_finds(
    first: list[tuple[str, str, str]], then: list[tuple[str, str, str]], asked: str
) -> None:
    turns = told([*first, *then])
    at_once = Index(UTC)
    at_once.add(units_of(turns, UTC))
    portions = Index(UTC)
    portions.add(units_of(turns[: len(first)], UTC))
    find(portions, wanted_in([asked], portions.spoken))
    portions.add(changed_units(turns, portions)[1])
    wanted = wanted_in([asked], at_once.spoken)
    assert find(at_once, wanted) == find(portions, wanted)


@given(exchanges, texts, st.integers(0, 12), st.integers(0, 12))
def test_only_positions_within_the_bounds_are_found(
    said: list[tuple[str, str, str]], asked: str, start: int, stop: int
) -> None:
    index = indexed(told(said))
    hits = find(index, wanted_in([asked], index.spoken), Within(start=start, stop=stop))
    assert all(start <= hit.slot[0] < stop for hit in hits)
    room = Room(budget=10_000, bot_budget=10_000, file_budget=0, count=len)
    assert len(positions_of(to_read(hits, room, each=1.0, most=5))) <= 5


@given(exchanges)
def test_an_edit_is_found_by_its_new_words_and_not_by_its_old(
    said: list[tuple[str, str, str]],
) -> None:
    turns = told([*said, ("the umbrella", "and", "Ann")])
    index = indexed(turns)
    edited = [*turns[:-1], talk.turn(talk.entry(len(said), "a violin"), answer="and")]
    index.add(changed_units(edited, index)[1])
    at = (len(said), 0)
    found = {
        word: find(index, wanted_in([word], ()), weights=ANYTHING)
        for word in ("violin", "umbrella")
    }
    assert at in {hit.slot for hit in found["violin"]}
    best = [hit.slot for hit in found["umbrella"] if hit.slot == at]
    assert not best or said  # near another one that says it


def test_notices_and_what_was_declined_are_not_indexed() -> None:
    turns = [
        talk.turn(talk.entry(0, "locker"), answer="sorry about the locker", kind=AnswerKind.NOTICE),
        talk.turn(
            talk.entry(1, "umbrella"),
            answer="The model declined to answer this.",
            kind=AnswerKind.NOTICE,
        ),
    ]
    grouped, _ = turns_of(records(turns))
    index = indexed(list(grouped))
    assert [*index.units] == [(0, 0)]


def test_a_long_answer_is_indexed_by_passages() -> None:
    long = "We talked about many things that day. " * 40 + "The zebra is called Otto."
    turn = talk.turn(talk.entry(0, "Tell me."), answer=long)
    index = indexed([turn])
    (best, *_) = find(index, wanted_in(["What is the zebra called?"], index.spoken))
    assert best.slot == (0, 1)
    assert parts_of(turn.answer)[best.part].endswith("called Otto.")
