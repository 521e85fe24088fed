"""Requests as the JSON of the Messages API. Pure.

The SDK's types are dicts of the same shape. `core.models.claude`, which alone imports the SDK,
gives them these names.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, TypeAlias

from core.domain.message import clean
from core.models.port import Block, Image, Thought, ToolCall, ToolResult

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.models.port import Document, ModelMessage, ModelRequest, Part, Tool

Json: TypeAlias = dict[str, Any]

_BREAKPOINTS = 4
"""How many cache breakpoints the API accepts."""
_MARK: Json = {"type": "ephemeral"}
_HOUR_MARK: Json = {"type": "ephemeral", "ttl": "1h"}


def prompt_of(request: ModelRequest) -> tuple[list[Json], list[Json]]:
    """Return the system prompt and the messages of a request."""
    # All breakpoints are alike, since those for an hour have to come before the others.
    mark = _HOUR_MARK if request.cache_hour else _MARK
    system = _params(request.system, mark)
    messages = [_message(message, mark) for message in request.messages]
    _limit_breakpoints(system, messages)
    return system, messages


def tools_of(request: ModelRequest) -> list[Json]:
    """Return the tools that a request offers."""
    return [_tool(tool) for tool in request.tools]


def choice_of(request: ModelRequest) -> Json:
    """Return how the tools may be used: one call at a time, or none any more."""
    if not request.may_call:
        return {"type": "none"}
    return {"type": "auto", "disable_parallel_tool_use": True}


def _tool(tool: Tool) -> Json:
    return {
        "name": tool.name,
        "description": tool.description,
        "input_schema": dict(tool.schema),
    }


def _message(message: ModelMessage, mark: Json) -> Json:
    return {"role": message.role, "content": _params(message.blocks, mark)}


def _params(parts: Iterable[Part], mark: Json) -> list[Json]:
    """Return the parts as the API expects them, without blank ones, which it refuses.

    `mark` is the cache breakpoint.
    """
    params: list[Json] = []
    for part in parts:
        if isinstance(part, Thought):  # it can have no breakpoint
            params.append(dict(part.content))
            continue
        if isinstance(part, Block) and not part.text.strip():
            if params and part.cache:
                params[-1]["cache_control"] = mark
            continue
        params.append(_param(part))
        if part.cache:
            params[-1]["cache_control"] = mark
    return params


def _param(part: Block | Image | Document | ToolCall | ToolResult) -> Json:
    if isinstance(part, Block):
        return {"type": "text", "text": clean(part.text)}
    if isinstance(part, ToolCall):
        given = dict(part.arguments or {})
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": given}
    if isinstance(part, ToolResult):
        return _result(part)
    return _media(part)


def _result(part: ToolResult) -> Json:
    result: Json = {
        "type": "tool_result",
        "tool_use_id": part.id,
        "content": [{"type": "text", "text": clean(part.text)}],
    }
    if part.is_error:
        result["is_error"] = True
    return result


def _media(part: Image | Document) -> Json:
    data = b64encode(part.data).decode()
    if isinstance(part, Image):
        kind = part.media_type
        return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}
    pdf: Json = {"type": "base64", "media_type": "application/pdf", "data": data}
    return {"type": "document", "source": pdf, "title": clean(part.name) or "a PDF"}


def _limit_breakpoints(system: list[Json], messages: list[Json]) -> None:
    """Keep the first breakpoint, which survives a compaction, and the last three."""
    blocks: list[Json] = [*system]
    for message in messages:
        blocks.extend(message["content"])
    marked = [block for block in blocks if "cache_control" in block]
    for block in marked[1 : 1 - _BREAKPOINTS]:
        del block["cache_control"]
