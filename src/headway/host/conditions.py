"""When a module is shown: the host's conditions by name, in one table, and what apps are asked.

A condition that this site can not answer, and an app that does not answer, show
nothing: neither by themselves nor inverted.  Conditions are for looks, not for
protection ("Conditions"): whoever wants to keep something secret checks rights.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from headway.descriptor import Condition
from headway.errors import MalformedRequest
from headway.host.apps import Licence
from headway.host.scene import Scene
from headway.host.wire import NoAnswer
from headway.host.world.marks import of_content, of_space
from headway.host.world.wiki import ContentKind
from headway.model import Product

if TYPE_CHECKING:
    from headway.host.apps import App
    from headway.host.gate import Actor
    from headway.host.rights import Rights
    from headway.host.site import Site
    from headway.host.tenant import Tenant

__all__ = ["CONDITIONS", "Asked", "Remote", "hold"]

CACHE_SECONDS = 10.0
CACHE_MAX = 1000
REMOTE_SECONDS = 3.0


class Asked(NamedTuple):
    """Whom a condition is about, and where: a visitor who looks at a scene, and the app."""

    site: Site
    tenant: Tenant
    app: App
    scene: Scene
    actor: Actor


Check = Callable[[Asked, Mapping[str, str]], bool]


# ---- what the host knows --------------------------------------------------------------------


def _may(asked: Asked, permission: str) -> bool:
    """A permission in the project that is looked at; False without one."""
    project = asked.scene.project
    return project is not None and asked.site.rights.may(asked.actor, permission, project)


def _anywhere(asked: Asked, permission: str) -> bool:
    """A permission on the whole site."""
    rights: Rights = asked.site.rights
    return rights.may(asked.actor, permission)


def _permission(_: Asked, params: Mapping[str, str]) -> str:
    written = params.get("permission", "")
    return SHORT.get(written, written)


def _global(permission: str) -> Check:
    return lambda asked, _: _anywhere(asked, permission)


def _in_project(permission: str) -> Check:
    return lambda asked, _: _may(asked, permission)


def _of_issue(check: Callable[[Asked, Any], bool]) -> Check:
    """A question about the issue that is looked at; False without one."""
    return lambda asked, _: asked.scene.issue is not None and check(asked, asked.scene.issue)


def _yes(_: Asked, __: Mapping[str, str]) -> bool:
    """What every site of this kind has."""
    return True


def _no(_: Asked, __: Mapping[str, str]) -> bool:
    """What this site does not have."""
    return False


def _logged_in(asked: Asked, _: Mapping[str, str]) -> bool:
    return asked.actor.account_id is not None


def _is_me(asked: Asked, account_id: str | None) -> bool:
    return account_id is not None and account_id == asked.actor.account_id


def _in_space(operation: str) -> Check:
    def check(asked: Asked, _: Mapping[str, str]) -> bool:
        space = asked.scene.space
        return space is not None and operation in asked.site.rights.in_space(asked.actor, space)

    return check


def _space_function(asked: Asked, params: Mapping[str, str]) -> bool:
    """The old names of permissions in a space, of which each stands for one of today's."""
    wanted = params.get("permission", "").upper()
    operation = "administer" if "SPACE" in wanted and wanted != "VIEWSPACE" else "read"
    if wanted.startswith(("EDIT", "CREATE", "REMOVE")):
        operation = {"E": "update", "C": "create", "R": "delete"}[wanted[0]]
    return _in_space(operation)(asked, params)


def _of_kind(*kinds: ContentKind) -> Check:
    def check(asked: Asked, _: Mapping[str, str]) -> bool:
        return asked.scene.content is not None and asked.scene.content.kind in kinds

    return check


def _licensed(asked: Asked, _: Mapping[str, str]) -> bool:
    return asked.app.licence is Licence.ACTIVE


# ---- properties that apps keep --------------------------------------------------------------


def _property(asked: Asked, params: Mapping[str, str]) -> Any:
    """The value that ``propertyKey``, and ``objectName`` inside it, name; None without one."""
    data = _kept(asked, params.get("entity", ""), params.get("propertyKey", ""))
    for name in filter(None, params.get("objectName", "").split(".")):
        data = data.get(name) if isinstance(data, dict) else None
    return data


