"""Which of the bot's messages belong to a turn, and which piece of its answer each is. Pure.

If Discord shows a message's nonce, that tells; its docs do not say whether history shows it. Else
a preview and the first piece are recognised by the message that they reply to, and the pieces after
the first by their text. Posts beside answers are silent, so they are none of these. If the answer's
text is not known, only a message that can belong to no other turn counts as a piece, because it may
be deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bots.discord.inbound.people import WRITTEN
from bots.discord.outbound.format import is_preview
from bots.discord.outbound.post_keys import key_of
from core.delivery.port import AS_FILE, Posted, PostKey
from core.domain.payload import count_of, dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.delivery.port import DeliveryTarget

SILENT = 1 << 12
"""The flag SUPPRESS_NOTIFICATIONS (docs: resources/message, "Message Flags")."""


def is_ours(payload: Mapping[str, Any], me: str) -> bool:
    """Return whether the bot posted a message itself, rather than as the answer to a command."""
    by_me = str_of(dict_of(payload, "author"), "id") == me
    return by_me and payload.get("type") in WRITTEN


def is_silent(payload: Mapping[str, Any]) -> bool:
    """Return whether a message of the bot's was posted beside answers."""
    return bool(count_of(payload, "flags") & SILENT)


def find(
    found: Sequence[Mapping[str, Any]], target: DeliveryTarget, *, token: str, replies: bool
) -> tuple[Posted, ...]:
    """Return a turn's messages among those of the bot's after its trigger, oldest first.

    Args:
        found: The bot's messages, oldest first, without silent ones.
        target: The turn; with the pieces of its answer, if they are recorded.
        token: The lease whose preview an unfinished message is.
        replies: Whether the turn's first message is a reply to the trigger.
    """
    if any(str_of(each, "nonce") for each in found):
        by_nonce = (_by_nonce(each, target, token) for each in found)
        return tuple(posted for posted in by_nonce if posted)
    mine = _from_first_reply(found, target) if replies else found
    return _by_text(mine, target, token, certain=_certain(mine, target, replies=replies))


def _by_nonce(payload: Mapping[str, Any], target: DeliveryTarget, token: str) -> Posted | None:
    key = key_of(str_of(payload, "nonce"), target, token)
    if key is None:
        return None
    if key.is_preview and not is_preview(str_of(payload, "content")):
        key = PostKey(target.thread, target.turn, piece=0)  # a preview is edited into this piece
    return Posted(str_of(payload, "id"), key, _text(payload, target.pieces))


def _from_first_reply(
    found: Sequence[Mapping[str, Any]], target: DeliveryTarget
) -> Sequence[Mapping[str, Any]]:
    """Return the messages beginning with the first that replies to the trigger.

    Those before it answer an earlier message, while this turn was waiting.
    """
    for index, each in enumerate(found):
        if _replied_to(each) == target.trigger:
            return found[index:]
    return ()


def _certain(found: Sequence[Mapping[str, Any]], target: DeliveryTarget, *, replies: bool) -> int:
    """Return how many of these messages, from the first one, can belong to no other turn.

    A requeued message is followed by its earlier answer, and by whatever came since. A message
    that opens its thread is mostly the first to be answered there; if not, replies come before.
    """
    if target.turn != target.trigger:
        return 0
    others = (n for n, each in enumerate(found) if not replies and _replied_to(each))
    return next(others, len(found))


def _replied_to(payload: Mapping[str, Any]) -> str:
    return str_of(dict_of(payload, "message_reference"), "message_id")


def _by_text(
    found: Sequence[Mapping[str, Any]], target: DeliveryTarget, token: str, *, certain: int
) -> tuple[Posted, ...]:
    posted: list[Posted] = []
    left = list(range(len(target.pieces)))
    for index, each in enumerate(found):
        text = _text(each, target.pieces)
        if is_preview(text):
            key = PostKey(target.thread, target.turn, token=token or "another's")
        elif index >= certain and not target.pieces:
            continue
        elif dicts_of(each, "attachments"):
            if index >= certain and not posted:
                continue
            key = PostKey(target.thread, target.turn, piece=AS_FILE)
        else:
            piece = _piece(text, target, left, len(posted))
            if piece is None:
                continue
            key = PostKey(target.thread, target.turn, piece=piece)
        posted.append(Posted(str_of(each, "id"), key, text))
    return tuple(posted)


def _piece(text: str, target: DeliveryTarget, left: list[int], count: int) -> int | None:
    """Return which piece a text is; one more copy counts as the last piece that it can be."""
    if not target.pieces:
        return count
    same = [index for index, piece in enumerate(target.pieces) if piece == text]
    new = [index for index in same if index in left]
    if new:
        left.remove(new[0])
        return new[0]
    return same[-1] if same else None


def _text(payload: Mapping[str, Any], pieces: Sequence[str]) -> str:
    """Return a message's text as the piece that it is: Discord strips white space around it."""
    content = str_of(payload, "content").strip()
    return next((piece for piece in pieces if piece.strip() == content), content)
