"""views.*: modals and home tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.slack.call import Call, method
from tests.fakes.slack.model import SlackError, View
from tests.fakes.slack.view_rules import checked_view, labelled

if TYPE_CHECKING:
    from tests.fakes.slack.model import Json

TRIGGER_LIFE = 3.0  # seconds (slack.md 2.7)
_STACKED = 3  # modals on top of each other (docs: surfaces/modals)


def _view(call: Call, kind: str) -> Json:
    """Return a view that may be shown (docs: reference/views, reference/methods/views.open)."""
    return checked_view(call.slack, call.structure("view"), kind)


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
    """Show a modal, alone or on top (docs: reference/methods/views.open and views.push)."""
    body = _view(call, "modal")
    user = _exchanged(call)
    open_ = [v for v in call.slack.views.values() if v.user == user and v.body["type"] == "modal"]
    below = open_[-1] if pushed and open_ else None
    if pushed and len(open_) >= _STACKED:
        raise SlackError("push_limit_reached")
    named = body.get("external_id")
    if named and any(v.body.get("external_id") == named for v in call.slack.views.values()):
        raise SlackError("duplicate_external_id")
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
    before, after = labelled(found.body), labelled(body)
    # What was entered stays in a field that keeps its ids (docs: surfaces/modals).
    stays = {n for n in before.keys() & after.keys() if _ids(before[n]) == _ids(after[n])}
    found.entered = {name: text for name, text in found.entered.items() if name in stays}
    found.body, found.hash, found.errors = body, call.slack.stamp(), {}
    return _answer(call, found)


def _ids(block: Json) -> tuple[str, str]:
    return block["block_id"], block["element"]["action_id"]


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
