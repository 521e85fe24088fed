"""Counting tokens, by tiktoken for real and by the ruler, and learning from usage."""

from __future__ import annotations

import gzip
import importlib.util
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
import tiktoken
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.domain.session import Answer, AnswerKind, Usage
from core.memory import tokens
from core.memory.plan import plan
from core.memory.strategies.registry import strategy_named
from core.memory.tokens import RANK_FILE, TokenCounter, counter_for, find_rank_file
from tests.talk import session, turns

CURRENT = "claude-sonnet-5-5"
OLDER = "claude-opus-4-6"
TEXT = (
    "Good evening, I'd like 12 croissants (plain) -- and 日本語のメニュー please! \N{CROISSANT}\n"
)

# Every code point, lone surrogates too.
ANYTHING = st.text(st.characters(codec=None, exclude_categories=()))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a cache folder as tiktoken keeps it, with the real ranks."""
    folder = tmp_path_factory.mktemp("tiktoken")
    package = importlib.util.find_spec("bpe_openai")  # found, not imported: only its data counts
    assert package is not None
    assert package.origin is not None
    packed = Path(package.origin).parent / "data" / "o200k_base.tiktoken.gz"
    (folder / RANK_FILE).write_bytes(gzip.decompress(packed.read_bytes()))
    return folder


@pytest.fixture(scope="session")
def rank_file(cache: Path) -> Path:
    path = find_rank_file({"TIKTOKEN_CACHE_DIR": str(cache)}, "/nowhere")
    assert path is not None
    return path


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail whatever would fetch something."""

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("nothing is fetched at run time")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="session", params=["tiktoken", "ruler"])
def fixed(request: pytest.FixtureRequest, rank_file: Path) -> TokenCounter:
    """Return a counter that is only asked, so that it may serve many examples."""
    return counter_for(CURRENT, rank_file=rank_file if request.param == "tiktoken" else None)


@pytest.fixture(params=["tiktoken", "ruler"])
def counter(request: pytest.FixtureRequest, rank_file: Path) -> TokenCounter:
    return counter_for(CURRENT, rank_file=rank_file if request.param == "tiktoken" else None)


