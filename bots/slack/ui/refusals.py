"""Explanations for people: why Slack refuses what they asked for, and who can fix it.

They are for permanent refusals; for others, people are asked to try again.
"""

from __future__ import annotations

from bots.slack.faults import RefusedError

_APP = (
    "I don't have permission for that in this workspace ({code}). The person who runs me can add "
    "it to the app and reinstall it; “chatbot doctor” says which permission is missing."
)
_RULES = "This workspace's rules don't let me write there. A workspace admin can change that."
_KIND = "This workspace does not allow files of this kind. A workspace admin can allow them."
_LARGE = (
    "The file is larger than this workspace allows. The person who runs me can export the "
    "conversation with “chatbot export”."
)
_GONE = "Slack does not let me send you direct messages: it says your account can't be reached."
_WHY = {
    "access_denied": _APP,
    "missing_scope": _APP,
    "no_permission": _APP,
    "not_allowed_token_type": _APP,
    "team_access_not_granted": _APP,
    "blocked_file_type": _KIND,
    "slack_connect_blocked_file_type": _KIND,
    "file_uploads_disabled": "This workspace allows no files. A workspace admin can allow them.",
    "file_uploads_except_images_disabled": _KIND,
    "slack_connect_file_upload_sharing_blocked": (
        "Files can't be sent to people of your organisation from here. A workspace admin can allow "
        "them for Slack Connect."
    ),
    "file_upload_size_restricted": _LARGE,
    "storage_limit_reached": (
        "This workspace has no storage left for files. A workspace admin can free some."
    ),
    "messages_tab_disabled": (
        "I can't send you direct messages: my messages tab is off. The person who runs me can turn "
        "it on (api.slack.com/apps, App Home)."
    ),
    "not_in_channel": "I am not in that channel. Invite me there (/invite) and ask me again.",
    "channel_not_found": (
        "I can't see that channel. If you can, invite me there (/invite) and ask me again."
    ),
    "is_archived": "That channel is archived. It has to be unarchived before I can write there.",
    "restricted_action": _RULES,
    "restricted_action_read_only_channel": _RULES,
    "restricted_action_thread_locked": _RULES,
    "restricted_action_thread_only_channel": _RULES,
    "restricted_action_non_threadable_channel": _RULES,
    "cannot_dm_bot": _GONE,
    "user_disabled": _GONE,
    "user_not_found": _GONE,
    "user_not_visible": _GONE,
    "users_not_found": _GONE,
}


def why(error: BaseException) -> str:
    """Return why something is refused for good, as a sentence; empty if it may work later."""
    code = error.code if isinstance(error, RefusedError) else ""
    return _WHY.get(code, "").format(code=code)
