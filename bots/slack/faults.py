"""What it means that Slack did not say who the bot is: whose fault it is, and what to do. Pure.

An outage, a wrong address, a rate limit and a refused token need different people: one waits for
Slack, one looks at the setting, one waits a minute, and only one makes a new token.
"""

from __future__ import annotations

from enum import StrEnum

LIMITED_CODES = {"rate_limited", "ratelimited"}
OUTAGE_CODES = {"fatal_error", "internal_error", "request_timeout", "service_unavailable"}
MOVING_CODES = {"org_login_required", "team_added_to_org"}
"""Refusals that end by themselves: the workspace is being moved (docs: methods/auth.test)."""
TOKEN_CODES = {
    "account_inactive": "the app was removed from the workspace",
    "ekm_access_denied": "the workspace's administrators have suspended it",
    "enterprise_is_restricted": "the organisation does not allow it",
    "invalid_auth": "Slack does not know it",
    "missing_scope": "it lacks the scope connections:write",
    "no_permission": "the app may not do that any more",
    "not_allowed_token_type": "it is of the wrong kind",
    "not_authed": "Slack was given none",
    "team_access_not_granted": "the app is not installed in this workspace",
    "token_expired": "it has expired",
    "token_revoked": "it was withdrawn",
    "two_factor_setup_required": "its account has to set up two-factor authentication",
}
"""Errors by which Slack refuses a token itself (docs: methods/auth.test, apps.connections.open)."""
_SERVER_FAULT, _LIMITED, _NOT_FOUND = 500, 429, 404
_ON_THE_WAY = {401, 403, 407}
ON_STATUS = {
    _NOT_FOUND: "there is no Web API at this address (look at CHATBOT_SLACK_BASE_URL)",
    **dict.fromkeys(_ON_THE_WAY, "something on the way refuses, and not Slack (look at proxies)"),
}
"""What a status means that comes without a word of Slack's."""
STATUS_PAGE = "https://slack-status.com"


class Fault(StrEnum):
    """Why a call came to nothing."""

    TOKEN = "token"  # noqa: S105 - a kind of fault
    LIMITED = "limited"
    OUTAGE = "outage"
    MOVING = "moving"
    ADDRESS = "address"
    """There is no Web API at this address."""
    PROXY = "proxy"
    """Something on the way refuses, that is not Slack."""
    ODD = "odd"
    """It is no answer of Slack's."""
    REFUSED = "refused"
    """By a word of Slack's that says nothing of the token."""


_CODES = {
    **dict.fromkeys(LIMITED_CODES, Fault.LIMITED),
    **dict.fromkeys(OUTAGE_CODES, Fault.OUTAGE),
    **dict.fromkeys(MOVING_CODES, Fault.MOVING),
    **dict.fromkeys(TOKEN_CODES, Fault.TOKEN),
}


def fault_of(status: int, code: str) -> Fault:
    """Return why a call came to nothing, by its HTTP status and the error that Slack names."""
    if status == _LIMITED:
        return Fault.LIMITED
    if code:
        return _CODES.get(code, Fault.OUTAGE if status >= _SERVER_FAULT else Fault.REFUSED)
    if status >= _SERVER_FAULT:
        return Fault.OUTAGE
    if status == _NOT_FOUND:
        return Fault.ADDRESS
    return Fault.PROXY if status in _ON_THE_WAY else Fault.ODD