def _kept(asked: Asked, entity: str, key: str) -> Any:
    world, scene = asked.site.world, asked.scene
    if entity in ("content", "space"):
        thing: Any = scene.content if entity == "content" else scene.space
        if thing is None:
            return None
        where = of_content(thing.id) if entity == "content" else of_space(thing.id)
        mark = world.marks.property(where, key)
        return json.loads(mark.value) if mark else None
    holders = {
        "issue": str(scene.issue.id) if scene.issue else None,
        "project": str(scene.project.id) if scene.project else None,
        "user": asked.actor.account_id,
        "addon": asked.app.key,
    }
    holder_id = holders.get(entity)
    if holder_id is None:
        return None
    found = world.properties.get(APPS if entity == "addon" else entity, holder_id, key)
    return found.data if found else None


APPS = "app"
"""What the properties of apps are kept under."""


def _value(params: Mapping[str, str], name: str) -> Any:
    """A parameter as JSON, or the text that it is."""
    try:
        return json.loads(params.get(name, ""))
    except ValueError:
        return params.get(name, "")


def _exists(asked: Asked, params: Mapping[str, str]) -> bool:
    return _property(asked, params) is not None


def _equals(asked: Asked, params: Mapping[str, str]) -> bool:
    found, wanted = _property(asked, params), _value(params, "value")
    return found is not None and (found == wanted or found == params.get("value"))


def _contains(enough: Callable[[Iterable[bool]], bool]) -> Check:
    def check(asked: Asked, params: Mapping[str, str]) -> bool:
        found, wanted = _property(asked, params), _value(params, "value")
        if not isinstance(found, list):
            return False
        wanted = wanted if isinstance(wanted, list) else [wanted]
        return enough(value in found for value in wanted)

    return check


# ---- the table ------------------------------------------------------------------------------

SHORT: Mapping[str, str] = {
    "BROWSE": "BROWSE_PROJECTS",
    "PROJECT_ADMIN": "ADMINISTER_PROJECTS",
    "SYSADMIN": "SYSTEM_ADMIN",
    "COMMENT_ISSUE": "ADD_COMMENTS",
    "CREATE_ATTACHMENT": "CREATE_ATTACHMENTS",
    "WORK_ISSUE": "WORK_ON_ISSUES",
    **{
        f"{verb}_ISSUE": f"{verb}_ISSUES"
        for verb in ("CREATE", "EDIT", "ASSIGN", "CLOSE", "DELETE", "LINK", "MOVE", "TRANSITION")
    },
}
"""Permissions by the names of old ("Conditions": permission keys)."""

