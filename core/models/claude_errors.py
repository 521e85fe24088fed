"""What an error of Claude's API means, in a sentence for a person. Pure.

The type in the error's body decides, not the status: an overload inside a stream has status 200,
and a spend limit looks like a rate limit. No sentence quotes the body, since that would show people
the internals of the request; the log has it.
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
    404: "",  # the API itself would say what is not found
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
}
"""The type of an error whose body has none, such as a proxy's."""

_BUSY = {
    "api_error": "Claude has an internal error right now.",
    "conflict_error": "Claude is busy right now.",
    "overloaded_error": "Claude is overloaded right now.",
    "timeout_error": "Claude did not answer in time.",
    "rate_limit_error": "Claude's rate limit is reached.",
}

_SPENT = "Claude's spend limit is reached: raise it in the Claude Console, or wait until it resets."
_PASSES = re.compile(r"concurrent|per (?:second|minute)|acceleration|try again|too many requests")
"""Words of a rate limit without a `retry-after` header that ends by itself."""
_BILLING = "Claude's account can't pay: check billing and credit in the Claude Console."
TOO_LONG = "This is too long for {model}: send less at once, or start a new thread."
_CHOOSE = f"set CHATBOT_MODEL to one of {', '.join(SUGGESTED)}."

_REFUSED = {
    "": "There is no Claude at this address (HTTP 404): check ANTHROPIC_BASE_URL.",
    "authentication_error": "Claude refused the API key: check ANTHROPIC_API_KEY.",
    "billing_error": _BILLING,
    "not_found_error": "Claude has no model called {model}; " + _CHOOSE,
    "redirect": "Claude's address redirects to another, to which the API key is not sent: check "
    "ANTHROPIC_BASE_URL.",
    "permission_error": "This API key may not use {model}: check its workspace, or " + _CHOOSE,
}

_INVALID_TYPES = {"invalid_request_error", "request_too_large"}
_INVALID_STATUSES = {400, 413, 422}
"""The request is at fault; with other statuses, the account or the region is."""
_CLOSED = (
    "Claude refuses every call (HTTP {status}): check the account, its region and "
    "ANTHROPIC_BASE_URL."
)

# The API has one type for these and for faults of the prompt itself. Its wording may change, so
# little depends on it.
_INVALID = {
    "usage limits": _SPENT,
    "credit balance": _BILLING,
}


BROKE_OFF = "Claude's answer broke off."
LATE = _BUSY["timeout_error"]
UNREADABLE = "Claude's answer can't be read: it does not follow Anthropic's API."
UNREACHABLE = "Claude is unreachable right now."
BAD_ADDRESS = "Claude's address is invalid: check ANTHROPIC_BASE_URL."
BAD_KEY = "ANTHROPIC_API_KEY contains characters that no key has: copy it again."

_REDIRECT = 300
_ERROR = 400
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error as the API reports it; fields that it does not report are empty."""

    status: int
    type: str = ""
    code: str = ""
    said: str = ""
    """All texts of the body."""
    retry_after: float | None = None
    """Seconds to wait, by the headers; None if they name none."""
    number: str = ""
    """The id of the request, for support."""


def failure_of(failure: Failure, model: str) -> ModelBusyError | ModelRefusedError:
    """Return an error that says what to do: retry later, or fix something first."""
    known = failure.type in _REFUSED.keys() | _BUSY.keys() | _INVALID_TYPES
    # A gateway may have its own types, but its statuses are the usual ones.
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
    """Return the seconds that a response's headers ask to wait; None if they name none.

    `retry-after` has seconds, or a date, which counts from the response's own date (RFC 9110,
    10.2.3); some gateways send `retry-after-ms`.
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
    """Return the type of an error whose body has none."""
    if _REDIRECT <= status < _ERROR:
        return "redirect"
    client = _ERROR <= status < _SERVER_ERROR
    return _TYPES.get(status, "invalid_request_error" if client else "api_error")


def _is_spent(failure: Failure) -> bool:
    """Return whether a limit does not end by waiting: it says so, or names no time to retry.

    Inside a stream there are no headers to name one, and a proxy's own 429 has no type.
    """
    passing = _PASSES.search(failure.said.lower()) is not None
    unending = failure.retry_after is None and failure.status >= _ERROR and not passing
    return failure.code == "enforced_spend_limit_reached" or (
        failure.type == "rate_limit_error" and unending
    )


def _seconds(header: str | None) -> float | None:
    """Return the seconds of a `retry-after` header; None if it is no number."""
    try:
        seconds = float(header or "nan")
    except ValueError:
        return None
    return seconds if 0 <= seconds < math.inf else None
