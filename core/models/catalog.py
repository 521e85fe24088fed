"""What is known of each model: its limits and prices, and a guess for unknown models. Pure.

Prices are dollars per million tokens, as of 2026-11, from Anthropic's pages "Pricing", "Models
overview", "Prompt caching", "Vision" and "PDF support", and the model ids and end dates in its
Python SDK. If they say nothing, or contradict each other, the table has the value that does less
harm if it is wrong: the smaller limit, the higher price, the larger minimum. What a reply really
cost is in its `usage`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.domain.session import Usage

_MILLION = 1_000_000
_CACHE_WRITE = 1.25
"""The price of a token written to the cache for five minutes, in input tokens."""


class Tokenizer(StrEnum):
    """Which of Claude's tokenizers a model has; the current one makes 1.37 times the tokens."""

    OLDER = "older"
    CURRENT = "current"


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens."""

    input: float
    output: float
    cache_read: float
    cache_write: float
    """For a cache entry that lives five minutes."""


def _price(given: float, output: float, read: float = 0.1) -> Price:
    """Return a price; `read` is the price of a token read from the cache, in input tokens."""
    return Price(given, output, cache_read=given * read, cache_write=given * _CACHE_WRITE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """What is known of a model."""

    name: str
    """For people."""
    price: Price
    long_price: Price | None = None
    """The price of the whole call if its prompt is longer than `long_from` tokens."""
    long_from: int = 0
    input_limit: int = 1_000_000
    """Tokens of prompt and answer together."""
    output_limit: int = 128_000
    cache_minimum: int = 4_096
    """Tokens that a prompt needs up to a breakpoint; with fewer, nothing is cached, silently."""
    retires_at: date | None = None
    """The announced day of its retirement, if any."""
    tokenizer: Tokenizer = Tokenizer.CURRENT

    @property
    def image_tokens(self) -> int:
        """Return the most tokens that an image costs: the API scales larger ones down.

        The documentation lists the models that see more detail, from Opus 4.7 on. Models that it
        does not list yet are assumed to see as much.
        """
        return 1_568 if self.tokenizer is Tokenizer.OLDER else 4_784

    @property
    def image_pixels(self) -> int:
        """Return the longest side of an image that the model sees; see `image_tokens`."""
        return 1_568 if self.tokenizer is Tokenizer.OLDER else 2_576

    @property
    def pdf_pages(self) -> int:
        """Return how many PDF pages a request may have."""
        return 600 if self.input_limit >= _MILLION else 100


_OLDER = Tokenizer.OLDER
_SMALL = 200_000
_SMALL_OUTPUT = 64_000

_SPECS: dict[str, ModelSpec] = {
    # The minimum for caching is not confirmed for the 5.1, 5.2 and 5.5 models, and the sources
    # disagree on Fable 5, Mythos 5, Opus 4.7 and 4.8: all of them have the largest there is.
    "claude-haiku-5-5": ModelSpec(
        name="Claude Haiku 5.5",
        price=_price(0.10, 0.50),
        long_price=_price(0.50, 2.50),
        long_from=100_000,
    ),
    "claude-sonnet-5-5": ModelSpec(name="Claude Sonnet 5.5", price=_price(2, 10, read=0.05)),
    "claude-opus-5-5": ModelSpec(name="Claude Opus 5.5", price=_price(4, 20, read=0.05)),
    "claude-fable-5-2": ModelSpec(name="Claude Fable 5.2", price=_price(8, 40, read=0.025)),
    # Not confirmed: the price of 5.1, and the usual one for reading from the cache.
    "claude-mythos-5-2": ModelSpec(name="Claude Mythos 5.2", price=_price(10, 50)),
    "claude-fable-5-1": ModelSpec(name="Claude Fable 5.1", price=_price(10, 50, read=0.025)),
    "claude-mythos-5-1": ModelSpec(name="Claude Mythos 5.1", price=_price(10, 50, read=0.025)),
    "claude-fable-5": ModelSpec(name="Claude Fable 5", price=_price(10, 50)),
    "claude-mythos-5": ModelSpec(name="Claude Mythos 5", price=_price(10, 50)),
    "claude-opus-5": ModelSpec(name="Claude Opus 5", price=_price(5, 25), cache_minimum=512),
    "claude-sonnet-5": ModelSpec(name="Claude Sonnet 5", price=_price(2, 10), cache_minimum=1_024),
    "claude-opus-4-8": ModelSpec(name="Claude Opus 4.8", price=_price(5, 25)),
    "claude-opus-4-7": ModelSpec(name="Claude Opus 4.7", price=_price(5, 25)),
    "claude-opus-4-6": ModelSpec(name="Claude Opus 4.6", price=_price(5, 25), tokenizer=_OLDER),
    "claude-sonnet-4-6": ModelSpec(
        name="Claude Sonnet 4.6",
        price=_price(3, 15),
        cache_minimum=2_048,  # 1,024 says the documentation, and its users that nothing happens
        tokenizer=_OLDER,
    ),
    "claude-opus-4-5": ModelSpec(
        name="Claude Opus 4.5",
        price=_price(5, 25),
        input_limit=_SMALL,
        output_limit=_SMALL_OUTPUT,
        tokenizer=_OLDER,
    ),
    "claude-haiku-4-5": ModelSpec(
        name="Claude Haiku 4.5",
        price=_price(1, 5),
        input_limit=_SMALL,
        output_limit=_SMALL_OUTPUT,
        tokenizer=_OLDER,
    ),
    "claude-sonnet-4-5": ModelSpec(
        name="Claude Sonnet 4.5",
        price=_price(3, 15),
        input_limit=_SMALL,
        output_limit=_SMALL_OUTPUT,
        cache_minimum=1_024,
        retires_at=date(2026, 11, 30),
        tokenizer=_OLDER,
    ),
}

SUGGESTED = ("claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5")
"""The models to suggest to an operator, the default first."""

_ID = re.compile(r"(claude(?:-[a-z]+)(?:-\d{1,2})+)(?:[-@]\d{8})?(?:-v\d+(?::\d+)?)?")
"""A model's id as platforms write it: with a date, a version, and a prefix of their own."""


def known_models() -> tuple[str, ...]:
    """Return the ids in the table, newest first."""
    return tuple(_SPECS)


def spec_of(model: str) -> ModelSpec:
    """Return what is known of a model, or a careful guess if it is not in the table."""
    match = _ID.fullmatch(model[max(model.find("claude-"), 0) :])
    known = _SPECS.get(match[1]) if match else None
    # Half the smallest window, and the highest price; a setting can say better.
    return known or ModelSpec(
        name=model, price=_price(10, 50), input_limit=_SMALL // 2, output_limit=8_192
    )


def retirement(model: str, today: date) -> str | None:
    """Return a sentence if a model is retired, or its retirement is announced; else None."""
    spec = spec_of(model)
    if spec.retires_at is None:
        return None
    retires = "retires" if today < spec.retires_at else "retired"
    choice = ", ".join(SUGGESTED)
    return f"{spec.name} {retires} on {spec.retires_at}: set CHATBOT_MODEL to one of {choice}."


def cost(usage: Usage, spec: ModelSpec) -> float:
    """Return what one call cost, in dollars."""
    price = spec.price
    if spec.long_price is not None and usage.prompt > spec.long_from:
        price = spec.long_price
    return (
        usage.input * price.input
        + usage.output * price.output
        + usage.cache_read * price.cache_read
        + usage.cache_write * price.cache_write
    ) / _MILLION
