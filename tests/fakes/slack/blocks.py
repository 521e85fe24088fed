"""What Slack takes as the content of a message or a view, and what it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

from tests.fakes.slack.model import SlackError
from tests.live.slack.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.fakes.slack.model import Json
    from tests.live.slack.rules import Rule

Rules: TypeAlias = "Mapping[str, Rule]"
PER_VIEW = 100  # blocks in a modal or a home tab (slack.md 2.4)


class _BlockError(Exception):
    """What is wrong with a block, and Slack's word for it."""

    def __init__(self, message: str, error: str) -> None:
        super().__init__(message)
        self.error = error


def _need(fact: object, message: str, error: str = "invalid_blocks") -> None:
    """Hold a block to its page (docs: reference/block-kit/blocks)."""
    if not fact:
        raise _BlockError(message, error)


def _fits(text: object, rule: Rule) -> None:
    if isinstance(text, str):
        _need(len(text) <= rule.limit, f"must be less than {rule.limit + 1} characters", rule.error)


def _text(value: object, most: int, *kinds: str) -> None:
    """Check a text object (docs: reference/block-kit/composition-objects/text-object)."""
    _need(isinstance(value, dict), "missing required field: text")
    assert isinstance(value, dict)
    kinds = kinds or ("plain_text", "mrkdwn")
    _need(value.get("type") in kinds, f"unsupported type: {value.get('type')}")
    _need(isinstance(value.get("text"), str) and value["text"], "must be more than 0 characters")
    _need(len(value["text"]) <= most, f"must be less than {most + 1} characters")


def _option(option: Json) -> None:
    """Check a choice (docs: reference/block-kit/composition-objects/option-object)."""
    _text(option.get("text"), 75)
    _need(0 < len(option.get("value", "")) <= 150, "option: value")
    if "description" in option:
        _text(option["description"], 75)


def _placeholder(element: Json) -> None:
    """Check what an empty field shows (docs: reference/block-kit/block-elements)."""
    if "placeholder" in element:
        _text(element["placeholder"], 150, "plain_text")


def _text_input(element: Json) -> None:
    """Check a text field (docs: reference/block-kit/block-elements/plain-text-input-element)."""
    least, most = element.get("min_length", 0), element.get("max_length", 3_000)
    _need(0 <= least <= 3_000, "min_length: must be 0 to 3000")
    _need(1 <= most <= 3_000, "max_length: must be 1 to 3000")
    _need(least <= most, "min_length: must be at most max_length")
    _need(len(element.get("initial_value", "")) <= most, "initial_value: too long")
    _placeholder(element)


def _number_input(element: Json) -> None:
    """Check a number field (docs: reference/block-kit/block-elements/number-input-element)."""
    _need(isinstance(element.get("is_decimal_allowed"), bool), "missing: is_decimal_allowed")
    for name in ("initial_value", "min_value", "max_value"):
        value = element.get(name, "0")
        is_number = isinstance(value, str) and value.removeprefix("-").isdecimal()
        _need(is_number or element["is_decimal_allowed"], f"{name}: must be a whole number in text")
    _placeholder(element)


def _button(element: Json) -> None:
    """Check a button (docs: reference/block-kit/block-elements/button-element)."""
    _text(element.get("text"), 75, "plain_text")
    _need(len(element.get("value", "")) <= 2_000, "value: must be less than 2001 characters")
    _need(element.get("style", "primary") in {"primary", "danger"}, "style")


def _select(element: Json) -> None:
    """Check a menu (docs: reference/block-kit/block-elements/select-menu-element)."""
    options = element.get("options") or [
        option for group in element.get("option_groups", ()) for option in group["options"]
    ]
    _need(0 < len(options) <= 100, "options: must be 1 to 100")
    for option in options:
        _option(option)
    chosen = element.get("initial_option")
    _need(chosen is None or chosen in options, "initial_option: must be one of the options")
    _placeholder(element)


def _anything(element: Json) -> None:
    """Take it as it is."""


_UNBOUNDED = 10**9  # its own rule says how long it may be
_Check: TypeAlias = "Callable[[Json], None]"
_ELEMENTS: dict[str, _Check] = {
    "button": _button,
    "static_select": _select,
    "multi_static_select": _select,
    "radio_buttons": _select,
    "checkboxes": _select,
    "overflow": _select,
    "plain_text_input": _text_input,
    "number_input": _number_input,
    **dict.fromkeys(
        (
            *("users_select", "conversations_select", "channels_select", "external_select"),
            *("datepicker", "timepicker", "feedback_buttons", "icon_button"),
            *("image", "multi_users_select", "multi_conversations_select"),
        ),
        _anything,
    ),
}


def _element(element: Json) -> None:
    check = _ELEMENTS.get(element.get("type", ""))
    _need(check, f"unsupported type: {element.get('type')}")
    assert check is not None
    check(element)
    _need(len(element.get("action_id", "")) <= 255, "action_id: must be less than 256 characters")


