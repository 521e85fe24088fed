"""Which messages of ours are those of a turn, and which piece of it each is. Pure.

Where Discord shows a message's nonce, that tells; what it shows in history is not documented. Else
a preview and the first piece are known by the message that they reply to, and the pieces behind
the first by their text. Posts beside answers are silent ones, so they are none of these. Where the
text is not known, only what can be no other turn's is taken for a piece: it may be deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bots.discord.outbound.format import is_preview
from bots.discord.outbound.post_keys import key_of
from core.delivery.port import AS_FILE, Posted, PostKey
from core.domain.payload import count_of, dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.delivery.port import DeliveryTarget

SILENT = 1 << 12
"""The flag SUPPRESS_NOTIFICATIONS (docs: resources/message, "Message Flags")."""
_WRITTEN = (0, 19)


def ours(payload: Mapping[str, Any], me: str) -> bool:
    """Tell whether a message is one that the bot itself has posted, beside commands."""
    by_me = str_of(dict_of(payload, "author"), "id") == me
    return by_me and payload.get("type") in _WRITTEN


def is_silent(payload: Mapping[str, Any]) -> bool:
    """Tell whether a message of ours was posted beside answers."""
    return bool(count_of(payload, "flags") & SILENT)


def find(
    found: Sequence[Mapping[str, Any]], where: DeliveryTarget, *, token: str, replies: bool
) -> tuple[Posted, ...]:
    """Return the messages of a turn among our own ones behind its trigger, oldest first.

    Args:
        found: Our own messages, oldest first, without the silent ones.
        where: The turn; with its pieces, where they are recorded.
        token: The lease whose preview an unfinished message is.
        replies: Whether its first message is a reply to the trigger.
    """
    if any(str_of(each, "nonce") for each in found):
        by_nonce = (_by_nonce(each, where, token) for each in found)
        return tuple(posted for posted in by_nonce if posted)
    mine = _behind(found, where) if replies else found
    return _by_text(mine, where, token, alone=_alone(mine, where, replies=replies))


def _by_nonce(payload: Mapping[str, Any], where: DeliveryTarget, token: str) -> Posted | None:
    key = key_of(str_of(payload, "nonce"), where, token)
    if key is None:
        return None
    if key.is_preview and not is_preview(str_of(payload, "content")):
        key = PostKey(where.thread, where.turn, piece=0)  # what a preview becomes at its end
    return Posted(str_of(payload, "id"), key, _text(payload, where.pieces))


def _behind(
    found: Sequence[Mapping[str, Any]], where: DeliveryTarget
) -> Sequence[Mapping[str, Any]]:
    """Return the messages from the first on that replies to the trigger.

    What comes before answers an earlier message, while this one was waiting already.
    """
    for index, each in enumerate(found):
        if _replied(each) == where.trigger:
            return found[index:]
    return ()


def _alone(found: Sequence[Mapping[str, Any]], where: DeliveryTarget, *, replies: bool) -> int:
    """Return how many of these messages, from the first on, can be no other turn's.

    Behind a message that was put in again stands what answered it, and what came since. A message
    that opens its thread is mostly the first to be answered there; else replies stand before.
    """
    if where.turn != where.trigger:
        return 0
    others = (n for n, each in enumerate(found) if not replies and _replied(each))
    return next(others, len(found))


def _replied(payload: Mapping[str, Any]) -> str:
    return str_of(dict_of(payload, "message_reference"), "message_id")


def _by_text(
    found: Sequence[Mapping[str, Any]], where: DeliveryTarget, token: str, *, alone: int
) -> tuple[Posted, ...]:
    posted: list[Posted] = []
    left = list(range(len(where.pieces)))
    for index, each in enumerate(found):
        text = _text(each, where.pieces)
        if is_preview(text):
            key = PostKey(where.thread, where.turn, token=token or "another's")
        elif index >= alone and not where.pieces:
            continue
        elif dicts_of(each, "attachments"):
            if index >= alone and not posted:
                continue
            key = PostKey(where.thread, where.turn, piece=AS_FILE)
        else:
            piece = _piece(text, where, left, len(posted))
            if piece is None:
                continue
            key = PostKey(where.thread, where.turn, piece=piece)
        posted.append(Posted(str_of(each, "id"), key, text))
    return tuple(posted)


def _piece(text: str, where: DeliveryTarget, left: list[int], count: int) -> int | None:
    """Return which piece a text is; a further copy is that of the last piece that it can be."""
    if not where.pieces:
        return count
    same = [index for index, piece in enumerate(where.pieces) if piece == text]
    new = [index for index in same if index in left]
    if new:
        left.remove(new[0])
        return new[0]
    return same[-1] if same else None


def _text(payload: Mapping[str, Any], pieces: Sequence[str]) -> str:
    """Return what a message says, as the piece that it is: Discord trims what it is given."""
    content = str_of(payload, "content").strip()
    return next((piece for piece in pieces if piece.strip() == content), content)
