"""The form in which people see and change what holds in one scope. Pure.

All platforms draw it from the same items, which come from the one table of fields. What a platform
sends back is not trusted: it names fields, and what the person saw in them, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from core.domain.errors import DeniedError
from core.domain.settings import FIELDS, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.domain.message import ThreadKey
    from core.domain.settings import Field, Layers, ScopeSettings, Value

CLEAR: Final = "default"
"""The value that takes a setting of a scope away."""
CLEARS: Final = frozenset({CLEAR, "reset", "none"})
OLD_FORM = "That form is of another version of me. Please open the settings again."
_BY_NAME: Final = {each.name: each for each in FIELDS}
_MARK = 4
"""Bytes of a mark: two values of one field share one in 1 of 4 billion cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A field in a form."""

    field: Field
    key: str
    """Names the field and the value that is shown: a platform sends it back with what was entered.
    """
    value: str
    """What the scope sets, as a person would write it; empty if it sets nothing."""
    above: str
    """What holds if the scope sets nothing, in words."""
    choices: tuple[str, ...]
    """What there is to choose; empty if any value fits the field's kind and bounds."""

    @property
    def as_above(self) -> str:
        """Return in words what it is to set nothing here."""
        return f"As above ({self.above})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The settings of one scope, for a person who may change them."""

    thread: ThreadKey
    scope: Scope
    scopes: tuple[Scope, ...]
    """The scopes whose settings the person may change, the nearest first."""
    items: tuple[Item, ...]
    server: str
    """What people call a server: a server, or a workspace."""

    def called(self, scope: Scope) -> str:
        """Return what people call a scope."""
        return f"this {self.server if scope is Scope.SERVER else scope}"

    def pages(self, most: int) -> list[tuple[str, tuple[Item, ...]]]:
        """Return the items in pages of at most so many, each with its title.

        The fields of one group are on one page, or on pages of their own.
        """
        groups: dict[str, list[Item]] = {}
        for item in self.items:
            groups.setdefault(item.field.group, []).append(item)
        pages: list[tuple[str, tuple[Item, ...]]] = []
        for group, items in groups.items():
            parts = [tuple(items[at : at + most]) for at in range(0, len(items), most)]
            titles = [group, *(f"{group} {number}" for number in range(2, len(parts) + 1))]
            pages += zip(titles, parts, strict=True)
        return pages


class Shown(NamedTuple):
    """What holds in a thread, and the form to change it."""

    lines: list[str]
    form: Form | None
    """None if the person may change nothing there."""


class Entered(NamedTuple):
    """What a person entered in a form, by field, and the marks of what the form had shown."""

    texts: dict[Field, str]
    marks: dict[str, str]
    """By the names of the fields."""


def items_of(
    layers: Layers,
    scope: Scope,
    above: Mapping[str, str],
    choices: Mapping[str, tuple[str, ...]],
) -> tuple[Item, ...]:
    """Return the items of a scope's form.

    Args:
        layers: The settings of all scopes.
        scope: The scope.
        above: What holds if the scope sets nothing, in words, by the names of the fields.
        choices: What there is to choose, by the names of the fields.
    """
    held = layers.of(scope)
    return tuple(
        [
            Item(
                field=each,
                key=f"{each.name}:{mark_of(held, each)}",
                value=_text(getattr(held, each.name)),
                above=above[each.name],
                choices=choices[each.name],
            )
            for each in FIELDS
            if scope in each.scopes
        ]
    )


def changes_in(given: Mapping[str, str]) -> Entered:
    """Return what a person changed in a form, of what they sent back by the keys of its items.

    Raises:
        DeniedError: A key is of no field.
    """
    texts: dict[Field, str] = {}
    marks: dict[str, str] = {}
    for key, text in given.items():
        name, _, mark = key.partition(":")
        field = _BY_NAME.get(name)
        if field is None:
            raise DeniedError(OLD_FORM)
        said = "" if text.strip().lower() in CLEARS else text
        if _mark(said) != mark:
            texts[field], marks[name] = said or CLEAR, mark
    return Entered(texts, marks)


def mark_of(settings: ScopeSettings, field: Field) -> str:
    """Return what tells a field's value in a scope from another, in a few letters and digits."""
    return _mark(_text(getattr(settings, field.name)))


def _mark(text: str) -> str:
    """Return the mark of a text; platforms may change its line ends, and spaces around it."""
    plain = "\n".join([line.rstrip() for line in text.strip().splitlines()])
    return blake2b(plain.encode(errors="surrogatepass"), digest_size=_MARK).hexdigest()


def _text(value: Value) -> str:
    return "" if value is None else str(value)
