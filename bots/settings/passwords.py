"""Finds the passwords in an address, so that they can be hidden. Pure.

The address may be malformed, so it is not parsed: anything that may be a password, up to the last
`@`, counts as one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types

if TYPE_CHECKING:
    from collections.abc import Iterator

_USER = regex.compile(r"://[^:/?#@]*+:")
_OPTION = regex.compile(r"[?&][^=&#?]*+(?<=password)=([^&#]++)", regex.IGNORECASE)
"""As in `?sentinel_password=`, or libpq's `?password=` and `?sslpassword=`."""


def passwords_in(url: str) -> tuple[str, ...]:
    """Return each password in an address, as it is written there."""
    return tuple(url[start:end] for start, end in _spans(url))


def without_passwords(url: str) -> str:
    """Return an address with its passwords replaced by ***."""
    shown, seen = "", 0
    for start, end in sorted(_spans(url)):
        if start >= seen:
            shown += f"{url[seen:start]}***"
        seen = max(seen, end)
    return shown + url[seen:]


def _spans(url: str) -> Iterator[tuple[int, int]]:
    """Yield the span of each password: before the host, and in options."""
    last = url.rfind("@")
    before = next((user.end() for user in _USER.finditer(url, 0, last + 1)), last)
    if before < last:
        yield before, last
    yield from (option.span(1) for option in _OPTION.finditer(url))
