"""Does the bot answer a message, overhear it, or leave it alone? Pure.

The answer depends on the message, on a policy, and on the state of the thread at the instant
the message is stored. So the rule is worked out here for every state a thread can be in, and
the store only looks the verdict up in its own atomic step: the rule is written once, not once
for each store.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from core.domain.message import Address

if TYPE_CHECKING:
    from core.domain.message import Message


class Admission(StrEnum):
    """What became of a message that was offered to the store."""

    ACCEPTED = "accepted"
    """Stored; it will be answered."""
    OVERHEARD = "overheard"
    """Stored as context for the next answer; it starts no turn."""
    IGNORED = "ignored"
    """Not for the bot; nothing was stored."""
    FULL = "full"
    """Refused: too many messages of the thread wait already. The next reply says so."""
    GONE = "gone"
    """Deleted by its author, said before the thread was erased or reset, or a command: never
    admitted, and not kept but for its identities."""


class FollowUp(StrEnum):
    """When a message that names nobody counts as meant for the bot."""

    ALWAYS = "always"
    ALONE = "alone"
    """While only one person talks in the thread."""
    MENTIONED = "mentioned"
    """Never: each message must name the bot or reply to it."""


@dataclass(frozen=True, slots=True)
class ThreadState:
    """What the verdict needs to know of a thread."""

    taking_part: bool
    """The bot was addressed here before, perhaps in what was forgotten since."""
    muted: bool
    alone: bool
    """With this message's author counted, at most one person has spoken here."""

    @property
    def index(self) -> int:
        """Return this state's place in a verdict table, 0 to 7."""
        return self.taking_part + 2 * self.muted + 4 * self.alone


STATES = tuple(
    ThreadState(taking_part=bool(i & 1), muted=bool(i & 2), alone=bool(i & 4)) for i in range(8)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionPolicy:
    """The terms on which a message is offered to the store."""

    admissions: tuple[Admission, ...]
    """The verdict for each of `STATES`, by its index."""
    ttl: float
    """Seconds of silence after which the thread's session ends."""
    reach: int
    """How many places before the first unanswered one a turn of this thread needs to see."""
    waiting_limit: int = 50
    overheard_limit: int = 100


def admission(
    address: Address, state: ThreadState, follow_up: FollowUp, *, overhear: bool
) -> Admission:
    """Return what becomes of a message with this address in a thread in this state."""
    if address in {Address.DIRECT, Address.MENTIONED, Address.REPLIED}:
        return Admission.ACCEPTED
    if not state.taking_part:
        return Admission.IGNORED
    may_follow = follow_up is FollowUp.ALWAYS or (follow_up is FollowUp.ALONE and state.alone)
    if address is Address.NOBODY and may_follow and not state.muted:
        return Admission.ACCEPTED
    return Admission.OVERHEARD if overhear else Admission.IGNORED


def admissions(message: Message, follow_up: FollowUp, *, overhear: bool) -> tuple[Admission, ...]:
    """Return the verdict on a message for each of `STATES`."""
    return tuple(
        admission(message.address, state, follow_up, overhear=overhear) for state in STATES
    )
