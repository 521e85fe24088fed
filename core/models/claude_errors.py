"""What an error of Claude's API means, in a sentence for a person. Pure.

The type in the error's body decides, and the status only if the type is none of the API's own: an
overload inside a stream has status 200, and gateways have types of their own (LiteLLM's
`auth_error`, OpenAI's `insufficient_quota`, AWS's in no field at all). No sentence quotes the body,
since that would show people the internals of the request; `core.models.claude` logs what it says.
The words below are those of public reports (anthropics/claude-code, BerriAI/litellm, ollama/ollama,
vllm-project/vllm) and of the documentation of OpenAI, OpenRouter, Bedrock and Vertex AI.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, cast

from core.domain.errors import (
    ModelBusyError,
    ModelRefusedError,
    PromptRefusedError,
    PromptTooLargeError,
)
from core.models.catalog import SUGGESTED
from core.models.too_large import excess_of, is_beyond_rates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "",  # the API itself would say what is not found
    405: "",  # a web server that only serves pages
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    424: "api_error",  # Bedrock: the model failed, and may not the next time
    425: "conflict_error",
    429: "rate_limit_error",
    499: "timeout_error",
    501: "",
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
_BILLING = "Claude's account can't pay: check billing and credit in the Claude Console."
TOO_LONG = "This is too long for {model}: send less at once, or start a new thread."
_CHOOSE = "set CHATBOT_MODEL to one of {others}."

_REFUSED = {
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
_IN_STREAM = 200
_CLOSED = (
    "Claude refuses every call (HTTP {status}): check the account, its region and "
    "ANTHROPIC_BASE_URL."
)
NO_API = "There is no Claude at this address ({what}): check ANTHROPIC_BASE_URL."
_DISABLED = "Claude's account is disabled: ask Anthropic's support, or check ANTHROPIC_API_KEY."

# The API has one type for these and for faults of the prompt itself, and gateways have none. Their
# wording may change, so without them the sentence is only less exact.
_SPENDING = re.compile(
    r"usage limits|spend(?:ing)?[ _-](?:limit|cap)|monthly (?:limit|cap)|billing[ _]hard[ _]limit"
    r"|\bbudget[ _](?:has been |is )?(?:exceeded|reached)"
)
_CREDIT = re.compile(
    r"credit balance|insufficient[ _](?:credits?|quota|funds|balance)|(?:more|out of|no) credits"
    r"|check your (?:plan and )?billing|billing details|payment required"
)
_NAMES_CREDIT = re.compile(r"credits?\b|\bbilling\b|\bbalance\b|\bpayment\b|\bprepaid\b|\bspend")
"""Enough for a limit of a rate, but not for a refused request, which may be quoted."""
_PASSES = re.compile(r"try again in \d|per[ -](?:second|min)|\b[rt]pm\b|concurrent|acceleration")
"""Of a rate that only more money raises, which the message may recommend (OpenAI's does)."""
_ADDRESS = re.compile(r"https?://\S+")
_BLOCKED = re.compile(
    r"(?:organization|account|workspace|project)\b.{0,20}\b(?:disabled|suspended|deactivated|banned)"
)
_NO_MODEL = re.compile(
    r"(?:invalid|unknown|no such|not a valid|unsupported) model\b|no endpoints found"
    r"|\bmodel\b.{0,100}?\b(?:not found|not exist|doesn'?t exist|is invalid|is not valid)"
    r"|model_not_found|\bmodel: \S+$"
)
_MODEL = re.compile(r"\bmodels?\b")


BROKE_OFF = "Claude's answer broke off."
LATE = _BUSY["timeout_error"]
UNREADABLE = "Claude's answer can't be read: it does not follow Anthropic's API."
UNREACHABLE = "Claude is unreachable right now."
BAD_ADDRESS = "Claude's address is invalid: check ANTHROPIC_BASE_URL."
BAD_CERTIFICATE = (
    "Claude's certificate can't be verified: check SSL_CERT_FILE, and any proxy that opens TLS."
)
BAD_PROXY = "The proxy before Claude refuses the connection: check HTTPS_PROXY."
BAD_KEY = "ANTHROPIC_API_KEY contains characters that no key has: copy it again."

_REDIRECT, _PROXY = 300, 407
_ERROR = 400
_SERVER_ERROR = 500
_STATUS = re.compile(r"[45]\d\d", re.ASCII)
_LEAST_COUNT = 1_000
"""Smaller numbers in an error may be a status or a code."""
_READ = 4_000
"""Characters of a body that are looked at: a gateway may quote the whole request in it."""


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
    kind = failure.type if known else _type_of(failure.status)
    refused = kind in _INVALID_TYPES
    if sentence := _sentence(failure, kind, refused=refused):
        others = ", ".join(name for name in SUGGESTED if name != model)
        return ModelRefusedError(sentence.format(model=model, others=others, status=failure.status))
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
    return ModelBusyError(_BUSY.get(kind, _BUSY["api_error"]), retry_after=failure.retry_after)


def _sentence(failure: Failure, kind: str, *, refused: bool) -> str:
    """Return what is wrong with the account or the settings; empty if nothing seems to be."""
    said = "" if _is_page(failure.said) else _ADDRESS.sub("", failure.said[:_READ].lower())
    if failure.status == _PROXY:
        return BAD_PROXY
    if kind in {"billing_error", "authentication_error", "redirect"}:
        return _REFUSED[kind]
    if kind == "rate_limit_error":
        return _unpaid(failure, said)
    if kind in {"", "not_found_error"}:
        address = NO_API.replace("{what}", "HTTP {status}")
        return _REFUSED["not_found_error"] if _MODEL.search(said) else address
    if kind == "permission_error":
        return _forbidden(failure, said)
    return _misused(said) if refused else ""


def _unpaid(failure: Failure, said: str) -> str:
    """Return a sentence if a rate limit does not end by waiting; else an empty text.

    A limit that names a time ends then, whatever else it says, and one that is only for long
    requests allows shorter ones.
    """
    if failure.code == "enforced_spend_limit_reached":
        return _SPENT
    if failure.retry_after is not None or _PASSES.search(said) or is_beyond_rates(said):
        return ""
    return _money(said) or (_BILLING if _NAMES_CREDIT.search(said) else "")


def _is_page(said: str) -> bool:
    return said.lstrip().startswith("<")


def _forbidden(failure: Failure, said: str) -> str:
    """Return which of the key, the account and the region is refused."""
    own = failure.type == "permission_error" and not _BLOCKED.search(said)
    return _REFUSED["permission_error"] if own or _MODEL.search(said) else _misused(said) or _CLOSED


def _misused(said: str) -> str:
    if _NO_MODEL.search(said):
        return _REFUSED["not_found_error"]
    return _DISABLED if _BLOCKED.search(said) else _money(said)


def _money(said: str) -> str:
    if _SPENDING.search(said):
        return _SPENT
    return _BILLING if _CREDIT.search(said) else ""


def _invalid(failure: Failure) -> ModelRefusedError:
    if failure.status not in _INVALID_STATUSES and failure.status >= _ERROR:
        return ModelRefusedError(_CLOSED.format(status=failure.status))
    number = f" ({failure.number})" if failure.number else ""
    return PromptRefusedError(f"Claude can't take this request{number}: the log says why.")


def status_in(body: object) -> int:
    """Return the status that the body of an error event names; 200 if it names none.

    Inside a stream, gateways put it there: LiteLLM as `"code": "401"`, OpenRouter as `"code": 502`.
    """
    for value in _values(body, {"code", "status", "status_code", "http_status"}):
        digits = str(value)
        if _STATUS.fullmatch(digits):
            return int(digits)
    return _IN_STREAM


def _values(body: object, names: set[str]) -> Iterator[object]:
    """Yield the values of these names in an object and in the objects inside of it."""
    if isinstance(body, dict):
        for name, value in cast("dict[object, object]", body).items():
            if name in names:
                yield value
            yield from _values(value, names)


def said_in(body: object) -> str:
    """Return all texts and numbers of an error's body: gateways have fields of their own."""
    if isinstance(body, dict):
        pairs = cast("dict[object, object]", body).items()
        parts = [f"{key}: {value}" if _is_count(value) else said_in(value) for key, value in pairs]
    elif isinstance(body, list):
        parts = [said_in(value) for value in cast("list[object]", body)]
    else:
        parts = [body] if isinstance(body, str) else []
    return " ".join(filter(None, parts))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value >= _LEAST_COUNT


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


def _seconds(header: str | None) -> float | None:
    """Return the seconds of a `retry-after` header; None if it is no number."""
    try:
        seconds = float(header or "nan")
    except ValueError:
        return None
    return seconds if 0 <= seconds < math.inf else None
