"""What a failed call means while the bot begins: end the program, or wait and try again. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bots.slack.api import OUT_OF_REACH, LimitedError, RefusedError
from bots.slack.faults import TOKEN_CODES, Fault, fault_of
from core.domain.errors import OutOfReachError, SettingsError

if TYPE_CHECKING:
    from core.domain.errors import ChatbotError, PlatformError

_OK = 200
_LATER = "Slack can't be reached for a while, since it is asked too often"


def start_fault(error: PlatformError, token: str) -> ChatbotError:
    """Return what a failed call with this token means.

    `SettingsError` only where Slack says that the token is of no use; all else passes by itself, or
    when an address or a proxy has been repaired.
    """
    if isinstance(error, LimitedError):
        said = f"{_LATER} (it asks for {error.seconds:.0f} s)"
        return OutOfReachError(said, retry_after=error.seconds)
    if isinstance(error, RefusedError):
        fault = fault_of(_OK, error.code)
        if fault is Fault.TOKEN:
            said = f"{token} is refused by Slack: {TOKEN_CODES[error.code]} ({error.code})"
            return SettingsError(said)
        if fault is Fault.LIMITED:
            return OutOfReachError(f"{_LATER} ({error.code})")
    return OutOfReachError(f"{OUT_OF_REACH}: {error}")
