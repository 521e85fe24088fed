"""Counting tokens, by tiktoken for real and by bytes, and learning from usage."""

from __future__ import annotations

import gzip
import importlib.util
import socket
import time
from pathlib import Path
from typing import NoReturn

import pytest
import tiktoken
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.domain.session import Usage
from core.memory import tokens
from core.memory.tokens import RANK_FILE, TokenCounter, counter_for, find_rank_file

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


@pytest.fixture(scope="session", params=["tiktoken", "bytes"])
def fixed(request: pytest.FixtureRequest, rank_file: Path) -> TokenCounter:
    """Return a counter that is only asked, so that it may serve many examples."""
    return counter_for(CURRENT, rank_file=rank_file if request.param == "tiktoken" else None)


@pytest.fixture(params=["tiktoken", "bytes"])
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
    assert described(CURRENT, None) == "UTF-8 bytes / 2.6 x 1.00"
    assert described(OLDER, None) == "UTF-8 bytes / 2.6 x 0.75"


def test_counts_bytes_rounded_up() -> None:
    counter = counter_for(CURRENT, rank_file=None)
    assert [counter.count(text) for text in ("", "a", "aa", "aaa", "日本")] == [0, 1, 1, 2, 3]


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


@pytest.mark.parametrize("ratio", [0.8, 0.9, 1.0, 1.2, 1.4, 1.6])
def test_learns_within_three_turns(counter: TokenCounter, ratio: float) -> None:
    real = round(counter.count(TEXT * 10) * ratio)
    for _ in range(3):
        usage = Usage(
            input=real // 2, cache_read=real // 4, cache_write=real - real // 2 - real // 4
        )
        counter.learn(counter.count(TEXT * 10), usage)
    assert counter.count(TEXT * 10) == pytest.approx(real, rel=0.05)


def test_turns_at_the_same_time_learn_the_same(counter: TokenCounter) -> None:
    factor, estimated = counter.factor, counter.count(TEXT * 10)
    for _ in range(50):
        counter.learn(estimated, Usage(input=round(estimated * 0.8)), factor=factor)
    assert counter.count(TEXT * 10) == pytest.approx(estimated * 0.8, rel=0.05)


@pytest.mark.parametrize(
    ("estimated", "usage"),
    [(100, None), (100, Usage()), (100, Usage(output=9)), (0, Usage(input=9))],
)
def test_nothing_reported_changes_nothing(
    counter: TokenCounter, estimated: int, usage: Usage | None
) -> None:
    before = counter.describe()
    counter.learn(estimated, usage)
    assert counter.describe() == before


@given(reports=st.lists(st.tuples(st.integers(1, 10**9), st.integers(1, 10**9))))
def test_nonsense_moves_it_only_so_far(reports: list[tuple[int, int]]) -> None:
    counter = counter_for(CURRENT, rank_file=None)
    for estimated, reported in reports:
        counter.learn(estimated, Usage(input=reported))
    assert 0.5 <= counter.factor <= 2


def test_one_strange_report_is_forgotten() -> None:
    counter = counter_for(CURRENT, rank_file=None)
    for reported in (100, 100, 10_000, 100, 100, 100, 100, 100, 100, 100, 100):
        counter.learn(100, Usage(input=reported), factor=1.0)
    assert counter.factor == pytest.approx(1, rel=0.1)


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
        assert counter_for(CURRENT, rank_file=tmp_path / RANK_FILE).describe().startswith("UTF-8")
        assert (tmp_path / RANK_FILE).exists()  # tiktoken itself would have removed it

    def test_takes_no_folder_for_it(self, tmp_path: Path) -> None:
        (tmp_path / RANK_FILE).mkdir()
        assert find_rank_file({"TIKTOKEN_CACHE_DIR": str(tmp_path)}, "/nowhere") is None
