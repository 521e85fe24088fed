"""Counts the tokens of a text locally, without a call to the vendor.

A ruler measures texts in units, and two factors turn units into tokens: one for the fixed part of a
prompt (the system prompt and the context), which is the same in all conversations, and one for what
was said in this conversation. Both come from what the model reported for the conversation's own
last replies (`Answer.usage` beside `Answer.units`), so they survive a restart, are the same in
every process, and no conversation disturbs another. Before its first reply, the ruler alone counts.

Nothing is ever downloaded: if tiktoken's rank file is on this machine already, it is the ruler,
otherwise `core.memory.ruler` is.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import islice
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from core.memory import ruler
from core.models.catalog import Tokenizer, spec_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from core.domain.session import Answer
    from core.prompt.prompt import Exchange

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

_TIKTOKEN_FACTOR = {Tokenizer.CURRENT: 1.6, Tokenizer.OLDER: 1.15}
"""Tokens per unit of tiktoken, measured on English dialogue and rounded up."""
_RULER_FACTOR = 1.05
"""Rounded up too, so that first prompts are counted a little too long rather than too short."""
_WEIGHTS = {Tokenizer.CURRENT: ruler.CURRENT, Tokenizer.OLDER: ruler.OLDER}

_LEEWAY = 3.0
"""How far a factor may move from its start, as a factor up and down: what differs more was
counted by something else. Random words cost twice what the ruler says."""
_REPLIES = 6
"""The last replies that are looked at."""
_FADING = 0.5
"""The weight of a reply against the next one: topics and languages change."""
_SPREAD = 0.005
"""How far a reply is off if the factors are right, as a share: requests hardly vary otherwise."""
_FRAME_SPREAD = 8
"""The same in tokens: what is counted at its worst, such as the context, differs by so many."""
_SCALE_SPREAD = 0.5
"""How far a tokenizer is off from the ruler in general, with all texts alike."""
_FIXED_SPREAD = 0.1
"""How far the ruler is off beside that with the fixed part, which is English in most cases."""
_SAID_SPREAD = 0.3
"""The same with a conversation, which may be of anything."""

FRAME = 8
"""Units for the frame of a message: rather too many, since a request that is too large fails.

They are units and not tokens: otherwise the units of a prompt would depend on the factor that is
found by them, and in talk of few words the factor would run away.
"""

_MEASURED = 20_000
"""Texts whose measure is remembered, by their hash: a window is counted again in each turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the model reported for the prompts of one reply."""

    tokens: int
    units: float
    """What the ruler measured in all of them."""
    calls: int = 1
    """How many prompts there were: one, and one more for each search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCounter:
    """Counts the tokens of one model, in one conversation."""

    unit: str
    """What is measured, for people."""
    measure: Callable[[str], float]
    """Returns the units of a text. Never fails, whatever the text."""
    start: float
    """Tokens per unit before the first reply."""
    fixed: float = 0.0
    """Tokens per unit of the system prompt and the context; 0 for `start`."""
    said: float = 0.0
    """Tokens per unit of everything else; 0 for `start`."""
    is_sure: bool = False
    """The factors come from this conversation's own replies."""

    def describe(self) -> str:
        """Return how tokens are counted, for people."""
        return f"{self.unit} x {self.factor:.2f}"

    @property
    def factor(self) -> float:
        """Return the tokens per unit of what was said."""
        return self.said or self.start

    def count(self, text: str) -> int:
        """Return about how many tokens a text has that was said. Never fails."""
        return self.tokens(self.measure(text))

    def tokens(self, units: float) -> int:
        """Return about how many tokens so many units of what was said have."""
        return ceil(units * (self.said or self.start))

    def count_message(self, text: str) -> int:
        """Return about how many tokens a message with this text has, its frame included."""
        return self.tokens(self.measure(text) + FRAME)

    def count_turn(self, exchange: Exchange) -> int:
        """Return about how many tokens a turn has, as it reads to the model."""
        return self.turn_tokens(sum(exchange.units(self.measure)), 1)

    def turn_tokens(self, units: float, turns: int) -> int:
        """Return about how many tokens so many turns have, with these units in their texts."""
        return self.tokens(units + 2 * FRAME * turns)

    def fixed_tokens(self, units: float) -> int:
        """Return about how many tokens so many units of the fixed part have."""
        return ceil(units * (self.fixed or self.start))

    def units(self, *, fixed: float, rest: int) -> float:
        """Return the units of a prompt.

        Args:
            fixed: The units of its fixed part.
            rest: The tokens of everything else, as this counter counts them.
        """
        return fixed + rest / self.factor

    def after(self, answers: Iterable[Answer], fixed: float = 0.0) -> TokenCounter:
        """Return the counter for a conversation with these answers, the newest first.

        `fixed` are the units of the fixed part of its prompts; without them, one factor is found
        for all of a prompt. The result is this counter if no answer tells.
        """
        reports = map(_report_of, islice(answers, 2 * _REPLIES))
        return self.fitted([report for report in reports if report is not None], fixed)

    def fitted(self, reports: Sequence[Report], fixed: float) -> TokenCounter:
        """Return the counter whose factors fit these reports best, the newest first.

        They are those with the least squares of all deviations, each divided by its spread: of the
        reports from the prompts' counts, and of the factors from the start, near which they stay
        until the prompts differ enough to show both. In the end both are scaled so that the newest
        report is met, since the next prompt is nearly the same.
        """
        if not reports:
            return self
        xx, yy, xy = _precision()
        x1, y1 = xx + xy, yy + xy
        parts = [
            (
                self.start * whole / report.tokens,
                self.start * (report.units - whole) / report.tokens,
            )
            for report in reports[:_REPLIES]
            for whole in (min(report.calls * fixed, report.units),)
        ]
        for age, (x, y) in enumerate(parts):
            spread = _SPREAD**2 + (_FRAME_SPREAD / reports[age].tokens) ** 2
            weight = _FADING**age / spread
            xx, yy, xy = xx + weight * x * x, yy + weight * y * y, xy + weight * x * y
            x1, y1 = x1 + weight * x, y1 + weight * y
        scale = xx * yy - xy * xy  # never 0: the priors are in it
        factors = [_bounded((x1 * yy - y1 * xy) / scale), _bounded((y1 * xx - x1 * xy) / scale)]
        met = factors[0] * parts[0][0] + factors[1] * parts[0][1]
        fixed_factor, said = (self.start * _bounded(factor / met) for factor in factors)
        return replace(self, fixed=fixed_factor, said=said, is_sure=True)

    def meeting(self, tokens: int, *, fixed: float, rest: float) -> TokenCounter:
        """Return a counter by which a prompt has as many tokens as the model itself counts.

        `fixed` and `rest` are the units of its parts. What replies say of the fixed part stays.
        """
        known = fixed * (self.fixed or self.start)
        if not self.is_sure or rest <= 0 or tokens <= known:
            return self.scaled(tokens / (known + rest * self.factor))
        return replace(self, fixed=self.fixed or self.start, said=(tokens - known) / rest)

    def scaled(self, share: float) -> TokenCounter:
        """Return a counter by which all texts have this share of their tokens."""
        return replace(
            self, fixed=(self.fixed or self.start) * share, said=self.factor * share, is_sure=True
        )


