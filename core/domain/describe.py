"""What could not be made sense of, in words for the log: its kind, and where it broke. Pure.

What people say, and what another has put in its place, is in neither: a name of a kind is shown
only if it looks like one, and an error without its text, since that may quote what it is about.
"""

from __future__ import annotations

import re
import traceback
from pathlib import PurePath

from core.domain.errors import ChatbotError

_NAME = re.compile(r"[\w./:-]{1,80}", re.ASCII)
UNNAMED = "?"


def named(*parts: object) -> str:
    """Return the name of a kind, made of what stands in a payload; `?` for a part that is none."""
    return "/".join(_named(part) for part in parts if part not in ("", None)) or UNNAMED


def broke(error: BaseException) -> str:
    """Return the kind of an error, and the file and the line that raised it."""
    kind, where = type(error).__name__, ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        where = f" at {'/'.join(PurePath(frame.f_code.co_filename).parts[-2:])}:{line}"
    return kind + where


def described(error: BaseException) -> str:
    """Return what went wrong: the sentence of an error of ours, of others only kind and place."""
    return str(error) if isinstance(error, ChatbotError) else broke(error)


def _named(part: object) -> str:
    return part if isinstance(part, str) and _NAME.fullmatch(part) else UNNAMED
