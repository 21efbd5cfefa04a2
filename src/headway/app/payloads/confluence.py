"""What Confluence tells of pages, blog posts, comments, files, labels, spaces and users.

The members are those of the host's source of 2016, with account ids where names
and keys of users were ("Webhooks", Confluence).  A payload does not name its event:
the address that it is sent to does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from headway.app.payloads.event import Event, Id, Text, Value

__all__ = ["EVENTS"]


# ---- the things -----------------------------------------------------------------------------


class Content(Value, frozen=True, kw_only=True):
    """A page, a blog post, a comment, or what holds one; dates are in ms since 1970."""

    id: Id
    title: str | None = None
    content_type: Text | None = None
    space_key: Text | None = None
    version: int | None = None
    creator_account_id: Text | None = None
    last_modifier_account_id: Text | None = None
    creation_date: int | None = None
    modification_date: int | None = None
    address: str | None = msgspec.field(name="self", default=None)


class Comment(Content, frozen=True, kw_only=True):
    """A comment: what it is on, and the comment that it answers."""

    parent: Content | None = None
    in_reply_to: Content | None = None


class Attachment(Value, frozen=True, kw_only=True):
    """A file; ``file_name`` is whatever somebody called it, and never a path."""

    id: Id
    file_name: str
    version: int | None = None
    comment: str | None = None
    file_size: int | None = None
    creator_account_id: Text | None = None
    creation_date: int | None = None
    modification_date: int | None = None


class Label(Value, frozen=True, kw_only=True):
    """A label."""

    name: Text
    title: str | None = None


class Space(Value, frozen=True, kw_only=True):
    """A space."""

    key: Text
    title: str | None = None
    description: str | None = None
    is_personal_space: bool | None = None
    creator_account_id: Text | None = None
    creation_date: int | None = None


class Profile(Value, frozen=True, kw_only=True):
    """A user."""

    account_id: Text | None = None
    full_name: str | None = None


# ---- the events -----------------------------------------------------------------------------


class ConfluenceEvent(Event, frozen=True, kw_only=True):
    """Something happened; ``user_account_id`` is who did it."""

    user_account_id: Text | None = None
    account_type: Text | None = None


class PageEvent(ConfluenceEvent, frozen=True, kw_only=True):
    """Something became of a page."""

    page: Content
    update_trigger: Text | None = None


class BlogEvent(ConfluenceEvent, frozen=True, kw_only=True):
    """Something became of a blog post."""

    blog: Content
    update_trigger: Text | None = None


class CommentEvent(ConfluenceEvent, frozen=True, kw_only=True):
    """Something became of a comment."""

    comment: Comment


class AttachmentEvent(ConfluenceEvent, frozen=True, kw_only=True):
    """Something became of files; ``attached_to`` holds them."""

    attachments: list[Attachment]
    attached_to: Content | None = None


class LabelEvent(ConfluenceEvent, frozen=True, kw_only=True):
    """Something became of a label; ``labeled`` is what bears it, or bore it."""

    label: Label
    labeled: Content | None = None


class SpaceEvent(ConfluenceEvent, frozen=True, kw_only=True):
    """Something became of a space."""

    space: Space


class UserEvent(ConfluenceEvent, frozen=True, kw_only=True):
    """Somebody came, went, or was deactivated."""

    user_profile: Profile


class PageCreated(PageEvent, frozen=True):
    """``page_created``."""


class PageUpdated(PageEvent, frozen=True):
    """``page_updated``."""


class PageMoved(PageEvent, frozen=True):
    """``page_moved``."""


class PageTrashed(PageEvent, frozen=True):
    """``page_trashed``."""


class PageRestored(PageEvent, frozen=True):
    """``page_restored``."""


class PageRemoved(PageEvent, frozen=True):
    """``page_removed``."""


class BlogCreated(BlogEvent, frozen=True):
    """``blog_created``."""


class BlogUpdated(BlogEvent, frozen=True):
    """``blog_updated``."""


class BlogTrashed(BlogEvent, frozen=True):
    """``blog_trashed``."""


class BlogRestored(BlogEvent, frozen=True):
    """``blog_restored``."""


class BlogRemoved(BlogEvent, frozen=True):
    """``blog_removed``."""


class CommentCreated(CommentEvent, frozen=True):
    """``comment_created``."""


class CommentUpdated(CommentEvent, frozen=True):
    """``comment_updated``."""


class CommentTrashed(CommentEvent, frozen=True):
    """``comment_trashed``."""


class CommentRestored(CommentEvent, frozen=True):
    """``comment_restored``."""


class CommentRemoved(CommentEvent, frozen=True):
    """``comment_removed``."""


class AttachmentCreated(AttachmentEvent, frozen=True):
    """``attachment_created``."""


class AttachmentUpdated(AttachmentEvent, frozen=True):
    """``attachment_updated``."""


class AttachmentTrashed(AttachmentEvent, frozen=True):
    """``attachment_trashed``."""


class AttachmentRestored(AttachmentEvent, frozen=True):
    """``attachment_restored``."""


class AttachmentRemoved(AttachmentEvent, frozen=True):
    """``attachment_removed``."""


class LabelAdded(LabelEvent, frozen=True):
    """``label_added``."""


class LabelRemoved(LabelEvent, frozen=True):
    """``label_removed``."""


class LabelCreated(LabelEvent, frozen=True):
    """``label_created``."""


class LabelDeleted(LabelEvent, frozen=True):
    """``label_deleted``."""


class SpaceCreated(SpaceEvent, frozen=True):
    """``space_created``."""


class SpaceUpdated(SpaceEvent, frozen=True):
    """``space_updated``."""


class SpaceRemoved(SpaceEvent, frozen=True):
    """``space_removed``."""


class UserCreated(UserEvent, frozen=True):
    """``user_created``."""


class UserRemoved(UserEvent, frozen=True):
    """``user_removed``: what the app keeps of this account has to go, too."""


class UserDeactivated(UserEvent, frozen=True):
    """``user_deactivated``."""


class UserReactivated(UserEvent, frozen=True):
    """``user_reactivated``."""


_Events: TypeAlias = Mapping[str, type[Event]]

_PAGES: _Events = {
    "page_created": PageCreated,
    "page_updated": PageUpdated,
    "page_moved": PageMoved,
    "page_trashed": PageTrashed,
    "page_restored": PageRestored,
    "page_removed": PageRemoved,
}
_BLOGS: _Events = {
    "blog_created": BlogCreated,
    "blog_updated": BlogUpdated,
    "blog_trashed": BlogTrashed,
    "blog_restored": BlogRestored,
    "blog_removed": BlogRemoved,
}
_COMMENTS: _Events = {
    "comment_created": CommentCreated,
    "comment_updated": CommentUpdated,
    "comment_trashed": CommentTrashed,
    "comment_restored": CommentRestored,
    "comment_removed": CommentRemoved,
}
_ATTACHMENTS: _Events = {
    "attachment_created": AttachmentCreated,
    "attachment_updated": AttachmentUpdated,
    "attachment_trashed": AttachmentTrashed,
    "attachment_restored": AttachmentRestored,
    "attachment_removed": AttachmentRemoved,
}
_OTHERS: _Events = {
    "label_added": LabelAdded,
    "label_removed": LabelRemoved,
    "label_created": LabelCreated,
    "label_deleted": LabelDeleted,
    "space_created": SpaceCreated,
    "space_updated": SpaceUpdated,
    "space_removed": SpaceRemoved,
    "user_created": UserCreated,
    "user_removed": UserRemoved,
    "user_deactivated": UserDeactivated,
    "user_reactivated": UserReactivated,
}
EVENTS: _Events = {**_PAGES, **_BLOGS, **_COMMENTS, **_ATTACHMENTS, **_OTHERS}
"""The events of Confluence with a type, by the name that a descriptor writes."""
