"""Keys of posts as Slack stores them: metadata that names the turn, and the part of its answer.

Any app in the workspace can read a message's metadata, so it says nothing about the conversation:
the turn is a hash, the lease's token is random. A stream can't have metadata before it ends, so a
message of ours without any is one that was never finished. Pure.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from core.delivery.port import AS_FILE, Form, PostKey
from core.domain.payload import count_of, dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.delivery.port import DeliveryTarget

REPLY = "chatbot_reply"
NOTICE = "chatbot_notice"
"""The metadata's type on messages outside of turns; read-back ignores them."""


def mark(key: PostKey) -> dict[str, Any]:
    """Return the metadata for a post under this key."""
    part: dict[str, Any] = {"token": key.token} if key.is_preview else {"piece": key.piece}
    if key.form is not Form.CUT:
        part |= {"form": int(key.form), "part": key.part}
    return {"event_type": REPLY, "event_payload": {"turn": _turn(key.thread, key.turn), **part}}


def notice(name: str = "") -> dict[str, Any]:
    """Return the metadata for a message outside of turns; a name lets it be found again."""
    return {"event_type": NOTICE, "event_payload": {"name": _hashed(name)}}


def file_name(target: DeliveryTarget) -> str:
    """Return the name of the file with a turn's whole answer, by which it is found again."""
    return f"answer-{_turn(target.thread, target.turn)[:12]}.md"


def key_of(message: Mapping[str, Any], target: DeliveryTarget, *, unmarked: str) -> PostKey | None:
    """Return the key of a message of ours; None if it does not belong to this turn.

    `unmarked` is the token of the lease that messages without metadata belong to; if empty, they
    belong to none. A file's message can't have metadata, and is never a preview.
    """
    if files := dicts_of(message, "files"):
        ours = any(str_of(file, "name") == file_name(target) for file in files)
        return PostKey(target.thread, target.turn, piece=AS_FILE) if ours else None
    if not message.get("metadata"):
        return PostKey(target.thread, target.turn, token=unmarked) if unmarked else None
    metadata = dict_of(message, "metadata")
    payload = dict_of(metadata, "event_payload")
    if metadata.get("event_type") != REPLY or payload.get("turn") != _turn(
        target.thread, target.turn
    ):
        return None
    if "piece" in payload:
        return _piece_key(payload, target)
    return PostKey(target.thread, target.turn, token=str_of(payload, "token"))


def _piece_key(payload: Mapping[str, Any], target: DeliveryTarget) -> PostKey | None:
    piece, form = payload["piece"], payload.get("form", Form.CUT)
    if not isinstance(piece, int) or piece < 0 or form not in tuple(Form):
        return None
    part = count_of(payload, "part")
    return PostKey(target.thread, target.turn, piece=piece, form=Form(form), part=part)


def _turn(thread: object, turn: str) -> str:
    return _hashed(f"{thread}\n{turn}")


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