def _section(block: Json, rules: Rules) -> None:
    """Check a section (docs: reference/block-kit/blocks/section-block)."""
    fields = block.get("fields", [])
    _need("text" in block or fields, "missing required field: text")
    if "text" in block:
        _fits(block["text"].get("text"), rules["section-length"])
        _text(block["text"], _UNBOUNDED)
    _need(len(fields) <= 10, "fields: no more than 10 items allowed")
    for field in fields:
        _text(field, 2_000)
    if "accessory" in block:
        _element(block["accessory"])


def _actions(block: Json, _: Rules) -> None:
    """Check a row of buttons (docs: reference/block-kit/blocks/actions-block)."""
    elements = block.get("elements")
    _need(isinstance(elements, list) and 0 < len(elements) <= 25, "elements: must be 1 to 25")
    for element in elements or ():
        _element(element)


def _context(block: Json, rules: Rules) -> None:
    """Check small print (docs: reference/block-kit/blocks/context-block)."""
    elements = block.get("elements")
    _need(isinstance(elements, list) and 0 < len(elements) <= 10, "elements: must be 1 to 10")
    for element in elements or ():
        if element.get("type") != "image":
            _text(element, rules["section-length"].limit)


def _markdown(block: Json, rules: Rules) -> None:
    text = block.get("text")
    _need(isinstance(text, str) and text, "missing required field: text")
    _fits(text, rules["markdown-length"])


def _header(block: Json, rules: Rules) -> None:
    _text(block.get("text"), _UNBOUNDED, "plain_text")
    _fits(block["text"]["text"], rules["header-length"])


def _input(block: Json, _: Rules) -> None:
    """Check a field (docs: reference/block-kit/blocks/input-block)."""
    _text(block.get("label"), 2_000, "plain_text")
    if "hint" in block:
        _text(block["hint"], 2_000, "plain_text")
    element = block.get("element") or {}
    _need(element.get("type") != "button", "unsupported type: button")
    _element(element)


def _any_block(block: Json, rules: Rules) -> None:
    """Take it as it is."""


_BLOCKS: dict[str, Callable[[Json, Rules], None]] = {
    "section": _section,
    "actions": _actions,
    "context": _context,
    "markdown": _markdown,
    "header": _header,
    "input": _input,
    "context_actions": _actions,
    "divider": _any_block,
    **dict.fromkeys(("image", "rich_text", "table", "file", "task_card", "plan"), _any_block),
}


def check_blocks(blocks: object, rules: Rules = RULES, *, view: bool = False) -> list[Json]:
    """Return blocks that may be shown (docs: reference/block-kit/blocks).

    Raises:
        SlackError: They're refused.
    """
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise SlackError("invalid_blocks_format")
    most = PER_VIEW if view else rules["blocks-count"].limit
    if len(blocks) > most:
        _refuse(f"no more than {most} items allowed", "/blocks", rules["blocks-count"].error)
    for index, block in enumerate(blocks):
        try:
            check = _BLOCKS.get(block.get("type", ""))
            # A markdown block is for messages (docs: reference/block-kit/blocks/markdown-block).
            _need(check and not (view and check is _markdown), f"unsupported type: {block}")
            assert check is not None
            check(block, rules)
            _need(len(block.get("block_id", "")) <= 255, "block_id")
        except _BlockError as error:
            _refuse(str(error), f"/blocks/{index}", error.error)
    _check_ids(blocks)
    _check_sums(blocks, rules)
    return blocks


def _refuse(message: str, pointer: str, error: str = "invalid_blocks") -> None:
    """Refuse blocks and say which (docs: reference/block-kit)."""
    line = f"{message} [json-pointer:{pointer}]"
    about = {"messages": [f"[ERROR] {line}"]}
    raise SlackError(error, errors=[line], response_metadata=about)


def _check_ids(blocks: list[Json]) -> None:
    """Each block's id, and each action's within a block, is unique (docs: reference/block-kit)."""
    named = [block["block_id"] for block in blocks if "block_id" in block]
    if len(named) != len(set(named)):
        _refuse("block_id already exists", "/blocks")
    for index, block in enumerate(blocks):
        actions = [e["action_id"] for e in block.get("elements", ()) if "action_id" in e]
        if len(actions) != len(set(actions)):
            _refuse("action_id already exists", f"/blocks/{index}")


def _check_sums(blocks: list[Json], rules: Rules) -> None:
    markdown = sum(len(block["text"]) for block in blocks if block["type"] == "markdown")
    if markdown > rules["markdown-together"].limit:
        raise SlackError(rules["markdown-together"].error)
    if sum(map(len, texts(blocks))) > rules["blocks-together"].limit:
        raise SlackError(rules["blocks-together"].error)


def texts(value: object) -> Iterator[str]:
    """Yield all text that a person would read in blocks."""
    if isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == "text" and isinstance(item, str):
                yield item
            elif isinstance(item, list | dict):
                yield from texts(item)


def check_metadata(value: object, rules: Rules = RULES) -> Json | None:
    """Return metadata to keep; an empty object takes what there is away.

    Raises:
        SlackError: It's refused.
    """
    if value == {}:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("event_type"), str):
        raise SlackError(rules["metadata-format"].error)
    if not isinstance(value.get("event_payload"), dict):
        raise SlackError(rules["metadata-format"].error)
    if len(json.dumps(value)) > rules["metadata-length"].limit:
        raise SlackError(rules["metadata-length"].error)
    return value
