"""What a turn's plan holds, what it leaves out, and when it says so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from core.domain.errors import MessageTooLargeError
from core.domain.message import Attachment
from core.domain.session import Session, Status
from core.domain.summary import Summary
from core.memory.plan import attachments_in_view, plan
from core.memory.strategies.registry import strategy_named
from core.prompt.files import File, FileKind, Files
from core.prompt.tags import LONGEST_LINE
from tests.talk import RULER, entry, session, tokens, turn, turns

if TYPE_CHECKING:
    from core.prompt.prompt import Plan

PLENTY = 100_000
LINE = tokens(LONGEST_LINE)
"""The line with the time before the first message that is shown."""


def planned(talk: Session, name: str = "hybrid", budget: int = PLENTY, fixed: int = 0) -> Plan:
    return plan(talk, strategy_named(name, pairs=3), budget=budget, counter=RULER, fixed=fixed)


def places(seen: Plan) -> list[int]:
    return [e.position for t in seen.turns for e in t.entries] + [e.position for e in seen.batch]


def test_a_first_message_is_all_there_is() -> None:
    seen = planned(session((), "hello"))
    assert places(seen) == [0]
    assert (seen.summary, seen.left_out, seen.seen_from, seen.trimmed) == ("", 0, 0, False)


def test_the_summary_stands_for_what_it_covers_and_turns_follow() -> None:
    past = turns("c", "d", start=7)
    seen = planned(session(past, "e", summary=Summary(covers=7, text="a and b"), seen_from=7))
    assert seen.summary == "a and b"
    assert places(seen) == [7, 8, 9]
    assert (seen.left_out, seen.seen_from, seen.trimmed) == (0, 7, False)


def test_the_first_reply_after_the_summary_took_over_is_trimmed_and_the_next_is_not() -> None:
    summary = Summary(covers=7, text="a and b")
    past = turns("c", "d", start=7)
    first = planned(session(past, "e", summary=summary, seen_from=0))
    assert first.trimmed
    again = planned(session(past, "e", summary=summary, seen_from=first.seen_from))
    assert not again.trimmed


def test_every_reply_that_loses_a_turn_of_the_window_is_trimmed() -> None:
    seen_from, trims, left_out = 0, [], []
    for n in range(6):
        past = turns(*(f"m{i}" for i in range(n)))
        seen = planned(session(past, "new", seen_from=seen_from), "window")
        trims.append(seen.trimmed)
        left_out.append(seen.left_out)
        seen_from = seen.seen_from
    assert trims == [False] * 4 + [True] * 2
    assert left_out == [0, 0, 0, 0, 1, 2]


def test_a_reply_that_shows_more_again_is_not_trimmed() -> None:
    assert not planned(session(turns("a", "b", "c"), "d", seen_from=2)).trimmed


def test_window_shows_no_summary_and_says_what_is_missing() -> None:
    past = turns("c", start=7)
    seen = planned(session(past, "d", summary=Summary(covers=7, text="a and b")), "window")
    assert seen.summary == ""
    assert seen.left_out == 7


def test_in_place_of_a_withheld_summary_the_turns_are_shown_as_far_as_they_fit() -> None:
    summary = Summary(covers=0, text="", stale=True, withheld=True)
    talk = session(turns("a" * 99, "b" * 99, "c"), "d", summary=summary, seen_from=2)
    seen = planned(talk)
    assert (seen.summary, seen.withheld, seen.left_out) == ("", True, 0)
    assert places(seen) == [0, 1, 2, 3]
    assert not seen.trimmed
    less = planned(talk, budget=seen.tokens.total - 1)
    assert (less.withheld, less.left_out, places(less)) == (True, 1, [1, 2, 3])
    back = replace(session(turns("b", "c", start=5), "d", summary=summary), since=5)
    assert planned(back).left_out == 5
    assert not planned(back, "window").withheld


def test_files_of_what_a_withheld_summary_stood_for_are_not_fetched_again() -> None:
    old, new = (entry(n, "see", files=(sent(f"F{n}"),)) for n in range(2))
    talk = replace(session((turn(old), turn(new)), "and?"), files_from=1)
    assert [file.id for file in attachments_in_view(talk, strategy_named("hybrid"))] == ["F1"]


def test_a_stale_summary_is_still_shown() -> None:
    summary = Summary(covers=7, text="a and b", stale=True)
    seen = planned(session(turns("c", start=7), "d", summary=summary))
    assert seen.summary == "a and b"
    assert not seen.withheld


def test_the_oldest_turns_go_first_and_whole() -> None:
    past = (turn(entry(0, "x" * 100), entry(1, "y" * 100)), *turns("z" * 100, start=2))
    talk = session(past, "new")
    whole = planned(talk)
    less = planned(talk, budget=whole.tokens.total - 1)
    assert places(less) == [2, 3]
    assert (less.left_out, less.seen_from, less.trimmed) == (2, 2, True)


def test_after_the_turns_the_summary_goes_and_then_the_oldest_new_messages() -> None:
    talk = session(
        turns("old" * 50, start=4),
        "first" * 40,
        "second" * 40,
        summary=Summary(covers=4, text="s" * 200),
        seen_from=4,
    )
    whole = planned(talk).tokens
    no_turn = planned(talk, budget=LINE + whole.new + whole.summary)
    assert (no_turn.summary != "", places(no_turn)) == (True, [5, 6])
    no_summary = planned(talk, budget=LINE + whole.new + whole.summary - 1)
    assert (no_summary.summary, places(no_summary)) == ("", [5, 6])
    assert no_summary.left_out == 5
    newest = planned(talk, budget=LINE + whole.new - 1)
    assert places(newest) == [6]
    assert (newest.left_out, newest.seen_from, newest.trimmed) == (6, 6, True)


def test_a_message_that_does_not_fit_by_itself_is_refused_with_its_size() -> None:
    talk = session((), "x" * 2600)
    with pytest.raises(
        MessageTooLargeError, match=rf"1,0\d\d tokens.*at most {400 - LINE}\b"
    ) as caught:
        planned(talk, budget=500, fixed=100)
    assert caught.value.room == 400 - LINE


def test_a_message_too_large_because_of_the_fixed_part_is_not_called_long() -> None:
    with pytest.raises(MessageTooLargeError, match="however short") as caught:
        planned(session((), "hi"), budget=100, fixed=200)
    assert not caught.value.is_long
    with pytest.raises(MessageTooLargeError, match=r"This message is too long: .* at most 0"):
        planned(session((), "hi " * 1000), budget=100, fixed=200)


def test_the_tokens_of_each_part_are_told() -> None:
    summary = Summary(covers=1, text="s" * 26)
    parts = planned(session(turns("a" * 26, start=1), "b", summary=summary), fixed=40).tokens
    assert parts.fixed == 40
    assert parts.summary == 10 + 8
    assert parts.window == LINE + 10 + tokens("Noted.") + 16
    assert parts.total == parts.fixed + parts.summary + parts.window + parts.new


def test_what_was_deleted_does_not_count_as_left_out() -> None:
    first_deleted = turn(entry(1, "b"))  # of the messages 0 and 1
    seen = planned(session((first_deleted, *turns("c", start=2)), "d", seen_from=0))
    assert (seen.left_out, seen.seen_from, seen.trimmed) == (0, 0, False)


def test_a_turn_whose_messages_were_all_deleted_stays_a_turn() -> None:
    seen = planned(session((turn(place=0), *turns("b", start=1)), "c"))
    assert len(seen.turns) == 2
    assert seen.left_out == 0


def test_what_was_too_far_back_to_be_loaded_is_left_out() -> None:
    loaded = turns(*(f"m{n}" for n in range(12)), start=88)
    seen = planned(session(loaded, "new", seen_from=96), "window")
    assert places(seen) == [97, 98, 99, 100]
    assert seen.left_out == 97
    assert seen.trimmed
    only = planned(session((), entry(100, "new"), seen_from=96), "window")
    assert (only.left_out, only.seen_from) == (100, 100)


def test_after_a_reset_nothing_before_the_line_is_missed() -> None:
    seen = planned(session(turns("b", start=20), "c", line=20, seen_from=20))
    assert (seen.left_out, seen.seen_from, seen.trimmed) == (0, 20, False)


def test_what_was_overheard_is_part_of_what_is_new() -> None:
    overheard = entry(0, "psst", "Bob", status=Status.OVERHEARD)
    assert places(planned(session((), overheard, entry(1, "hi")))) == [0, 1]


def sent(key: str) -> Attachment:
    return Attachment(id=key, name=key, media_type="image/png", size=1)


def picture(tokens: int) -> File:
    return File(kind=FileKind.IMAGE, data=b"x", tokens=tokens)


def with_files(talk: Session, files: Files, budget: int = PLENTY) -> Plan:
    memory = strategy_named("hybrid")
    return plan(talk, memory, budget=budget, counter=RULER, fixed=0, files=files)


def test_images_and_pages_count() -> None:
    old, new = entry(0, "a", files=(sent("f0"),)), entry(1, "b", files=(sent("f1"), sent("f2")))
    talk = session((turn(old),), new)
    bare = planned(talk).tokens
    files = {"f0": picture(100), "f1": picture(20), "f2": picture(3), "other": picture(9_999)}
    full = with_files(talk, files).tokens
    assert (full.window - bare.window, full.new - bare.new) == (100, 23)


def test_a_turn_whose_files_do_not_fit_goes_and_that_is_said() -> None:
    past = (turn(entry(0, "a", files=(sent("f0"),))), turn(entry(1, "b")))
    seen = with_files(session(past, "c"), {"f0": picture(900)}, budget=800)
    assert places(seen) == [1, 2]
    assert (seen.left_out, seen.trimmed) == (1, True)


def test_a_message_whose_own_files_do_not_fit_is_refused() -> None:
    talk = session((), entry(0, "a", files=(sent("f0"),)))
    with pytest.raises(MessageTooLargeError, match="about 968"):
        with_files(talk, {"f0": picture(900)}, budget=800)


def test_files_in_view_are_those_of_the_turns_that_may_be_shown_newest_first() -> None:
    past = [turn(entry(n, "a", files=(sent(f"f{n}"),))) for n in range(3)]
    talk = session(past, entry(3, "b", files=(sent("f3"), sent("f4"))))
    keys = [file.id for file in attachments_in_view(talk, strategy_named("window", pairs=2))]
    assert keys == ["f4", "f3", "f2", "f1"]
    assert [f.id for f in attachments_in_view(talk, strategy_named("full"))][-1] == "f0"


# --- what is kept from one request to the next ----------------------------------------------------


def test_a_window_that_has_grown_reads_as_if_it_were_read_at_once() -> None:
    past = turns(*(f"text {number}" for number in range(9)))
    for length in (1, 4, 5, 6, 9, 7, 2, 9):
        asked = session(past[:length], "and now?")
        fresh = session(turns(*(f"text {number}" for number in range(length))), "and now?")
        seen, again = planned(asked), planned(fresh)
        assert (seen.texts, seen.tokens, seen.turns) == (again.texts, again.tokens, again.turns)


def test_a_turn_that_was_replaced_in_the_middle_reads_as_it_is_now() -> None:
    past = turns("one", "my secret", "three", "four")
    planned(session(past, "and now?"))
    changed = turn(entry(1, "nothing"))
    seen = planned(session((past[0], changed, *past[2:]), "and now?"))
    assert "secret" not in str(seen.texts)
    assert "nothing" in str(seen.texts)


def test_answers_that_are_shortened_since_the_last_request_read_so() -> None:
    past = (turn(entry(0, "one"), answer="word " * 400), *turns("two", "three", start=1))
    whole = planned(session(past, "and now?"))
    summary = Summary(covers=0, text="", shortened_to=1)
    less = planned(session(past, "and now?", summary=summary))
    assert len(less.texts[0].answered) < len(whole.texts[0].answered) / 2
    assert less.tokens.window < whole.tokens.window / 2


def test_one_that_sees_fewer_turns_than_fit_says_when_the_first_of_them_was() -> None:
    past = turns(*("word " * 40 for _ in range(9)))
    planned(session(past, "and now?"))
    seen = planned(session(past, "and now?"), budget=400)
    assert 0 < len(seen.turns) < 9
    assert seen.texts[0].said.startswith("<chat_time")
