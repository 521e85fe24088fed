"""The windows that the Redis store has read last: never other than what their text says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from core.domain.message import Author
from core.domain.session import Answer, AnswerKind, Entry, turns_of
from core.store.redis import records
from core.store.redis.windows import MOST, SECONDS, Windows
from tests.builders import OTHER, THREAD

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.domain.message import ThreadKey
    from core.domain.session import Record

ANN = Author(id="U1", name="Ann")


def entry(place: int, text: str = "hi", author: Author = ANN) -> Entry:
    return Entry(position=place, id=f"m{place}", author=author, text=text, sent_at=1.5 + place)


def answer(place: int, text: str = "[yes], \ud800]") -> Answer:
    return Answer(
        position=place, turn="m0", token="t", kind=AnswerKind.ANSWER, text=text, sent_at=2.0
    )


def written(window: Sequence[Record]) -> bytes:
    text = f"[{','.join(records.dump(record) for record in window)}]"
    return text.encode("utf-8", "surrogatepass")


def windows_of(most: int = MOST) -> Windows:
    """Return windows that are never looked through for old ones."""
    return Windows(most, later=lambda *_: None)


some = st.one_of(
    st.builds(entry, st.integers(0, 3), st.text(max_size=3)),
    st.builds(answer, st.integers(0, 3), st.sampled_from(["]", "],[", '"', "x"])),
)
windows = st.lists(some, max_size=4)


@given(st.lists(st.tuples(st.sampled_from([THREAD, OTHER]), windows, st.booleans())))
def test_a_window_is_what_its_text_says(
    steps: list[tuple[ThreadKey, list[Record], bool]],
) -> None:
    kept = windows_of(200)
    shown: list[Record] = []
    for thread, window, goes_on in steps:
        shown = [*shown, *window] if goes_on else window
        found = kept.load(thread, written(shown))
        assert found == tuple(shown)
        assert turns_of(found) == turns_of(shown)


def test_what_was_read_is_not_read_again() -> None:
    kept = windows_of()
    (first,) = kept.load(THREAD, written([entry(0)]))
    found = kept.load(THREAD, written([entry(0), answer(0), entry(1)]))
    assert found[0] is first
    changed = kept.load(THREAD, written([entry(0, "edited"), answer(0), entry(1)]))
    assert changed[0] is not first
    assert changed == (entry(0, "edited"), answer(0), entry(1))


def test_turns_are_grouped_once_and_keep_what_is_made_of_them() -> None:
    kept = windows_of()
    (turn,), _ = turns_of(kept.load(THREAD, written([entry(0), answer(0), entry(1)])))
    turn.memo["size"] = 7
    (same, _), waiting = turns_of(
        kept.load(THREAD, written([entry(0), answer(0), entry(1), answer(1), entry(2)]))
    )
    assert same is turn
    assert same.memo == {"size": 7}
    assert waiting == (entry(2),)
    (other,), _ = turns_of(kept.load(THREAD, written([entry(0, "edited"), answer(0), entry(1)])))
    assert not other.memo


def test_it_keeps_so_much_and_no_more() -> None:
    kept = windows_of(len(written([entry(0)])))
    (first,) = kept.load(THREAD, written([entry(0)]))
    kept.load(OTHER, written([entry(0)]))
    assert kept.load(THREAD, written([entry(0)]))[0] is not first


def test_it_forgets_a_thread() -> None:
    kept = windows_of()
    (first,) = kept.load(THREAD, written([entry(0)]))
    kept.forget(THREAD)
    assert kept.load(THREAD, written([entry(0)]))[0] is not first


def test_what_is_not_read_again_is_kept_for_a_minute() -> None:
    """Another process may have removed it."""
    now = [0.0]
    timers: list[tuple[float, Callable[[], None]]] = []
    kept = Windows(later=lambda wait, call: timers.append((wait, call)), now=lambda: now[0])
    kept.load(THREAD, written([entry(0)]))
    now[0] = SECONDS / 2
    kept.load(OTHER, written([entry(0)]))
    ((wait, look),) = timers
    assert wait == SECONDS
    timers.clear()
    now[0] = SECONDS
    look()
    assert [*kept._kept] == [OTHER]
    ((wait, look),) = timers
    assert wait == SECONDS / 2
    timers.clear()
    now[0] = SECONDS + wait
    look()
    assert (len(kept._kept), kept._size, timers) == (0, 0, [])
    kept.load(THREAD, written([entry(0)]))
    assert len(timers) == 1
