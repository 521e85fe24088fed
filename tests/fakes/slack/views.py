"""views.*: modals and home tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.slack.blocks import check_blocks
from tests.fakes.slack.call import Call, method
from tests.fakes.slack.model import SlackError, View

if TYPE_CHECKING:
    from tests.fakes.slack.model import Json

TRIGGER_LIFE = 3.0  # seconds (slack.md 2.7)
_TITLE, _PRIVATE = 24, 3_000  # docs: reference/views/modal-views


def _view(call: Call, kind: str) -> Json:
    """Return a view that may be shown (docs: reference/views, reference/methods/views.open)."""
    view = call.structure("view")
    if not isinstance(view, dict):
        raise SlackError.arguments("missing required field: view")
    if view.get("type") != kind:
        raise SlackError.arguments(f"invalid view type: {view.get('type')}")
    try:
        view["blocks"] = check_blocks(view.get("blocks"), call.slack.rules, view=True)
    except SlackError as error:  # views name it differently than messages do
        about = error.more.get("response_metadata", {})
        raise SlackError("invalid_arguments", response_metadata=about) from error
    if len(view.get("private_metadata", "")) > _PRIVATE:
        raise SlackError.arguments("private_metadata: must be less than 3001 characters")
    if kind == "modal":
        _check_modal(view)
    for block in view["blocks"]:
        block.setdefault("block_id", call.slack.new_id("b"))
    return view


def _check_modal(view: Json) -> None:
    """Check what only a modal has (docs: reference/views/modal-views)."""
    title = (view.get("title") or {}).get("text", "")
    if not 0 < len(title) <= _TITLE:
        raise SlackError.arguments("title: must be 1 to 24 characters")
    asks = any(block["type"] == "input" for block in view["blocks"])
    if asks and not view.get("submit"):
        raise SlackError.arguments("submit is required when an input block is within blocks")


def _exchanged(call: Call) -> str:
    """Use up a trigger and return whose it was (docs: reference/methods/views.open)."""
    trigger = call.text("trigger_id")
    if not trigger:
        raise SlackError.arguments("missing required field: trigger_id")
    found = call.slack.triggers.get(trigger)
    if found is None:
        raise SlackError("invalid_trigger_id")
    born, user = found
    if not user:
        raise SlackError("exchanged_trigger_id")
    if call.slack.now() - born > TRIGGER_LIFE:
        raise SlackError("expired_trigger_id")
    call.slack.triggers[trigger] = (born, "")
    return user


def _answer(call: Call, view: View) -> Json:
    call.slack.touch()
    return {"view": view.payload(call.install.team, call.slack.app_id)}


@method("views.open", tier=4)
def open_view(call: Call) -> Json:
    """Show a modal to who did something within the last three seconds."""
    return _opened(call, pushed=False)


@method("views.push", tier=4)
def push_view(call: Call) -> Json:
    """Put a modal on top of another (docs: reference/methods/views.push)."""
    return _opened(call, pushed=True)


def _opened(call: Call, *, pushed: bool) -> Json:
    body = _view(call, "modal")
    user = _exchanged(call)
    open_ = [v for v in call.slack.views.values() if v.user == user and v.body["type"] == "modal"]
    below = open_[-1] if pushed and open_ else None
    view = View(call.slack.new_id("V"), user, body, call.slack.stamp(), below)
    call.slack.views[view.id] = view
    return _answer(call, view)


@method("views.update", tier=4)
def update_view(call: Call) -> Json:
    """Replace an open modal (docs: reference/methods/views.update)."""
    body = _view(call, "modal")
    known, external = call.text("view_id"), call.text("external_id")
    found = call.slack.views.get(known)
    if found is None and external:
        views = call.slack.views.values()
        found = next((v for v in views if v.body.get("external_id") == external), None)
    if found is None:
        raise SlackError("not_found")
    if call.text("hash", found.hash) != found.hash:
        raise SlackError("hash_conflict")
    found.body, found.hash = body, call.slack.stamp()
    return _answer(call, found)


@method("views.publish", tier=4)
def publish(call: Call) -> Json:
    """Fill a person's home tab (docs: reference/methods/views.publish)."""
    user = call.required("user_id")
    if user not in call.slack.users:
        raise SlackError("user_not_found")
    body = _view(call, "home")
    found = call.slack.homes.get(user)
    if found is not None and call.text("hash", found.hash) != found.hash:
        raise SlackError("hash_conflict")
    known = found.id if found else call.slack.new_id("V")
    view = View(known, user, body, call.slack.stamp())
    call.slack.homes[user] = call.slack.views[view.id] = view
    return _answer(call, view)
