"""The conditions that a host answers by itself, by name ("Conditions", Jira and Confluence).

Others are addresses of the app.  A name that a host does not know never holds,
so that what it stands on is never shown, and nothing says why.
"""

from __future__ import annotations

__all__ = ["CONDITION_NAMES"]

_PROPERTIES = frozenset(
    f"{thing}_property_{how}"
    for thing in ("addon", "content", "entity", "space")
    for how in (
        *("exists", "equal_to", "equal_to_context", "contains_any", "contains_all"),
        *("contains_context", "contains_any_user_group"),
    )
)
_BOTH = frozenset(
    {
        *("addon_is_licensed", "feature_flag"),
        *("user_is_admin", "user_is_logged_in", "user_is_sysadmin"),
    }
)
_JIRA = frozenset(
    {
        *("can_attach_file_to_issue", "can_manage_attachments", "can_use_application"),
        *("has_global_permission", "has_issue_permission", "has_permission"),
        *("has_project_permission", "has_selected_project", "has_sub_tasks_available"),
        *("has_voted_for_issue", "is_admin_mode", "is_issue_assigned_to_current_user"),
        *("is_issue_editable", "is_issue_reported_by_current_user", "is_issue_unresolved"),
        *("is_sub_task", "linking_enabled", "project_type", "sub_tasks_enabled"),
        *("time_tracking_enabled", "user_has_issue_history", "user_is_project_admin"),
        *("user_is_the_logged_in_user", "voting_enabled", "watching_enabled"),
    }
)
_WIKI = frozenset(
    {
        *("create_content", "has_attachment", "has_blog_post", "has_page", "has_space"),
        *("has_template", "latest_version", "not_personal_space", "printable_version"),
        *("showing_page_attachments", "space_function_permission", "threaded_comments"),
        *("tiny_url_supported", "user_can_use_confluence", "user_is_confluence_administrator"),
        *("user_logged_in_editable", "viewing_content", "viewing_own_profile"),
    }
)
CONDITION_NAMES = _PROPERTIES | _BOTH | _JIRA | _WIKI
"""All of them, of both products; which of them the local site answers is its own table."""
