"""Defaults from the machine: the user's name, the time zone, the directory for data."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from zoneinfo import ZoneInfo

from core.domain.errors import SettingsError
from core.domain.message import clean


def data_dir() -> Path:
    """Return the directory for a user's data on this system.

    Raises:
        SettingsError: The user has no home directory, as a container's user may not.
    """
    from platformdirs import user_data_path  # noqa: PLC0415 - only for a default

    try:
        return user_data_path("chatbot", appauthor=False)
    except RuntimeError:
        raise SettingsError(
            "This user has no home directory to keep conversations in: set HOME to a folder, or "
            "CHATBOT_STORE to a store such as sqlite:////data/chat.db."
        ) from None


def history_dir() -> Path | None:
    """Return the directory for the lines that a person types; None without a home directory."""
    try:
        return data_dir()
    except SettingsError:
        return None


def user_name() -> str:
    """Return the name of the user who is logged in; a container's user often has none."""
    try:
        return clean(getpass.getuser()).strip()[:64] or "user"
    except (OSError, KeyError, ImportError):
        return "user"


def time_zone() -> str:
    """Return the IANA name of the system's time zone, or UTC."""
    named = os.environ.get("TZ", "").removeprefix(":")
    local = Path("/etc/localtime")
    linked = str(local.resolve()).partition("zoneinfo/")[2] if local.is_symlink() else ""
    return next((name for name in (named, linked) if is_time_zone(name)), "UTC")


def is_time_zone(name: str) -> bool:
    """Return whether this system knows a time zone of this name."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
