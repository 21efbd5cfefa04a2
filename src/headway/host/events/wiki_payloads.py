"""What each event of Confluence tells: one table, from the event to what makes its body.

The members are those of the host source of 2016, with account ids where names
and keys of users were ("Webhooks", Confluence; the names of the members since
then: ``userAccountId``, ``creatorAccountId``, ``lastModifierAccountId``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from headway.host.events.payloads import Json, Occasion, Telling, of_app
from headway.host.world import Change, Content, Space
from headway.host.world.wiki import ContentKind

__all__ = ["CONFLUENCE"]

MEMBERS = {ContentKind.PAGE: "page", ContentKind.BLOG_POST: "blog", ContentKind.COMMENT: "comment"}


def of_content(telling: Telling, change: Change) -> Occasion:
    """A page, a blog post or a comment was made, changed, binned, brought back or removed."""
    content = change.after or change.before
    shape = _content(telling, content)
    body = {**_who(telling, change), MEMBERS[content.kind]: shape}
    if change.event.endswith("_updated"):
        body["updateTrigger"] = "edit_page"
    return Occasion(body, _variables(telling, content))


def of_file(telling: Telling, change: Change) -> Occasion:
    """A file on a page was uploaded, replaced, binned or removed."""
    content = change.after or change.before
    container = telling.world.wiki.content(content.container_id)
    body = {**_who(telling, change), "attachments": [_file(telling, content)]}
    if container is not None:
        body["attachedTo"] = _content(telling, container)
    return Occasion(body, _variables(telling, container or content))


def of_label(telling: Telling, change: Change) -> Occasion:
    """A label was put on content, or taken off."""
    label = change.after or change.before
    labelled = telling.world.wiki.content(label.content_id)
    self = f"{telling.wiki_url}/label/{label.name}"
    body = {**_who(telling, change), "label": {"name": label.name, "title": label.name}}
    body["label"]["self"] = self
    if labelled is None:
        return Occasion(body)
    body["labeled"] = {
        **_content(telling, labelled),
        "labels": [{"name": each.name} for each in telling.world.marks.labels(labelled.id)],
    }
    return Occasion(body, _variables(telling, labelled))


def of_space(telling: Telling, change: Change) -> Occasion:
    """A space was made, changed or removed."""
    space: Space = change.after or change.before
    shape = {
        "key": space.key,
        "title": space.name,
        "description": space.description,
        "isPersonalSpace": False,
        "self": f"{telling.wiki_url}/spaces/{space.key}",
        "creatorAccountId": space.author,
        "creationDate": space.created * 1000,
        **({"homePage": {"id": space.homepage_id}} if space.homepage_id else {}),
    }
    return Occasion({**_who(telling, change), "space": shape}, {"space.key": space.key})


def of_user(telling: Telling, change: Change) -> Occasion:
    """Somebody came, went, or was deactivated."""
    user = change.after or change.before
    profile = {"accountId": user.account_id, "fullName": user.display_name}
    return Occasion({**_who(telling, change), "userProfile": profile})


CONFLUENCE: Mapping[str, Callable[[Telling, Change], Occasion]] = {
    **{
        f"{kind}_{what}": of_content
        for kind in ("page", "blog", "comment")
        for what in ("created", "updated", "trashed", "restored", "removed")
    },
    "page_moved": of_content,
    **{
        f"attachment_{what}": of_file
        for what in ("created", "updated", "trashed", "restored", "removed")
    },
    "label_added": of_label,
    "label_removed": of_label,
    "label_created": of_label,
    "label_deleted": of_label,
    "space_created": of_space,
    "space_updated": of_space,
    "space_removed": of_space,
    "user_created": of_user,
    "user_removed": of_user,
    "user_deactivated": of_user,
    "user_reactivated": of_user,
    "connect_addon_enabled": of_app,
    "connect_addon_disabled": of_app,
}
"""The events of Confluence, each with what makes its body; there are no webhooks with JQL."""


def _who(telling: Telling, change: Change) -> Json:
    if not change.author:
        return {}
    kind = telling.shapes.person(change.author)["accountType"]
    return {"userAccountId": change.author, "accountType": kind}


def _space_key(telling: Telling, content: Content) -> str:
    space = telling.world.spaces.space_by_id(content.space_id)
    return space.key if space else ""


def _content(telling: Telling, content: Content) -> Json:
    key = _space_key(telling, content)
    shape = {
        "id": content.id,
        "idAsString": str(content.id),
        "title": content.title,
        "contentType": str(content.kind),
        "spaceKey": key,
        "version": content.version,
        "creatorAccountId": content.author,
        "lastModifierAccountId": content.editor,
        "creationDate": content.created * 1000,
        "modificationDate": content.updated * 1000,
        "self": f"{telling.wiki_url}/spaces/{key}/pages/{content.id}",
    }
    container = telling.world.wiki.content(content.container_id) if content.container_id else None
    if container is not None:
        shape["parent"] = _content(telling, container)
    if content.kind is ContentKind.COMMENT and content.parent_id is not None:
        shape["inReplyTo"] = {"id": content.parent_id}
    return shape


def _file(telling: Telling, content: Content) -> Json:
    kept = telling.world.wiki.file(content)
    path = f"download/attachments/{content.container_id}/{content.title}"
    return {
        "id": content.id,
        "fileName": content.title,
        "version": content.version,
        "comment": content.message,
        "fileSize": kept.size if kept else 0,
        "creatorAccountId": content.author,
        "lastModifierAccountId": content.editor,
        "creationDate": content.created * 1000,
        "modificationDate": content.updated * 1000,
        "self": f"{telling.wiki_url}/{path}",
    }


def _variables(telling: Telling, content: Content) -> dict[str, str]:
    values = {
        "content.id": str(content.id),
        "content.type": str(content.kind),
        "content.version": str(content.version),
        "space.key": _space_key(telling, content),
    }
    member = MEMBERS.get(content.kind)
    return {**values, **({f"{member}.id": str(content.id)} if member else {})}
