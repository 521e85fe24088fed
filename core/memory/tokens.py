"""Counts the tokens of a text locally, without a call to the vendor.

tiktoken's o200k counts current Claude models a third too low and does not know other vendors, and
bytes are a guess. So either is only a unit, and the factor from units to tokens follows what the
model itself reports for each prompt. Nothing is ever downloaded: if tiktoken's rank file is on this
machine already, tokens are counted with tiktoken, otherwise by bytes.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from core.models.catalog import Tokenizer, spec_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.domain.session import Usage

RANK_FILE = "fb374d419588a4632f3f557e76b4b70aebbca790"
"""The name of o200k_base in tiktoken's cache: the SHA-1 of its download address."""

_RANK_HASH = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"

# The pattern that belongs to these ranks, from tiktoken (MIT licence). It is copied because
# tiktoken's own function for it downloads the ranks; a test compares the two.
_PATTERN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

_CHUNK = 2_000
"""Characters that tiktoken gets at a time: it is slow on long text without word boundaries.

Each split costs about one token, which is less than one in a hundred.
"""

_BYTES_PER_TOKEN = 2.6

# Tokens per unit for each tokenizer, measured on English dialogue and rounded up, so that the first
# prompts are counted a little too long rather than too short.
_TIKTOKEN_FACTOR = {Tokenizer.CURRENT: 1.6, Tokenizer.OLDER: 1.15}
_BYTES_FACTOR = {Tokenizer.CURRENT: 1.0, Tokenizer.OLDER: 0.75}

_LEEWAY = 2.0
"""How far the factor may move from its start, as a factor up and down.

Languages differ by as much; a report that differs more counts something else.
"""

_PRIOR = 0.25
"""The weight of the first factor against one report."""

_SLOWEST = 0.2
"""The least weight of a report, however many came before: topics and languages change."""


class TokenCounter:
    """Counts the tokens of one model, more precisely with each reply."""

    def __init__(self, *, unit: str, measure: Callable[[str], float], factor: float) -> None:
        self._unit = unit
        self._measure = measure
        self._start = factor
        self._reports = 0
        self.factor = factor
        """Tokens per unit, by the reports so far."""

    def describe(self) -> str:
        """Return how tokens are counted, for people."""
        return f"{self._unit} x {self.factor:.2f}"

    def count(self, text: str) -> int:
        """Return about how many tokens a text has. Never fails, whatever the text."""
        return ceil(self._measure(text) * self.factor)

    def learn(self, estimated: int, usage: Usage | None, *, factor: float | None = None) -> None:
        """Correct the factor by what the model reported for a prompt, if it reported anything.

        Args:
            estimated: The tokens that were counted for the whole prompt.
            usage: What the model reported.
            factor: The factor at the time of that count. If several turns run at a time, each would
                otherwise correct an error again that another turn has corrected already.
        """
        if usage is None or usage.prompt <= 0 or estimated <= 0:
            return
        seen = (factor or self.factor) * usage.prompt / estimated
        seen = min(max(seen, self._start / _LEEWAY), self._start * _LEEWAY)
        self._reports += 1
        weight = max(_SLOWEST, 1 / (self._reports + _PRIOR))
        self.factor += weight * (seen - self.factor)


def counter_for(model: str, *, rank_file: Path | None) -> TokenCounter:
    """Return a counter for the model: by tiktoken if the rank file is valid, else by bytes."""
    tokenizer = spec_of(model).tokenizer
    measure = None if rank_file is None else _tiktoken(rank_file)
    if measure is None:
        return TokenCounter(
            unit=f"UTF-8 bytes / {_BYTES_PER_TOKEN}",
            measure=_by_bytes,
            factor=_BYTES_FACTOR[tokenizer],
        )
    return TokenCounter(
        unit="tiktoken o200k_base", measure=measure, factor=_TIKTOKEN_FACTOR[tokenizer]
    )


def find_rank_file(environ: Mapping[str, str], tempdir: str) -> Path | None:
    """Return tiktoken's rank file, if it is valid and where tiktoken would look for it."""
    default = str(Path(tempdir) / "data-gym-cache")
    folder = environ.get("TIKTOKEN_CACHE_DIR", environ.get("DATA_GYM_CACHE_DIR", default))
    if not folder:  # set and empty: tiktoken takes this for "no cache"
        return None
    path = Path(folder) / RANK_FILE
    return path if _ranks(path) is not None else None


def _by_bytes(text: str) -> float:
    size = len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
    return size / _BYTES_PER_TOKEN


def _ranks(path: Path) -> bytes | None:
    """Return the file's bytes if they are the o200k ranks: anyone can write the default folder."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == _RANK_HASH else None


@lru_cache(maxsize=1)
def _tiktoken(path: Path) -> Callable[[str], float] | None:
    """Return tiktoken's measure with the ranks of this file; None if the file is invalid.

    The encoding is built here, since tiktoken's `get_encoding` would download what it doesn't find.
    It has no special tokens, so `<|endoftext|>` is text like any other.
    """
    data = _ranks(path)
    if data is None:
        return None
    import tiktoken  # noqa: PLC0415 - it costs time and memory, so only where it's used

    pairs = (line.split() for line in data.splitlines())
    encoding = tiktoken.Encoding(
        name="o200k_base",
        pat_str=_PATTERN,
        mergeable_ranks={base64.b64decode(token): int(rank) for token, rank in pairs},
        special_tokens={},
    )

    def measure(text: str) -> float:
        chunks = (text[start : start + _CHUNK] for start in range(0, len(text), _CHUNK))
        return sum(len(encoding.encode_ordinary(chunk)) for chunk in chunks)

    return measure
