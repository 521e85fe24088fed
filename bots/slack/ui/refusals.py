"""Why Slack will not do what a person asked for, and who can repair it: in words for them. Pure.

Only for refusals that stay, however often a person asks; the others say to try again.
"""

from __future__ import annotations

from bots.slack.api import RefusedError

_APP = (
    "I have no right to that in this workspace ({code}). The person who runs me can give it to "
    "the app and reinstall it: “chatbot doctor” says which right is missing."
)
_RULES = "This workspace's rules don't let me write there. A workspace admin can change that."
_KIND = "This workspace takes no files of this kind. A workspace admin can allow them."
_LARGE = (
    "The file is larger than this workspace takes. The person who runs me can export the "
    "conversation with “chatbot export”."
)
_GONE = "Slack does not let me write to you directly: it says that your account can't be reached."
_WHY = {
    "access_denied": _APP,
    "missing_scope": _APP,
    "no_permission": _APP,
    "not_allowed_token_type": _APP,
    "team_access_not_granted": _APP,
    "blocked_file_type": _KIND,
    "slack_connect_blocked_file_type": _KIND,
    "file_uploads_disabled": "This workspace takes no files. A workspace admin can allow them.",
    "file_uploads_except_images_disabled": _KIND,
    "slack_connect_file_upload_sharing_blocked": (
        "Files can't be sent to people of your organisation from here. A workspace admin can allow "
        "them for Slack Connect."
    ),
    "file_upload_size_restricted": _LARGE,
    "storage_limit_reached": (
        "This workspace has no room left for files. A workspace admin can make some."
    ),
    "messages_tab_disabled": (
        "I can't write to you directly: my messages tab is off. The person who runs me can turn it "
        "on (api.slack.com/apps, App Home)."
    ),
    "not_in_channel": "I am not in that channel. Invite me there (/invite), and ask me again.",
    "channel_not_found": (
        "I can't see that channel. Invite me there (/invite), if you may, and ask me again."
    ),
    "is_archived": "That channel is archived, and takes no more messages until it is unarchived.",
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
    """Return why something is refused for good, as a sentence; empty where it may work later."""
    code = error.code if isinstance(error, RefusedError) else ""
    return _WHY.get(code, "").format(code=code)
