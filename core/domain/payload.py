"""What stands in a payload under a name, if it is of the kind that it should be. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST = 2**53
"""Whole numbers up to it are exact wherever JSON goes."""


def str_of(of: Mapping[str, Any], key: str) -> str:
    """Return a text; empty where there is none."""
    value = of.get(key)
    return value if isinstance(value, str) else ""


def dict_of(of: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return an object; empty where there is none."""
    value = of.get(key)
    return value if isinstance(value, dict) else {}


def dicts_of(of: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the objects of a list; empty where there is none."""
    value = of.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def count_of(of: Mapping[str, Any], key: str) -> int:
    """Return a number of things; 0 where there is none, or one that nobody can have counted."""
    value = of.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if 0 <= value <= _MOST else 0
