"""Links in people's messages that lead to other conversations. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.domain.session import Entry, Session


class Unread(StrEnum):
    """Why the conversation behind a link is not read."""

    NOT_THEIRS = "not theirs"
    """The person who posted the link can't read it, or there is none: nobody is told which."""
    NOT_FOR_ALL = "not for all"
    """The person can read it, but not everyone who reads the answer."""
    EMPTY = "empty"
    """The person can read the place, and nothing is remembered of it."""
    UNASKED = "unasked"
    """The platform could not be asked who may read it."""
    TOO_MANY = "too many"
    """As many links as a turn follows stand before it."""
    NO_ROOM = "no room"
    """It may be read, and had no room in the prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A link in a message that is answered now, with the conversation that it leads to.

    It lives for one turn: nothing of it is stored.
    """

    address: str
    """The link, in the platform's usual form."""
    entry: Entry
    """The message that has the link."""
    session: Session | None = None
    """The conversation as the store has it now; None if it is not read."""
    place: str = ""
    """What people call its channel; empty if it has no name."""
    why: Unread | None = None
    """Why it is not read; None if it is."""
