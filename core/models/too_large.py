"""Recognizes refusals of requests that are too large, and the numbers that they name. Pure.

Each vendor, gateway and local server has its own wording, which may change, and names the limit and
the size in either order. So families of words decide, and the words around a number decide what it
is. Sources: Anthropic's documentation of errors; the messages in litellm's tests of its exception
mapping; and reports on GitHub (BerriAI/litellm, anthropics/claude-code, continuedev/continue,
aws-samples/bedrock-chat, vllm-project/vllm).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_READ = 4_000
"""Characters of a refusal that are read: a gateway may quote the whole request in it."""

_CERTAIN = re.compile(
    r"(?:prompt|input|request|message|conversation|context)s?(?: is| are|:)? too long"
    r"|exceed\w* (?:the |this |your )?(?:model'?s? )?(?:available |maximum |max )?"
    r"(?:context|prompt|token|allowed input|number of tokens)"
    r"|context[ _]?(?:window|length|size)[ _]?(?:has been |is |limit )*(?:exceeded|exceeds|full)"
    r"|maximum (?:context|prompt|input|sequence) (?:length|size|limit|window)"
    r"|(?:longer|greater|larger) than the (?:model'?s? )?(?:maximum )?(?:context|prompt)"
    r"|reduce the (?:length|size) of"
    r"|too large for model"
    r"|too many (?:input |prompt )?tokens"
    r"|(?:token|prompt) limit exceeded|exceeded model token limit"
    r"|tokens? exceeds? the (?:configured |maximum )?(?:limit|number)"
    r"|range of input length|max_new_tokens. must be"
    r"|configured context size|exceed_context_size|context_?window_?exceeded"
    r"|exceed context limit|max_seq_len|context the overflows"
    r"|tokens?_limit_exceeded|too many total text bytes"
)
"""Wording of nothing else, whatever the status."""

_LIKELY = re.compile(
    r"\b(?:prompt|input|context|messages?|conversation|history|sequence|tokens?|length|request)\b"
    r".{0,80}?\b(?:too (?:long|large|big|many)|exceed\w*|surpass\w*|longer than|larger than"
    r"|(?:greater|more|less|fewer) than|above|over|beyond|limit|at most|maximum|shorten|truncate)\b"
    r"|\b(?:exceed\w*|shorten|reduce|truncate|maximum|limit of)\b.{0,80}?"
    r"\b(?:prompt|input|context|messages?|conversation|history|sequence|tokens?|length)\b",
    re.DOTALL,
)
"""Wording of other errors as well, so it only counts if the request is refused."""

_RATE = re.compile(
    r"rate.?limit|throttl|too many requests|per (?:minute|hour|day)|quota|please wait|\btp[md]\b"
)
_STILL_TOO_LARGE = re.compile(r"request too large for|must be reduced|long context|1m context")
"""The request is larger than a rate limit ever allows, so waiting is useless."""
_MEDIA = re.compile(r"\b(?:images?|pictures?|pdf|pages?|pixels?|media|documents?|base64|file)\b")
_TOKENS = re.compile(r"token|context|prompt is too long|character|string too long")
_SHAPE = re.compile(r"\binput should\b|should have at|field required|extra inputs")
"""A validator's words for a malformed request."""
_BYTES = re.compile(
    r"(?:\bbytes?\b|\bm?i?b\b|payload|entity|\bbody\b|content.length|\bsize\b).{0,60}?"
    r"(?:too (?:large|long)|exceed|over|limit|max)"
    r"|(?:too (?:large|long)|exceed|larger than|maximum).{0,60}?"
    r"(?:\bbytes?\b|\bm?i?b\b|payload|entity|\bbody\b|\bsize\b)|request_too_large",
    re.DOTALL,
)
_ANSWER = re.compile(
    r"max_(?:completion_)?tokens.{0,40}?(?:too large|must be|exceeds? the|maximum|>)"
    r"|output tokens for"
    r"|(?:maximum|most|limit of|supports at most) [\d,]+ (?:output|completion) tokens"
    r"|maximum tokens you requested",
    re.DOTALL,
)
"""The answer's `max_tokens` is too large, not the prompt."""

_CONTENT_TOO_LARGE = 413
_LONG_CONTEXT = "long context"
_LONG_FROM = 200_000
"""Above this, Anthropic speaks of long context, which not all accounts may use."""

