"""Every answer of the API against the published description of January 2022."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from headway.host.rest.scopes import template
from headway.host.rest.wiki.table import ENDPOINTS
from host.rest.described import Description
from host.rest.wiki.caller import FORM, Caller, storage

V1 = "/wiki/rest/api/"
MORE = {"ContentArray": frozenset({"totalSize", "cqlQuery"})}  # as in every search by CQL
DESCRIPTION = Description(Path(__file__).parent / "confluence_v1.json", MORE)
FULL = (
    "body.storage,body.view,body.export_view,version,space.description.plain,space.homepage,"
    "space.history,space.icon,space.metadata.labels,history.lastUpdated,history.contributors,"
    "history.previousVersion,ancestors.version,container,children.page,children.comment.version,"
    "children.attachment.container,descendants.page,childTypes,metadata.labels,"
    "metadata.properties.kept,operations,restrictions.read,restrictions.update"
)
FILE = b'--x\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\nabc\r\n--x--\r\n'

CALLS: list[tuple[str, str, str, Any]] = [
    ("GET", "content", f"?limit=2&expand={FULL}", None),
    ("GET", "content/search", f"?cql=space=DEMO&expand={FULL}", None),
    ("GET", "search", f"?cql=type=page&limit=2&expand=content.{FULL}", None),
    ("POST", "content", f"?expand={FULL}", {"type": "page", "title": "New", "ancestors":
        [{"id": "{page}"}], "space": {"key": "DEMO"}, "body": storage("<p>x</p>")}),
    ("GET", "content/{page}", f"?expand={FULL}", None),
    ("GET", "content/{child}", f"?expand={FULL}", None),
    ("GET", "content/{comment}", f"?expand={FULL}", None),
    ("GET", "content/{file}", f"?expand={FULL}", None),
    ("PUT", "content/{page}", "", {"type": "page", "title": "Home", "version": {"number": 2}}),
    ("GET", "content/{page}", f"?version=1&expand={FULL}", None),
    ("GET", "content/{page}/child", "?expand=page,comment,attachment", None),
    ("GET", "content/{page}/child/page", "?expand=version", None),
    ("GET", "content/{child}/child/comment", f"?expand={FULL}", None),
    ("GET", "content/{page}/descendant", "?expand=page", None),
    ("GET", "content/{page}/descendant/page", "", None),
    ("GET", "content/{page}/history", "?expand=lastUpdated,previousVersion,contributors", None),
    ("GET", "content/{page}/version", "", None),
    ("GET", "content/{page}/version/1", "", None),
    ("GET", "content/{macropage}/history/1/macro/id/{macro}", "", None),
    ("POST", "content/{page}/permission/check", "",
        {"subject": {"type": "user", "identifier": "{user}"}, "operation": "read"}),
    ("PUT", "content/{child}/move/append/{page}", "", None),
    ("GET", "content/{child}/child/attachment", f"?expand={FULL}", None),
    ("POST", "content/{page}/child/attachment", f"?expand={FULL}", FILE % b"a.txt"),
    ("PUT", "content/{page}/child/attachment", "", FILE % b"a.txt"),
    ("POST", "content/{child}/child/attachment/{file}/data", "", FILE % b"other.txt"),
    ("PUT", "content/{child}/child/attachment/{file}", "",
        {"id": "{file}", "type": "attachment", "version": {"number": 3}, "title": "b.txt"}),
    ("GET", "content/{child}/child/attachment/{file}/download", "", None),
    ("GET", "content/{page}/label", "", None),
    ("POST", "content/{page}/label", "", [{"prefix": "global", "name": "two"}]),
    ("DELETE", "content/{page}/label", "?name=two", None),
    ("DELETE", "content/{page}/label/home", "", None),
    ("POST", "content/{page}/property", "", {"key": "kept", "value": {"a": 1}}),
    ("POST", "content/{page}/property/second", "", {"value": ["a"]}),
    ("GET", "content/{page}", f"?expand={FULL}", None),
    ("GET", "content/{page}/property", "?expand=version", None),
    ("GET", "content/{page}/property/kept", "", None),
    ("PUT", "content/{page}/property/kept", "", {"value": "b", "version": {"number": 2}}),
    ("DELETE", "content/{page}/property/kept", "", None),
    ("POST", "content/{page}/restriction", "", [{"operation": "read", "restrictions":
        {"user": [{"type": "known", "accountId": "{user}"}]}}]),
    ("GET", "content/{page}/restriction", "", None),
    ("GET", "content/{page}/restriction/byOperation", "", None),
    ("GET", "content/{page}/restriction/byOperation/read", "", None),
    ("PUT", "content/{page}/restriction", "", {"results": []}),
    ("DELETE", "content/{page}/restriction", "", None),
    ("GET", "space", "?limit=1&expand=description.plain,homepage,history,icon", None),
    ("POST", "space", "", {"key": "NEW", "name": "New", "description":
        {"plain": {"value": "x", "representation": "plain"}}}),
    ("GET", "space/DEMO", "?expand=description.view,homepage,metadata.labels", None),
    ("PUT", "space/NEW", "", {"name": "Newer"}),
    ("GET", "space/DEMO/content", "?expand=version", None),
    ("GET", "space/DEMO/content/page", "", None),
    ("POST", "space/DEMO/property", "", {"key": "k", "value": {"a": 1}}),
    ("POST", "space/DEMO/property/k2", "", {"value": "text"}),
    ("GET", "space/DEMO/property", "", None),
    ("GET", "space/DEMO/property/k", "", None),
    ("PUT", "space/DEMO/property/k", "", {"value": True, "version": {"number": 2}}),
    ("DELETE", "space/DEMO/property/k", "", None),
    ("DELETE", "space/NEW", "", None),
    ("GET", "user", "?accountId={user}&expand=operations", None),
    ("GET", "user/current", "", None),
    ("GET", "user/anonymous", "", None),
    ("GET", "user/memberof", "?accountId={user}", None),
    ("GET", "user/email", "?accountId={user}", None),
    ("DELETE", "content/{page}", "", None),
]  # fmt: skip
STATUS = {
    ("DELETE", "space/NEW"): 202,
    ("GET", "content/{child}/child/attachment/{file}/download"): 302,
}


def filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: filled(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, names) for each in value]
    if not isinstance(value, str):
        return value
    for name, there in names.items():
        value = value.replace(f"{{{name}}}", there)
    return value


def test_every_answer_is_as_described(capsys: pytest.CaptureFixture[str]) -> None:
    app = Caller()
    app.site.add_app("my-app", "DELETE", "ACCESS_EMAIL_ADDRESSES")
    child = app.page("Downloads without a token in the address")
    hanging = app.world.wiki.find(app.world.marks.visible([1], None))
    macropage = app.page("A page with an app's macro")
    names = {
        "page": str(app.page().id),
        "child": str(child.id),
        "macropage": str(macropage.id),
        "macro": macropage.body.split('macro-id="')[1].partition('"')[0],
        "user": app.account("user"),
        "comment": str(next(c.id for c in hanging if c.kind == "comment")),
        "file": f"att{next(c.id for c in hanging if c.kind == 'attachment')}",
    }
    asked: set[str] = set()
    wrong: list[str] = []
    for method, path, query, body in CALLS:
        target = filled(V1 + path + query, names)
        headers = {"Content_Type": FORM, "X_Atlassian_Token": "nocheck"}
        sent = b"" if body is None else filled(body, names)
        answer = app.call(method, target, sent, **headers)
        usual = 204 if method == "DELETE" and "restriction" not in path else 200
        wanted = STATUS.get((method, path), usual)
        assert answer.status == wanted, (method, path, answer.body[:500])
        operation = DESCRIPTION.operation(method, target)
        if operation is None:
            continue
        asked.add(operation)
        shape = answer.json if answer.body else None
        wrong += [f"{operation}: {f}" for f in DESCRIPTION.faults(operation, answer.status, shape)]
    assert wrong == []
    assert asked == set(DESCRIPTION.operations)
    ours = {f"{e.method} {template(e.path)}" for e in ENDPOINTS}
    second = sum("/api/v2/" in each for each in ours)
    with capsys.disabled():
        sys.stdout.write(
            f"\nConfluence's REST API: {len(asked)} operations validated against the description of"
            f" January 2022; {len(ours - asked) - second} of version 1 and {second} of version 2"
            f" are not in it\n"
        )


def test_the_judge_finds_what_is_wrong() -> None:
    operation = "GET /wiki/rest/api/space"
    page = {"results": [], "start": 0, "limit": 25, "size": 0, "_links": {}}
    assert DESCRIPTION.faults(operation, 200, page) == []
    assert DESCRIPTION.faults(operation, 201, page)
    for wrong in (
        {**page, "start": "0"},
        {**page, "start": None},
        {**page, "size": True},
        {**page, "results": {}},
        {**page, "results": [{"key": "A"}]},
        {name: page[name] for name in ("results", "start", "limit", "size")},
        {**page, "another": 1},
        [],
    ):
        assert DESCRIPTION.faults(operation, 200, wrong), wrong
