"""What an error of Claude's means, in a sentence for a person. Pure.

It's told by the type in the error's body, not by the status: an overload inside a stream has
status 200, and a spend limit looks like a rate limit. Nothing of the body gets into a sentence,
since that would show people the insides of their own request; the log has it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from core.domain.errors import (
    ModelBusyError,
    ModelRefusedError,
    PromptRefusedError,
    PromptTooLargeError,
)
from core.models.catalog import SUGGESTED
from core.models.too_large import excess_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "",  # the API itself would say which thing isn't found
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
}
"""What an error is whose body doesn't say, as from a proxy on the way."""

_BUSY = {
    "api_error": "Claude has a fault of its own right now.",
    "conflict_error": "Claude is busy with something else right now.",
    "overloaded_error": "Claude is overloaded right now.",
    "timeout_error": "Claude did not answer in time.",
    "rate_limit_error": "Claude's rate limit is reached.",
}

_SPENT = (
    "Claude's spend limit is reached: raise it in the Claude Console, or wait until it starts anew."
)
_PASSES = re.compile(r"concurrent|per (?:second|minute)|acceleration|try again|too many requests")
"""Words of a rate limit that come without a time and name one that passes by itself."""
_BILLING = "Claude's account can't pay: check billing and credit in the Claude Console."
TOO_LONG = "This is too long for {model}: send less at once, or start a new thread."
_CHOOSE = f"set CHATBOT_MODEL to one of {', '.join(SUGGESTED)}."

_REFUSED = {
    "": "There is no Claude at this address (HTTP 404): check ANTHROPIC_BASE_URL.",
    "authentication_error": "Claude refused the API key: check ANTHROPIC_API_KEY.",
    "billing_error": _BILLING,
    "not_found_error": "Claude has no model called {model}; " + _CHOOSE,
    "redirect": "Claude's address leads to another, which does not get the API key: check "
    "ANTHROPIC_BASE_URL.",
    "permission_error": "This API key may not use {model}: check its workspace, or " + _CHOOSE,
}

_INVALID_TYPES = {"invalid_request_error", "request_too_large"}
_INVALID_STATUSES = {400, 413, 422}
"""What is wrong is the request; with others, who asks, from where or for whom."""
_CLOSED = (
    "Claude refuses every call (HTTP {status}): check the account, its region and "
    "ANTHROPIC_BASE_URL."
)

# The API has one type for these and for what is wrong with the prompt itself. Its wording may
# change, so little hangs on it.
_INVALID = {
    "usage limits": _SPENT,
    "credit balance": _BILLING,
}


BROKE_OFF = "Claude's answer broke off."
LATE = _BUSY["timeout_error"]
UNREADABLE = "Claude's answer can't be read: it is not what its API sends."
UNREACHABLE = "Claude can't be reached right now."
BAD_ADDRESS = "Claude's address can't be used: check ANTHROPIC_BASE_URL."
BAD_KEY = "ANTHROPIC_API_KEY has characters in it that no key has: copy it anew."

_REDIRECT = 300
_ERROR = 400
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error as the API reports it; empty where it doesn't say."""

    status: int
    type: str = ""
    code: str = ""
    said: str = ""
    """All that it says, in whatever fields."""
    retry_after: float | None = None
    """Seconds to wait, by its headers; None where they name none."""
    number: str = ""
    """The request's number, for whoever looks into it."""


def failure_of(failure: Failure, model: str) -> ModelBusyError | ModelRefusedError:
    """Return what a failure means: ask again later, or what to do before it's of any use."""
    known = failure.type in _REFUSED.keys() | _BUSY.keys() | _INVALID_TYPES
    # A gateway has types of its own, and a status like any other.
    kind = failure.type if failure.type and known else _type_of(failure.status)
    if kind in _REFUSED:
        return ModelRefusedError(_REFUSED[kind].format(model=model))
    refused = kind in _INVALID_TYPES
    sentence = _unpaid(failure, refused=refused)
    if sentence:
        return ModelRefusedError(sentence)
    if excess := excess_of(failure.said, failure.status, refused=refused):
        return PromptTooLargeError(
            TOO_LONG.format(model=model),
            size=excess.size,
            limit=excess.limit,
            answer_limit=excess.answer_limit,
            in_bytes=excess.in_bytes,
        )
    if refused:
        return _invalid(failure)
    if _is_spent(failure):
        return ModelRefusedError(_SPENT)
    return ModelBusyError(_BUSY.get(kind, _BUSY["api_error"]), retry_after=failure.retry_after)


def _unpaid(failure: Failure, *, refused: bool) -> str:
    said = failure.said.lower()
    return next((text for words, text in _INVALID.items() if refused and words in said), "")


def _invalid(failure: Failure) -> ModelRefusedError:
    if failure.status not in _INVALID_STATUSES and failure.status >= _ERROR:
        return ModelRefusedError(_CLOSED.format(status=failure.status))
    number = f" ({failure.number})" if failure.number else ""
    return PromptRefusedError(f"Claude can't take this request{number}: the log says why.")


def wait_of(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an answer's headers ask to wait; None where they name none.

    `retry-after` has seconds, or a date, which counts from the answer's own (RFC 9110, 10.2.3);
    some gateways have `retry-after-ms`.
    """
    if (thousandths := _seconds(headers.get("retry-after-ms"))) is not None:
        return thousandths / 1000
    later = headers.get("retry-after")
    if (seconds := _seconds(later)) is not None or later is None:
        return seconds
    try:
        return max(0.0, (_date(later) - _date(headers.get("date", ""))).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def _date(text: str) -> datetime:
    date = parsedate_to_datetime(text)
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _type_of(status: int) -> str:
    """Return the type for a body that names none."""
    if _REDIRECT <= status < _ERROR:
        return "redirect"
    client = _ERROR <= status < _SERVER_ERROR
    return _TYPES.get(status, "invalid_request_error" if client else "api_error")


def _is_spent(failure: Failure) -> bool:
    """Tell a limit that waiting doesn't lift: it says so, or not when to come back.

    Inside a stream there are no headers to say so, and a proxy's own 429 has no type.
    """
    passing = _PASSES.search(failure.said.lower()) is not None
    unending = failure.retry_after is None and failure.status >= _ERROR and not passing
    return failure.code == "enforced_spend_limit_reached" or (
        failure.type == "rate_limit_error" and unending
    )


def _seconds(header: str | None) -> float | None:
    """Return what a `retry-after` header asks for; None if it's not a number of seconds."""
    try:
        seconds = float(header or "nan")
    except ValueError:
        return None
    return seconds if 0 <= seconds < math.inf else None
