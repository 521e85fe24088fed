"""The keys under which posts are the same post again, as Discord's nonces. Pure.

A nonce has 25 characters at most and is enforced for "the past few minutes" (docs:
resources/message, "Create Message"): whoever posts with one that was used gets the first message
back. It tells nothing of the conversation: all of it is hashed.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from core.delivery.port import Form, PostKey

if TYPE_CHECKING:
    from core.delivery.port import DeliveryTarget

LENGTH = 25
_HASH = 12
_PIECES, _PARTS = 10**7, 10**4
"""More than an answer has of either; its number, form included, has `_HASH` digits."""
_PREVIEW, _PIECE, _NOTICE = "p", "a", "n"


def nonce_of(key: PostKey) -> str:
    """Return the nonce of a post under this key."""
    turn = _turn(key.thread, key.turn)
    if key.is_preview:
        return f"{turn}{_PREVIEW}{_hashed(key.token)}"
    number = (key.form * _PARTS + key.part) * _PIECES + key.piece
    return f"{turn}{_PIECE}{number:0{_HASH}d}"


def notice_nonce(name: str) -> str:
    """Return the nonce of something that is said outside of turns, once under its name."""
    return _NOTICE + _hashed(name, LENGTH - 1)


def key_of(nonce: str, where: DeliveryTarget, token: str) -> PostKey | None:
    """Return the key of a message with this nonce; None where it isn't of this turn.

    `token` is that of the lease whose previews we can name; all others are another's.
    """
    if len(nonce) != LENGTH or not nonce.startswith(_turn(where.thread, where.turn)):
        return None
    kind, part = nonce[_HASH], nonce[_HASH + 1 :]
    if kind == _PIECE and part.isdecimal():
        rest, piece = divmod(int(part), _PIECES)
        form, within = divmod(rest, _PARTS)
        known = Form(form) if form in tuple(Form) else Form.CUT
        return PostKey(where.thread, where.turn, piece=piece, form=known, part=within)
    if kind == _PREVIEW:
        mine = token if part == _hashed(token) else "another's"
        return PostKey(where.thread, where.turn, token=mine)
    return None


def _turn(thread: object, turn: str) -> str:
    return _hashed(f"{thread}\n{turn}")


def _hashed(text: str, length: int = _HASH) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:length]
