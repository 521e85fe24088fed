"""Where attachments are, in addresses that are signed and expire (discord.md 2)."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fakes.discord.model import File, Json
    from tests.fakes.discord.state import State

_SECRET = b"the fake's own content delivery network"


def signed(state: State, file: File) -> str:
    """Return an address that is good for a while (discord.md 2, "Attachment URLs")."""
    path = f"/attachments/{file.channel}/{file.id}/{file.name}"
    until, since = f"{int(state.now() + state.cdn_life):x}", f"{int(state.now()):x}"
    return f"{state.url}{path}?ex={until}&is={since}&hm={signature(path, until, since)}&"


def signature(path: str, until: str, since: str) -> str:
    """Return what proves an address to be ours."""
    return hmac.new(_SECRET, f"{path} {until} {since}".encode(), hashlib.sha256).hexdigest()


def file_json(state: State, file: File, *, ephemeral: bool = False) -> Json:
    """Return an attachment with an address that is good from now on."""
    url = file.address or signed(state, file)
    found: Json = {
        "id": file.id,
        "filename": file.name,
        "size": len(file.data),
        "url": url,
        "proxy_url": url,
        "content_type": file.mimetype,
    }
    found |= file.facts
    if file.description:
        found["description"] = file.description
    return found | {"ephemeral": True} if ephemeral else found
