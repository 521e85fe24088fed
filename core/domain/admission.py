"""Whether the bot answers a message, overhears it, or ignores it. Pure.

That depends on the message, on a policy, and on the state of the thread at the moment when the
message is stored. So the rule is evaluated here for every state that a thread can be in, and the
store only looks the result up in its atomic step. The rule is written once, not once per store.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from core.domain.message import FOR_US, Address

if TYPE_CHECKING:
    from core.domain.message import Message
    from core.domain.settings import Layers


class Admission(StrEnum):
    """What the store did with a message that it was offered."""

    ACCEPTED = "accepted"
    """Stored; it will be answered."""
    OVERHEARD = "overheard"
    """Stored as context for the next answer; it starts no turn."""
    IGNORED = "ignored"
    """Not for the bot; nothing was stored."""
    FULL = "full"
    """Refused, since too many messages of the thread are waiting. The next reply says so."""
    GONE = "gone"
    """Never admitted: deleted by its author, older than the erasure or reset of its thread, or a
    command. Only its identities are stored."""


class FollowUp(StrEnum):
    """When a message that mentions no one counts as addressed to the bot."""

    ALWAYS = "always"
    ALONE = "alone"
    """Only while a single person talks in the thread."""
    MENTIONED = "mentioned"
    """Never: each message must mention the bot or reply to it."""


@dataclass(frozen=True, slots=True)
class ThreadState:
    """The state of a thread, as far as admission depends on it."""

    taking_part: bool
    """The bot was addressed here before, perhaps in messages that were forgotten since."""
    muted: bool
    alone: bool
    """At most one person has spoken here, the author of this message included.

    An app counts only if it was answered, not if it was overheard.
    """

    @property
    def index(self) -> int:
        """Return the index of this state in `STATES`, 0 to 7."""
        return self.taking_part + 2 * self.muted + 4 * self.alone


STATES = tuple(
    ThreadState(taking_part=bool(i & 1), muted=bool(i & 2), alone=bool(i & 4)) for i in range(8)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionPolicy:
    """The conditions under which the store admits a message."""

    admissions: tuple[Admission, ...]
    """The result for each of `STATES`, by its index."""
    ttl: float
    """Seconds of silence after which the thread's session ends."""
    reach: int
    """How many positions before the first unanswered message a turn of this thread loads."""
    layers: Layers | None = None
    """The settings by which this was decided, for the turn of the message; see `Work.layers`."""
    waiting_limit: int = 50
    overheard_limit: int = 100


def admission(
    address: Address, state: ThreadState, follow_up: FollowUp, *, overhear: bool
) -> Admission:
    """Return what the store does with a message of this address in a thread in this state."""
    if address in {Address.DIRECT, Address.MENTIONED, Address.REPLIED}:
        return Admission.ACCEPTED
    if not state.taking_part:
        return Admission.IGNORED
    may_follow = follow_up is FollowUp.ALWAYS or (follow_up is FollowUp.ALONE and state.alone)
    if address is Address.NOBODY and may_follow and not state.muted:
        return Admission.ACCEPTED
    return Admission.OVERHEARD if overhear else Admission.IGNORED


def admissions(address: Address, follow_up: FollowUp, *, overhear: bool) -> tuple[Admission, ...]:
    """Return what the store does with a message of this address, for each of `STATES`."""
    return tuple(admission(address, state, follow_up, overhear=overhear) for state in STATES)


def readmits(message: Message) -> bool:
    """Return whether a message that was overheard is admitted again when it comes like this.

    Its author has edited it, and now it addresses the bot.
    """
    return message.edited_at > 0 and message.address in FOR_US
