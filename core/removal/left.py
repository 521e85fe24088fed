"""What is left of a thread's records without one person. Pure.

What others said stays theirs, even what they said about the person. What the person said goes, and
so do quotes of it, what marks others' messages as meant for them, and each answer that was for them
or repeats a word that in this thread only they used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from core.domain.message import Author
from core.domain.session import AnswerKind, Entry, Status
from core.memory.recall.words import terms_of

if TYPE_CHECKING:
    from core.domain.message import Quote
    from core.domain.session import Answer, Record

SOMEONE = Author(id="forgotten", name="someone who was forgotten")
"""Stands for each person who was forgotten."""
TAKEN_BACK = (
    "This answer is not shown, because it was for someone who was forgotten or repeats what they "
    "said."
)


@dataclass(slots=True)
class Traces:
    """What shows that a record is a person's, or repeats what they said."""

    person: str
    names: set[str] = field(default_factory=set)
    """What they were called here."""
    terms: set[int] = field(default_factory=set)
    """Hashed words that only they used."""
    positions: set[int] = field(default_factory=set)
    """Where they spoke."""
    _others: set[int] = field(default_factory=set)
    _asked: bool = False
    """A message of theirs stands before the next answer."""
    _answers: set[int] = field(default_factory=set)
    """Positions of the answers to them."""

    def read(self, record: Record) -> None:
        """Take in the next record of the thread, in the order of positions."""
        if not isinstance(record, Entry):
            if self._asked:
                self._answers.add(record.position)
            self._asked = False
        elif record.author.id == self.person:
            self._asked = True
            self.positions.add(record.position)
            self.names.add(record.author.name)
            said = [record.text, *(each.name for each in record.attachments)]
            for text in said:
                self.terms.update(_terms(text) - self._others)
        else:
            others = _terms(record.text)
            self._others |= others
            self.terms -= others

    def without(self, record: Record) -> Record | None:
        """Return what is left of a record; None if it stays as it is.

        A message of the person's own is deleted by `Store.amend`; here it loses its author.
        """
        if not isinstance(record, Entry):
            left = self._answer(record) if self._is_theirs(record) else record
            rated = tuple([each for each in left.ratings if each.person != self.person])
            left = left if rated == left.ratings else replace(left, ratings=rated)
            return None if left is record else left
        if record.author.id == self.person:
            gone = record.status is Status.DELETED
            return replace(record, author=SOMEONE) if gone else None
        quotes = tuple([each for each in record.quotes if not self._quotes(each)])
        text = self._unmarked(record.text)
        if quotes == record.quotes and text == record.text:
            return None
        return replace(record, quotes=quotes, text=text)

    def _is_theirs(self, answer: Answer) -> bool:
        if answer.text == TAKEN_BACK:
            return False
        if answer.position in self._answers or self.positions.intersection(answer.recalled):
            return True
        said = "\n".join([answer.text, *answer.searched, *answer.notes])
        return self._tells(said)

    def _answer(self, answer: Answer) -> Answer:
        kept = replace(answer, kind=AnswerKind.NOTICE, text=TAKEN_BACK, notes=())
        return replace(kept, recalled=(), searched=(), explain_trim=False)

    def _quotes(self, quote: Quote) -> bool:
        return quote.author in self.names or self._tells(quote.text) or self._tells(quote.author)

    def _tells(self, text: str) -> bool:
        """Return whether a text names the person, or has a word of theirs."""
        return self._named().search(text) is not None or not self.terms.isdisjoint(_terms(text))

    def _named(self) -> re.Pattern[str]:
        """Return what finds their names, and their id unless it may be an ordinary word."""
        names = [*self.names, self.person] if _is_made_up(self.person) else [*self.names]
        said = "|".join(re.escape(each) for each in sorted(names, key=len, reverse=True) if each)
        return re.compile(rf"(?<!\w)(?:{said or _NOTHING})(?!\w)")

    def _unmarked(self, text: str) -> str:
        """Return another's text without what marks it as meant for the person."""
        if "@" in text:
            for name in sorted((*self.names, self.person), key=len, reverse=True):
                if name:
                    text = text.replace(f"<@{name}>", "@someone").replace(f"@{name}", "@someone")
        return text.replace(self.person, "someone") if _is_made_up(self.person) else text


_NOTHING = r"\Z\A."
"""A pattern that is nowhere."""


def _is_made_up(id_: str) -> bool:
    """Return whether an id is a platform's; a user's name in the terminal may be a word."""
    return len(id_) > len("U1234567") and any(map(str.isdigit, id_))


def _terms(text: str) -> set[int]:
    return {*terms_of(text).words}