_NUMBER = re.compile(r"(?<![\w.$-])\d[\d,_]*(?:\d|k\b)?(?![\w-])")
_LEAST = 100
"""No refused count of tokens is smaller; such numbers are something else."""
_PAIR = re.compile(
    r"(\d[\d,_]*)(?: tokens?)?(?: \+ \d[\d,_]*)? ?(?:>| of) ?(\d[\d,_]*)",
)
"""Anthropic's wording: the size, perhaps plus `max_tokens`, and the limit; or "5,000 of 4,096"."""
_IS_LIMIT = re.compile(
    r"(?:maximum|\bmax\b|limit|allowed|at most|up to|\bonly\b|context (?:length|size|window)|n_ctx"
    r"|max_seq_len|(?:longer|greater|larger|more|less|fewer) than|\bover\b|above|beyond|<="
    r"|should be|reduce to|capacity)[^.;]{0,48}$"
)
_IS_NEITHER = re.compile(r"\bby $|exceeds limit \($|\b(?:code|status|error|http|id)\W{0,3}$")
"""The number is the excess, or a code of the error."""
_IS_LIMIT_BEHIND = re.compile(r"\s*(?:tokens? )?(?:maximum|max\b|limit|allowed)")
_NEAR = 60
"""Characters before a number that may say what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """How a request was too large; None for numbers that the refusal does not name."""

    size: int | None = None
    """The tokens of the request as the model counts them, perhaps with `max_tokens`."""
    limit: int | None = None
    """The tokens that prompt and answer may have together."""
    answer_limit: int | None = None
    """The tokens that an answer may have, if only `max_tokens` was too large."""
    in_bytes: bool = False
    """There were too many bytes, so images and PDFs are the likely reason."""


def excess_of(said: str, status: int, *, refused: bool) -> Excess | None:
    """Return how a request was too large; None if the refusal says nothing of the kind.

    Args:
        said: All texts of the response's body.
        status: Its HTTP status; 200 within a stream.
        refused: Whether the request is at fault by status or type, not the model or a rate limit.
    """
    text = said[:_READ].lower()
    beyond_rates = is_beyond_rates(text)
    if _RATE.search(text) and not beyond_rates:
        return None
    if refused and _ANSWER.search(text) and "+" not in text:
        return Excess(answer_limit=_numbers(text)[1])
    of_tokens = _TOKENS.search(text) is not None
    if _MEDIA.search(text) and not of_tokens:
        return None  # one of the files may be refused, which is another error
    if beyond_rates or _CERTAIN.search(text):
        return _counted(text)
    if status == _CONTENT_TOO_LARGE or (refused and _BYTES.search(text) and not of_tokens):
        return Excess(in_bytes=True)
    likely = refused and _LIKELY.search(text) and not _SHAPE.search(text)
    return _counted(text) if likely else None


def is_beyond_rates(text: str) -> bool:
    """Return whether a refusal, in lower case, is of a request that no rate limit ever allows."""
    return _STILL_TOO_LARGE.search(text) is not None


def _counted(text: str) -> Excess:
    size, limit = _numbers(text)
    if limit is None and _LONG_CONTEXT in text:
        limit = _LONG_FROM
    return Excess(size=size, limit=limit)


def _numbers(text: str) -> tuple[int | None, int | None]:
    """Return the size and the limit, as far as the text names them."""
    if pair := _PAIR.search(text):
        return _value(pair[1]), _value(pair[2])
    sizes: list[int] = []
    limits: list[int] = []
    for number, is_limit in _told(text):
        (limits if is_limit else sizes).append(number)
    limit = min(limits, default=None)
    larger = [size for size in sizes if limit is not None and size > limit]
    return (larger[0] if larger else None), limit


def _told(text: str) -> Iterator[tuple[int, bool]]:
    """Yield each number, and whether it is a limit."""
    before = 0
    for found in _NUMBER.finditer(text):
        number = _value(found[0])
        if number < _LEAST:
            continue
        lead = text[max(before, found.start() - _NEAR) : found.start()]
        before = found.end()
        if _IS_NEITHER.search(lead):
            continue
        behind = _IS_LIMIT_BEHIND.match(text, found.end()) is not None
        yield number, behind or _IS_LIMIT.search(lead) is not None


def _value(number: str) -> int:
    thousands = number.endswith("k")
    digits = number.rstrip("k").replace(",", "").replace("_", "")
    return min(int(digits[:12]), 10**9) * (1_000 if thousands else 1)