_COMMON: dict[str, Check] = {
    "user_is_logged_in": _logged_in,
    "user_is_admin": _global("ADMINISTER"),
    "user_is_sysadmin": _global("SYSTEM_ADMIN"),
    "addon_is_licensed": _licensed,
    "feature_flag": _no,
    "entity_property_exists": _exists,
    "entity_property_equal_to": _equals,
    "entity_property_contains_any": _contains(any),
    "entity_property_contains_all": _contains(all),
}
_JIRA: dict[str, Check] = {
    "has_permission": lambda a, p: _may(a, _permission(a, p)),
    "has_project_permission": lambda a, p: _may(a, _permission(a, p)),
    "has_issue_permission": lambda a, p: bool(a.scene.issue) and _may(a, _permission(a, p)),
    "has_global_permission": lambda a, p: _anywhere(a, _permission(a, p)),
    "has_selected_project": lambda a, _: a.scene.project is not None,
    "user_is_project_admin": _in_project("ADMINISTER_PROJECTS"),
    "user_is_the_logged_in_user": lambda a, _: _is_me(
        a, a.scene.person.account_id if a.scene.person else None
    ),
    "user_has_issue_history": _logged_in,
    "is_admin_mode": _no,
    "can_use_application": lambda a, p: p.get("applicationKey", "").startswith("jira-"),
    "can_attach_file_to_issue": _of_issue(lambda a, _: _may(a, "CREATE_ATTACHMENTS")),
    "can_manage_attachments": _of_issue(lambda a, _: _may(a, "DELETE_ALL_ATTACHMENTS")),
    "is_issue_editable": _of_issue(lambda a, _: _may(a, "EDIT_ISSUES")),
    "is_issue_assigned_to_current_user": _of_issue(lambda a, i: _is_me(a, i.assignee)),
    "is_issue_reported_by_current_user": _of_issue(lambda a, i: _is_me(a, i.reporter)),
    "is_issue_unresolved": _of_issue(lambda _, i: i.resolution is None),
    "is_sub_task": _of_issue(lambda _, i: i.parent_id is not None),
    "has_sub_tasks_available": _of_issue(lambda _, i: i.parent_id is None),
    "has_voted_for_issue": _no,
    "voting_enabled": _no,
    "linking_enabled": _yes,
    "sub_tasks_enabled": _yes,
    "time_tracking_enabled": _yes,
    "watching_enabled": _yes,
}
_PAGES = (ContentKind.PAGE, ContentKind.BLOG_POST)
_WIKI: dict[str, Check] = {
    "has_space": lambda a, _: a.scene.space is not None,
    "has_page": _of_kind(ContentKind.PAGE),
    "has_blog_post": _of_kind(ContentKind.BLOG_POST),
    "has_attachment": _of_kind(ContentKind.ATTACHMENT),
    "viewing_content": _of_kind(*_PAGES),
    "viewing_own_profile": lambda a, _: _is_me(
        a, a.scene.person.account_id if a.scene.person else None
    ),
    "create_content": _in_space("create"),
    "space_function_permission": _space_function,
    "latest_version": _yes,
    "not_personal_space": _yes,
    "has_template": _no,
    "showing_page_attachments": _no,
    "printable_version": _no,
    "threaded_comments": _yes,
    "tiny_url_supported": _no,
    "user_can_use_confluence": _logged_in,
    "user_is_confluence_administrator": _global("ADMINISTER"),
    "user_logged_in_editable": _logged_in,
}
CONDITIONS: Mapping[Product, Mapping[str, Check]] = {
    Product.JIRA: _COMMON | _JIRA,
    Product.CONFLUENCE: _COMMON | _WIKI,
}
"""Every condition that this site answers, by the product's own name."""


# ---- the engine -----------------------------------------------------------------------------


async def hold(conditions: Iterable[Condition], asked: Asked) -> bool:
    """Whether all of *conditions* hold; what nobody can answer does not."""
    answers = [await _holds(condition, asked) for condition in conditions]
    return all(answers)


async def _holds(condition: Condition, asked: Asked) -> bool | None:
    """Whether it holds; None where nobody knows, which an inversion does not change."""
    if condition.parts:
        answers = [await _holds(part, asked) for part in condition.parts]
        if condition.any:
            answer = True if True in answers else None if None in answers else False
        else:
            answer = False if False in answers else None if None in answers else True
    elif condition.remote:
        answer = await asked.tenant.remote.answer(condition, asked)
    else:
        check = CONDITIONS[asked.tenant.product].get(condition.name)
        answer = check(asked, condition.params) if check else None
    return not answer if condition.invert and answer is not None else answer


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    should_display: bool


class Remote:
    """Asks apps whether a module is shown, and keeps each answer for a few seconds."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], tuple[float, bool | None]] = {}

    async def answer(self, condition: Condition, asked: Asked) -> bool | None:
        """The app's answer for this visitor in this place; None where it gives none in time."""
        values = {**asked.scene.variables, **condition.params}
        who = asked.scene.user.account_id if asked.scene.user else ""
        url = asked.app.descriptor.url(condition.name, values)
        key, now = (asked.app.key, url, who), asked.site.clock.now()
        until, answer = self._kept.get(key, (0.0, None))
        if now < until:
            return answer
        answer = await self._ask(asked, url)
        if len(self._kept) >= CACHE_MAX:
            self._kept.clear()
        self._kept[key] = (now + CACHE_SECONDS, answer)
        return answer

    async def _ask(self, asked: Asked, url: str) -> bool | None:
        outgoing = asked.tenant.outgoing
        try:
            async with asyncio.timeout(REMOTE_SECONDS):
                body = await outgoing.ask("condition", asked.app, url, asked.scene.user)
            return msgspec.json.decode(body, type=_Answer).should_display
        except (TimeoutError, NoAnswer, MalformedRequest, msgspec.DecodeError, UnicodeDecodeError):
            return None
