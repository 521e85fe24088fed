"""Post keys as Discord's nonces: under the same nonce, a post is made only once. Pure.

A nonce has 25 characters at most and is enforced for "the past few minutes" (docs:
resources/message, "Create Message"): a post with a nonce that was used returns the first message.
Nonces reveal nothing about the conversation, since all of it is hashed.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from core.delivery.port import Form, PostKey

if TYPE_CHECKING:
    from core.delivery.port import DeliveryTarget

LENGTH = 25
"""Characters of each nonce, Discord's most."""
_HASH = 12
_PIECES, _PARTS = 10**7, 10**4
"""More than an answer has of either; the number of a post, form included, has `_HASH` digits."""
_PREVIEW, _PIECE, _NOTICE = "p", "a", "n"


def nonce_of(key: PostKey) -> str:
    """Return the nonce of a post with this key."""
    turn = _turn(key.thread, key.turn)
    if key.is_preview:
        return f"{turn}{_PREVIEW}{_hashed(key.token)}"
    number = (key.form * _PARTS + key.part) * _PIECES + key.piece
    return f"{turn}{_PIECE}{number:0{_HASH}d}"


def notice_nonce(name: str) -> str:
    """Return the nonce of a post outside of turns, which is made once under its name."""
    return _NOTICE + _hashed(name, LENGTH - 1)


def key_of(nonce: str, target: DeliveryTarget, token: str) -> PostKey | None:
    """Return the key of a message with this nonce; None if it is not of this turn.

    `token` is that of the lease whose previews can be named; all others are another lease's.
    """
    if len(nonce) != LENGTH or not nonce.startswith(_turn(target.thread, target.turn)):
        return None
    kind, part = nonce[_HASH], nonce[_HASH + 1 :]
    if kind == _PIECE and part.isdecimal():
        rest, piece = divmod(int(part), _PIECES)
        form, within = divmod(rest, _PARTS)
        known = Form(form) if form in tuple(Form) else Form.CUT
        return PostKey(target.thread, target.turn, piece=piece, form=known, part=within)
    if kind == _PREVIEW:
        mine = token if part == _hashed(token) else "another's"
        return PostKey(target.thread, target.turn, token=mine)
    return None


def _turn(thread: object, turn: str) -> str:
    return _hashed(f"{thread}\n{turn}")


def _hashed(text: str, length: int = _HASH) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:length]
