"""Which scope each operation asks of an app: a table of facts, and what the table leaves out.

``scopes.txt`` is made by ``tools/openapi.py`` from the member
``x-atlassian-connect-scope`` of the published OpenAPI descriptions of January
2022: Jira's version 3 and Confluence's version 1.  :data:`OWN` has what is not
in them, each row with the reason for its scope.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import NamedTuple

from headway.host.providers.kinds import DEVELOPMENT, KINDS

__all__ = ["INACCESSIBLE", "OWN", "SCOPES", "Fact", "scope_of", "template"]

INACCESSIBLE = "INACCESSIBLE"
"""The scope that no app can have."""


class Fact(NamedTuple):
    """One operation that no description has, its scope, and where that is from."""

    method: str
    path: str
    scope: str
    source: str


_SEARCH = "newer than the description; that of the older search"
_MODULES = "as in Jira; Confluence's description says INACCESSIBLE of a call that only apps make"

_BULK = "the pages of the API groups of Jira Software; designs as the others"
_REPOSITORY = f"{DEVELOPMENT}/repository/{{repositoryId}}"
_LINKED = "/rest/security/1.0/linkedWorkspaces"
_GATING = next(f"{k.path}{k.one}/gating-status" for k in KINDS if k.name == "deployments")
_OF_CONTENT = {
    "": "GET PUT DELETE",
    "/labels": "GET",
    "/versions": "GET",
    "/properties": "GET POST",
    "/properties/{id}": "GET PUT DELETE",
    "/attachments": "GET",
    "/footer-comments": "GET",
    "/children": "GET",
    "/direct-children": "GET",
    "/ancestors": "GET",
}
_SECOND = {
    **dict.fromkeys(("pages", "blogposts", "footer-comments"), "GET POST"),
    **dict.fromkeys(("attachments", "spaces", "spaces/{id}"), "GET"),
    **{f"spaces/{{id}}/{name}": "GET" for name in ("pages", "blogposts")},
    "attachments/{id}/thumbnail/download": "GET",
    **{
        f"{name}/{{id}}{path}": methods
        for name in ("pages", "blogposts", "attachments", "footer-comments")
        for path, methods in _OF_CONTENT.items()
    },
}
_LIKE_FIRST = {"GET": "READ", "POST": "WRITE", "PUT": "WRITE", "DELETE": "DELETE"}
"""What the operations of the first version that do the same ask for, without exception."""


def _second_version() -> Iterator[Fact]:
    for path, methods in _SECOND.items():
        for method in methods.split():
            scope = _LIKE_FIRST[method]
            yield Fact(method, f"/wiki/api/v2/{path}", scope, "as the same in version 1")


_HASH = "as that of the same macro by its id"
_META = "newer than the descriptions: the same as the older createmeta"
_APP = "as in Jira, whose description has it"

OWN: tuple[Fact, ...] = (
    Fact("GET", "/rest/api/{version}/search/jql", "READ", _SEARCH),
    Fact("POST", "/rest/api/{version}/search/jql", "READ", _SEARCH),
    Fact("POST", "/rest/api/{version}/search/approximate-count", "READ", _SEARCH),
    Fact("GET", "/rest/api/{version}/issue/createmeta/{project}/issuetypes", "READ", _META),
    Fact("GET", "/rest/api/{version}/issue/createmeta/{project}/issuetypes/{type}", "READ", _META),
    *(
        Fact(method, f"/wiki/rest/atlassian-connect/1/addons/{{app}}/properties{key}", "NONE", _APP)
        for method, key in (
            *(("GET", ""), ("GET", "/{key}"), ("PUT", "/{key}"), ("DELETE", "/{key}")),
        )
    ),
    *(
        Fact(method, "/wiki/rest/atlassian-connect/1/app/module/dynamic", "NONE", _MODULES)
        for method in ("GET", "POST", "DELETE")
    ),
    Fact(
        "GET",
        "/wiki/rest/api/content/{id}/history/{version_number}/macro/hash/{macro}",
        "READ",
        _HASH,
    ),
    *(
        Fact(method, f"{kind.path}{path}", scope, _BULK)
        for kind in KINDS
        for method, path, scope in (
            ("POST", "/bulk", "WRITE"),
            ("DELETE", "/bulkByProperties", "DELETE"),
            ("GET", kind.one, "READ"),
            ("DELETE", kind.one, "DELETE"),
        )
    ),
    *(
        Fact(method, path, scope, _BULK)
        for method, path, scope in (
            ("POST", f"{DEVELOPMENT}/bulk", "WRITE"),
            ("GET", _REPOSITORY, "READ"),
            ("DELETE", _REPOSITORY, "DELETE"),
            ("DELETE", f"{_REPOSITORY}/{{entityType}}/{{entityId}}", "DELETE"),
            ("GET", f"{DEVELOPMENT}/existsByProperties", "READ"),
            ("DELETE", f"{DEVELOPMENT}/bulkByProperties", "DELETE"),
            ("GET", _GATING, "READ"),
            ("POST", f"{_LINKED}/bulk", "WRITE"),
            ("DELETE", f"{_LINKED}/bulk", "DELETE"),
            ("GET", _LINKED, "READ"),
            ("GET", f"{_LINKED}/{{workspaceId}}", "READ"),
        )
    ),
    *_second_version(),
)
"""Operations that are newer than the descriptions, or that they do not cover."""

_PARAMETER = re.compile(r"\{(?!version\})\w+\}")


def template(path: str) -> str:
    """*path* as the table has it: its parameters without names, but for the version.

    >>> template("/rest/api/{version}/issue/{issue}/comment/{comment}")
    '/rest/api/{version}/issue/{}/comment/{}'
    """
    return _PARAMETER.sub("{}", path)


def _described() -> Iterator[tuple[tuple[str, str], str]]:
    text = files("headway.host.rest").joinpath("scopes.txt").read_text("utf-8")
    for line in text.splitlines():
        path, *pairs = line.split()
        if path.startswith("/"):
            for pair in pairs:
                method, _, scope = pair.partition("=")
                yield (method, path), scope


SCOPES: Mapping[tuple[str, str], str] = dict(_described()) | {
    (fact.method, template(fact.path)): fact.scope for fact in OWN
}
"""The scope by method and template."""


def scope_of(method: str, path: str) -> str:
    """The scope that an operation asks for; raises LookupError where nobody has said.

    >>> scope_of("GET", "/rest/api/{version}/issue/{issue}")
    'READ'
    """
    found = SCOPES.get((method, template(path)))
    if found is None:
        raise LookupError(f"{method} {path}: no scope is known; add a row to scopes.OWN")
    return found
