"""What Slack takes as a view, and what people can enter in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.slack.blocks import check_blocks
from tests.fakes.slack.model import SlackError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.fakes.slack.model import Json
    from tests.fakes.slack.workspace import Workspace

_TITLE = 24  # docs: reference/views/modal-views
_LONGEST = {"private_metadata": 3_000, "callback_id": 255, "external_id": 255}  # docs: the same


def checked_view(slack: Workspace, view: object, kind: str) -> Json:
    """Return a view that may be shown (docs: reference/views), with an id for each block.

    Raises:
        SlackError: It's refused.
    """
    if not isinstance(view, dict):
        raise SlackError.arguments("missing required field: view")
    if view.get("type") != kind:
        raise SlackError.arguments(f"invalid view type: {view.get('type')}")
    try:
        view["blocks"] = check_blocks(view.get("blocks"), slack.rules, view=True)
    except SlackError as error:  # views name it differently than messages do
        about = error.more.get("response_metadata", {})
        raise SlackError("invalid_arguments", response_metadata=about) from error
    for name, most in _LONGEST.items():
        if len(view.get(name, "")) > most:
            raise SlackError.arguments(f"{name}: must be less than {most + 1} characters")
    if kind == "modal":
        _check_modal(view)
    for block in view["blocks"]:
        block.setdefault("block_id", slack.new_id("b"))
    return view


def _check_modal(view: Json) -> None:
    """Check what only a modal has (docs: reference/views/modal-views)."""
    for name in ("title", "submit", "close"):
        text = (view.get(name) or {}).get("text", "")
        if not 0 < len(text) <= _TITLE and (name == "title" or name in view):
            raise SlackError.arguments(f"{name}: must be 1 to 24 characters")
    asks = any(block["type"] == "input" for block in view["blocks"])
    if asks and not view.get("submit"):
        raise SlackError.arguments("submit is required when an input block is within blocks")


def labelled(view: Json) -> dict[str, Json]:
    """Return the fields of a view by what people read above each."""
    return {b["label"]["text"]: b for b in view["blocks"] if b["type"] == "input"}


def entered(view: Json, given: Mapping[str, str]) -> Json:
    """Return the state of a view in which a person entered this, by the fields' labels.

    All else is as the view shows it at first (docs: reference/interaction-payloads/
    view-interactions-payload). A choice is named by its text, or by the start of it.

    Raises:
        ValueError: Nobody could enter that.
    """
    fields = labelled(view)
    if missing := given.keys() - fields.keys():
        raise ValueError(f"there's no {missing} among {[*fields]}")
    state: Json = {}
    for label, block in fields.items():
        element = block["element"]
        value = _value(element, given.get(label))
        if not (block.get("optional") or any(value.values())):
            raise ValueError(f"{label} is required")
        state[block["block_id"]] = {element["action_id"]: {"type": element["type"], **value}}
    for block, element in _selects(view):
        chosen = {"type": element["type"], "selected_option": element.get("initial_option")}
        state.setdefault(block["block_id"], {})[element["action_id"]] = chosen
    return state


def _selects(view: Json) -> Iterator[tuple[Json, Json]]:
    for block in view["blocks"]:
        for element in (block.get("accessory"), *block.get("elements", ())):
            if element and element["type"] == "static_select":
                yield block, element


def _value(element: Json, text: str | None) -> Json:
    if element["type"] == "static_select":
        if text is None:
            return {"selected_option": element.get("initial_option")}
        found = [o for o in element["options"] if o["text"]["text"].startswith(text)]
        if not found:
            raise ValueError(f"there's no {text} among {element['options']}")
        return {"selected_option": found[0]}
    value = element.get("initial_value") if text is None else text or None
    if len(value or "") > element.get("max_length", 3_000):
        raise ValueError("that is too long to be entered")
    whole = not value or value.removeprefix("-").isdecimal()
    if element["type"] == "number_input" and not (whole or element["is_decimal_allowed"]):
        raise ValueError(f"{value} is no whole number")
    return {"value": value}
