"""agents.sessions.*, and assistant.threads.* of the legacy pane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.slack.call import Call, method
from tests.fakes.slack.model import SlackError

if TYPE_CHECKING:
    from tests.fakes.slack.model import Channel, Json

STATUSES = ("active", "processing", "suspended", "closed")  # slack.md 2.6
TITLE, PROMPTS, LOADING = 200, 4, 10  # slack.md 2.4
_NO_STOP = "missing_agent_session_stopped_event_subscription"


def _session(call: Call) -> tuple[Channel, str]:
    """Return where a session is, or is to be.

    "Only apps declared as agents in the app settings can create sessions" (docs:
    ai/agent-sessions); no page names the error for others, so it is that of `rename`.
    """
    if not call.slack.agent:
        raise SlackError("not_authorized")
    return _thread(call, missing="thread_ts_required")


def _thread(call: Call, *, missing: str) -> tuple[Channel, str]:
    """Return where a session is (docs: reference/methods/agents.sessions.setStatus)."""
    channel = call.channel("channel_id")
    if call.bot not in channel.members:
        raise SlackError("not_authorized")
    thread = call.text("thread_ts")
    if not thread:
        raise SlackError(missing)
    if thread not in channel.messages:
        raise SlackError("thread_not_found")
    return channel, thread


@method("agents.sessions.setStatus", "chat:write")
def set_status(call: Call) -> Json:
    """Set the session's status, one of four words (docs: agents.sessions.setStatus)."""
    status = call.required("status")
    title = call.text("title")
    if status not in STATUSES:
        raise call.broken(
            "status-words", response_metadata={"messages": ["[ERROR] invalid status"]}
        )
    if len(title) > TITLE:
        raise SlackError.arguments("title is too long")
    channel, thread = _session(call)
    who = call.text("initiator_user_id")
    if who and who not in channel.members:
        raise SlackError("user_not_found")
    new = (channel.id, thread) not in call.slack.sessions
    session = call.slack.set_session(channel, thread, status)
    if new:  # ignored later
        session.title = title
        call.slack.touch()
    answer: Json = {"status": status, "agent_status": status, "title": session.title}
    if "agent_session_stopped" not in call.slack.events:
        answer |= {"warning": _NO_STOP, "response_metadata": {"warnings": [_NO_STOP]}}
    return answer


@method("agents.sessions.rename", "chat:write")
def rename(call: Call) -> Json:
    """Give the session a title (docs: reference/methods/agents.sessions.rename).

    What is no session yet is `not_authorized`, though the page says `session_not_found` (measured:
    github.com/agentconnect-md/agentconnect, pull request 1600).
    """
    title = call.required("title")
    if len(title) > TITLE:
        raise SlackError.arguments("title is too long")
    channel, thread = _session(call)
    session = call.slack.sessions.get((channel.id, thread))
    if session is None:
        raise SlackError("not_authorized")
    session.title = title
    call.slack.touch()
    return {"title": title}


@method("assistant.threads.setStatus", "chat:write", "assistant:write")
def set_text(call: Call) -> Json:
    """Show a free text for two minutes or until the next reply; an empty one ends it.

    Docs: reference/methods/assistant.threads.setStatus.
    """
    call.required("channel_id")
    if "status" not in call.args:
        raise SlackError.arguments("missing required field: status")
    messages = call.structure("loading_messages") or []
    if len(messages) > LOADING:
        raise SlackError.arguments("loading_messages: no more than 10 items allowed")
    channel, thread = _thread(call, missing="invalid_arguments")
    call.slack.statuses[channel.id, thread] = (call.text("status"), call.slack.now())
    call.slack.touch()
    return {}


@method("assistant.threads.setTitle", "assistant:write", tier=4)
def set_title(call: Call) -> Json:
    """Give a thread of the legacy pane a title."""
    title = call.required("title")
    channel, thread = _thread(call, missing="invalid_arguments")
    call.slack.titles[channel.id, thread] = title
    call.slack.touch()
    return {}


@method("assistant.threads.setSuggestedPrompts", "assistant:write", tier=4)
def set_prompts(call: Call) -> Json:
    """Offer prompts (docs: reference/methods/assistant.threads.setSuggestedPrompts).

    In the agent container they go into no thread: with one, the page says, the call "will
    silently fail".
    """
    channel = call.channel("channel_id", member=True)
    prompts = call.structure("prompts")
    if not isinstance(prompts, list) or not 0 < len(prompts) <= PROMPTS:
        raise SlackError.arguments("prompts: must be 1 to 4")
    for prompt in prompts:
        if not (prompt.get("title") and prompt.get("message")):
            raise SlackError.arguments("prompts: title and message are required")
    thread = call.text("thread_ts") or None
    if thread and thread not in channel.messages:
        raise SlackError("thread_not_found")
    if thread and call.slack.agent:
        return {}
    call.slack.prompts[channel.id, thread] = {"title": call.text("title"), "prompts": prompts}
    call.slack.touch()
    return {}
