"""The passwords in an address: found, so that nobody sees them. Pure.

The address may be one that nothing can be reached by, so it is not parsed: what may be a password
counts as one, up to the last `@`.
"""

from __future__ import annotations

import re

_BEFORE_HOST = re.compile(r"(://[^:/?#@]*:)(.+)(?=@)", re.DOTALL)
_OPTION = re.compile(r"([?&][^=&#]*password=)([^&#]+)", re.IGNORECASE)
"""As in `?sentinel_password=`, or libpq's `?password=` and `?sslpassword=`."""


def passwords_in(url: str) -> tuple[str, ...]:
    """Return each password in an address, as it is written there."""
    return tuple(found[2] for form in (_BEFORE_HOST, _OPTION) for found in form.finditer(url))


def without_passwords(url: str) -> str:
    """Return an address as people may see it."""
    for form in (_BEFORE_HOST, _OPTION):
        url = form.sub(r"\1***", url)
    return url
