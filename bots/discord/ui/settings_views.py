"""The lists, buttons and modals by which people see and change settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import discord

from bots.discord.ui import views
from core.commands.settings.form import CLEAR, OLD_FORM
from core.domain.errors import DeniedError
from core.domain.message import ThreadKey
from core.domain.payload import dict_of, dicts_of, str_of
from core.domain.settings import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.commands.settings.form import Form, Item

Json: TypeAlias = dict[str, Any]

_SCOPES = "|".join(Scope)
_ID = re.compile(
    rf"chatbot:(?:scope|set:(?P<page>\d):(?P<of>{_SCOPES})|save:(?P<to>{_SCOPES})):(?P<thread>.+)",
    re.ASCII,
)
_PAGE = 5
"""Fields of a modal, Discord's most (docs: interactions/receiving-and-responding, "Modal")."""
_TITLE, _LABEL, _ABOUT, _PLACEHOLDER = 45, 45, 100, 100
"""Characters of a modal's title, of a field's label and description, and of what an empty field
shows (docs: components/reference, "Label" and "Text Input")."""
_OPTIONS, _OPTION = 25, 100
"""Entries of a list, and characters of each (docs: components/reference, "String Select")."""
_DIGITS = 20
_LABEL_TYPE, _SELECT, _TEXT, _ONE_LINE, _LINES = 18, 3, 4, 1, 2


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list, a button or a modal asks for; a person may have made it up."""

    thread: ThreadKey
    scope: Scope | None
    page: int | None = None
    """The page of the form to open; None to show the settings."""
    given: dict[str, str] | None = None
    """What was entered, by the keys of the form's items; None if no modal was sent."""


def asked(data: Mapping[str, Any]) -> Asked | None:
    """Return what was pressed, chosen or sent; None if it does not concern settings."""
    found = _ID.fullmatch(str_of(data, "custom_id"))
    if found is None:
        return None
    values = data.get("values")
    chosen = values[0] if isinstance(values, list) and values else ""
    try:
        thread = ThreadKey.parse(found["thread"])
        scope = Scope(found["to"] or found["of"] or chosen)
    except (TypeError, ValueError):
        return None
    given = _entered(data) if found["to"] else None
    return Asked(thread, scope, int(found["page"]) if found["page"] else None, given)


def _entered(data: Mapping[str, Any]) -> dict[str, str]:
    given: dict[str, str] = {}
    for label in dicts_of(data, "components"):
        field = dict_of(label, "component")
        values = field.get("values")
        chosen = str(values[0]) if isinstance(values, list) and values else ""
        if key := str_of(field, "custom_id"):
            given[key] = chosen or str_of(field, "value")
    return given


def controls(form: Form) -> discord.ui.View:
    """Return the list of scopes, if a person may change several, and a button for each page."""
    items: list[discord.ui.Item[discord.ui.View]] = []
    if len(form.scopes) > 1:
        options = [
            discord.SelectOption(
                label=f"Change settings of {form.called(each)}",
                value=each,
                default=each is form.scope,
            )
            for each in form.scopes
        ]
        custom_id = f"chatbot:scope:{form.thread}"
        items.append(discord.ui.Select(custom_id=custom_id, options=options))
    for number, (title, _) in enumerate(form.pages(_PAGE)):
        custom_id = f"chatbot:set:{number}:{form.scope}:{form.thread}"
        items.append(views.button(f"{title}: {form.called(form.scope)}", custom_id))
    return views.stopped(*items)


def modal(form: Form, page: int) -> Json:
    """Return the modal with one page of the form; raise `DeniedError` if there is no such page."""
    pages = form.pages(_PAGE)
    if page >= len(pages):
        raise DeniedError(OLD_FORM)
    title, items = pages[page]
    return {
        "custom_id": f"chatbot:save:{form.scope}:{form.thread}",
        "title": views.shortened(f"{title}: {form.called(form.scope)}", _TITLE),
        "components": [_labelled(each) for each in items],
    }


def _labelled(item: Item) -> Json:
    return {
        "type": _LABEL_TYPE,
        "label": views.shortened(item.field.label, _LABEL),
        "description": views.shortened(item.field.about, _ABOUT),
        "component": {"custom_id": item.key, "required": False, **_component(item)},
    }


def _component(item: Item) -> Json:
    """Return a list if all choices fit one, else a text to type."""
    known = [*item.choices, *([item.value] if item.value not in {"", *item.choices} else [])]
    if item.choices and len(known) < _OPTIONS:
        return {"type": _SELECT, "options": _options(item, known)}
    is_text = item.field.kind == "text"
    field: Json = {"type": _TEXT, "style": _LINES if is_text else _ONE_LINE}
    field["placeholder"] = views.shortened(item.as_above, _PLACEHOLDER)
    field["max_length"] = item.field.bounds[1] if is_text else _DIGITS
    if item.value:
        field["value"] = item.value
    return field


def _options(item: Item, known: Sequence[str]) -> list[Json]:
    above = {"label": views.shortened(item.as_above, _OPTION), "value": CLEAR}
    options = [above, *({"label": each, "value": each} for each in known)]
    chosen = item.value or CLEAR
    return [{**each, "default": each["value"] == chosen} for each in options]


def written(given: Mapping[str, str]) -> str:
    """Return the longest text that was entered, which would be a pity to lose."""
    return max(given.values(), key=len, default="")