def _precision() -> tuple[float, float, float]:
    """Return the inverse of the covariance of both factors before the first reply.

    They vary together, since a tokenizer that makes fewer tokens does so of all texts. So a short
    conversation, of which little but the fixed part is known, moves both.
    """
    fixed, said = (_SCALE_SPREAD**2 + spread**2 for spread in (_FIXED_SPREAD, _SAID_SPREAD))
    both = _SCALE_SPREAD**2
    determinant = fixed * said - both * both
    return said / determinant, fixed / determinant, -both / determinant


def _bounded(factor: float) -> float:
    return min(max(factor, 1 / _LEEWAY), _LEEWAY)


def _report_of(answer: Answer) -> Report | None:
    usage = answer.usage
    if usage is None or usage.prompt <= 0 or answer.units <= 0:
        return None
    return Report(tokens=usage.prompt, units=answer.units, calls=1 + len(answer.searched))


def counter_for(model: str, *, rank_file: Path | None) -> TokenCounter:
    """Return a counter for the model: by tiktoken if the rank file is valid, else by the ruler."""
    tokenizer = spec_of(model).tokenizer
    measure = None if rank_file is None else _tiktoken(rank_file)
    if measure is None:
        weighed = partial(ruler.measure, weights=_WEIGHTS[tokenizer])
        return TokenCounter(
            unit="classes of characters", measure=_remembered(weighed), start=_RULER_FACTOR
        )
    return TokenCounter(
        unit="tiktoken o200k_base",
        measure=_remembered(measure),
        start=_TIKTOKEN_FACTOR[tokenizer],
    )


def _remembered(measure: Callable[[str], float]) -> Callable[[str], float]:
    """Return a measure that remembers its results by the hashes of the texts.

    The texts themselves are not kept, since what people deleted must not stay in memory. Two of
    them with one hash of 64 bits will hardly meet, and would only be counted alike.
    """
    known: dict[int, float] = {}

    def measured(text: str) -> float:
        key = hash(text)
        units = known.get(key)
        if units is None:
            units = measure(text)
            if len(known) >= _MEASURED:  # a bounded dict would need a lock: threads count, too
                known.clear()
            known[key] = units
        return units

    return measured


def find_rank_file(environ: Mapping[str, str], tempdir: str) -> Path | None:
    """Return tiktoken's rank file, if it is valid and where tiktoken would look for it."""
    default = str(Path(tempdir) / "data-gym-cache")
    folder = environ.get("TIKTOKEN_CACHE_DIR", environ.get("DATA_GYM_CACHE_DIR", default))
    if not folder:  # set and empty: tiktoken takes this for "no cache"
        return None
    path = Path(folder) / RANK_FILE
    return path if _ranks(path) is not None else None


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
