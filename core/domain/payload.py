"""Typed access to the fields of a JSON payload; a field of another type counts as missing. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST = 2**53
"""Integers up to this are exact in every implementation of JSON."""


def str_of(of: Mapping[str, Any], key: str) -> str:
    """Return a string; empty if there is none."""
    value = of.get(key)
    return value if isinstance(value, str) else ""


def dict_of(of: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return an object; empty if there is none."""
    value = of.get(key)
    return value if isinstance(value, dict) else {}


def dicts_of(of: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the objects of a list; empty if there is none."""
    value = of.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def count_of(of: Mapping[str, Any], key: str) -> int:
    """Return a count; 0 if there is none, or if it is no possible count."""
    value = of.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if 0 <= value <= _MOST else 0
