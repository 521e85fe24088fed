"""What a failed call to Slack means: who has to act, and what the caller can do next. Pure.

An outage, a wrong address, a rate limit and a refused token need different people: one waits for
Slack, one looks at the setting, one waits a minute, and only one creates a new token.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

from core.domain.errors import (
    ContentRefusedError,
    OutOfReachError,
    PlatformBusyError,
    PlatformError,
    PostRefusedError,
    PostUnclearError,
    SettingsError,
)
from core.domain.payload import str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slack_sdk.errors import SlackApiError

    from core.domain.errors import ChatbotError

STATUS_PAGE = "https://slack-status.com"
OUT_OF_REACH = f"Slack can't be reached (see {STATUS_PAGE})"
ODD = "this is not an answer from Slack"
_OK, _NOT_FOUND, _RATE_LIMITED, _SERVER_FAULT = 200, 404, 429, 500
_ON_THE_WAY = {401, 403, 407}
_ON_STATUS = {
    _NOT_FOUND: "there is no Web API at this address (look at CHATBOT_SLACK_BASE_URL)",
    **dict.fromkeys(_ON_THE_WAY, "something between here and Slack refuses (look at proxies)"),
}
"""What a status means when the answer has no error code of Slack's."""

# --- error codes ----------------------------------------------------------------------------------

LIMITED_CODES = {"rate_limited", "ratelimited"}
OUTAGE_CODES = {"fatal_error", "internal_error", "request_timeout", "service_unavailable"}
"""Errors after which, as Slack documents, a part of the call may have taken effect."""
MOVING_CODES = {"org_login_required", "team_added_to_org"}
"""Refusals that end by themselves: the workspace is being moved (docs: methods/auth.test)."""
TOKEN_CODES = {
    "account_inactive": "the app was removed from the workspace",
    "ekm_access_denied": "the workspace's administrators have suspended it",
    "enterprise_is_restricted": "the organisation does not allow it",
    "invalid_auth": "Slack does not know it",
    "missing_scope": "it lacks the scope connections:write",
    "no_permission": "the app is no longer allowed to do that",
    "not_allowed_token_type": "it is of the wrong kind",
    "not_authed": "Slack received none",
    "team_access_not_granted": "the app is not installed in this workspace",
    "token_expired": "it has expired",
    "token_revoked": "it was revoked",
    "two_factor_setup_required": "its account has to set up two-factor authentication",
}
"""Errors by which Slack refuses a token itself (docs: methods/auth.test, apps.connections.open)."""
LACKING = {
    "feature_not_enabled",
    "method_deprecated",
    "missing_scope",
    "not_allowed_token_type",
    "unknown_method",
}
"""Errors that say what the app or the workspace lacks, whatever the call was about."""
METADATA = {
    "invalid_metadata",
    "invalid_metadata_format",
    "invalid_metadata_schema",
    "metadata_must_be_sent_from_app",
    "metadata_too_large",
}
"""Errors about a post's metadata; Slack may accept the post without it."""
CONTENT = {
    "invalid_attachments",
    "invalid_blocks",
    "invalid_blocks_format",
    "markdown_text_conflict",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_text",
    "too_many_attachments",
}
"""Errors about a post's content; Slack may accept another form of it (docs: chat.postMessage)."""
_NEVER = {
    "cannot_reply_to_message",
    "channel_not_found",
    "is_archived",
    "messages_tab_disabled",
    "not_in_channel",
    "restricted_action",
    "restricted_action_non_threadable_channel",
    "restricted_action_read_only_channel",
    "restricted_action_thread_locked",
    "restricted_action_thread_only_channel",
    "thread_not_found",
}
"""Errors about a channel or thread that no waiting changes (docs: chat.postMessage)."""
_PASSING = {
    "accesslimited",
    "account_inactive",
    "ekm_access_denied",
    "invalid_auth",
    "message_limit_exceeded",
    "not_authed",
    "org_login_required",
    "rate_limited",
    "ratelimited",
    "team_added_to_org",
    "token_expired",
    "token_revoked",
    "two_factor_setup_required",
}
"""Errors about the workspace, the app or its token. They are the same for all calls of a method,
and end when a person has repaired the cause (docs: chat.postMessage, "Errors")."""
_LACKING_NOW = {"access_denied", "missing_scope", "team_access_not_granted"}
"""The same for permissions that the app does not have yet; the caller may have another way."""


class Fault(StrEnum):
    """Why a call failed."""

    TOKEN = "token"  # noqa: S105 - a kind of fault
    LIMITED = "limited"
    OUTAGE = "outage"
    MOVING = "moving"
    ADDRESS = "address"
    """There is no Web API at this address."""
    PROXY = "proxy"
    """Something between here and Slack refuses the call."""
    ODD = "odd"
    """The answer does not come from Slack."""
    REFUSED = "refused"
    """Slack refuses with a code that says nothing about the token."""


