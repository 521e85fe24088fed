"""Who may read, export and forget what. Pure.

A person reaches the threads that they took part in and can still see. The first is known to the
store; the second, and what kind of conversation it is, are facts of the platform, asked for at the
moment of each command and passed in: what was written down once may be wrong, or have changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Right(StrEnum):
    """By what right somebody reaches a thread."""

    NONE = "none"
    OWN = "own"
    """They took part in it, and still see it."""
    ADMIN = "admin"
    """They are an admin, and the thread is not theirs: what they do with it is audited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one person stands to one thread, at one moment."""

    took_part: bool
    """They said something in it."""
    can_see: bool
    """The platform shows it to them, now: they are among those for whom it is."""
    may_enter: bool = False
    """They are not among them, and the platform would let them in: it is a public channel's."""
    admin: bool = False
    """By the settings, or by their role on the platform."""
    private: bool = False
    """It is a direct message, of one person or of several."""
    people: int = 0
    """How many have said something in it."""


def right(standing: Standing, *, open_private: bool = False, open_unseen: bool = False) -> Right:
    """Return by what right a thread may be read and exported.

    Direct messages of others are closed to admins too, unless `open_private`; and so is what the
    platform does not show them, unless `open_unseen`.
    """
    if standing.took_part and standing.can_see:
        return Right.OWN
    shown = standing.can_see or standing.may_enter or open_unseen
    if standing.admin and (open_private if standing.private else shown):
        return Right.ADMIN
    return Right.NONE


def may_forget_own(standing: Standing) -> bool:
    """Tell whether one's own messages in a thread may be removed."""
    return standing.took_part and standing.can_see


def may_forget_whole(
    standing: Standing, *, open_private: bool = False, open_unseen: bool = False
) -> bool:
    """Tell whether a whole thread may be removed: by its sole person, or by an admin."""
    held = right(standing, open_private=open_private, open_unseen=open_unseen)
    if held is Right.NONE:
        return False
    return standing.admin or standing.people == 1


def may_reset(standing: Standing) -> bool:
    """Tell whether a thread may be begun anew; it is announced in it, and keeps its log."""
    return standing.took_part and standing.can_see
