"""What people think of an answer: 👍 or 👎, each person's last word. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from core.domain.message import clean

GOOD: Final = 1
BAD: Final = -1
NONE: Final = 0
"""Stands where a rating was taken back."""
Value: TypeAlias = Literal[1, -1, 0]
WORDS = {GOOD: "good", BAD: "bad", NONE: "taken back"}
"""The values in words, as exports have them."""
RATERS = 100
"""The most people whose ratings one answer keeps: a store bounds what it keeps of an answer."""
REASON = 500
"""The most characters of a reason; longer ones are cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """What one person thinks of an answer."""

    person: str
    """The platform's id of the person."""
    value: int
    """GOOD, BAD, or NONE if it was taken back: that is kept, so that a late event of an earlier
    rating does not bring it back."""
    at: float
    """When they said so, by the platform's clock."""
    reason: str = ""
    """Why, if they said it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """A change of what one person thinks of an answer."""

    person: str
    at: float = 0.0
    value: Value = NONE
    """What they think now; NONE forgets all that they thought."""
    taken_back: bool = False
    """They take this value back. That changes nothing if they have said another one since."""
    reason: str = ""

    def __post_init__(self) -> None:
        """Make the reason a text that every store and file can hold; see `clean`."""
        object.__setattr__(self, "reason", clean(self.reason))


def changed(ratings: tuple[Rating, ...], opinion: Opinion) -> tuple[Rating, ...]:
    """Return the ratings of an answer after one more opinion; the last word of a person counts.

    An opinion that is older than what is kept of the person changes nothing, and neither does a
    repeated one. A reason joins the value that stands, whatever the times: they may be by two
    clocks of one platform.
    """
    before = next((each for each in ratings if each.person == opinion.person), None)
    others = tuple([each for each in ratings if each is not before])
    if opinion.value == NONE:
        return others
    if before is None:
        return (*ratings, _rating(opinion))[:RATERS]
    same = before.value == opinion.value
    if opinion.taken_back and not same:
        return ratings
    if opinion.at < before.at:
        joins = same and opinion.reason and not opinion.taken_back
        return (*others, replace(before, reason=opinion.reason[:REASON])) if joins else ratings
    now = _rating(opinion)
    if same and not (now.reason or opinion.taken_back):
        now = replace(now, reason=before.reason)
    return (*others, now)


def _rating(opinion: Opinion) -> Rating:
    """Return what is kept of an opinion."""
    if opinion.taken_back:
        return Rating(person=opinion.person, value=NONE, at=opinion.at)
    reason = opinion.reason[:REASON]
    return Rating(person=opinion.person, value=opinion.value, at=opinion.at, reason=reason)


def counted(ratings: tuple[Rating, ...]) -> tuple[int, int]:
    """Return how many people find an answer good, and how many bad."""
    values = [each.value for each in ratings]
    return values.count(GOOD), values.count(BAD)