_FAULTS = {
    **dict.fromkeys(LIMITED_CODES, Fault.LIMITED),
    **dict.fromkeys(OUTAGE_CODES, Fault.OUTAGE),
    **dict.fromkeys(MOVING_CODES, Fault.MOVING),
    **dict.fromkeys(TOKEN_CODES, Fault.TOKEN),
}


def fault_of(status: int, code: str) -> Fault:
    """Return why a call failed, by its HTTP status and Slack's error code."""
    if status == _RATE_LIMITED:
        return Fault.LIMITED
    if code:
        return _FAULTS.get(code, Fault.OUTAGE if status >= _SERVER_FAULT else Fault.REFUSED)
    if status >= _SERVER_FAULT:
        return Fault.OUTAGE
    if status == _NOT_FOUND:
        return Fault.ADDRESS
    return Fault.PROXY if status in _ON_THE_WAY else Fault.ODD


# --- errors ---------------------------------------------------------------------------------------


class RefusedError(PlatformError):
    """Slack refused a call; `code` is Slack's error code."""

    def __init__(self, method: str, code: str) -> None:
        """Name the call and the reason."""
        super().__init__(f"Slack refused {method}: {code}")
        self.code = code


class NeverError(RefusedError, PostRefusedError):
    """Slack refused a call, and waiting changes nothing."""


class ContentError(RefusedError, ContentRefusedError):
    """Slack refused a post for its content or form."""


class PassingError(RefusedError, PlatformBusyError):
    """Slack refuses every post for now: the workspace, the app or its token is the cause."""

    def __init__(self, method: str, code: str) -> None:
        """Name the call and the reason."""
        RefusedError.__init__(self, method, code)
        self.seconds = self.again = None


class LimitedError(PlatformBusyError):
    """Slack allows this call only later than the caller can wait."""

    seconds: float

    def __init__(self, method: str, seconds: float) -> None:
        """Name the call, and the seconds until Slack allows it."""
        super().__init__(f"Slack allows {method} again in {seconds:.0f} s", seconds=seconds)


def meaning(method: str, error: SlackApiError) -> PlatformError:
    """Return the error that an answer of Slack's which is not ok stands for."""
    response = error.response
    status = getattr(response, "status_code", getattr(response, "status", 0))
    if status == _RATE_LIMITED:
        return LimitedError(method, retry_after(response.headers))
    data = getattr(response, "data", None)
    code = str_of(data, "error") if isinstance(data, dict) else ""
    if status >= _SERVER_FAULT or code in OUTAGE_CODES:
        return PostUnclearError(f"{method}: status {status} {code}")
    if not code:
        return PostUnclearError(f"{method}: status {status}, {_ON_STATUS.get(status, ODD)}")
    return _error_for(code)(method, code)


def is_outage(refused: PassingError) -> bool:
    """Return whether the refusal is the same for every call of its method."""
    return refused.code in _PASSING


def retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds of a Retry-After header; 1 if it names no wait that can be read.

    Without a wait, a call would be repeated as fast as Slack refuses it.
    """
    try:
        seconds = float(headers.get("Retry-After") or 1)
    except ValueError:
        return 1.0
    return seconds if 0 < seconds < math.inf else 1.0


_LATER = "Slack can't be reached for a while: it is called too often"


def start_fault(error: PlatformError, token: str) -> ChatbotError:
    """Return what a failed call with this token means while the bot starts.

    It is a `SettingsError` only if Slack says that the token is invalid. Everything else passes by
    itself, or when an address or a proxy has been repaired, and is an `OutOfReachError`.
    """
    if isinstance(error, LimitedError):
        text = f"{_LATER} (it asks for {error.seconds:.0f} s)"
        return OutOfReachError(text, retry_after=error.seconds)
    if isinstance(error, RefusedError):
        fault = fault_of(_OK, error.code)
        if fault is Fault.TOKEN:
            text = f"{token} is refused by Slack: {TOKEN_CODES[error.code]} ({error.code})"
            return SettingsError(text)
        if fault is Fault.LIMITED:
            return OutOfReachError(f"{_LATER} ({error.code})")
    return OutOfReachError(f"{OUT_OF_REACH}: {error}")


def _error_for(code: str) -> type[RefusedError]:
    if code in _NEVER:
        return NeverError
    if code in CONTENT | METADATA:
        return ContentError
    return PassingError if code in _PASSING | _LACKING_NOW else RefusedError
