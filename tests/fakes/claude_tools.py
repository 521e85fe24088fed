"""Tools as the Claude API takes them: definitions, calls and results, each as strict as it is.

The sources are Anthropic's documentation, "Define tools", "Handle tool calls" and "Extended
thinking" (with tool use), and the texts of the API's refusals in public reports.
"""

from __future__ import annotations

import json
import re
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

TOOL_BLOCKS = {"tool", "tool_use", "tool_result", "thinking"}
"""The types of blocks that only come with tools; a definition counts as one."""
SYSTEM_TOKENS = "tool use " * 100
"""Stands for the system prompt that the API adds where tools are offered: some 300 tokens."""
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_CHOICES = {
    "auto": {"type", "disable_parallel_tool_use"},
    "any": {"type", "disable_parallel_tool_use"},
    "tool": {"type", "name", "disable_parallel_tool_use"},
    "none": {"type"},
}


class ToolError(Exception):
    """What the API says of tools that it does not take."""


def validate(body: Json, signature: str) -> None:
    """Raise `ToolError` for what the API refuses."""
    tools = body.get("tools")
    if tools is not None and (not isinstance(tools, list) or not tools):
        raise ToolError("tools: should be a list with at least one tool")
    for index, tool in enumerate(tools or []):
        _definition(f"tools.{index}", tool)
    names = [tool["name"] for tool in tools or []]
    if len({*names}) < len(names):
        raise ToolError("tools: Tool names must be unique.")
    _choice(body.get("tool_choice"), names)
    _pairs(body["messages"], names, signature)


def unmarked(block: Json) -> Json:
    """Return a block without its cache breakpoint."""
    return {key: value for key, value in block.items() if key != "cache_control"}


def text_of_tool_block(block: Json) -> str:
    """Return the text that counts of a block."""
    if block["type"] == "tool":
        return json.dumps(unmarked(block)) + SYSTEM_TOKENS
    if block["type"] == "thinking":
        return str(block["thinking"])
    if block["type"] == "tool_use":
        return json.dumps(block["input"]) + str(block["name"])
    return "".join(part["text"] for part in block["content"])


def _definition(at: str, tool: Json) -> None:
    known = {"name", "description", "input_schema", "cache_control", "type", "strict"}
    for name in tool.keys() - known:
        raise ToolError(f"{at}.{name}: Extra inputs are not permitted")
    if not _NAME.fullmatch(str(tool.get("name", ""))):
        raise ToolError(f"{at}.custom.name: String should match pattern")
    if not str(tool.get("description", "")).strip():
        raise ToolError(f"{at}: a tool of ours says what it does")
    schema = tool.get("input_schema")
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise ToolError(f"{at}.custom.input_schema.type: Field required")
    _schema(at, schema)


def _schema(at: str, schema: Json) -> None:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in properties:
            raise ToolError(f"{at}.custom.input_schema: JSON schema is invalid: {name}")
    for name, kind in properties.items():
        if not isinstance(kind, dict) or kind.get("type") not in {"string", "integer", "boolean"}:
            raise ToolError(f"{at}.custom.input_schema: JSON schema is invalid: {name}")


def _choice(choice: Any, names: list[str]) -> None:
    if choice is None:
        return
    if not names:
        raise ToolError("tool_choice: may only be specified while providing tools")
    known = _CHOICES.get(choice.get("type"))
    if known is None or choice.keys() - known:
        raise ToolError("tool_choice: Input tag does not match any of the expected tags")


def _pairs(messages: list[Json], names: list[str], signature: str) -> None:
    """Check that each call has its result at the start of the next message, and no other has."""
    waiting: list[str] = []
    for index, message in enumerate(messages):
        blocks = message["content"] if isinstance(message["content"], list) else []
        _results(index, message["role"], blocks, waiting)
        waiting = [_call(index, block) for block in blocks if block.get("type") == "tool_use"]
        if waiting and message["role"] != "assistant":
            raise ToolError(
                f"messages.{index}: `tool_use` blocks can only be in assistant messages"
            )
        if waiting and not names:
            raise ToolError("Requests which include `tool_use` blocks must define tools.")
        if len({*waiting}) < len(waiting):
            raise ToolError(f"messages.{index}: `tool_use` ids must be unique")
        _thoughts(index, blocks, signature, first=bool(waiting) and index == len(messages) - 2)
    if waiting:
        raise ToolError(_LACKS.format(index=len(messages), ids=", ".join(waiting)))


_LACKS = (
    "messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
    "{ids}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
    "message."
)


def _results(index: int, role: str, blocks: list[Json], waiting: list[str]) -> None:
    results = [block for block in blocks if block.get("type") == "tool_result"]
    if results and role != "user":
        raise ToolError(f"messages.{index}: `tool_result` blocks can only be in user messages")
    if blocks[: len(results)] != results:
        raise ToolError(f"messages.{index}: `tool_result` blocks must come first")
    ids = [str(block.get("tool_use_id")) for block in results]
    for name in ids:
        if name not in waiting:
            raise ToolError(
                f"messages.{index}.content.0: unexpected `tool_use_id` found in `tool_result` "
                f"blocks: {name}. Each `tool_result` block must have a corresponding `tool_use` "
                "block in the previous message."
            )
    if lacking := [name for name in waiting if name not in ids]:
        raise ToolError(_LACKS.format(index=index - 1, ids=", ".join(lacking)))
    for block in results:
        _result(index, block)


def _result(index: int, block: Json) -> None:
    known = {"type", "tool_use_id", "content", "is_error", "cache_control"}
    if block.keys() - known:
        raise ToolError(f"messages.{index}: tool_result: Extra inputs are not permitted")
    for part in block["content"]:
        if part.get("type") != "text" or not part["text"].strip():
            raise ToolError("messages: text content blocks must contain non-whitespace text")


def _call(index: int, block: Json) -> str:
    if block.keys() - {"type", "id", "name", "input", "cache_control"}:
        raise ToolError(f"messages.{index}: tool_use: Extra inputs are not permitted")
    if not _ID.fullmatch(str(block.get("id", ""))):
        raise ToolError(f"messages.{index}: tool_use.id: String should match pattern")
    if not _NAME.fullmatch(str(block.get("name", ""))):
        raise ToolError(f"messages.{index}: tool_use.name: String should match pattern")
    if not isinstance(block.get("input"), dict):
        raise ToolError(f"messages.{index}: tool_use.input: Input should be a valid dictionary")
    return str(block["id"])


def _thoughts(index: int, blocks: list[Json], signature: str, *, first: bool) -> None:
    """Check that a call's thinking came back as it was, and before everything else."""
    thoughts = [block for block in blocks if block.get("type") == "thinking"]
    if blocks[: len(thoughts)] != thoughts or (first and not thoughts):
        raise ToolError(
            f"messages.{index}.content.0.type: Expected `thinking` or `redacted_thinking`, but "
            "found `tool_use`."
        )
    for block in thoughts:
        if block.keys() != {"type", "thinking", "signature"} or block["signature"] != signature:
            raise ToolError(f"messages.{index}: Invalid `signature` in `thinking` block")
