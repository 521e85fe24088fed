"""The modal in which people see and change settings. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from bots.slack.ui import views
from core.commands.settings.form import CLEAR
from core.domain.errors import DeniedError
from core.domain.message import ThreadKey
from core.domain.payload import dict_of, str_of
from core.domain.settings import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.commands.settings.form import Form, Item, Shown

Json: TypeAlias = dict[str, Any]

SETTINGS, SCOPE = "settings_form", "settings_scope"
"""The callback of the modal, and the action of the menu of scopes in it."""
TITLE = "Settings"
_VALUE = "value"
"""The action of each field."""
_OPTION, _PLACEHOLDER = 75, 150
"""Characters of a choice, and of what an empty field shows (docs: reference/block-kit/
composition-objects/option-object and block-elements)."""
_MOST = 100
"""More fields than one group has: all of a group stand below one heading."""
_UNREAD = "I could not read that form. Please open the settings again."


class Sent(NamedTuple):
    """What Slack sends back of the modal; a person may have made it up."""

    thread: ThreadKey
    scope: Scope
    given: dict[str, str]
    """What was entered, by the keys of the form's items."""
    blocks: dict[str, str]
    """The block of each field, by the field's name."""


def modal(shown: Shown) -> Json:
    """Return the modal that shows what holds, with the form if the person may change it."""
    blocks = views.plain_blocks("\n".join(shown.lines))
    form = shown.form
    if form is None:
        return views.modal(TITLE, blocks)
    blocks += [{"type": "divider"}, _scopes(form)]
    for title, items in form.pages(_MOST):
        blocks += [views.header(title), *(_input(form, each) for each in items)]
    more = {"submit": views.plain("Save"), "callback_id": SETTINGS}
    return views.modal(TITLE, blocks, private_metadata=f"{form.scope} {form.thread}", **more)


def _scopes(form: Form) -> Json:
    """Return the menu of the scopes that the person may change, if there are several.

    With the scope in its id, the menu shows the scope of the form again whenever the form changes:
    Slack keeps what was chosen in a block that keeps its id.
    """
    if len(form.scopes) == 1:
        only = f"You can change the settings of {form.called(form.scope)}."
        return views.section(views.plain(only))
    options = {each: _option(_capital(form.called(each)), each) for each in form.scopes}
    menu = {
        "type": "static_select",
        "action_id": SCOPE,
        "options": [*options.values()],
        "initial_option": options[form.scope],
    }
    about = views.section(views.plain("Change the settings of:"))
    return {**about, "block_id": f"scope:{form.scope}", "accessory": menu}


def _input(form: Form, item: Item) -> Json:
    """Return a field: what is left empty, or "As above", is decided by the scopes above."""
    field = item.field
    hint = views.plain(f"{field.about}.")
    return {
        "type": "input",
        "block_id": f"{form.scope}:{item.key}",
        "label": views.plain(field.label),
        "hint": hint,
        "optional": True,
        "element": {"action_id": _VALUE, **_element(item)},
    }


def _element(item: Item) -> Json:
    if item.field.kind == "choice":
        above = _option(item.as_above, CLEAR)
        known = [*item.choices, *([item.value] if item.value not in {"", *item.choices} else [])]
        options = {each: _option(each, each) for each in known}
        chosen = options.get(item.value, above)
        choices = [above, *options.values()]
        return {"type": "static_select", "options": choices, "initial_option": chosen}
    shown = views.plain(views.start_of(item.as_above, _PLACEHOLDER))
    field: Json = {"placeholder": shown}
    if item.value:
        field["initial_value"] = item.value
    if item.field.kind == "number":  # its bounds are ours to explain
        return {"type": "number_input", "is_decimal_allowed": False, **field}
    most = item.field.bounds[1]
    return {"type": "plain_text_input", "multiline": True, "max_length": most, **field}


def sent(view: Mapping[str, Any]) -> Sent:
    """Return what Slack sends back of the modal.

    Raises:
        DeniedError: It can't be read.
    """
    word, _, named = str_of(view, "private_metadata").partition(" ")
    try:
        scope, thread = Scope(word), ThreadKey.parse(named)
    except ValueError:
        raise DeniedError(_UNREAD) from None
    given: dict[str, str] = {}
    blocks: dict[str, str] = {}
    values = dict_of(dict_of(view, "state"), "values")
    for block in values:
        of, _, key = block.partition(":")
        if of != scope:
            continue
        entered = dict_of(dict_of(values, block), _VALUE)
        chosen = str_of(dict_of(entered, "selected_option"), "value")
        given[key] = chosen or str_of(entered, "value")
        blocks[key.partition(":")[0]] = block
    return Sent(thread, scope, given, blocks)


def scope_in(named: str) -> Scope:
    """Return the scope that was chosen in the menu; raise `DeniedError` if it is none."""
    try:
        return Scope(named)
    except ValueError:
        raise DeniedError(_UNREAD) from None


def _option(text: str, value: str) -> Json:
    return {"text": views.plain(views.start_of(text, _OPTION)), "value": value}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
