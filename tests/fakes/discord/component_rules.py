"""What Discord takes as a list to choose from, and as a modal (docs: components/reference)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.discord.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.discord.model import Json

ROW, SELECT, TEXT, TEXT_DISPLAY, LABEL = 1, 3, 4, 10, 18  # docs: "Component Types"
_NAME, _TITLE, _LABEL, _ABOUT, _PLACEHOLDER, _VALUE = 100, 45, 45, 100, 100, 4_000
_OPTIONS, _OPTION, _SELECT_PLACEHOLDER = 25, 100, 150
_FIELDS = 5  # docs: interactions/receiving-and-responding, "Modal"


def check_modal(data: Json) -> None:
    """Refuse a modal that isn't as documented (docs: the same)."""
    _bounded(data, "custom_id", _NAME, "")
    _bounded(data, "title", _TITLE, "")
    parts = data.get("components") or []
    _need(1 <= len(parts) <= _FIELDS, "components", "Must be between 1 and 5 in length.")
    names = []
    for index, part in enumerate(parts):
        path = f"components/{index}"
        _need(part.get("type") in {ROW, TEXT_DISPLAY, LABEL}, path, "Invalid component type")
        if part["type"] == LABEL:
            _bounded(part, "label", _LABEL, path)
            _bounded(part, "description", _ABOUT, path, least=0)
        for field in fields_of([part]):
            if field["type"] == TEXT:
                _check_text(field, path, labelled=part["type"] == LABEL)
            elif field["type"] == SELECT:
                check_select(field, path)
            names.append(field.get("custom_id"))
    _need(len({*names}) == len(names), "components", "Component custom id cannot be duplicated")


def fields_of(parts: list[Json]) -> Iterator[Json]:
    """Yield the fields of a modal, whether they stand in rows or in labels."""
    for part in parts:
        yield from part.get("components") or ()
        if isinstance(part.get("component"), dict):
            yield part["component"]


def check_select(field: Json, path: str) -> None:
    """Refuse a list that isn't as documented (docs: "String Select")."""
    _bounded(field, "custom_id", _NAME, path)
    _bounded(field, "placeholder", _SELECT_PLACEHOLDER, path, least=0)
    options = field.get("options") or []
    _need(1 <= len(options) <= _OPTIONS, f"{path}/options", "Must be between 1 and 25 in length.")
    for number, option in enumerate(options):
        where = f"{path}/options/{number}"
        _bounded(option, "label", _OPTION, where)
        _bounded(option, "value", _OPTION, where)
        _bounded(option, "description", _OPTION, where, least=0)
    values = [option["value"] for option in options]
    _need(len({*values}) == len(values), f"{path}/options", "The specified value is already used")
    chosen = sum(bool(option.get("default")) for option in options)
    most = field.get("max_values") or 1
    _need(chosen <= most, f"{path}/options", "Too many default options")


def _check_text(field: Json, path: str, *, labelled: bool) -> None:
    """Refuse a field to type in that isn't as documented (docs: "Text Input")."""
    _bounded(field, "custom_id", _NAME, path)
    _bounded(field, "placeholder", _PLACEHOLDER, path, least=0)
    _need(field.get("style") in {1, 2}, f"{path}/style", "Value must be one of {1, 2}.")
    most = field.get("max_length") or _VALUE
    _need(1 <= most <= _VALUE, f"{path}/max_length", f"Must be between 1 and {_VALUE}.")
    _bounded(field, "value", most, path, least=0)
    if labelled:
        _need("label" not in field, f"{path}/label", "The label of a field stands in its Label")
    else:
        _bounded(field, "label", _LABEL, path)


def _bounded(part: Json, name: str, most: int, path: str, least: int = 1) -> None:
    text = str(part.get(name) or "")
    where = f"{path}/{name}".lstrip("/")
    _need(least <= len(text) <= most, where, f"Must be between {least} and {most} in length.")


def _need(fact: Any, path: str, words: str) -> None:
    if not fact:
        raise invalid(path, "BASE_TYPE_BAD_LENGTH", words)
