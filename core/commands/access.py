"""Who may read, export, forget and reset which thread. Pure.

People can reach the threads they took part in and can still see. The store knows the first; the
platform knows the second, and what kind of conversation it is. Each command asks the platform
again and passes its answers in, since a stored answer may be wrong or out of date.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import tzinfo

    from core.domain.message import ThreadKey

NOT_YOURS = "You can only do this with threads you took part in and can still see."
"""The answer to people without a right to a thread."""


class Right(StrEnum):
    """The right by which a person may reach a thread."""

    NONE = "none"
    OWN = "own"
    """They took part in the thread and can still see it."""
    ADMIN = "admin"
    """They are an admin and the thread is not theirs: what they do with it is audited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is true of one person and one thread at one moment."""

    took_part: bool
    """They said something in it."""
    can_see: bool
    """The platform shows it to them now, as one of the people it is meant for."""
    may_enter: bool = False
    """They are not one of those people, but may join: the thread is in a public channel."""
    admin: bool = False
    """They are an admin, by the settings or by their role on the platform."""
    private: bool = False
    """It is a direct message, with one person or with several."""
    people: int = 0
    """How many people have said something in it."""


def right(standing: Standing, *, open_private: bool = False, open_unseen: bool = False) -> Right:
    """Return the right by which a person may read and export a thread.

    Args:
        standing: How the person stands to the thread.
        open_private: Whether admins may reach other people's direct messages.
        open_unseen: Whether admins may reach what the platform does not show them.
    """
    if standing.took_part and standing.can_see:
        return Right.OWN
    shown = standing.can_see or standing.may_enter or open_unseen
    if standing.admin and (open_private if standing.private else shown):
        return Right.ADMIN
    return Right.NONE


def may_forget_own(standing: Standing) -> bool:
    """Return whether a person may remove their own messages from a thread."""
    return standing.took_part and standing.can_see


def may_forget_whole(
    standing: Standing, *, open_private: bool = False, open_unseen: bool = False
) -> bool:
    """Return whether a person may remove a whole thread: its only person may, and an admin.

    The arguments are those of `right`.
    """
    held = right(standing, open_private=open_private, open_unseen=open_unseen)
    if held is Right.NONE:
        return False
    return standing.admin or standing.people == 1


def may_pin(standing: Standing) -> bool:
    """Return whether a person may pin a text in a thread: anyone may begin one that is empty."""
    return standing.can_see and (standing.took_part or not standing.people)


def may_steer(standing: Standing, held: Right, *, asked: bool) -> bool:
    """Return whether a person may stop an answer, or have it made again.

    Those who asked for it may while they see the thread, and so may an admin who can read it.

    Args:
        standing: How the person stands to the thread.
        held: Their right, as `right` returns it.
        asked: They wrote one of the messages that it answers.
    """
    return (asked and standing.can_see) or (standing.admin and held is not Right.NONE)


def may_reset(standing: Standing) -> bool:
    """Return whether a person may reset a thread, which is announced in it and keeps its log."""
    return standing.took_part and standing.can_see


class Directory(Protocol):
    """Port: asks one platform who may see what, at the moment of each command.

    Each method may raise `PlatformError` if the platform can't be asked now.
    """

    name: str
    """The platform, as in `ThreadKey.platform`."""

    def is_ours(self, thread: ThreadKey) -> bool:
        """Return whether a thread belongs to the workspace or server that the bot runs in now."""

    def tenant(self, thread: ThreadKey) -> str:
        """Return the workspace, server or direct message whose statistics a thread counts in."""

    def scope(self, thread: ThreadKey) -> str:
        """Return what decides who sees a thread: the same people see all threads of a scope."""

    async def listens_to(self, person: str, thread: ThreadKey) -> bool:
        """Return whether the bot's settings let a person talk to it where a thread is.

        A person who may not talk to it there can't use commands there either.
        """

    async def is_direct(self, thread: ThreadKey) -> bool:
        """Return whether a thread is a direct message now; True if that is unknown."""

    async def may_enter(self, person: str, thread: ThreadKey) -> bool:
        """Return whether a person who is not in a thread's channel could join it."""

    async def can_see(self, person: str, thread: ThreadKey) -> bool:
        """Return whether the platform shows a person a thread now; False if that is unknown."""

    async def is_admin(self, person: str, thread: ThreadKey) -> bool:
        """Return whether a person is an admin where a thread is, by the settings or by role."""

    async def manages(self, person: str, thread: ThreadKey) -> bool:
        """Return whether a person manages a thread's channel now, by what the platform says."""

    async def place_of(self, thread: ThreadKey) -> str:
        """Return what people call a thread's place; empty if that is not known. Never raises."""

    async def name_of(self, person: str, thread: ThreadKey) -> str:
        """Return the name a person has there; their id if the name is unknown."""

    async def zone_of(self, person: str) -> tzinfo | None:
        """Return a person's time zone; None if the platform does not say. Never raises."""

    def link_to(self, thread: ThreadKey, message: str) -> str:
        """Return the address of a message of a thread, by its id; empty if it can't have one."""