def test_counts_as_tiktoken_does(
    cache: Path, rank_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(cache))
    theirs = tiktoken.get_encoding("o200k_base")
    assert theirs._pat_str == tokens._PATTERN
    exact = len(theirs.encode_ordinary(TEXT * 20))
    ours = counter_for(CURRENT, rank_file=rank_file)
    assert ours.count(TEXT * 20) == -(-exact * 16 // 10)


def test_describes_itself(rank_file: Path) -> None:
    def described(model: str, path: Path | None) -> str:
        return counter_for(model, rank_file=path).describe()

    assert described(CURRENT, rank_file) == "tiktoken o200k_base x 1.60"
    assert described(OLDER, rank_file) == "tiktoken o200k_base x 1.15"
    assert described(CURRENT, None) == described(OLDER, None) == "classes of characters x 1.05"


@example("<|endoftext|><|endofprompt|>")
@example("\ud800")
@example("\x00\u202e\N{ZERO WIDTH JOINER}")
@settings(deadline=None)
@given(text=ANYTHING)
def test_never_fails(fixed: TokenCounter, text: str) -> None:
    assert (fixed.count(text) > 0) == (text != "")


@settings(deadline=None)
@given(one=ANYTHING, other=ANYTHING)
def test_more_text_is_more_tokens(fixed: TokenCounter, one: str, other: str) -> None:
    # A word may be one token where its start is two, so hardly ever less, and never much.
    both = fixed.count(one + other)
    assert both >= fixed.count(one) - 16
    assert both <= fixed.count(one) + fixed.count(other) + 16


def test_special_tokens_are_text(rank_file: Path) -> None:
    assert counter_for(CURRENT, rank_file=rank_file).count("<|endoftext|>") > 5


@pytest.mark.parametrize(
    "unit", ["a", " ", "^", "\n", "Aa", "日", "\N{PILE OF POO}", "\ud800", "0"]
)
def test_a_megabyte_takes_no_time(counter: TokenCounter, unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    start = time.process_time()
    counter.count(text)
    assert time.process_time() - start < 5  # 0.2 seconds, but for a slow machine


def test_pieces_cost_next_to_nothing(rank_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counter = counter_for(CURRENT, rank_file=rank_file)
    in_pieces = counter.count(TEXT * 500)
    monkeypatch.setattr(tokens, "_CHUNK", 10**9)
    assert counter.count(TEXT * 500) <= in_pieces <= counter.count(TEXT * 500) * 1.01


ENGLISH = "and then she said that the train to the coast would leave in the morning. "
GERMAN = "und dann sagte sie, dass der Zug an die Küste erst am Morgen abfahren würde. "
FIXED = ENGLISH * 50
"""Stands for the system prompt."""


def an_answer(position: int, tokens: int, units: float, *, searched: int = 0) -> Answer:
    return Answer(
        position=position,
        turn="",
        token="",
        kind=AnswerKind.ANSWER,
        text="Yes.",
        sent_at=0,
        usage=Usage(input=tokens // 2, cache_read=tokens - tokens // 2, output=9),
        units=units,
        searched=("nuts",) * searched,
    )


class Talk:
    """A conversation with a model that counts the fixed part and what is said in its own way."""

    def __init__(self, counter: TokenCounter, *, fixed: float, said: float, text: str) -> None:
        self.counter = counter
        self.fixed = counter.measure(FIXED)
        self.said = 0.0
        self.text = text
        self.share = said
        self.exact = self.fixed * fixed
        self.answers: list[Answer] = []

    @property
    def real(self) -> int:
        return round(self.exact)

    def turn(self) -> float:
        """Take a turn; return by how much its prompt was counted wrong before, as a share."""
        self.said += self.counter.measure(self.text)
        self.exact += self.counter.measure(self.text) * self.share
        counter = self.counter.after(reversed(self.answers), self.fixed)
        counted = counter.fixed_tokens(self.fixed) + round(self.said * counter.factor)
        units = counter.units(fixed=self.fixed, rest=round(self.said * counter.factor))
        self.answers.append(an_answer(len(self.answers), self.real, units))
        return counted / self.real - 1


@pytest.mark.parametrize("length", [2, 10, 100])
@pytest.mark.parametrize("fixed", [0.8, 1.0, 1.3, 1.6])
@pytest.mark.parametrize("said", [0.6, 0.9, 1.1, 1.5, 2.4])
def test_learns_within_three_turns(
    counter: TokenCounter, fixed: float, said: float, length: int
) -> None:
    talk = Talk(counter, fixed=fixed, said=said, text=GERMAN * length)
    for _ in range(3):
        talk.turn()
    assert abs(talk.turn()) < 0.05
    assert abs(talk.turn()) < 0.05


def test_conversations_do_not_disturb_each_other(counter: TokenCounter) -> None:
    talks = [Talk(counter, fixed=1.2, said=said, text=GERMAN) for said in (0.7, 1.0, 2.0)]
    for _ in range(5):
        errors = [talk.turn() for talk in talks]
    assert all(abs(error) < 0.01 for error in errors)
    assert counter.describe() == counter.after(()).describe()


def test_after_a_fold_the_rest_is_counted_right(counter: TokenCounter) -> None:
    talk = Talk(counter, fixed=0.9, said=2.0, text=GERMAN * 40)
    for _ in range(6):
        talk.turn()
    talk.said /= 6
    talk.exact = talk.fixed * 0.9 + talk.said * talk.share
    assert abs(talk.turn()) < 0.05


def test_a_language_that_changes_is_followed(counter: TokenCounter) -> None:
    talk = Talk(counter, fixed=1.0, said=1.0, text=ENGLISH * 20)
    for _ in range(4):
        talk.turn()
    talk.share = 1.5
    assert all(abs(talk.turn()) < 0.1 for _ in range(4))
    assert abs(talk.turn()) < 0.05


def test_searches_count_the_fixed_part_once_more(counter: TokenCounter) -> None:
    units = counter.measure(FIXED)
    answers = [
        an_answer(0, round(n * units * 1.4 + said * 0.8), n * units + said, searched=n - 1)
        for n, said in ((3, 4_000.0), (1, 1_000.0), (2, 3_000.0))
    ]
    after = counter.after(answers, units)
    assert after.fixed_tokens(units) == pytest.approx(units * 1.4, rel=0.05)
    assert after.factor == pytest.approx(0.8, rel=0.05)


def test_without_the_fixed_part_all_of_a_prompt_has_one_factor(counter: TokenCounter) -> None:
    after = counter.after([an_answer(0, 3_000, 1_500)])
    assert after.factor == pytest.approx(2.0, rel=0.01)
    assert after.is_sure


@pytest.mark.parametrize(
    "answer",
    [
        replace(an_answer(0, 9, 9), usage=None),
        replace(an_answer(0, 9, 9), usage=Usage()),
        replace(an_answer(0, 9, 9), usage=Usage(output=9)),
        replace(an_answer(0, 9, 9), units=0),
    ],
)
def test_nothing_reported_changes_nothing(counter: TokenCounter, answer: Answer) -> None:
    assert counter.after([answer], 100) == counter
    assert not counter.is_sure


@given(
    reports=st.lists(
        st.tuples(st.integers(1, 10**9), st.floats(0.1, 10**9), st.integers(0, 3)), max_size=9
    ),
    fixed=st.floats(0, 10**6),
)
def test_nonsense_moves_it_only_so_far(reports: list[tuple[int, float, int]], fixed: float) -> None:
    start = counter_for(CURRENT, rank_file=None)
    answers = [an_answer(0, tokens, units, searched=n) for tokens, units, n in reports]
    counter = start.after(answers, fixed)
    most = 3.01 * start.start
    assert start.start / 3.01 <= counter.factor <= most
    assert 0 <= counter.fixed_tokens(100) <= 100 * most + 1


def test_an_exact_count_scales_all_of_a_prompt(counter: TokenCounter) -> None:
    counter = counter.after([an_answer(0, 3_000, 1_500)])
    scaled = counter.scaled(1.5)
    assert scaled.factor == pytest.approx(3.0, rel=0.01)
    assert scaled.fixed_tokens(1_000) == pytest.approx(1.5 * counter.fixed_tokens(1_000), rel=0.01)


def test_an_exact_count_is_met_and_leaves_what_replies_say_of_the_fixed_part(
    counter: TokenCounter,
) -> None:
    unsure = counter.meeting(900, fixed=400, rest=200)
    assert unsure.fixed_tokens(400) == pytest.approx(600, abs=1)
    assert unsure.factor == pytest.approx(1.5)
    sure = counter.after([an_answer(0, 1_200, 1_000)], 950).meeting(2_000, fixed=950, rest=250)
    assert sure.fixed_tokens(950) + 250 * sure.factor == pytest.approx(2_000, abs=1)
    assert sure.fixed_tokens(950) == pytest.approx(1_140, rel=0.02)


def test_little_text_says_little_of_what_is_said(counter: TokenCounter) -> None:
    units = counter.measure(FIXED)
    answers = [an_answer(0, round(0.7 * units) + more, units + 20) for more in (10, 40, 0)]
    after = counter.after(answers, units)
    assert after.factor == pytest.approx(0.7, rel=0.2)  # as of the rest, and not 2.0 or 0.0


class TestFinding:
    """Where the rank file is looked for."""

    @pytest.fixture
    def folders(self, tmp_path: Path, rank_file: Path) -> dict[str, Path]:
        folders = {name: tmp_path / name for name in ("tiktoken", "gym", "data-gym-cache")}
        for folder in folders.values():
            folder.mkdir()
            (folder / RANK_FILE).write_bytes(rank_file.read_bytes())
        return folders

    def test_looks_where_tiktoken_looks(self, folders: dict[str, Path], tmp_path: Path) -> None:
        tik, gym, default = (folder / RANK_FILE for folder in folders.values())
        both = {"TIKTOKEN_CACHE_DIR": str(tik.parent), "DATA_GYM_CACHE_DIR": str(gym.parent)}
        assert find_rank_file(both, str(tmp_path)) == tik
        assert find_rank_file({"DATA_GYM_CACHE_DIR": str(gym.parent)}, str(tmp_path)) == gym
        assert find_rank_file({}, str(tmp_path)) == default

    def test_looks_nowhere_else(self, folders: dict[str, Path], tmp_path: Path) -> None:
        empty = tmp_path / "empty"
        assert find_rank_file({"TIKTOKEN_CACHE_DIR": str(empty)}, str(tmp_path)) is None
        assert find_rank_file({"TIKTOKEN_CACHE_DIR": ""}, str(tmp_path)) is None
        assert find_rank_file({}, str(empty)) is None

    def test_takes_no_other_file_for_it(self, tmp_path: Path) -> None:
        (tmp_path / RANK_FILE).write_bytes(b"YQ== 0\n")
        assert find_rank_file({"TIKTOKEN_CACHE_DIR": str(tmp_path)}, "/nowhere") is None
        counted = counter_for(CURRENT, rank_file=tmp_path / RANK_FILE).describe()
        assert counted.startswith("classes")
        assert (tmp_path / RANK_FILE).exists()  # tiktoken itself would have removed it

    def test_takes_no_folder_for_it(self, tmp_path: Path) -> None:
        (tmp_path / RANK_FILE).mkdir()
        assert find_rank_file({"TIKTOKEN_CACHE_DIR": str(tmp_path)}, "/nowhere") is None


# --- talk of few words ----------------------------------------------------------------------------


def test_the_factor_of_talk_in_few_words_does_not_run_away(fixed: TokenCounter) -> None:
    answers: list[Answer] = []
    factors: list[float] = []
    for number in range(40):
        counter = fixed.after(reversed(answers), 1_300)
        seen = plan(
            session(turns(*["See you at nine."] * number), "And then?"),
            strategy_named("hybrid"),
            budget=100_000,
            counter=counter,
            fixed=counter.fixed_tokens(1_300),
        )
        units = counter.units(fixed=1_300, rest=seen.tokens.total - seen.tokens.fixed)
        # The frame of each message takes fewer tokens than we think.
        answers.append(an_answer(number, 1_200 + 15 * number, units))
        factors.append(counter.factor)
    assert max(factors[5:]) < 1.25 * min(factors[5:]), factors
