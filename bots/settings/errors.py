"""Says in sentences what is wrong with settings; quotes nothing that may be secret."""

from __future__ import annotations

import difflib
import logging
import os
import re
import types
import typing
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from annotated_types import Ge, Gt, Le, MaxLen
from dotenv.parser import parse_stream
from pydantic import SecretStr

if TYPE_CHECKING:
    from pathlib import Path

    from dotenv.parser import Binding
    from pydantic import ValidationError
    from pydantic.fields import FieldInfo
    from pydantic_settings import BaseSettings

_NAME = re.compile(r"[a-z_][a-z0-9_.-]*", re.IGNORECASE)
_END = re.compile(r"\r\n|\n|\r")
_HIDDEN = re.compile(r"[\v\f\x1c-\x1e\x85\u2028\u2029]\s*(?:export\s+)?[A-Z_][A-Z0-9_]*=")
"""Another setting behind what an editor shows as a line end, and the parser does not."""
_LINES = 5
"""The most lines that are named."""
_WRITE = (
    "Write NAME=value, one on each line, with quotes around a value of several lines or with "
    "quotes in it."
)
_NUMBERS = {int: "a whole number", float: "a number"}
_SHOWN = 60
"""Characters to quote of a wrong value."""


def names_of(settings: type[BaseSettings]) -> dict[str, str]:
    """Return for each field the name of its environment variable."""
    prefix = settings.model_config["env_prefix"]
    return {
        field: str(info.validation_alias or f"{prefix}{field}".upper())
        for field, info in settings.model_fields.items()
    }


def faults_of(settings: type[BaseSettings], error: ValidationError) -> list[str]:
    """Return a sentence for each field that has a wrong value."""
    names = names_of(settings)
    fields = {name: settings.model_fields[field] for field, name in names.items()}
    faults = []
    for fault in error.errors(include_url=False, include_context=True):
        field = str(fault["loc"][0])
        name = names.get(field, field)
        own = fault["type"] == "value_error"
        what = str(fault["ctx"]["error"]) if own else _is(fields[name], fault["input"])
        faults.append(f"{name} {what}: use {_wanted(fields[name])}.")
    return faults


def unknown_names(settings: type[BaseSettings], env_file: Path) -> list[str]:
    """Return a sentence for each variable with our prefix that is not a setting.

    A file that can't be read, and lines in it that can't, are sentences as well.
    """
    prefix = settings.model_config["env_prefix"]
    known = sorted(names_of(settings).values())
    names = {name.upper() for name in os.environ}
    try:
        in_file, faults = _in_file(env_file)
    except (OSError, UnicodeDecodeError):
        return [
            f"{env_file} can't be read. Make it a UTF-8 text file that you have permission to read."
        ]
    names |= {name.upper() for name in in_file}
    ours = (name for name in names if _as_named(name).startswith(prefix))
    unknown = (name for name in ours if name not in known)
    return [*faults, *(_unknown(name, known) for name in sorted(unknown))]


def _as_named(name: str) -> str:
    """Return a name with the signs that people write for an underscore in its place."""
    return name.replace("-", "_").replace(".", "_")


def _in_file(env_file: Path) -> tuple[list[str], list[str]]:
    """Return the names in a file, and a sentence on the lines that say nothing."""
    logging.getLogger("dotenv.main").disabled = True  # it would quote lines, including secrets
    if not env_file.exists() and not env_file.is_symlink():  # a link to nothing is a fault
        return [], []
    with env_file.open(encoding="utf-8", newline="") as file:
        bindings = list(parse_stream(file))
    lines = [_line_of(binding) for binding in bindings if _says_nothing(binding)]
    names = [binding.key for binding in bindings if binding.key and not _says_nothing(binding)]
    if not lines:
        return names, []
    which = (
        f"Line {lines[0]}" if len(lines) == 1 else f"Lines {', '.join(map(str, lines[:_LINES]))}"
    )
    more = " and more" if len(lines) > _LINES else ""
    return names, [f"{which}{more} of {env_file} can't be read. {_WRITE}"]


def _says_nothing(binding: Binding) -> bool:
    """Return whether a line sets nothing, though it is neither empty nor a comment."""
    if binding.error:
        return True
    return binding.key is not None and (
        binding.value is None
        or _HIDDEN.search(binding.value) is not None
        or _NAME.fullmatch(binding.key.removeprefix("export ")) is None
    )


def _line_of(binding: Binding) -> int:
    """Return the number of the line; the parser counts from the empty lines before it."""
    text = binding.original.string
    return binding.original.line + len(_END.findall(text[: len(text) - len(text.lstrip())]))


def _unknown(name: str, known: list[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0)[0]
    return f"{name} is not a setting. Did you mean {nearest}? Otherwise remove it."


def _is(field: FieldInfo, value: object) -> str:
    if field.annotation is SecretStr or not field.repr:
        return "can't be used"
    text = str(value)
    return f"is “{text}”" if len(text) <= _SHOWN else f"is “{text[:_SHOWN]}…”"


def _wanted(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "hint" in extra:
        return str(extra["hint"])
    kind = _kind(field.annotation)
    if kind in _NUMBERS:
        return f"{_NUMBERS[kind]}{_bounds(field)}{_default(field)}"
    if kind is bool:
        return f"true or false{_default(field)}"
    choices = _choices(kind)
    if choices:
        return f"one of {', '.join(choices)}{_default(field)}"
    most = next((limit.max_length for limit in field.metadata if isinstance(limit, MaxLen)), 0)
    return f"a text of 1 to {most:,} characters"


def _kind(annotation: Any) -> Any:  # noqa: ANN401 - any type
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return next(part for part in typing.get_args(annotation) if part is not type(None))
    return annotation


def _choices(kind: Any) -> tuple[str, ...]:  # noqa: ANN401 - any type
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return tuple(kind)
    return tuple(map(str, typing.get_args(kind)))


def _bounds(field: FieldInfo) -> str:
    low, high = "", ""
    for limit in field.metadata:
        if isinstance(limit, Ge):
            low = f" from {limit.ge}"
        elif isinstance(limit, Gt):
            low = f" above {limit.gt}"
        elif isinstance(limit, Le):
            high = f" to {limit.le}" if low.startswith(" from") else f" and at most {limit.le}"
    return low + high


def _default(field: FieldInfo) -> str:
    default = field.default
    return "" if default is None else f" (default {str(default).lower()})"
